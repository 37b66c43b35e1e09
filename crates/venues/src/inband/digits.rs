//! How a venue writes the numbers of a book: what its checksum is made over.
//!
//! # Guarantees
//!
//! - A checksum is called doubtful if some level since the last snapshot was written in another
//!   form than the one that the check prints, so that a difference proves nothing.
//!
//! # Not guaranteed
//!
//! - That the level in doubt is still in the book: only the next snapshot ends a doubt.

use tickbook_types::{Checksum, ChecksumKind, Forms, NumberForm, Written};

use crate::level::DecimalLevel;

/// What was seen of the numbers of a book since its last snapshot.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub(super) struct Digits {
    price: Seen,
    size: Seen,
}

/// What was seen of prices, or of sizes.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
struct Seen {
    /// Most digits behind the point.
    digits: u8,
    /// Some number had fewer than there were then.
    uneven: bool,
    /// Forms that all numbers had.
    forms: Forms,
}

impl Default for Seen {
    fn default() -> Self {
        Self { digits: 0, uneven: false, forms: Forms::ALL }
    }
}

impl Digits {
    /// Takes the levels of a message; those of a snapshot replace what was seen.
    pub(super) fn see(&mut self, levels: &[DecimalLevel], snapshot: bool) {
        if snapshot {
            *self = Self::default();
        }
        // A size of zero is no text in the book, and has digits of its own (`0`).
        let held = || levels.iter().filter(|level| !level.size.is_zero());
        self.price.see(held().map(|level| level.price_written));
        self.size.see(held().map(|level| level.size_written));
    }

    /// A checksum as the check wants it; `rounded`: sizes of the book may be inexact.
    pub(super) fn checksum(&self, kind: ChecksumKind, value: u32, rounded: bool) -> Checksum {
        let (price, size) = (&self.price, &self.size);
        let odd = |seen: &Seen| seen.is_odd(kind.form(seen.digits));
        let doubtful = rounded || odd(price) || odd(size);
        Checksum { kind, price_digits: price.digits, size_digits: size.digits, doubtful, value }
    }
}

impl Seen {
    fn see(&mut self, written: impl Iterator<Item = Written> + Clone) {
        // More digits than ever: the instrument has them from now on.
        let most = written.clone().map(|it| it.digits).max();
        self.digits = self.digits.max(most.unwrap_or(0));
        for it in written {
            self.uneven |= it.digits < self.digits;
            self.forms = self.forms.and(it.forms);
        }
    }

    /// Whether some number was not written in a form.
    const fn is_odd(&self, form: NumberForm) -> bool {
        let counts = matches!(form, NumberForm::Fixed(_) | NumberForm::Bare(_));
        (counts && self.uneven) || !self.forms.has(form)
    }
}
