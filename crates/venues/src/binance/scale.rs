//! Exponents of a book's numbers, refined as its numbers ask for it.

use tickbook_types::{Scale, Ticks};

use super::feed::Problem;
use super::frame::{DecimalLevel, Needs};
use super::session::BinanceSession;
use crate::lane;
use crate::session::Context;

impl BinanceSession {
    /// Moves a book's exponents so that it can hold some levels.
    pub(super) fn make_fit(
        &mut self,
        index: usize,
        levels: &[DecimalLevel],
        received: Ticks,
        cx: &mut Context<'_>,
    ) -> Result<(), Problem> {
        let mut needs = Needs::default();
        for level in levels {
            needs.add(level);
        }
        let book = &mut self.books[index];
        let mut scale = needs.scale(book.scale()).map_err(Problem::Bad)?;
        if let Some(min) = book.size_exponent_min {
            scale.size_exponent = scale.size_exponent.max(min);
        }
        if scale.size_exponent > needs.size_exponent_wanted(book.scale()) {
            book.size_exponent_min = Some(scale.size_exponent);
        }
        if self.rescale(index, scale, received, cx) { Ok(()) } else { Err(Problem::Full) }
    }

    /// Changes a book's exponents and tells the builder; `false` if the lane is full.
    pub(super) fn rescale(
        &mut self,
        index: usize,
        scale: Scale,
        received: Ticks,
        cx: &mut Context<'_>,
    ) -> bool {
        let book = &mut self.books[index];
        if book.scale() == Some(scale) {
            return true;
        }
        if book.added {
            let epoch = self.links[book.link].epoch;
            let state = (book.state, book.reason);
            if !lane::rescale(cx.lane, book.id, epoch, state, scale, received) {
                return false;
            }
            cx.counters.rescales += 1;
        }
        self.books[index].set_scale(scale);
        // A book of a replay is added as soon as its first numbers have told its exponents.
        self.add_book(index, cx);
        true
    }
}
