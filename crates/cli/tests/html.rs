//! `tickbook replay --html` as a user sees it: one page that needs nothing else.

#![allow(clippy::unwrap_used, reason = "a test that cannot go on says where")]

mod util;

use util::{Place, bad, good};

#[test]
fn a_replay_writes_a_page() {
    let place = Place::new("html");
    let capture = place.file("a<b>.cap", util::capture().as_bytes());
    let page = place.files.join("report.html");
    let (capture, path) = (capture.to_str().unwrap(), page.to_str().unwrap());
    // Several passes, so that there are several moments.
    let args =
        ["--idle", "yield", "--sample-every", "1", "--repeat", "3", "--shm-dir", place.shm()];
    good(&[&["replay", capture, "--html", path][..], &args].concat());
    let page = std::fs::read_to_string(page).unwrap();
    assert!(page.starts_with("<!DOCTYPE html>") && page.trim_end().ends_with("</html>"));
    for text in [
        "a&lt;b&gt;.cap",
        "binance_spot",
        "Percentile curves",
        "Where the time goes",
        "Latency over time",
        "tick \u{2192} book",
        "AAAUSDT",
        "BBBUSDT",
        "9.9",
    ] {
        assert!(page.contains(text), "{text}");
    }
    // recv to parsed, parsed to popped, popped to published, tick to book: all have samples.
    assert!(page.matches("<polyline").count() >= 4, "{page}");
    for foreign in ["http:", "https:", "<script", "<link", "<img"] {
        assert!(!page.contains(foreign), "{foreign}");
    }
}

#[test]
fn a_page_that_cannot_be_written_is_known_before_the_replay() {
    let place = Place::new("html-nowhere");
    let line = bad(&["replay", "/no/such.cap", "--html", "/no/such/folder/x.html"]);
    assert!(line.contains("/no/such/folder/x.html"), "{line}");
    assert!(place.left_behind().is_empty());
}
