//! Books of orders whose snapshots REST has: the shell asks, the protocol joins.
//!
//! Orders are kept by the protocol, and so are the messages that wait for them. The shell fetches
//! as it does for every splice; with the orders there,
//! [`Protocol::join`](super::protocol::Protocol) makes of both a snapshot and deltas, which reach
//! the builder as one.

use tickbook_types::{MessageKind, RecvStamps, clock};

use super::book::Phase;
use super::frame::{BookEvent, Content, Event, Frame};
use super::session::SharedSession;
use crate::action::RequestId;
use crate::counters::Ignored;
use crate::fetch::Stage;
use crate::rest::RestOrders;
use crate::session::Context;
use crate::splice::Step;

impl SharedSession {
    /// The protocol keeps messages for a book until its orders are there: they are asked for, if
    /// that waited for the first message.
    pub(super) fn take_kept(&mut self, line: usize, name: &[u8], cx: &Context<'_>) {
        let Some(index) = self.names.find(name) else { return };
        let book = &mut self.books[index];
        let Some(splice) = book.splice.as_mut().filter(|it| it.needs_delta) else { return };
        if book.line == line && book.phase == Phase::Waiting {
            splice.needs_delta = false;
            book.wanted.stage = Stage::Wanted(splice.not_before.max(cx.now));
            self.wake_at(cx.now);
        }
    }

    /// The orders of a book came.
    pub(super) fn on_orders(
        &mut self,
        id: Option<RequestId>,
        orders: &RestOrders,
        cx: &mut Context<'_>,
    ) {
        let index = self.book_of_snapshot(id, &orders.symbol, cx);
        let Some(index) = index.filter(|it| self.books[*it].phase == Phase::Waiting) else {
            cx.counters.ignore(Ignored::RestUnrequested);
            return;
        };
        let line = self.books[index].line;
        let mut frame = self.kept_frame.take().unwrap_or_default();
        frame.begin(self.lines[line].route.prefix, line);
        if self.protocol.join(orders, &mut frame) {
            frame.one_splice();
            let stamps = RecvStamps { received: clock::now(), ..RecvStamps::default() };
            for event in frame.events() {
                match event {
                    Event::Book(event) => self.take_joined(index, &frame, event, &stamps, cx),
                    Event::Orders(of) => self.take_orders(line, &frame, *of, cx),
                    Event::Lost { name, reason } => {
                        self.take_loss(line, frame.bytes(name), *reason, cx);
                    }
                    _ => {}
                }
            }
        } else {
            cx.counters.snapshots_unusable += 1;
            self.snapshot_failed(index, cx);
        }
        self.kept_frame = Some(frame);
    }

    /// A message of the join, on its way to the lane.
    fn take_joined(
        &mut self,
        index: usize,
        frame: &Frame,
        event: &BookEvent,
        stamps: &RecvStamps,
        cx: &mut Context<'_>,
    ) {
        let levels = frame.levels(event);
        let written = match event.content {
            Content::Snapshot => self.take_snapshot(index, event, levels, stamps, cx),
            // The one before was lost.
            Content::Delta if self.books[index].phase != Phase::Live => return,
            Content::Delta => {
                let step = self.books[index].position.step(event.link);
                debug_assert_eq!(step, Step::Apply, "the protocol has checked the ids");
                let header = self.header(index, MessageKind::Delta, event, stamps, cx);
                cx.counters.level_updates += levels.len() as u64;
                self.write(index, levels, None, header, stamps, cx)
            }
        };
        if let Err(problem) = written {
            self.not_written(index, problem, cx);
        }
    }
}
