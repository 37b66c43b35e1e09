//! One instrument on every venue that has it, merged into one book on the reader's side.
//!
//! # Guarantees
//!
//! - Only books that are live and fresh at one and the same moment are merged. Every other one is
//!   named with the reason why it was left out.
//! - Sizes are in units of the base asset. A book whose sizes count something that cannot be
//!   converted is left out, never mixed in.
//! - An instrument counts once: of several books of it (depths, engines) the deepest that can be
//!   used is taken.
//! - Prices and sizes are exact, but for sizes that count quote: these are divided by their price
//!   and cut after [`SizeUnit::BASE_DIGITS`] digits.
//!
//! # Not guaranteed
//!
//! - That the books are of one instant: [`ConsolidatedBook::skew_ns`] says how far apart they were
//!   received. Books of several venues may cross each other.
//! - That the venues' instruments are the same in every respect: the name says asset, kind and
//!   expiry, not how a contract is margined.

use std::path::Path;

use tickbook_shm::{BookInfo, DEFAULT_DIR, Depth};
use tickbook_types::{
    Decimal, Level, MonoNanos, NotReadable, Scale, Side, SizeUnit, Venue, WallNanos, clock,
};

use crate::attach::{self, AttachError, Tickbook};
use crate::book::BookReader;

/// Why a book is not in a consolidated one.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
#[non_exhaustive]
pub enum LeftOut {
    /// It cannot be used now.
    NotReadable(NotReadable),
    /// What its sizes count is not known, or cannot be counted in base.
    SizeUnit(SizeUnit),
}

impl core::fmt::Display for LeftOut {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        match self {
            Self::NotReadable(why) => why.fmt(f),
            Self::SizeUnit(SizeUnit::Unknown) => f.write_str("what its sizes count is not known"),
            Self::SizeUnit(_) => f.write_str("its sizes cannot be counted in base"),
        }
    }
}

/// A level of one of the books.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct ConsolidatedLevel {
    /// Which book: an index of [`ConsolidatedBook::members`].
    pub member: usize,
    /// Price.
    pub price: Decimal,
    /// Size in units of the base asset.
    pub size: Decimal,
}

/// An instrument of a venue, as far as it took part.
#[derive(Clone, Debug, PartialEq)]
pub struct Member {
    /// Venue; `None` if this build does not know its number.
    pub venue: Option<Venue>,
    /// Name of the book among the venue's.
    pub name: String,
    /// When its last message was received.
    pub received: WallNanos,
    /// Why it was left out; `None`: its levels are there.
    pub left_out: Option<LeftOut>,
}

/// What a read of a [`Consolidated`] gave.
#[derive(Debug, Default)]
pub struct ConsolidatedBook {
    members: Vec<Member>,
    bids: Vec<ConsolidatedLevel>,
    asks: Vec<ConsolidatedLevel>,
}

impl ConsolidatedBook {
    /// Bids of all books, best first; of equal prices in the order of the members.
    #[must_use]
    pub fn bids(&self) -> &[ConsolidatedLevel] {
        &self.bids
    }

    /// Asks of all books, best first; of equal prices in the order of the members.
    #[must_use]
    pub fn asks(&self) -> &[ConsolidatedLevel] {
        &self.asks
    }

    /// The instruments, whether they took part or not.
    #[must_use]
    pub fn members(&self) -> &[Member] {
        &self.members
    }

    /// How far apart the last messages of the books were received; `None` if no book took part.
    #[must_use]
    pub fn skew_ns(&self) -> Option<i64> {
        let used = self.members.iter().filter(|it| it.left_out.is_none());
        let times = used.map(|it| it.received.0);
        let (first, last) = (times.clone().min()?, times.max()?);
        Some(last.saturating_sub(first))
    }
}

/// One instrument of a venue: its books, the deepest first.
#[derive(Debug)]
struct Source {
    readers: Vec<BookReader>,
}

