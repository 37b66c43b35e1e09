//! A reader of JSON text in place: no copy, no allocation, numbers and strings as their bytes.
//!
//! For the venues whose frames have no scanner of their own. Fields come in the order of the text;
//! what has to be read before something that stands earlier is marked ([`Reader::mark`]) and read
//! later.
//!
//! # Guarantees
//!
//! - No byte panics, and nesting costs no stack: what is skipped is skipped in a loop.
//! - Everything that is read is checked: a value of another type is [`Rejected::Shape`], text that
//!   is no JSON is [`Rejected::Malformed`].
//!
//! # Not guaranteed
//!
//! - That what is skipped is valid JSON beyond its quotes and brackets.
//! - Escapes: a string with a backslash is refused where its value is asked for. No symbol, price
//!   or id has one.

use core::ops::Range;

use tickbook_scan::{
    Plain, bare_end, closing_quote, decimal, expect, labelled_row, nested_end, row, scientific,
    unsigned,
};

use crate::counters::Rejected;
use crate::level::Number;

/// A place in a JSON text, in front of a value.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Reader<'a> {
    text: &'a [u8],
    at: usize,
}

/// Reading something.
pub(crate) type Read<T> = Result<T, Rejected>;

impl<'a> Reader<'a> {
    /// In front of the first value of `text`.
    pub(crate) const fn new(text: &'a [u8]) -> Self {
        Self { text, at: 0 }
    }

    /// The first byte of the value: `{`, `[`, `"`, a digit, a minus, `t`, `f` or `n`.
    #[inline]
    pub(crate) fn peek(&mut self) -> Read<u8> {
        match self.text.get(self.at) {
            Some(byte) if *byte > b' ' => Ok(*byte),
            _ => self.peek_behind_blanks(),
        }
    }

    #[cold]
    fn peek_behind_blanks(&mut self) -> Read<u8> {
        self.blanks();
        self.text.get(self.at).copied().ok_or(Rejected::Malformed)
    }

    /// Only blanks are left.
    pub(crate) fn end(mut self) -> Read<()> {
        self.blanks();
        if self.at == self.text.len() { Ok(()) } else { Err(Rejected::Malformed) }
    }

    /// An object: `field` gets each key and reads, marks or skips its value.
    #[inline]
    pub(crate) fn object(
        &mut self,
        mut field: impl FnMut(&'a [u8], &mut Self) -> Read<()>,
    ) -> Read<()> {
        self.open(b'{')?;
        if self.take(b'}') {
            return Ok(());
        }
        loop {
            let key = self.key()?;
            if !self.take(b':') {
                return Err(Rejected::Malformed);
            }
            field(key, self)?;
            if self.take(b'}') {
                return Ok(());
            }
            if !self.take(b',') {
                return Err(Rejected::Malformed);
            }
        }
    }

    /// An array: `item` reads, marks or skips each item.
    #[inline]
    pub(crate) fn array(&mut self, mut item: impl FnMut(&mut Self) -> Read<()>) -> Read<()> {
        self.open(b'[')?;
        if self.take(b']') {
            return Ok(());
        }
        loop {
            item(self)?;
            if self.take(b']') {
                return Ok(());
            }
            if !self.take(b',') {
                return Err(Rejected::Malformed);
            }
        }
    }

    /// Goes into an array; whether there is anything in it.
    #[inline]
    pub(crate) fn enter(&mut self) -> Read<bool> {
        self.open(b'[')?;
        Ok(!self.take(b']'))
    }

    /// Goes on behind an item of an array; whether there is another one.
    #[inline]
    pub(crate) fn next_item(&mut self) -> Read<bool> {
        if self.take(b']') {
            return Ok(false);
        }
        if self.take(b',') { Ok(true) } else { Err(Rejected::Malformed) }
    }

    /// The whole text, and the position in it.
    #[inline(always)]
    pub(crate) const fn place(&self) -> (&'a [u8], usize) {
        (self.text, self.at)
    }

    /// Goes on to a position that something else has read up to.
    #[inline(always)]
    pub(crate) const fn go_to(&mut self, at: usize) {
        self.at = at;
    }

    /// A string without escapes.
    #[inline]
    pub(crate) fn text(&mut self) -> Read<&'a [u8]> {
        if self.peek()? != b'"' {
            return Err(Rejected::Shape);
        }
        let (text, escaped) = self.string()?;
        if escaped { Err(Rejected::Shape) } else { Ok(text) }
    }

