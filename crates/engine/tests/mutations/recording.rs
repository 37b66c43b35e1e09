//! A recording taken apart into lines, and put together again with one message damaged.

use std::path::Path;

use tickbook_capture::{Capture, CaptureWriter, Compression, Record, WriteError};
use tickbook_types::WallNanos;

use crate::util::Random;

/// One line of a recording.
#[derive(Clone, Debug)]
pub enum Line {
    Text(WallNanos, String),
    Binary(WallNanos, Vec<u8>),
    Sent(WallNanos, String),
    Http(WallNanos, String, String),
    Open(WallNanos, String),
}

fn text(bytes: &[u8]) -> String {
    String::from_utf8(bytes.to_vec()).unwrap()
}

impl Line {
    /// The line of a record.
    pub fn of(record: &Record<'_>) -> Self {
        match *record {
            Record::Frame { ns, text: frame } => Self::Text(ns, text(frame.payload())),
            Record::Binary { ns, bytes } => Self::Binary(ns, bytes.payload().to_vec()),
            Record::Sent { ns, text } => Self::Sent(ns, text.to_owned()),
            Record::Http { ns, url, body } => Self::Http(ns, url.to_owned(), text(body.payload())),
            Record::Open { ns, url } => Self::Open(ns, url.to_owned()),
            _ => panic!("a record of a kind that is not known here"),
        }
    }

    /// The same message at the time of another.
    fn at_time_of(&self, other: &Self) -> Self {
        let (Self::Text(ns, _) | Self::Binary(ns, _)) = other else { panic!("no message") };
        match self {
            Self::Text(_, text) => Self::Text(*ns, text.clone()),
            Self::Binary(_, bytes) => Self::Binary(*ns, bytes.clone()),
            _ => panic!("no message"),
        }
    }

    fn write(&self, writer: &mut CaptureWriter) -> Result<(), WriteError> {
        match self {
            Self::Text(ns, text) => writer.frame(*ns, text),
            Self::Binary(ns, bytes) => writer.binary(*ns, bytes),
            Self::Sent(ns, text) => writer.sent(*ns, text),
            Self::Http(ns, url, body) => writer.http(*ns, url, body),
            Self::Open(ns, url) => writer.open(*ns, url),
        }
    }
}

/// What is done to one message.
#[derive(Clone, Copy, Debug, Eq, Ord, PartialEq, PartialOrd)]
pub enum Kind {
    /// It is lost.
    Removed,
    /// It comes twice.
    Doubled,
    /// It changes places with the next one of its book.
    Swapped,
    /// Its end is missing.
    Cut,
    /// A digit of a price or a size is another.
    Digit,
    /// One bit of it is another.
    Flipped,
}

impl Kind {
    pub const ALL: [Self; 6] =
        [Self::Removed, Self::Doubled, Self::Swapped, Self::Cut, Self::Digit, Self::Flipped];

    pub fn name(self) -> &'static str {
        match self {
            Self::Removed => "removed",
            Self::Doubled => "repeated",
            Self::Swapped => "swapped",
            Self::Cut => "cut short",
            Self::Digit => "digit",
            Self::Flipped => "bit",
        }
    }
}

/// A damage: lines by their place, and what stands there instead. The places grow.
#[derive(Clone, Debug)]
pub struct Damage(pub Vec<(usize, Vec<Line>)>);

impl Damage {
    /// Damages the message at `at`; `next` is the place of its book's next one, `values` the
    /// significant digits of its prices and sizes. `None` if that cannot be done to this message.
    pub fn make(
        kind: Kind,
        lines: &[Line],
        (at, next): (usize, usize),
        values: &[u64],
        random: &mut Random,
    ) -> Option<Self> {
        let line = &lines[at];
        let instead = match kind {
            Kind::Removed => Vec::new(),
            Kind::Doubled => vec![line.clone(), line.clone()],
            Kind::Swapped => {
                let other = &lines[next];
                let first = (at, vec![other.at_time_of(line)]);
                return Some(Self(vec![first, (next, vec![line.at_time_of(other)])]));
            }
            Kind::Cut => vec![cut(line, random)],
            Kind::Digit => vec![digit(line, values, random)?],
            Kind::Flipped => vec![flipped(line, random)],
        };
        Some(Self(vec![(at, instead)]))
    }

