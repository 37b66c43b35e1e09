//! Messages written as a venue writes nearly all of them: the same words in the same order, without
//! blanks, around plain values. What is expected is compared in place, and no key is looked up.
//!
//! # Guarantees
//!
//! - `None` means *not recognised*, never *wrong*: the general reader ([`crate::json`]) decides.
//! - What is recognised has the values that the general reader finds in it; a property compares
//!   them over damaged messages.
//!
//! # Not guaranteed
//!
//! - That a place lies within the message before [`Usual::end`] has said so: values are read by
//!   whole vectors, also from the padding behind it.

use tickbook_scan::{Plain, decimal, expect, text, unsigned};
use tickbook_types::{POW10, Padded, Side, WallNanos};

use super::frame::Frame;
use crate::level::Number;

/// A place in a message that so far is as usual.
#[derive(Clone, Copy, Debug)]
pub(super) struct Usual<'a> {
    /// The message and its padding.
    bytes: &'a [u8],
    /// Length of the message.
    len: usize,
    at: usize,
}

impl<'a> Usual<'a> {
    /// At the start of a message.
    #[inline]
    pub(super) const fn new(message: Padded<'a>) -> Self {
        Self { bytes: message.with_padding(), len: message.len(), at: 0 }
    }

    /// The message ends here.
    #[inline]
    pub(super) fn end(self) -> Option<()> {
        (self.at == self.len).then_some(())
    }

