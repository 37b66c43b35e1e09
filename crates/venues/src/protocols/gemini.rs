//! Gemini v2: `l2`, whole books; trades come on the same subscription.
//!
//! The first `l2_updates` of a subscription is the whole book, told by the past trades (or auction
//! events) it also carries. There are no ids: a lost message cannot be seen.

use tickbook_types::{Padded, WallNanos};

use super::chain::Link;
use super::frame::{Content, Frame, millis, side_of};
use super::protocol::{Protocol, Rules, Topic, Verb, quoted};
use super::usual::Usual;
use crate::counters::{Ignored, Rejected};
use crate::endpoint::Endpoint;
use crate::json::{Read, Reader};

/// See the module.
#[derive(Debug)]
pub(crate) struct Gemini;

const RULES: Rules = Rules {
    ws: &[(Endpoint::Main, "wss://api.gemini.com")],
    rest: "https://api.gemini.com",
    path: "/v2/marketdata",
    ..Rules::CAUTIOUS
};

impl Protocol for Gemini {
    fn rules(&self) -> Rules {
        RULES
    }

    fn request(&self, verb: Verb, topics: &[&Topic], _: u64, out: &mut Vec<String>) {
        let symbols = quoted(topics.iter().map(|topic| topic.symbol.as_str()));
        let verb = verb.name();
        out.push(format!(
            r#"{{"type":"{verb}","subscriptions":[{{"name":"l2","symbols":[{symbols}]}}]}}"#
        ));
    }

    fn read_usual(&mut self, message: Padded<'_>, frame: &mut Frame) -> Option<()> {
        let mut at = Usual::new(message);
        // The symbol stood in front until 2021.
        let symbol;
        if at.has(br#"{"changes":["#) {
            at.sided_rows(frame)?;
            at.words(br#","symbol":""#)?;
            symbol = at.text()?;
            at.words(br#","type":"l2_updates"}"#)?;
        } else {
            at.words(br#"{"type":"l2_updates","symbol":""#)?;
            symbol = at.text()?;
            at.words(br#","changes":["#)?;
            at.sided_rows(frame)?;
            at.words(b"}")?;
        }
        at.end()?;
        frame.book(symbol, Content::Delta, Link::Free, WallNanos(0));
        Some(())
    }

    fn read(&mut self, message: &[u8], frame: &mut Frame) -> Read<()> {
        let (mut kind, mut symbol, mut changes) = (&b""[..], &b""[..], None);
        let (mut is_whole, mut time, mut id) = (false, 0, 0);
        let (mut side, mut price, mut size, mut words) = (&b""[..], None, None, &b""[..]);
        let mut reader = Reader::new(message);
        reader.object(|key, value| {
            match key {
                b"type" => kind = value.text()?,
                b"symbol" => symbol = value.text()?,
                b"changes" => changes = Some(value.mark()?),
                b"trades" | b"auction_events" => {
                    is_whole = true;
                    value.skip()?;
                }
                b"timestamp" => time = value.mark()?.integer().unwrap_or(0),
                b"event_id" => id = value.integer()?,
                b"side" => side = value.text()?,
                b"price" => price = Some(value.mark()?),
                b"quantity" => size = Some(value.mark()?),
                b"reason" => words = value.text().unwrap_or_default(),
                _ => value.skip()?,
            }
            Ok(())
        })?;
        reader.end()?;
        match (kind, price, size) {
            (b"l2_updates", ..) => {
                frame.sided_rows(&mut changes.ok_or(Rejected::Shape)?)?;
                let content = if is_whole { Content::Snapshot } else { Content::Delta };
                frame.book(symbol, content, Link::Free, millis(time));
            }
            (b"trade", Some(mut price), Some(mut size)) => {
                let level = (side_of(side), price.digits()?, size.digits()?);
                frame.trade(symbol, level, id, millis(time))?;
            }
            (b"heartbeat", ..) => frame.ignore(Ignored::Notice),
            (b"subscribed" | b"unsubscribed", ..) => frame.ignore(Ignored::Ack),
            (b"error", ..) => frame.refused(0, words),
            _ => frame.ignore(Ignored::UnusedStream),
        }
        Ok(())
    }
}