    /// Place behind the last damaged line.
    pub fn end(&self) -> usize {
        self.0.last().map_or(0, |(at, _)| at + 1)
    }
}

fn cut(line: &Line, random: &mut Random) -> Line {
    match line {
        Line::Text(ns, text) => {
            let mut text = text.clone();
            let ends: Vec<usize> = text.char_indices().skip(1).map(|(at, _)| at).collect();
            text.truncate(ends[random.below(ends.len())]);
            Line::Text(*ns, text)
        }
        Line::Binary(ns, bytes) => {
            Line::Binary(*ns, bytes[..1 + random.below(bytes.len() - 1)].to_vec())
        }
        _ => panic!("no message"),
    }
}

/// A text stays ASCII and one line, or no recording could hold it.
fn flipped(line: &Line, random: &mut Random) -> Line {
    match line {
        Line::Text(ns, text) => loop {
            let mut bytes = text.clone().into_bytes();
            let at = 1 + random.below(bytes.len() - 1);
            bytes[at] ^= 1 << random.below(7);
            if !matches!(bytes[at], b'\n' | b'\r')
                && let Ok(text) = String::from_utf8(bytes)
            {
                return Line::Text(*ns, text);
            }
        },
        Line::Binary(ns, bytes) => {
            let mut bytes = bytes.clone();
            let at = random.below(bytes.len());
            bytes[at] ^= 1 << random.below(8);
            Line::Binary(*ns, bytes)
        }
        _ => panic!("no message"),
    }
}

/// Changes a digit of a number that is one of `values`.
fn digit(line: &Line, values: &[u64], random: &mut Random) -> Option<Line> {
    let Line::Text(ns, text) = line else { return None };
    let of_level = |number: &(usize, usize)| {
        significant(&text[number.0..number.1]).is_some_and(|it| values.contains(&it))
    };
    let numbers: Vec<_> = numbers(text.as_bytes()).into_iter().filter(of_level).collect();
    let (from, to) = *numbers.get(random.below(numbers.len().max(1)))?;
    let mut bytes = text.clone().into_bytes();
    let digits: Vec<usize> = (from..to).filter(|at| bytes[*at].is_ascii_digit()).collect();
    let at = digits[random.below(digits.len())];
    // Never to 0: no leading zero comes to be, and no level is removed.
    bytes[at] = b'1' + (bytes[at] - b'0' + random.below(8) as u8) % 9;
    Some(Line::Text(*ns, String::from_utf8(bytes).unwrap()))
}

/// Where plain numbers stand in a text.
fn numbers(text: &[u8]) -> Vec<(usize, usize)> {
    let is_part = |byte: &u8| byte.is_ascii_digit() || *byte == b'.';
    let mut found = Vec::new();
    let mut at = 0;
    while at < text.len() {
        let length = text[at..].iter().take_while(|it| is_part(it)).count();
        let alone = at == 0 || !text[at - 1].is_ascii_alphanumeric();
        if length > 0 && alone {
            found.push((at, at + length));
        }
        at += length.max(1);
    }
    found
}

/// The digits of a number without the point and the zeros at both ends, if there are enough of
/// them to know the number by.
pub fn significant(number: &str) -> Option<u64> {
    let digits: String = number.chars().filter(char::is_ascii_digit).collect();
    let value = digits.trim_matches('0').parse().ok()?;
    (value >= 100).then_some(value)
}

/// The first `end` of these lines with the damage, as a capture; written to and read from `path`.
pub fn put_together(path: &Path, lines: &[Line], damage: &Damage, end: usize) -> Capture {
    let mut writer = CaptureWriter::create(path, Compression::Plain).unwrap();
    let mut damaged = damage.0.iter().peekable();
    for (at, line) in lines[..end].iter().enumerate() {
        match damaged.next_if(|(place, _)| *place == at) {
            Some((_, instead)) => instead.iter().for_each(|it| it.write(&mut writer).unwrap()),
            None => line.write(&mut writer).unwrap(),
        }
    }
    writer.finish().unwrap();
    Capture::load(path).unwrap()
}