/// Readers of one instrument on every venue that has it.
#[derive(Debug)]
pub struct Consolidated {
    sources: Vec<Source>,
    scratch: Depth,
}

impl Consolidated {
    /// The books whose normalised name is `name` (`BTC-USDT`), of the engine called `engine` or of
    /// all that run.
    ///
    /// # Errors
    ///
    /// [`AttachError`] says which engines, or which names, there are.
    pub fn open(engine: Option<&str>, name: &str) -> Result<Self, AttachError> {
        Self::open_in(Path::new(DEFAULT_DIR), engine, name)
    }

    /// [`Self::open`] in another directory.
    ///
    /// # Errors
    ///
    /// As [`Self::open`].
    pub fn open_in(dir: &Path, engine: Option<&str>, name: &str) -> Result<Self, AttachError> {
        let engines = match engine {
            Some(engine) => vec![engine.to_owned()],
            None => attach::running(dir)?,
        };
        let (mut sources, mut known) = (Vec::new(), Vec::new());
        for engine in engines {
            let tickbook = Tickbook::attach_in(dir, Some(&engine))?;
            for info in tickbook.books() {
                if info.normalised.eq_ignore_ascii_case(name) {
                    add(&mut sources, tickbook.reader(info));
                } else if !known.contains(&info.normalised) {
                    known.push(info.normalised);
                }
            }
        }
        if sources.is_empty() {
            known.sort();
            return Err(AttachError::NoBook { name: name.to_owned(), known });
        }
        Ok(Self { sources, scratch: Depth::default() })
    }

    /// What the directory says of the books, the deepest of each instrument.
    pub fn infos(&self) -> impl Iterator<Item = &BookInfo> {
        self.sources.iter().filter_map(|it| it.readers.first()).map(BookReader::info)
    }

    /// Reads every book, and merges up to `levels` levels a side. What `book` held is replaced; its
    /// memory is kept.
    pub fn read(&mut self, book: &mut ConsolidatedBook, levels: usize) {
        self.read_at(book, levels, clock::mono_now());
    }

    /// [`Self::read`] at a time that the caller has just read from `CLOCK_MONOTONIC`.
    pub fn read_at(&mut self, book: &mut ConsolidatedBook, levels: usize, now: MonoNanos) {
        let ConsolidatedBook { members, bids, asks } = book;
        bids.clear();
        asks.clear();
        members.resize_with(self.sources.len(), || Member {
            venue: None,
            name: String::new(),
            received: WallNanos(0),
            left_out: None,
        });
        for (index, (source, member)) in self.sources.iter_mut().zip(members).enumerate() {
            member.left_out = source.read(&mut self.scratch, now, |info, depth| {
                member.venue = info.venue;
                member.name.clone_from(&info.name);
                let Some(depth) = depth else { return Ok(()) };
                let header = depth.header();
                member.received = header.received_wall;
                let scale = header.scale;
                let (bids_before, asks_before) = (bids.len(), asks.len());
                let taken = take(bids, index, info, depth.bids(), levels, scale)
                    .and_then(|()| take(asks, index, info, depth.asks(), levels, scale));
                taken.ok_or_else(|| {
                    // None of its levels, rather than some.
                    bids.truncate(bids_before);
                    asks.truncate(asks_before);
                    LeftOut::SizeUnit(info.size_unit)
                })
            });
        }
        merge(bids, Side::Bid, levels);
        merge(asks, Side::Ask, levels);
    }
}

impl Source {
    /// Reads the first of its books that can be used; else says why the first cannot. `take` hears
    /// of the book that counts, and gets its levels if it can be used.
    fn read(
        &mut self,
        depth: &mut Depth,
        now: MonoNanos,
        mut take: impl FnMut(&BookInfo, Option<&Depth>) -> Result<(), LeftOut>,
    ) -> Option<LeftOut> {
        let mut first = None;
        for reader in &mut self.readers {
            match reader.depth_at(depth, now) {
                Ok(()) => return take(reader.info(), Some(depth)).err(),
                Err(why) => first = first.or(Some(LeftOut::NotReadable(why))),
            }
        }
        if let Some(reader) = self.readers.first() {
            let _ = take(reader.info(), None);
        }
        first
    }
}