    /// What stands between here and a later place.
    #[inline]
    pub(super) fn up_to(&self, later: &Self) -> &'a [u8] {
        self.bytes.get(self.at..later.at).unwrap_or_default()
    }

    /// Goes behind these words.
    #[inline(always)]
    pub(super) fn words<const N: usize>(&mut self, words: &[u8; N]) -> Option<()> {
        self.at = expect(self.bytes, self.at, words)?;
        Some(())
    }

    /// Goes behind these words if they stand here.
    #[inline(always)]
    pub(super) fn has<const N: usize>(&mut self, words: &[u8; N]) -> bool {
        self.words(words).is_some()
    }

    /// The rest of a string, whose opening quote has been passed, and behind its closing one.
    #[inline]
    pub(super) fn text(&mut self) -> Option<&'a [u8]> {
        let (text, end) = text(self.bytes, self.at)?;
        self.at = end;
        Some(text)
    }

    /// An integer. What stands behind it is for the next words to tell.
    #[inline]
    pub(super) fn integer(&mut self) -> Option<u64> {
        let (value, end) = unsigned(self.bytes, self.at)?;
        self.at = end;
        Some(value)
    }

    /// The bits of a checksum, sent signed or not.
    #[inline]
    pub(super) fn crc32(&mut self) -> Option<u32> {
        if self.has(b"-") {
            let value = i64::try_from(self.integer()?).ok()?;
            return i32::try_from(-value).ok().filter(|it| *it < 0).map(i32::cast_unsigned);
        }
        u32::try_from(self.integer()?).ok()
    }

    /// A number without a sign.
    #[inline(always)]
    pub(super) fn number(&mut self) -> Option<Plain> {
        let (plain, end) = decimal(self.bytes, self.at)?;
        self.at = end;
        Some(plain)
    }

    /// A number.
    #[inline(always)]
    pub(super) fn signed_number(&mut self) -> Option<Number> {
        if !self.has(b"-") {
            return self.number().map(Number::Plain);
        }
        self.number().filter(|plain| plain.digits != 0).map(Number::Minus)
    }

    /// A time in seconds since 1970 with up to nine decimals.
    #[inline]
    pub(super) fn seconds(&mut self) -> Option<WallNanos> {
        let (whole, end) = unsigned(self.bytes, self.at)?;
        self.at = end.checked_sub(1)?;
        // All digits but the last one before the point; that one with those behind it.
        let tens = i64::try_from(whole / 10).ok()?.checked_mul(10_000_000_000)?;
        let rest = self.last_seconds()?;
        Some(WallNanos(tens.checked_add(rest)?))
    }

    /// The rest of a string that is a time, as `2026-08-09T21:05:48.228568804Z`.
    #[inline]
    pub(super) fn time(&mut self, frame: &mut Frame) -> Option<WallNanos> {
        let minute = self.bytes.get(self.at..)?.first_chunk()?;
        let start = frame.minute(minute)?;
        let [colon, tens, _] = self.bytes.get(self.at + 16..)?.first_chunk()?;
        let tens = tens.wrapping_sub(b'0');
        if *colon != b':' || tens > 9 {
            return None;
        }
        self.at += 18;
        let rest = self.last_seconds()?;
        self.words(b"Z\"")?;
        Some(WallNanos(start.checked_add(i64::from(tens) * 10_000_000_000 + rest)?))
    }

    /// Nanoseconds of a digit and up to nine decimals.
    #[inline]
    fn last_seconds(&mut self) -> Option<i64> {
        let plain = self.number()?;
        if plain.whole != 1 {
            return None;
        }
        let unit = *POW10.get(usize::from(9_u8.checked_sub(plain.part)?))?;
        i64::try_from(plain.digits * unit).ok()
    }

    /// The items of an array, up to its closing bracket, its opening one having been passed.
    #[inline(always)]
    pub(super) fn items(&mut self, mut item: impl FnMut(&mut Self) -> Option<()>) -> Option<()> {
        if self.has(b"]") {
            return Some(());
        }
        loop {
            item(self)?;
            match self.bytes.get(self.at)? {
                b',' => self.at += 1,
                b']' => {
                    self.at += 1;
                    return Some(());
                }
                _ => return None,
            }
        }
    }

    /// Levels `["price","size"]`, up to the closing bracket of their array.
    #[inline]
    pub(super) fn quoted_rows(&mut self, side: Side, frame: &mut Frame) -> Option<()> {
        self.items(|row| {
            row.words(b"[\"")?;
            let pair = row.quoted_pair()?;
            frame.put_plain(side, pair);
            row.words(b"]")
        })
    }

    /// The same of bare numbers.
    #[inline]
    pub(super) fn rows(&mut self, side: Side, frame: &mut Frame) -> Option<()> {
        self.items(|row| {
            row.words(b"[")?;
            let price = row.number()?;
            row.words(b",")?;
            let size = row.number()?;
            frame.put_plain(side, [price, size]);
            row.words(b"]")
        })
    }

    /// `price","size"`: two quoted numbers, the opening quote of the first having been passed.
    #[inline(always)]
    pub(super) fn quoted_pair(&mut self) -> Option<[Plain; 2]> {
        let price = self.number()?;
        self.words(b"\",\"")?;
        let size = self.number()?;
        self.words(b"\"")?;
        Some([price, size])
    }

    /// Levels `["buy","price","size"]`, or `"sell"`.
    #[inline]
    pub(super) fn sided_rows(&mut self, frame: &mut Frame) -> Option<()> {
        self.items(|row| {
            let side = if row.has(b"[\"buy\",\"") {
                Side::Bid
            } else {
                row.words(b"[\"sell\",\"")?;
                Side::Ask
            };
            let pair = row.quoted_pair()?;
            frame.put_plain(side, pair);
            row.words(b"]")
        })
    }
}

/// What the text of a minute stands for, of the one seen last.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Minute {
    /// `2026-08-09T21:05`.
    text: [u8; 16],
    /// Nanoseconds since 1970 of its start.
    start: i64,
}

impl Minute {
    /// Nanoseconds since 1970 of the start of a minute; `None` if the text is none.
    #[inline(always)]
    pub(super) fn start(
        &mut self,
        text: &[u8; 16],
        read: impl FnOnce(&[u8]) -> Option<i64>,
    ) -> Option<i64> {
        if self.text != *text {
            // The general reader does not look at them; but a quote here would end the string.
            if [text[4], text[7], text[10], text[13]] != *b"--T:" {
                return None;
            }
            let mut whole = *b"0000-00-00T00:00:00";
            whole.first_chunk_mut::<16>()?.copy_from_slice(text);
            *self = Self { text: *text, start: read(&whole)? };
        }
        Some(self.start)
    }
}
