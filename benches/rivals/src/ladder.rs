//! Level updates, and the best of both sides after each message.

use std::hint::black_box;

use tickbook_book::Book;
use tickbook_types::LevelRecord;

use crate::TICKBOOK;
use crate::book::{Maps, Rival};
use crate::contest::{Contest, Table, per};
use crate::stream::Stream;

/// Slots of the floor's array.
const SLOTS: usize = 1 << 16;

/// Nanoseconds per level update.
pub(crate) fn run(streams: &[Stream], table: &mut Table) {
    let contest = |stream| (Stream::updates(stream), contest(stream).run(table.rounds.div_ceil(3)));
    let parts: Vec<_> = streams.iter().map(contest).collect();
    table.add_pooled("ladder_update", &parts);
}

fn contest(stream: &Stream) -> Contest<'_> {
    let mut contest = Contest::new(format!("ladder_update@{}", stream.name));
    let mut sides = [vec![0_u64; SLOTS], vec![0_u64; SLOTS]];
    contest.enter("array store", move || {
        per(stream.updates(), || {
            stream.messages.iter().for_each(|message| store(&mut sides, message));
        })
    });
    enter::<Book>(&mut contest, TICKBOOK, stream);
    enter::<Maps>(&mut contest, "BTreeMap", stream);
    peers(&mut contest, stream);
    contest
}

#[allow(unused_variables, reason = "not used when no peer is built")]
fn peers<'a>(contest: &mut Contest<'a>, stream: &'a Stream) {
    #[cfg(feature = "hftbacktest")]
    enter::<crate::book::Roi>(contest, "hftbacktest ROIVector", stream);
    #[cfg(not(feature = "hftbacktest"))]
    contest.miss("hftbacktest ROIVector", crate::peers::NOT_BUILT);
    #[cfg(feature = "nautilus")]
    enter::<crate::book::Nautilus>(contest, "nautilus-model", stream);
    #[cfg(not(feature = "nautilus"))]
    contest.miss("nautilus-model", crate::peers::NOT_BUILT);
    #[cfg(feature = "barter")]
    enter::<crate::book::Barter>(contest, "barter-data", stream);
    #[cfg(not(feature = "barter"))]
    contest.miss("barter-data", crate::peers::NOT_BUILT);
}

/// Adds a book if it agrees with the ordered maps after every message.
fn enter<'a, R: Rival + 'a>(contest: &mut Contest<'a>, name: &str, stream: &'a Stream)
where
    R::Message: 'a,
{
    let messages: Vec<_> = stream.messages.iter().map(|it| R::message(stream, it)).collect();
    let (mut rival, mut maps) = (R::of(stream), Maps::of(stream));
    let mut differ = |(message, records): (&R::Message, &Vec<LevelRecord>)| {
        rival.apply(message);
        maps.apply(records);
        rival.best() != maps.best()
    };
    let differing = messages.iter().zip(&stream.messages).filter(|it| differ(*it)).count();
    if differing > 0 {
        contest.miss(name, format!("differs after {differing} of {} messages", messages.len()));
        return;
    }
    contest.enter(name, move || {
        rival.renew(stream);
        per(stream.updates(), || {
            for message in &messages {
                rival.apply(black_box(message));
                rival.touch();
            }
        })
    });
}

fn store(sides: &mut [Vec<u64>; 2], records: &[LevelRecord]) {
    for record in records {
        let side = sides[record.side() as usize].as_mut_slice();
        let [low, high, ..] = record.price().0.to_le_bytes();
        side[usize::from(u16::from_le_bytes([low, high]))] = record.size().0;
    }
    black_box(sides);
}
