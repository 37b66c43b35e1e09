//! The conformance suite: what the session of every venue does in every case, held by one table.
//!
//! Method: a made-up venue keeps a book and tells of it in a real venue's words (`forms.txt`). Each
//! case (`cases.rs`) loses, repeats, moves or damages something, with the live session, a builder
//! and the shared memory behind it, and answers what a reader found. `table.txt` says what that has
//! to be: one row a venue, one column a case. Whatever is not live has to be live again, and right,
//! once the venue has given what the session asks for.

#![allow(clippy::unwrap_used, unreachable_pub, reason = "a test")]

mod cases;
mod forms;
mod rig;
mod speaker;
mod table;
#[path = "../util/mod.rs"]
mod util;

use std::collections::BTreeSet;
use std::path::Path;

use tickbook_types::Venue;

use self::cases::Case;
use self::forms::Form;
use self::table::TABLE;

#[test]
fn the_table_has_every_venue_and_every_case() {
    let venues: BTreeSet<&str> = Venue::all().map(Venue::name).collect();
    let rows: BTreeSet<&str> = TABLE.rows.iter().map(|(label, _)| *label).collect();
    assert_eq!(rows.len(), TABLE.rows.len(), "a row twice");
    let is_channel = |label: &&&str| label.contains('@');
    let of_venues: BTreeSet<&str> = rows.iter().filter(|it| !is_channel(it)).copied().collect();
    assert_eq!(of_venues, venues);
    let spoken: BTreeSet<&str> = forms::ALL.iter().map(|form| form.label).collect();
    assert_eq!(rows, spoken, "rows and words");
    let cases: Vec<&str> = cases::ALL.iter().map(|case| case.name).collect();
    assert_eq!(TABLE.columns, cases);
    let mut used = BTreeSet::new();
    for (label, cells) in &TABLE.rows {
        assert_eq!(cells.len(), cases.len(), "{label}");
        used.extend(cells.iter().copied());
    }
    assert_eq!(used, TABLE.words.keys().copied().collect(), "words without use or meaning");
}

#[test]
fn every_cell_is_as_the_table_says() {
    let cells: Vec<(&Form, &Case)> =
        forms::ALL.iter().flat_map(|form| cases::ALL.iter().map(move |it| (form, it))).collect();
    let half = cells.len() / 2;
    let wrong: Vec<String> = std::thread::scope(|scope| {
        let parts = [&cells[..half], &cells[half..]].map(|part| {
            scope.spawn(|| part.iter().filter_map(|(form, case)| check(form, case)).collect())
        });
        parts.into_iter().flat_map(|part| -> Vec<String> { part.join().unwrap() }).collect()
    });
    assert!(wrong.is_empty(), "{} cells:\n{}", wrong.len(), wrong.join("\n"));
}

/// What is wrong with a cell.
fn check(form: &'static Form, case: &Case) -> Option<String> {
    let at = format!("{} {}", form.label, case.name);
    let wanted = TABLE.cell(form.label, case.name);
    if wanted.starts_with('-') {
        return None;
    }
    let wanted = if wanted == "unseen" { "wrong" } else { wanted };
    let (mut rig, seen) = (case.play)(form);
    if seen != wanted {
        return Some(format!("{at}: {seen}, not {wanted}"));
    }
    if seen == "wrong" || rig.verdict() == "live" {
        return None;
    }
    rig.heal();
    let healed = rig.verdict();
    (healed != "live").then(|| format!("{at}: {healed} after a snapshot"))
}

#[test]
fn the_docs_tell_the_table() {
    const BEGIN: &str = "<!-- conformance: begin -->\n";
    const END: &str = "<!-- conformance: end -->\n";
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../docs/VENUES.md");
    let docs = std::fs::read_to_string(&path).unwrap();
    let (before, rest) = docs.split_once(BEGIN).unwrap();
    let (now, after) = rest.split_once(END).unwrap();
    let wanted = format!("\n{}\n", TABLE.markdown());
    if std::env::var_os("TICKBOOK_WRITE_DOCS").is_some() {
        std::fs::write(&path, format!("{before}{BEGIN}{wanted}{END}{after}")).unwrap();
        return;
    }
    assert_eq!(now, wanted, "run this test with TICKBOOK_WRITE_DOCS=1");
}
