//! What a capture makes the venue do: frames to send and snapshots to hand out, in order.

use tickbook_capture::{Capture, Record};
use tickbook_types::WallNanos;

/// The lines of a capture that a venue plays: received frames and REST bodies.
///
/// What the recording client sent, and when it connected, is not part of it.
#[derive(Clone, Debug, Default)]
pub struct Script {
    bytes: Vec<u8>,
    lines: Vec<Line>,
}

/// One line; ranges are into [`Script::bytes`].
#[derive(Clone, Copy, Debug)]
struct Line {
    ns: i64,
    kind: LineKind,
    start: usize,
    /// End of the URL, for [`LineKind::Http`].
    middle: usize,
    end: usize,
}

#[derive(Clone, Copy, Debug, Eq, PartialEq)]
enum LineKind {
    Text,
    Binary,
    Http,
}

/// One thing to do.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Step<'a> {
    /// Send this text message.
    Text(&'a [u8]),
    /// Send this binary message.
    Binary(&'a [u8]),
    /// Hold until a request that this answers has been answered.
    Http {
        /// The URL it was fetched from.
        url: &'a str,
        /// The body.
        body: &'a [u8],
    },
}

impl Script {
    /// An empty script.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// Adds a text frame received at `at`.
    pub fn push_text(&mut self, at: WallNanos, text: &[u8]) {
        self.push(at, LineKind::Text, &[], text);
    }

    /// Adds a binary frame received at `at`.
    pub fn push_binary(&mut self, at: WallNanos, bytes: &[u8]) {
        self.push(at, LineKind::Binary, &[], bytes);
    }

    /// Adds a REST answer that had arrived at `at`.
    pub fn push_http(&mut self, at: WallNanos, url: &str, body: &[u8]) {
        self.push(at, LineKind::Http, url.as_bytes(), body);
    }

    /// Lines to play.
    #[must_use]
    pub fn len(&self) -> usize {
        self.lines.len()
    }

    /// Whether there is nothing to play.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.lines.is_empty()
    }

    /// Step `index` and its time of receipt; `None` behind the end.
    #[must_use]
    pub fn step(&self, index: usize) -> Option<(WallNanos, Step<'_>)> {
        let line = self.lines.get(index)?;
        let bytes = &self.bytes[line.middle..line.end];
        let step = match line.kind {
            LineKind::Text => Step::Text(bytes),
            LineKind::Binary => Step::Binary(bytes),
            LineKind::Http => {
                let url = &self.bytes[line.start..line.middle];
                Step::Http { url: core::str::from_utf8(url).unwrap_or_default(), body: bytes }
            }
        };
        Some((WallNanos(line.ns), step))
    }

    /// All steps in order.
    pub fn steps(&self) -> impl Iterator<Item = (WallNanos, Step<'_>)> {
        (0..self.len()).filter_map(|index| self.step(index))
    }

    fn push(&mut self, at: WallNanos, kind: LineKind, url: &[u8], bytes: &[u8]) {
        let start = self.bytes.len();
        self.bytes.extend_from_slice(url);
        let middle = self.bytes.len();
        self.bytes.extend_from_slice(bytes);
        self.lines.push(Line { ns: at.0, kind, start, middle, end: self.bytes.len() });
    }
}

impl From<&Capture> for Script {
    /// What the capture received; what its client sent is left out.
    fn from(capture: &Capture) -> Self {
        let mut script = Self::new();
        for record in capture.records() {
            match record {
                Record::Frame { ns, text } => script.push_text(ns, text.payload()),
                Record::Binary { ns, bytes } => script.push_binary(ns, bytes.payload()),
                Record::Http { ns, url, body } => script.push_http(ns, url, body.payload()),
                _ => {}
            }
        }
        script
    }
}