    /// The digits of a number, whether it is written as one or as a string.
    pub(crate) fn digits(&mut self) -> Read<&'a [u8]> {
        match self.peek()? {
            b'"' => self.text(),
            b'-' | b'0'..=b'9' => Ok(self.bare()),
            _ => Err(Rejected::Shape),
        }
    }

    /// A number, whether it is written as one or as a string.
    #[inline]
    pub(crate) fn number(&mut self) -> Read<Number> {
        let quote = usize::from(self.peek()? == b'"');
        let first = self.at + quote;
        let sign = usize::from(self.text.get(first) == Some(&b'-'));
        if let Some((plain, end)) = self.decimal(first + sign)
            && self.ends_number(end, quote != 0)
            && (sign == 0 || plain.digits != 0)
        {
            self.at = end + quote;
            return Ok(if sign == 0 { Number::Plain(plain) } else { Number::Minus(plain) });
        }
        Number::parse(self.digits()?)
    }

    /// A decimal at `at`, with or without an exponent.
    #[inline]
    fn decimal(&self, at: usize) -> Option<(Plain, usize)> {
        let (plain, end) = decimal(self.text, at)?;
        if self.text.get(end) == Some(&b'E') {
            return scientific(self.text, end, plain);
        }
        Some((plain, end))
    }

    /// [`Self::number`], and where its digits are if it is a plain one.
    #[inline]
    pub(crate) fn located_number(&mut self) -> Read<(Number, Range<usize>)> {
        let quote = usize::from(self.peek()? == b'"');
        let start = self.at + quote;
        let number = self.number()?;
        Ok((number, start..self.at - quote))
    }

    /// An id or a time: a number without sign, point and exponent.
    #[inline]
    pub(crate) fn integer(&mut self) -> Read<u64> {
        let quote = usize::from(self.peek()? == b'"');
        if let Some((value, end)) = unsigned(self.text, self.at + quote)
            && self.ends_number(end, quote != 0)
        {
            self.at = end + quote;
            return Ok(value);
        }
        self.any_integer()
    }

    #[cold]
    fn any_integer(&mut self) -> Read<u64> {
        let digits = self.digits()?;
        if digits.is_empty() {
            return Err(Rejected::Number);
        }
        digits.iter().try_fold(0_u64, |value, byte| {
            let digit = byte.wrapping_sub(b'0');
            if digit > 9 {
                return Err(Rejected::Number);
            }
            let value = value.checked_mul(10).and_then(|it| it.checked_add(u64::from(digit)));
            value.ok_or(Rejected::Number)
        })
    }

    /// Whether a number may end with the byte at `at`.
    #[inline]
    fn ends_number(&self, at: usize, quoted: bool) -> bool {
        match self.text.get(at) {
            Some(b'"') => quoted,
            Some(b',' | b']' | b'}') => !quoted,
            _ => false,
        }
    }

    /// The first two numbers of the row that stands here, if it is written as most are: without
    /// blanks and signs, and with nothing nested in it. Otherwise nothing is read.
    #[inline(always)]
    pub(crate) fn row(&mut self) -> Option<[Plain; 2]> {
        let (price, size, end) = row(self.text, self.at)?;
        self.at = end;
        Some([price, size])
    }

    /// A string and the two numbers behind it, as [`Self::row`].
    #[inline(always)]
    pub(crate) fn labelled_row(&mut self) -> Option<(&'a [u8], [Plain; 2])> {
        let (label, (price, size, end)) = labelled_row(self.text, self.at)?;
        self.at = end;
        Some((label, [price, size]))
    }

    /// Goes behind `text` if it stands here, without blanks before it.
    #[inline(always)]
    pub(crate) fn literal<const N: usize>(&mut self, text: &[u8; N]) -> Option<()> {
        self.at = expect(self.text, self.at, text)?;
        Some(())
    }

    /// The digits that begin here; what stands behind them is for a [`Self::literal`] to tell.
    #[inline(always)]
    pub(crate) fn plain(&mut self) -> Option<Plain> {
        let (plain, end) = decimal(self.text, self.at)?;
        self.at = end;
        Some(plain)
    }

    /// `true` or `false`.
    pub(crate) fn boolean(&mut self) -> Read<bool> {
        self.peek()?;
        match self.bare() {
            b"true" => Ok(true),
            b"false" => Ok(false),
            _ => Err(Rejected::Shape),
        }
    }

    /// Whether the value is `null`, which then is read.
    pub(crate) fn null(&mut self) -> Read<bool> {
        if self.peek()? != b'n' {
            return Ok(false);
        }
        if self.bare() == b"null" { Ok(true) } else { Err(Rejected::Malformed) }
    }

    /// Skips the value and gives a reader of it.
    pub(crate) fn mark(&mut self) -> Read<Self> {
        let mark = *self;
        self.skip()?;
        Ok(mark)
    }

    /// Skips the value.
    pub(crate) fn skip(&mut self) -> Read<()> {
        match self.peek()? {
            b'"' => self.string().map(drop),
            b'{' | b'[' => self.skip_nested(),
            _ if self.bare().is_empty() => Err(Rejected::Malformed),
            _ => Ok(()),
        }
    }

    fn skip_nested(&mut self) -> Read<()> {
        self.at = nested_end(self.text, self.at).ok_or(Rejected::Malformed)?;
        Ok(())
    }

    #[inline]
    fn open(&mut self, bracket: u8) -> Read<()> {
        if self.peek()? != bracket {
            return Err(Rejected::Shape);
        }
        self.at += 1;
        Ok(())
    }

    #[inline]
    fn key(&mut self) -> Read<&'a [u8]> {
        if self.peek()? == b'"' { Ok(self.string()?.0) } else { Err(Rejected::Malformed) }
    }

    /// The bytes of the string that begins here, and whether there are escapes among them.
    #[inline]
    fn string(&mut self) -> Read<(&'a [u8], bool)> {
        let start = self.at + 1;
        let (end, escaped) = closing_quote(self.text, start).ok_or(Rejected::Malformed)?;
        self.at = end + 1;
        let text = self.text.get(start..end).ok_or(Rejected::Malformed)?;
        Ok((text, escaped))
    }

    /// What stands here up to the next comma, bracket, colon or blank.
    #[inline]
    fn bare(&mut self) -> &'a [u8] {
        let start = self.at;
        self.at = bare_end(self.text, start);
        self.text.get(start..self.at).unwrap_or_default()
    }

    #[inline]
    fn take(&mut self, byte: u8) -> bool {
        match self.text.get(self.at) {
            Some(it) if *it > b' ' => {
                let there = *it == byte;
                self.at += usize::from(there);
                there
            }
            _ => self.take_behind_blanks(byte),
        }
    }

    #[cold]
    fn take_behind_blanks(&mut self, byte: u8) -> bool {
        self.blanks();
        let there = self.text.get(self.at) == Some(&byte);
        self.at += usize::from(there);
        there
    }

    fn blanks(&mut self) {
        while matches!(self.text.get(self.at), Some(b' ' | b'\t' | b'\r' | b'\n')) {
            self.at += 1;
        }
    }
}

#[cfg(test)]
#[path = "json/tests.rs"]
mod tests;
