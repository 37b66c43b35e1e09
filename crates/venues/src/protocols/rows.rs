//! Levels as venues write them: rows, rows with a word in front, objects.
//!
//! An array goes in one sweep as far as its levels are written as levels before were
//! ([`Patterns`](tickbook_scan::Patterns)); each other level is read by itself, and what it looks
//! like is learned.
//!
//! # Guarantees
//!
//! - The short ways (arrays of like levels, rows without blanks, of plain numbers) and the general
//!   one find the same.

use core::ops::Range;

use tickbook_scan::{Example, Plain, Sort};
use tickbook_types::Side;

use super::frame::{Frame, side_of};
use crate::counters::Rejected;
use crate::json::{Read, Reader};
use crate::level::Number;

/// `[price, size, ...]`.
const ROWS: u8 = 0;

/// `["buy", price, size, ...]`.
const SIDED_ROWS: u8 = 1;

/// Objects with names of price and size; gate.io's may be rows too.
pub(crate) const OBJECTS: u8 = 2;

/// What one venue writes that no other does.
pub(crate) const OWN: u8 = 3;

impl Frame {
    /// An array of levels. `one` reads a level and puts it, and says what is to be learned of it.
    ///
    /// All calls with one sort have to read alike, but for digits in what they do not put.
    #[inline]
    pub(crate) fn levels_of(
        &mut self,
        sort: Sort,
        rows: &mut Reader<'_>,
        mut one: impl FnMut(&mut Self, &mut Reader<'_>) -> Read<Option<Example>>,
    ) -> Read<()> {
        if !rows.enter()? {
            return Ok(());
        }
        let mut may_follow = true;
        loop {
            let (text, at) = rows.place();
            if let Some(patterns) = self.patterns.as_mut().filter(|_| may_follow) {
                let found = self.levels.follow(patterns, text, at, sort);
                rows.go_to(found.at);
                if found.ended {
                    return Ok(());
                }
            }
            let example = one(self, rows)?;
            let is_last = !rows.next_item()?;
            // Behind a level whose numbers are no plain ones there often is another such one.
            may_follow = example.is_some();
            if let Some(example) = example {
                self.patterns.get_or_insert_default().learn(text, &example, sort, is_last);
            }
            if is_last {
                return Ok(());
            }
        }
    }

    /// Levels as `[price, size, ...]`, numbers bare or quoted; what follows them is skipped.
    pub(crate) fn rows(&mut self, side: Side, rows: &mut Reader<'_>) -> Read<()> {
        let sort = Sort { grammar: ROWS, side: Some(side) };
        self.levels_of(sort, rows, |frame, row| frame.row(side, row))
    }

    /// One of [`Self::rows`].
    #[inline(always)]
    pub(crate) fn row(&mut self, side: Side, row: &mut Reader<'_>) -> Read<Option<Example>> {
        let (_, start) = row.place();
        if let Some(pair) = row.row() {
            self.put_plain(side, pair);
            return Ok(example(row, start, 1, pair));
        }
        let [price, size] = numbers(row)?;
        self.put(side, price, size)?;
        Ok(None)
    }

    /// Levels as `["buy", price, size, ...]`.
    pub(crate) fn sided_rows(&mut self, rows: &mut Reader<'_>) -> Read<()> {
        let sort = Sort { grammar: SIDED_ROWS, side: None };
        self.levels_of(sort, rows, |frame, row| {
            let (label, [price, size], example) = labelled_row(row)?;
            let side = side_of(label);
            frame.put(side, price, size)?;
            Ok(example.map(|example| Example { side: Some(side), ..example }))
        })
    }

    /// Levels as objects with a price and a size of these names; other fields are skipped.
    pub(crate) fn objects(
        &mut self,
        side: Side,
        names: (&'static str, &'static str),
        rows: &mut Reader<'_>,
    ) -> Read<()> {
        if self.names_of_levels != names {
            self.patterns.iter_mut().for_each(|patterns| patterns.clear());
            self.names_of_levels = names;
        }
        let sort = Sort { grammar: OBJECTS, side: Some(side) };
        self.levels_of(sort, rows, |frame, row| frame.object_level(side, names, row))
    }

    /// One of [`Self::objects`].
    #[inline]
    pub(crate) fn object_level(
        &mut self,
        side: Side,
        names: (&str, &str),
        row: &mut Reader<'_>,
    ) -> Read<Option<Example>> {
        let (numbers, example) = object_numbers(names, row)?;
        self.put(side, numbers[0], numbers[1])?;
        Ok(example)
    }
}

/// The numbers of an object that have these names, and what it looks like.
#[inline]
pub(crate) fn object_numbers(
    (price, size): (&str, &str),
    row: &mut Reader<'_>,
) -> Read<([Number; 2], Option<Example>)> {
    let (mut at, mut of) = (None, None);
    row.peek()?;
    let (_, start) = row.place();
    row.object(|key, value| {
        if key == price.as_bytes() {
            at = Some(value.located_number()?);
        } else if key == size.as_bytes() {
            of = Some(value.located_number()?);
        } else {
            value.skip()?;
        }
        Ok(())
    })?;
    let (Some((price, at)), Some((size, of))) = (at, of) else { return Err(Rejected::Shape) };
    Ok(([price, size], example_at(row, start, (&price, at), (&size, of))))
}

/// What a level looks like that began at `start` and ends here, if both its numbers are plain.
#[inline]
pub(crate) fn example_at(
    row: &Reader<'_>,
    start: usize,
    (price, price_at): (&Number, Range<usize>),
    (size, size_at): (&Number, Range<usize>),
) -> Option<Example> {
    let (Number::Plain(_), Number::Plain(_)) = (price, size) else { return None };
    let level = start..row.place().1;
    Some(Example { level, price: price_at, size: size_at, side: None })
}

/// What a row looks like that began at `start` and ends here, with two numbers that are bare or
/// quoted, the first of them `head` bytes behind the start (its quote not counted). Of numbers
/// with exponents nothing is to be learned.
#[inline(always)]
fn example(
    row: &Reader<'_>,
    start: usize,
    head: usize,
    [price, size]: [Plain; 2],
) -> Option<Example> {
    if price.is_scientific() || size.is_scientific() {
        return None;
    }
    let (text, end) = row.place();
    let quote = usize::from(text.get(start + head) == Some(&b'"'));
    let range = |at: usize, it: Plain| {
        let point = usize::from(it.part > 0);
        at..at + usize::from(it.whole) + point + usize::from(it.part)
    };
    let price = range(start + head + quote, price);
    let size = range(price.end + 1 + 2 * quote, size);
    Some(Example { level: start..end, price, size, side: None })
}

/// A row `[price,size,...]`: the two numbers, bare or quoted; what follows them is skipped.
#[inline]
pub(crate) fn pair(row: &mut Reader<'_>) -> Read<[Number; 2]> {
    match row.row() {
        Some(pair) => Ok(pair.map(Number::Plain)),
        None => numbers(row),
    }
}

/// The first numbers of a row, bare or quoted; what follows them is skipped.
#[inline]
pub(crate) fn numbers<const N: usize>(row: &mut Reader<'_>) -> Read<[Number; N]> {
    let (mut numbers, mut count) = ([Number::ZERO; N], 0);
    row.array(|field| {
        match numbers.get_mut(count) {
            Some(place) => *place = field.number()?,
            None => field.skip()?,
        }
        count += 1;
        Ok(())
    })?;
    if count < N { Err(Rejected::Shape) } else { Ok(numbers) }
}

/// A row `["label",price,size,...]`: the label and the two numbers, bare or quoted, and what it
/// looks like, if it is written as most are.
#[inline]
pub(crate) fn labelled_row<'a>(
    row: &mut Reader<'a>,
) -> Read<(&'a [u8], [Number; 2], Option<Example>)> {
    let (_, start) = row.place();
    let Some((label, pair)) = row.labelled_row() else {
        let (label, numbers) = any_labelled_row(row)?;
        return Ok((label, numbers, None));
    };
    let example = example(row, start, label.len() + 4, pair);
    Ok((label, pair.map(Number::Plain), example))
}

