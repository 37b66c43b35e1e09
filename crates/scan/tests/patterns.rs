//! Levels that follow patterns are those that a reader of bytes finds to follow them.
//!
//! Method: arrays of levels written in several ways, whole and damaged, with one set of patterns
//! that learns where it stops, beside a naive one that compares byte by byte.

use std::ops::Range;

use proptest::collection::vec;
use proptest::prelude::*;
use tickbook_scan::{Example, Found, Kernel, Patterns, Places, Sort};
use tickbook_types::{LevelRecord, Price, Side, Size};

/// What stands before, between and behind the numbers.
const WAYS: [[&str; 3]; 12] = [
    ["[\"", "\",\"", "\"]"],
    ["[\"", "\",\"", "\",\"0\",\"1\"]"],
    ["[\"", "\",\"", "\",\"0\",\"12\"]"],
    ["[", ",", "]"],
    ["[", ",", ",3]"],
    ["[\"buy\",\"", "\",\"", "\"]"],
    ["[\"new\",", ",", "]"],
    ["{\"n\":4,\"px\":\"", "\",\"sz\":\"", "\"}"],
    ["{\"price\":", ",\"size\":", "}"],
    ["{\"price\":\"", "\",\"offset\":\"2690368335\",\"s\":\"", "\"}"],
    [
        "{\"side\":\"bid\",\"event_time\":\"2026-08-09T21:05:48.949526Z\",\"price_level\":\"",
        "\",\"new_quantity\":\"",
        "\"}",
    ],
    ["{\"p\":\"", "\",\"s\":\"", "\",\"at\":\"2026-08-09T21:05:48\"}"],
];

/// The same that no pattern is made of.
const OTHER_WAYS: [[&str; 3]; 4] = [
    ["[\"", "\", \"", "\"]"],
    ["{\"price\":\"", "\",\"an offset that is too long\":1,\"s\":\"", "\"}"],
    ["{\"p\":\"", "\",\"s\":\"", "\",\"something\":\"that is too long\"}"],
    ["[-", ",", "]"],
];

const BIDS: Sort = Sort { grammar: 1, side: Some(Side::Bid) };

#[derive(Clone, Debug)]
struct Level {
    range: Range<usize>,
    price: Range<usize>,
    size: Range<usize>,
    can_be_learned: bool,
}

/// Digits are as good as any other one.
fn alike(one: u8, other: u8) -> bool {
    one == other || (one.is_ascii_digit() && other.is_ascii_digit())
}

fn text_at(bytes: &[u8], at: usize, text: &[u8]) -> Option<usize> {
    let found = bytes.get(at..at + text.len())?;
    found.iter().zip(text).all(|(one, other)| alike(*one, *other)).then_some(at + text.len())
}

/// Digits, and how many stand before and behind the point; the position behind.
fn number_at(bytes: &[u8], at: usize) -> Option<(u64, [u8; 2], usize)> {
    let digits = |at: usize| bytes[at..].iter().take_while(|it| it.is_ascii_digit()).count();
    let whole = digits(at);
    let mut end = at + whole;
    let mut part = 0;
    if bytes.get(end) == Some(&b'.') {
        part = digits(end + 1);
        end += 1 + part;
        if part == 0 {
            return None;
        }
    }
    if whole == 0 || (whole > 1 && bytes[at] == b'0') || end - at > 16 {
        return None;
    }
    let text: String =
        bytes[at..end].iter().filter(|it| **it != b'.').map(|it| *it as char).collect();
    let count = |digits: usize| u8::try_from(digits).ok();
    Some((text.parse().ok()?, [count(whole)?, count(part)?], end))
}

/// What patterns find, byte by byte.
#[derive(Default)]
struct Naive {
    ways: Vec<[Vec<u8>; 3]>,
    oldest: usize,
}

impl Naive {
    fn learn(&mut self, way: [Vec<u8>; 3], is_last: bool) {
        let is_like = |one: &[Vec<u8>; 3]| {
            one.iter()
                .zip(&way)
                .all(|(one, other)| one.len() == other.len() && text_at(one, 0, other).is_some())
        };
        if self.ways.iter().any(is_like) || (is_last && self.ways.len() == 4) {
            return;
        }
        if self.ways.len() < 4 {
            self.ways.push(way);
        } else {
            self.ways[self.oldest] = way;
        }
        self.oldest = (self.oldest + 1) % 4;
    }

    /// The level at `at`, and the position behind it.
    fn level(&self, bytes: &[u8], at: usize) -> Option<(LevelRecord, Places, usize)> {
        self.ways.iter().find_map(|[head, between, tail]| {
            // The text before a level has to be as long as one that would end there.
            at.checked_sub(tail.len() + 1)?;
            let first = text_at(bytes, at, head)?;
            let (price, price_places, end) = number_at(bytes, first)?;
            let end = text_at(bytes, end, between)?;
            let (size, size_places, end) = number_at(bytes, end)?;
            if end - first >= 64 {
                return None;
            }
            let end = text_at(bytes, end, tail)?;
            if !matches!(bytes.get(end), Some(b',' | b']')) {
                return None;
            }
            let record = LevelRecord::new(Price(price as i64), Size(size), Side::Bid);
            Some((record, Places { price: price_places, size: size_places }, end))
        })
    }

