//! Arrays of levels, straight into level records.

use tickbook_types::{LevelRecord, Price, Scale, Side, Size};

use crate::arch::{Kernel, scalar, swar, swar::Decimals};
use crate::text::expect;

/// How a level is written.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
#[non_exhaustive]
pub enum Form {
    /// `["price","size"]`: Binance, Bybit, Gate, Bitget.
    #[default]
    Quoted,
    /// `["price","size",…]`, where plain strings and numbers may follow: OKX, `KuCoin`.
    QuotedAndMore,
    /// `[price,size]`, bare numbers: Deribit's grouped books, Phemex.
    Bare,
}

impl Form {
    /// Whether the numbers stand in quotes.
    #[inline(always)]
    pub(crate) const fn is_quoted(self) -> bool {
        !matches!(self, Self::Bare)
    }
}

/// Scans level arrays at one scale.
#[derive(Clone, Copy, Debug)]
pub struct LevelScanner {
    fields: Fields,
    kernel: Kernel,
}

/// The two numbers of a level, and what the last level looked like.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Fields {
    pub(crate) price: Decimals,
    pub(crate) size: Decimals,
    pub(crate) form: Form,
    #[cfg(target_arch = "x86_64")]
    pub(crate) hint: crate::arch::avx2::Hint,
}

/// What [`LevelScanner::levels`] found.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct Levels {
    /// Levels written.
    pub count: usize,
    /// The position behind the array's closing bracket.
    pub end: usize,
}

impl LevelScanner {
    /// A scanner of `["price","size"]` for integers at `scale`, by the best kernel of this
    /// processor; `None` if the scale has an exponent above 0, which only the general path serves.
    #[must_use]
    pub fn new(scale: Scale) -> Option<Self> {
        Self::with(scale, Form::Quoted, Kernel::best())
    }

    /// A scanner of another form, or by another kernel (for comparisons); `None` also if the
    /// kernel is not available.
    #[must_use]
    pub fn with(scale: Scale, form: Form, kernel: Kernel) -> Option<Self> {
        let fields = Fields {
            price: Decimals::new(scale.price_exponent)?,
            size: Decimals::new(scale.size_exponent)?,
            form,
            #[cfg(target_arch = "x86_64")]
            hint: crate::arch::avx2::Hint::NONE,
        };
        #[cfg(target_arch = "x86_64")]
        if kernel == Kernel::Avx2 && kernel.is_available() && !crate::arch::avx2::serves(&fields) {
            return Some(Self { fields, kernel: Kernel::Swar });
        }
        // The calls of `levels` below rely on this.
        kernel.is_available().then_some(Self { fields, kernel })
    }

    /// Scans the array at `at` into `out`.
    ///
    /// `None` if it is not written in the scanner's [`Form`] without white space, has a number
    /// that the scale cannot hold, or more levels than `out`.
    #[inline]
    #[must_use]
    pub fn levels(
        &mut self,
        bytes: &[u8],
        at: usize,
        side: Side,
        out: &mut [LevelRecord],
    ) -> Option<Levels> {
        let first = if self.fields.form.is_quoted() {
            expect(bytes, at, b"[[\"")
        } else {
            expect(bytes, at, b"[[")
        };
        let Some(first) = first else {
            return expect(bytes, at, b"[]").map(|end| Levels { count: 0, end });
        };
        let fields = &mut self.fields;
        match self.kernel {
            Kernel::Scalar => scalar::levels(fields, bytes, first, side, out),
            #[cfg(target_arch = "x86_64")]
            Kernel::Avx2 => {
                // SAFETY: the processor has what `avx2::levels` is compiled for, because `with`
                // makes no scanner of this kernel unless `Kernel::is_available` said so.
                unsafe { crate::arch::avx2::levels(fields, bytes, first, side, out) }
            }
            _ => swar::levels(fields, bytes, first, side, out),
        }
    }

    /// A price in quotes at `at` (behind the opening one) and the position behind the closing one.
    #[inline]
    #[must_use]
    pub fn price(&mut self, bytes: &[u8], at: usize) -> Option<(Price, usize)> {
        let (value, end) = self.fields.price.scan(bytes, at, true)?;
        Some((Price(value.cast_signed()), end + 1))
    }

    /// A size in quotes at `at` (behind the opening one) and the position behind the closing one.
    #[inline]
    #[must_use]
    pub fn size(&mut self, bytes: &[u8], at: usize) -> Option<(Size, usize)> {
        let (value, end) = self.fields.size.scan(bytes, at, true)?;
        Some((Size(value), end + 1))
    }

    /// A price without quotes at `at`, and the position of what ends it (`,`, `]` or `}`).
    #[inline]
    #[must_use]
    pub fn bare_price(&mut self, bytes: &[u8], at: usize) -> Option<(Price, usize)> {
        let (value, end) = self.fields.price.scan(bytes, at, false)?;
        Some((Price(value.cast_signed()), end))
    }

    /// A size without quotes at `at`, and the position of what ends it (`,`, `]` or `}`).
    #[inline]
    #[must_use]
    pub fn bare_size(&mut self, bytes: &[u8], at: usize) -> Option<(Size, usize)> {
        let (value, end) = self.fields.size.scan(bytes, at, false)?;
        Some((Size(value), end))
    }
}