#[cold]
fn any_labelled_row<'a>(row: &mut Reader<'a>) -> Read<(&'a [u8], [Number; 2])> {
    let (mut label, mut numbers, mut count) = (&b""[..], [Number::ZERO; 2], 0);
    row.array(|field| {
        match count {
            0 => label = field.text()?,
            1 | 2 => numbers[count - 1] = field.number()?,
            _ => field.skip()?,
        }
        count += 1;
        Ok(())
    })?;
    if count < 3 { Err(Rejected::Shape) } else { Ok((label, numbers)) }
}

#[cfg(test)]
mod tests {
    use tickbook_types::WallNanos;

    use super::*;
    use crate::protocols::chain::Link;
    use crate::protocols::frame::{Content, Event};

    #[test]
    fn rows_and_objects_give_the_same_levels() {
        let mut one = Frame::default();
        one.rows(Side::Bid, &mut Reader::new(br#"[["1.5","2","0","9"],[1e-3, 0]]"#)).unwrap();
        let mut other = Frame::default();
        let text = br#"[{"n":9,"px":"1.5","sz":"2"},{"sz":0,"px":1e-3}]"#;
        other.objects(Side::Bid, ("px", "sz"), &mut Reader::new(text)).unwrap();
        let levels = |frame: &mut Frame| {
            frame.book(b"X", Content::Delta, Link::Free, WallNanos(0));
            let Some(Event::Book(event)) = frame.events().first() else { panic!("a book") };
            frame.levels(event).iter().collect::<Vec<_>>()
        };
        let (rows, objects) = (levels(&mut one), levels(&mut other));
        assert_eq!(rows, objects);
        assert_eq!(rows.len(), 2);
        for text in [&br#"[["1"]]"#[..], b"[[]]", br#"[["a","1"]]"#, br#"[["1","-1"]]"#, b"{}"] {
            assert!(one.rows(Side::Bid, &mut Reader::new(text)).is_err());
        }
    }
}