    fn levels(&self, bytes: &[u8], mut at: usize) -> (Found, Vec<(LevelRecord, Places)>) {
        let mut all = Vec::new();
        let mut ended = false;
        while !ended && let Some((record, places, end)) = self.level(bytes, at) {
            all.push((record, places));
            ended = bytes[end] == b']';
            at = end + 1;
        }
        (Found { count: all.len(), at, ended, full: false }, all)
    }
}

fn way(index: usize) -> [&'static str; 3] {
    WAYS.get(index).copied().unwrap_or_else(|| OTHER_WAYS[index - WAYS.len()])
}

/// Levels of the array at the end of `text`, and where each is.
fn array(text: &mut String, levels: &[(usize, String, String)]) -> Vec<Level> {
    let mut all = Vec::new();
    for (index, (index_of_way, price, size)) in levels.iter().enumerate() {
        let [head, between, tail] = way(*index_of_way);
        let start = text.len();
        text.push_str(head);
        let price_at = text.len()..text.len() + price.len();
        text.push_str(price);
        text.push_str(between);
        let size_at = text.len()..text.len() + size.len();
        text.push_str(size);
        text.push_str(tail);
        all.push(Level {
            range: start..text.len(),
            price: price_at,
            size: size_at,
            can_be_learned: *index_of_way < WAYS.len(),
        });
        text.push(if index + 1 < levels.len() { ',' } else { ']' });
    }
    all
}

/// Has a level learned, if it stands as it was written.
fn learn(
    (patterns, naive): (&mut Patterns, &mut Naive),
    bytes: &[u8],
    (level, way): (&Level, [&str; 3]),
    is_last: bool,
) {
    let Level { range, price, size, can_be_learned } = level.clone();
    let is_number =
        |it: &Range<usize>| number_at(bytes, it.start).is_some_and(|(_, _, end)| end == it.end);
    let texts = [range.start..price.start, price.end..size.start, size.end..range.end];
    let texts = texts.map(|it| bytes[it].to_vec());
    let is_whole = texts.iter().zip(way).all(|(one, other)| one == other.as_bytes());
    if !is_whole || !is_number(&price) || !is_number(&size) {
        return;
    }
    patterns.learn(bytes, &Example { level: range, price, size, side: None }, BIDS, is_last);
    if can_be_learned {
        naive.learn(texts, is_last);
    }
}

fn number() -> impl Strategy<Value = String> {
    prop_oneof![
        8 => "(0|[1-9][0-9]{0,5})(\\.[0-9]{1,8})?",
        1 => "[1-9][0-9]{12,17}",
        1 => "[0-9]{1,3}\\.[0-9]{9,14}",
        1 => "0[0-9]\\.?[0-9]?|\\.5|-1|1e5|",
    ]
}

/// Runs of levels that are written in one way.
fn levels() -> impl Strategy<Value = Vec<(usize, String, String)>> {
    let run = (0..WAYS.len() + OTHER_WAYS.len(), vec((number(), number()), 1..6));
    vec(run, 1..8).prop_map(|runs| {
        let each = runs.into_iter().flat_map(|(way, levels)| {
            levels.into_iter().map(move |(price, size)| (way, price, size))
        });
        each.collect()
    })
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(if cfg!(miri) { 20 } else { 20_000 }))]

    #[test]
    fn levels_that_follow_patterns_are_those_of_a_reader_of_bytes(
        arrays in vec(levels(), 1..4),
        damage in vec(
            (any::<prop::sample::Index>(), prop::sample::select(&b"0123456789.,\"[]{}-e "[..])),
            0..6,
        ),
        before in 0..60_usize,
        behind in 0..200_usize,
    ) {
        let mut patterns = Patterns::new();
        let mut naive = Naive::default();
        for array_levels in &arrays {
            let mut text = "x".repeat(before);
            text.push('[');
            let first = text.len();
            let levels = array(&mut text, array_levels);
            let mut bytes = text.into_bytes();
            for (index, byte) in &damage {
                let place = first + index.index(bytes.len() - first);
                bytes[place] = *byte;
            }
            bytes.extend(b"7".repeat(behind));
            let mut at = first;
            loop {
                let mut out = vec![LevelRecord::default(); 50];
                let mut places = vec![Places::default(); 50];
                let found = patterns.levels(&bytes, at, BIDS, &mut out, &mut places);
                let (wanted, all) = naive.levels(&bytes, at);
                if !Kernel::Avx2.is_available() {
                    prop_assert_eq!(found.count, 0);
                } else {
                    let text = String::from_utf8_lossy(&bytes);
                    prop_assert_eq!(found, wanted, "{} at {}", text, at);
                    let count = found.count;
                    let taken = out.into_iter().zip(places).take(count);
                    prop_assert_eq!(taken.collect::<Vec<_>>(), all, "{} at {}", text, at);
                }
                let Some(index) = levels.iter().position(|it| it.range.start == wanted.at) else {
                    break;
                };
                let is_last = index + 1 == levels.len();
                learn(
                    (&mut patterns, &mut naive),
                    &bytes,
                    (&levels[index], way(array_levels[index].0)),
                    is_last,
                );
                if is_last {
                    break;
                }
                at = levels[index + 1].range.start;
            }
        }
    }
}