/// Adds a book to those of its instrument, or as the first of one.
fn add(sources: &mut Vec<Source>, reader: BookReader) {
    let instrument = |info: &BookInfo| (info.venue, info.size_unit, info.contract_multiplier);
    let key = instrument(reader.info());
    let depth = |reader: &BookReader| reader.info().depth_max.unwrap_or(u32::MAX);
    match sources.iter_mut().find(|it| instrument(it.readers[0].info()) == key) {
        Some(source) => {
            let at = source.readers.partition_point(|it| depth(it) >= depth(&reader));
            source.readers.insert(at, reader);
        }
        None => sources.push(Source { readers: vec![reader] }),
    }
}

/// The first levels of a side in base; `None` if one cannot be counted so.
fn take(
    out: &mut Vec<ConsolidatedLevel>,
    member: usize,
    info: &BookInfo,
    side: &[Level],
    levels: usize,
    scale: Scale,
) -> Option<()> {
    if !matches!(info.size_unit, SizeUnit::Base | SizeUnit::Quote) {
        return None;
    }
    for level in side.iter().take(levels) {
        let price = Decimal::new(level.price.0.into(), scale.price_exponent.into());
        out.push(ConsolidatedLevel { member, price, size: info.size_in_base(*level, scale)? });
    }
    Some(())
}

/// Puts levels of several books in order, best first, and keeps the first ones.
fn merge(levels: &mut Vec<ConsolidatedLevel>, side: Side, keep: usize) {
    levels.sort_unstable_by(|a, b| {
        let by_price = match side {
            Side::Bid => b.price.compare(a.price),
            Side::Ask => a.price.compare(b.price),
        };
        by_price.then(a.member.cmp(&b.member))
    });
    levels.truncate(keep);
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    /// Takes the best level that is left, over and over.
    fn naive(levels: &[(usize, i64, i16)], side: Side, keep: usize) -> Vec<(usize, i128)> {
        let mut left: Vec<(i128, usize)> = levels
            .iter()
            .map(|(member, mantissa, exponent)| {
                let power = u32::from((exponent + 6).unsigned_abs());
                (i128::from(*mantissa) * 10_i128.pow(power), *member)
            })
            .collect();
        let mut taken = Vec::new();
        while taken.len() < keep && !left.is_empty() {
            let mut best = 0;
            for (at, (price, member)) in left.iter().enumerate() {
                let (best_price, best_member) = left[best];
                let better = match side {
                    Side::Bid => *price > best_price,
                    Side::Ask => *price < best_price,
                };
                if better || (*price == best_price && *member < best_member) {
                    best = at;
                }
            }
            let (price, member) = left.remove(best);
            taken.push((member, price));
        }
        taken
    }

    proptest! {
        #[test]
        fn the_best_come_first_whatever_their_exponents(
            levels in prop::collection::vec((0_usize..4, -50_i64..2_000, -6_i16..=2), 0..40),
            keep in 0_usize..50,
            bids in any::<bool>(),
        ) {
            let side = if bids { Side::Bid } else { Side::Ask };
            let mut merged: Vec<_> = levels
                .iter()
                .map(|(member, mantissa, exponent)| ConsolidatedLevel {
                    member: *member,
                    price: Decimal::new((*mantissa).into(), *exponent),
                    size: Decimal::ZERO,
                })
                .collect();
            merge(&mut merged, side, keep);
            let merged: Vec<_> = merged
                .iter()
                .map(|it| {
                    let power = u32::from((it.price.exponent() + 6).unsigned_abs());
                    (it.member, it.price.mantissa() * 10_i128.pow(power))
                })
                .collect();
            prop_assert_eq!(merged, naive(&levels, side, keep));
        }
    }
}
