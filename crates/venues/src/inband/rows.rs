//! Levels as venues write them: rows, rows with a word in front, objects.
//!
//! # Guarantees
//!
//! - The short way (rows without blanks, of plain numbers) and the general one find the same.

use tickbook_types::Side;

use super::frame::{Frame, side_of};
use crate::counters::Rejected;
use crate::json::{Read, Reader};
use crate::level::Number;

impl Frame {
    /// Levels as `[price, size, ...]`, numbers bare or quoted; what follows them is skipped.
    pub(crate) fn rows(&mut self, side: Side, rows: &mut Reader<'_>) -> Read<()> {
        rows.array(|row| self.row(side, row))
    }

    /// One of [`Self::rows`].
    #[inline(always)]
    pub(crate) fn row(&mut self, side: Side, row: &mut Reader<'_>) -> Read<()> {
        if let Some(pair) = row.row() {
            self.put_plain(side, pair);
            return Ok(());
        }
        let [price, size] = numbers(row)?;
        self.put(side, price, size)
    }

    /// Levels as `["buy", price, size, ...]`.
    pub(crate) fn sided_rows(&mut self, rows: &mut Reader<'_>) -> Read<()> {
        rows.array(|row| {
            let (label, [price, size]) = labelled_row(row)?;
            self.put(side_of(label), price, size)
        })
    }

    /// Levels as objects with a price and a size of these names; other fields are skipped.
    pub(crate) fn objects(
        &mut self,
        side: Side,
        names: (&str, &str),
        rows: &mut Reader<'_>,
    ) -> Read<()> {
        rows.array(|row| self.object_level(side, names, row))
    }

    /// One of [`Self::objects`].
    #[inline]
    pub(crate) fn object_level(
        &mut self,
        side: Side,
        (price, size): (&str, &str),
        row: &mut Reader<'_>,
    ) -> Read<()> {
        let (mut at, mut of) = (None, None);
        row.object(|key, value| {
            if key == price.as_bytes() {
                at = Some(value.number()?);
            } else if key == size.as_bytes() {
                of = Some(value.number()?);
            } else {
                value.skip()?;
            }
            Ok(())
        })?;
        match (at, of) {
            (Some(at), Some(of)) => self.put(side, at, of),
            _ => Err(Rejected::Shape),
        }
    }
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

/// A row `["label",price,size,...]`: the label and the two numbers, bare or quoted.
#[inline]
pub(crate) fn labelled_row<'a>(row: &mut Reader<'a>) -> Read<(&'a [u8], [Number; 2])> {
    match row.labelled_row() {
        Some((label, pair)) => Ok((label, pair.map(Number::Plain))),
        None => any_labelled_row(row),
    }
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
    use crate::inband::chain::Link;
    use crate::inband::frame::{Content, Event};

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
