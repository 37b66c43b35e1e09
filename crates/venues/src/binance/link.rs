//! One connection of a Binance session: what is subscribed on it, and when it is replaced.

use std::collections::VecDeque;
use std::ops::Range;

use tickbook_types::{ConnId, Epoch, MonoNanos};

use super::subscribe::{self, Stream};
use crate::limits::{ACK_DEADLINE_NS, STREAMS_PER_MESSAGE};
use crate::pacing::Pacer;

/// Where a connection stands.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum LinkPhase {
    /// Not there and not asked for.
    Down,
    /// Asked for.
    Connecting,
    /// Open.
    Open,
    /// We asked to close it.
    Closing,
}

/// A message waiting to be sent: streams of the line, by index.
#[derive(Clone, Debug, Eq, PartialEq)]
struct Request {
    method: &'static str,
    streams: Range<usize>,
}

/// A message that waits for its ack.
#[derive(Clone, Debug, Eq, PartialEq)]
struct Sent {
    id: u64,
    request: Request,
    deadline: MonoNanos,
}

/// What an answer to one of our messages means.
#[derive(Clone, Debug, Eq, PartialEq)]
pub(crate) enum Answer {
    /// An ack.
    Acked,
    /// An ack, and the last one that was waited for.
    AllAcked,
    /// Refused; it is tried again in two halves.
    Split,
    /// Refused for this one stream.
    Refused(usize),
    /// To nothing that we sent.
    Unknown,
}

/// One connection.
#[derive(Debug)]
pub(crate) struct Link {
    pub(crate) conn: ConnId,
    /// Index of its line.
    pub(crate) line: usize,
    pub(crate) phase: LinkPhase,
    pub(crate) epoch: Epoch,
    pub(crate) opened_at: MonoNanos,
    /// When the last ack came; `None` while some are waited for.
    pub(crate) subscribed_at: Option<MonoNanos>,
    pacer: Pacer,
    requests: VecDeque<Request>,
    sent: Vec<Sent>,
}

impl Link {
    pub(crate) fn new(conn: ConnId, line: usize, messages_per_second: u32) -> Self {
        Self {
            conn,
            line,
            phase: LinkPhase::Down,
            epoch: Epoch(0),
            opened_at: MonoNanos(0),
            subscribed_at: None,
            pacer: Pacer::new(messages_per_second),
            requests: VecDeque::new(),
            sent: Vec::new(),
        }
    }

    /// It is open: all of its line's streams (those in `wanted`) are to be subscribed.
    pub(crate) fn open(&mut self, epoch: Epoch, now: MonoNanos) {
        self.phase = LinkPhase::Open;
        self.epoch = epoch;
        self.opened_at = now;
        self.subscribed_at = None;
        self.pacer.reset();
        self.requests.clear();
        self.sent.clear();
    }

    /// It is gone.
    pub(crate) fn close(&mut self) {
        self.phase = LinkPhase::Down;
        self.subscribed_at = None;
        self.requests.clear();
        self.sent.clear();
    }

    /// Queues SUBSCRIBEs for streams `range` of its line, packed. It is subscribed once they are
    /// acked.
    pub(crate) fn subscribe(&mut self, range: Range<usize>) {
        self.subscribed_at = None;
        self.ask("SUBSCRIBE", range);
    }

    /// Queues UNSUBSCRIBEs for streams `range` of its line, packed.
    pub(crate) fn unsubscribe(&mut self, range: Range<usize>) {
        self.ask("UNSUBSCRIBE", range);
    }

    fn ask(&mut self, method: &'static str, range: Range<usize>) {
        let mut start = range.start;
        while start < range.end {
            let end = range.end.min(start + STREAMS_PER_MESSAGE);
            self.requests.push_back(Request { method, streams: start..end });
            start = end;
        }
    }

    /// Queues a new start of one stream.
    pub(crate) fn resubscribe(&mut self, stream: usize) {
        let streams = stream..stream + 1;
        self.requests.push_back(Request { method: "UNSUBSCRIBE", streams: streams.clone() });
        self.requests.push_back(Request { method: "SUBSCRIBE", streams });
    }

    /// The next message that may be sent now.
    pub(crate) fn next_message(
        &mut self,
        streams: &[Stream],
        next_id: &mut u64,
        now: MonoNanos,
    ) -> Option<String> {
        if self.phase != LinkPhase::Open || !self.pacer.is_ready(now) {
            return None;
        }
        let request = self.requests.pop_front()?;
        *next_id += 1;
        let id = *next_id;
        let text = subscribe::message(request.method, streams, request.streams.clone(), id);
        self.sent.push(Sent { id, request, deadline: now.plus(ACK_DEADLINE_NS) });
        self.pacer.sent(now);
        Some(text)
    }

    /// A pong went out, which the venue counts like a message.
    pub(crate) fn pong_sent(&mut self, now: MonoNanos) {
        self.pacer.sent(now);
    }

