//! One row of a list: the fields of a JSON object, read by name.

use tickbook_types::Decimal;

use crate::json::{Read, Reader};

/// The fields of an object, where they stand in the text.
#[derive(Debug)]
pub(super) struct Row<'a>(Vec<(&'a [u8], Reader<'a>)>);

impl<'a> Row<'a> {
    /// Reads the object in front of `reader`.
    pub(super) fn read(mut reader: Reader<'a>) -> Read<Self> {
        let mut fields = Vec::new();
        reader.object(|key, value| {
            fields.push((key, value.mark()?));
            Ok(())
        })?;
        Ok(Self(fields))
    }

    fn value(&self, name: &str) -> Option<Reader<'a>> {
        self.0.iter().find(|(key, _)| *key == name.as_bytes()).map(|(_, value)| *value)
    }

    /// A string that is not empty.
    pub(super) fn text(&self, name: &str) -> Option<&'a str> {
        let text = core::str::from_utf8(self.value(name)?.text().ok()?).ok()?;
        Some(text).filter(|text| !text.is_empty())
    }

    /// A number, bare or in quotes.
    pub(super) fn number(&self, name: &str) -> Option<Decimal> {
        Decimal::parse(self.value(name)?.digits().ok()?).ok()
    }

    /// A number above zero: a step of zero is none.
    pub(super) fn step(&self, name: &str) -> Option<Decimal> {
        self.number(name).filter(|step| step.mantissa() > 0)
    }

    /// The step of numbers with so many digits behind the point (or zeros before it).
    pub(super) fn digits(&self, name: &str) -> Option<Decimal> {
        let digits = self.number(name)?.to_mantissa(0).ok()?;
        let digits = i16::try_from(digits).ok().filter(|digits| digits.abs() <= DIGITS_MAX)?;
        Some(Decimal::new(1, -digits))
    }

    /// A whole number, bare or in quotes.
    pub(super) fn integer(&self, name: &str) -> Option<u64> {
        self.value(name)?.integer().ok()
    }

    /// `true` or `false`.
    pub(super) fn flag(&self, name: &str) -> Option<bool> {
        self.value(name)?.boolean().ok()
    }

    /// An object within the row; one without fields where there is none.
    pub(super) fn within(&self, name: &str) -> Self {
        let inner = self.value(name).and_then(|value| Self::read(value).ok());
        inner.unwrap_or_else(|| Self(Vec::new()))
    }
}

/// Digits of a price or size; more would not fit in any scale.
const DIGITS_MAX: i16 = 18;

/// Where the rows of a list are.
#[derive(Clone, Copy, Debug)]
pub(super) enum Rows {
    /// In the array behind these keys.
    Array(&'static [&'static str]),
    /// The values of the object behind these keys.
    Values(&'static [&'static str]),
    /// The body is the only one.
    Single,
    /// Not objects, but names in an array of arrays.
    Names,
}

/// Hands each row to `row`, which says whether it was of use; how many were not.
pub(super) fn each<'a>(
    body: &'a [u8],
    rows: Rows,
    mut row: impl FnMut(&Row<'a>) -> bool,
    mut name: impl FnMut(&'a str) -> bool,
) -> Read<u32> {
    let mut skipped = 0;
    let mut take = |reader: Reader<'a>| {
        let used = Row::read(reader).is_ok_and(|it| row(&it));
        skipped += u32::from(!used);
    };
    let mut reader = Reader::new(body);
    match rows {
        Rows::Array(keys) => descend(&mut reader, keys)?.array(|item| {
            take(item.mark()?);
            Ok(())
        })?,
        Rows::Values(keys) => descend(&mut reader, keys)?.object(|_, value| {
            take(value.mark()?);
            Ok(())
        })?,
        Rows::Single => {
            // An answer that is no row at all is no list.
            let only = descend(&mut reader, &[])?;
            Row::read(only)?;
            take(only);
        }
        Rows::Names => descend(&mut reader, &[])?.array(|names| {
            names.array(|item| {
                let text = item.mark()?.text().ok().and_then(|it| core::str::from_utf8(it).ok());
                skipped += u32::from(!text.is_some_and(&mut name));
                Ok(())
            })
        })?,
    }
    Ok(skipped)
}

/// A reader of the value behind some keys.
fn descend<'a>(reader: &mut Reader<'a>, keys: &[&str]) -> Read<Reader<'a>> {
    let mut at = reader.mark()?;
    reader.end()?;
    for wanted in keys {
        let mut found = None;
        at.object(|key, value| {
            let value = value.mark()?;
            if key == wanted.as_bytes() {
                found = Some(value);
            }
            Ok(())
        })?;
        at = found.ok_or(crate::counters::Rejected::Shape)?;
    }
    Ok(at)
}
