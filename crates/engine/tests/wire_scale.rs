//! A venue that scales its numbers: readers get real ones, a report has what the venue wrote.

#![allow(clippy::unwrap_used, reason = "a test")]

mod util;

use tickbook_capture::Capture;
use tickbook_engine::replay::from_memory;
use tickbook_engine::topology::BuilderPlace;

const LINES: &str = concat!(
    "1700000000000000000 OPEN wss://ws.phemex.com/\n",
    r#"1700000000000000001 {"book":{"asks":[[1010000,3]],"bids":[[1005000,2],[1000000,1]]},"#,
    r#""depth":30,"sequence":41,"symbol":"XYUSD","timestamp":1700000000000000001,"#,
    "\"type\":\"snapshot\"}\n",
    r#"1700000000000000002 {"book":{"asks":[],"bids":[[1000001,7]]},"#,
    r#""depth":30,"sequence":44,"symbol":"XYUSD","timestamp":1700000000000000002,"#,
    "\"type\":\"incremental\"}\n",
);

#[test]
fn books_are_printed_in_the_integers_of_the_wire() {
    let dir = util::ShmDir::new("wire_scale");
    std::fs::create_dir_all(&dir.0).unwrap();
    let file = dir.0.join("scaled.cap");
    std::fs::write(&file, LINES).unwrap();
    let capture = Capture::load(&file).unwrap();
    let options = util::options(&dir, BuilderPlace::Inline, "wire_scale");
    let replayed = from_memory(&capture, &options).unwrap();
    let book = &replayed.books.symbols["XYUSD"];
    assert_eq!((book.state, book.last_seq), ("live", Some(44)));
    let levels = |levels: &[[&str; 2]]| -> Vec<[String; 2]> {
        levels.iter().map(|level| level.map(str::to_owned)).collect()
    };
    assert_eq!(book.bids, levels(&[["1005000", "2"], ["1000001", "7"], ["1000000", "1"]]));
    assert_eq!(book.asks, levels(&[["1010000", "3"]]));
}
