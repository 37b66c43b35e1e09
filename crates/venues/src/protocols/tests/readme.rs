//! The README's list of venues says what the protocols say.

use std::collections::BTreeMap;

use tickbook_types::Venue;

use super::super::protocol::{Recovery, Topic};
use super::super::{protocol_of, rules};
use crate::session::Subscription;

/// Which row a venue belongs to, by a word of the row.
fn row_of(venue: Venue) -> &'static str {
    if [Venue::BitgetV1, Venue::OkexV3, Venue::Ftx, Venue::DydxV3].contains(&venue) {
        return "recordings only";
    }
    let (Some(protocol), Some(rules)) = (protocol_of(venue), rules(venue)) else {
        return "a REST snapshot";
    };
    // Books of orders are crossed for moments, or checked by orders.
    if rules.crosses || rules.orders || venue == Venue::KrakenL3 {
        return "single orders";
    }
    if rules.recovery == Recovery::NextMessage {
        return "a whole book";
    }
    let topic = Topic::plain(&Subscription::all("XY-USD"));
    match protocol.snapshot_path(&topic) {
        Some(_) => "a REST snapshot",
        None => "a snapshot and changes",
    }
}

#[test]
fn the_readme_has_every_venue_in_its_row() {
    let path = concat!(env!("CARGO_MANIFEST_DIR"), "/../../README.md");
    let readme = std::fs::read_to_string(path).unwrap();
    let mut rows: BTreeMap<&str, &str> = BTreeMap::new();
    for line in readme.lines().filter(|line| {
        line.starts_with("| a ") || line.contains(" `ftx`") || line.starts_with("| single")
    }) {
        let Some((row, names)) = line.trim_matches('|').split_once('|') else { continue };
        for name in names.split('`').skip(1).step_by(2) {
            assert_eq!(rows.insert(name, row.trim()), None, "{name} is listed twice");
        }
    }
    for venue in Venue::all() {
        let row = rows.remove(venue.name());
        let wanted = row_of(venue);
        assert!(row.is_some_and(|row| row.starts_with(wanted)), "{venue}: {wanted}, not {row:?}");
    }
    assert!(rows.is_empty(), "no venues: {rows:?}");
}