    /// An answer with `id` came.
    pub(crate) fn answered(&mut self, id: u64, refused: bool, now: MonoNanos) -> Answer {
        let Some(at) = self.sent.iter().position(|sent| sent.id == id) else {
            return Answer::Unknown;
        };
        let Sent { request: Request { method, streams }, .. } = self.sent.remove(at);
        let mut answer = Answer::Acked;
        if refused && method == "SUBSCRIBE" {
            if streams.len() > 1 {
                let middle = streams.start + streams.len() / 2;
                for half in [streams.start..middle, middle..streams.end] {
                    self.requests.push_back(Request { method, streams: half });
                }
                return Answer::Split;
            }
            answer = Answer::Refused(streams.start);
        }
        if self.sent.is_empty() && self.requests.is_empty() && self.subscribed_at.is_none() {
            self.subscribed_at = Some(now);
            if answer == Answer::Acked {
                answer = Answer::AllAcked;
            }
        }
        answer
    }

    /// Whether an ack is overdue.
    pub(crate) fn ack_is_missing(&self, now: MonoNanos) -> bool {
        self.sent.iter().any(|sent| sent.deadline <= now)
    }

    /// When there is something to send, or an ack overdue.
    pub(crate) fn due(&self) -> MonoNanos {
        if self.phase != LinkPhase::Open {
            return MonoNanos::FAR;
        }
        let ack = self.sent.iter().map(|sent| sent.deadline).min().unwrap_or(MonoNanos::FAR);
        if self.requests.is_empty() { ack } else { ack.min(self.pacer.ready_at()) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::binance::rules::Rules;
    use crate::session::Subscription;
    use tickbook_types::Venue;

    const SECOND: i64 = 1_000_000_000;

    fn streams(symbols: usize) -> Vec<Stream> {
        let subscriptions: Vec<_> =
            (0..symbols).map(|n| Subscription::all(&format!("S{n}"))).collect();
        subscribe::lines(&Rules::of(Venue::BinanceSpot), &subscriptions).remove(0).streams
    }

    fn open_link(streams: &[Stream]) -> Link {
        let mut link = Link::new(ConnId(0), 0, 4);
        link.open(Epoch(1), MonoNanos(0));
        link.subscribe(0..streams.len());
        link
    }

    #[test]
    fn subscribes_are_packed_and_paced_and_pongs_count() {
        let streams = streams(150);
        let mut link = open_link(&streams);
        let (mut id, mut sent) = (0, Vec::new());
        link.pong_sent(MonoNanos(0));
        for step in 0..40 {
            let now = MonoNanos(step * SECOND / 10);
            while let Some(text) = link.next_message(&streams, &mut id, now) {
                assert!(text.len() < 4_096, "{} bytes", text.len());
                sent.push((step, text));
            }
        }
        let names: usize = sent.iter().map(|(_, text)| text.matches('@').count()).sum();
        assert_eq!(names, 450 + 150, "every stream once; depth streams have two '@'");
        let steps: Vec<_> = sent.iter().map(|(step, _)| *step).collect();
        assert_eq!(steps, [0, 0, 0, 10, 10, 10, 10, 20], "the pong took one of the first four");
    }

    #[test]
    fn acks_are_matched_by_id_in_any_order() {
        let streams = streams(40);
        let mut link = open_link(&streams);
        let mut id = 10;
        assert!(link.next_message(&streams, &mut id, MonoNanos(0)).is_some());
        assert!(link.next_message(&streams, &mut id, MonoNanos(0)).is_some());
        assert_eq!(link.answered(99, false, MonoNanos(1)), Answer::Unknown);
        assert_eq!(link.answered(12, false, MonoNanos(1)), Answer::Acked);
        assert_eq!(link.answered(12, false, MonoNanos(1)), Answer::Unknown, "acked twice");
        assert!(!link.ack_is_missing(MonoNanos(ACK_DEADLINE_NS - 1)));
        assert!(link.ack_is_missing(MonoNanos(ACK_DEADLINE_NS)));
        assert_eq!(link.answered(11, false, MonoNanos(2)), Answer::AllAcked);
        assert_eq!(link.subscribed_at, Some(MonoNanos(2)));
        assert_eq!(link.due(), MonoNanos::FAR);
    }

    #[test]
    fn a_refusal_is_narrowed_down_to_its_stream() {
        let streams = streams(2);
        let mut link = open_link(&streams);
        let (mut id, mut refused) = (0, Vec::new());
        for step in 0..100 {
            let now = MonoNanos(step * SECOND);
            while let Some(text) = link.next_message(&streams, &mut id, now) {
                let bad = text.contains("s1@trade");
                if let Answer::Refused(stream) = link.answered(id, bad, now) {
                    refused.push(streams[stream].name.clone());
                }
            }
        }
        assert_eq!(refused, ["s1@trade"]);
        assert!(link.subscribed_at.is_some(), "the others stand");
    }
}
