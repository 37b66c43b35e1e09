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

use tickbook_scan::Plain;
use tickbook_types::{Checksum, ChecksumKind, Forms, NumberForm, Written};

use crate::levels::Levels;

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
    pub(super) fn see(&mut self, levels: Levels<'_>, snapshot: bool) {
        if snapshot {
            *self = Self::default();
        }
        let (mut price, mut size) = (Message::new(self.price.forms), Message::new(self.size.forms));
        // A size of zero is no text in the book, and has digits of its own (`0`).
        let mut odd = (price, size);
        levels.sized(
            |at, of| {
                price.see_plain(at);
                size.see_plain(of);
            },
            |level| {
                odd.0.see(level.price_written);
                odd.1.see(level.size_written);
            },
        );
        price.see_message(odd.0);
        size.see_message(odd.1);
        self.price.see(price);
        self.size.see(size);
    }

    /// A checksum as the check wants it; `rounded`: sizes of the book may be inexact.
    pub(super) fn checksum(&self, kind: ChecksumKind, value: u32, rounded: bool) -> Checksum {
        let (price, size) = (&self.price, &self.size);
        let odd = |seen: &Seen| seen.is_odd(kind.form(seen.digits));
        let doubtful = rounded || odd(price) || odd(size);
        Checksum { kind, price_digits: price.digits, size_digits: size.digits, doubtful, value }
    }
}

/// What was seen of them in one message.
#[derive(Clone, Copy, Debug)]
struct Message {
    digits_min: u8,
    digits_max: u8,
    forms: Forms,
}

impl Message {
    /// Of none yet; `forms` are those of the messages before.
    const fn new(forms: Forms) -> Self {
        Self { digits_min: u8::MAX, digits_max: 0, forms }
    }

    fn see(&mut self, written: Written) {
        self.see_digits(written.digits);
        self.forms = self.forms.and(written.forms);
    }

    #[inline(always)]
    fn see_plain(&mut self, plain: Plain) {
        self.see_digits(plain.part);
        // Such numbers are always written out, so that there cannot be fewer forms than that.
        if self.forms != Forms::PLAIN {
            self.forms = self.forms.and(plain.written().forms);
        }
    }

    #[inline(always)]
    fn see_digits(&mut self, digits: u8) {
        self.digits_min = self.digits_min.min(digits);
        self.digits_max = self.digits_max.max(digits);
    }

    /// What else was seen in it.
    fn see_message(&mut self, other: Self) {
        self.digits_min = self.digits_min.min(other.digits_min);
        self.digits_max = self.digits_max.max(other.digits_max);
        self.forms = self.forms.and(other.forms);
    }
}

impl Seen {
    fn see(&mut self, message: Message) {
        // More digits than ever: the instrument has them from now on.
        self.digits = self.digits.max(message.digits_max);
        self.uneven |= message.digits_min < self.digits;
        self.forms = self.forms.and(message.forms);
    }

    /// Whether some number was not written in a form.
    const fn is_odd(&self, form: NumberForm) -> bool {
        let counts = matches!(form, NumberForm::Fixed(_) | NumberForm::Bare(_));
        (counts && self.uneven) || !self.forms.has(form)
    }
}
