//! What is written is what is read: every record, through every compression.

mod scratch;

use std::path::Path;

use proptest::prelude::*;
use proptest::test_runner::FileFailurePersistence;
use scratch::{Owned, Scratch, file, sample};
use tickbook_capture::{Capture, CaptureWriter, Compression, Limits, Record, WriteError};
use tickbook_types::{PADDING, WallNanos};

const COMPRESSIONS: [Compression; 3] = [Compression::Plain, Compression::Gzip, Compression::Zstd];

fn read(bytes: Vec<u8>) -> Vec<Owned> {
    let (capture, damage) = Capture::from_file(Path::new("it.cap"), bytes, &Limits::default());
    assert_eq!(damage, None);
    Owned::all(&capture)
}

#[test]
fn every_kind_of_record_survives_every_compression() {
    let scratch = Scratch::new();
    for compression in COMPRESSIONS {
        // The name says nothing about the content: the first bytes do.
        let path = scratch.path("any-name");
        std::fs::write(&path, file(&sample(), compression)).unwrap();
        let capture = Capture::load(&path).unwrap();
        assert_eq!(Owned::all(&capture), sample(), "{compression:?}");
        assert_eq!(capture.len(), 11);
        assert_eq!(capture.received(), 6);
        assert_eq!(capture.records().len(), 11);
        assert_eq!(capture.path(), path);
    }
}

#[test]
fn the_text_is_the_documented_line_format() {
    let text = String::from_utf8(file(&sample()[..5], Compression::Plain)).unwrap();
    let expected = "\
1 OPEN wss://stream.example:9443/ws/btcusdt@depth
2 > {\"method\":\"SUBSCRIBE\",\"id\":1}
3 {\"result\":null,\"id\":1}
4 HTTP https://api.example/depth?limit=5 \
{\"lastUpdateId\":160,\"bids\":[[\"0.0024\",\"10\"]],\"asks\":[]}
5 {\"u\":161,\"b\":[[\"0.0024\",\"0.00\"]],\"a\":[[\"0.0026\",\"100\"]]}
";
    assert_eq!(text, expected);
    assert_eq!(file(&[Owned::Binary(6, vec![0xff, 0])], Compression::Plain), b"6 B64 /wA=\n");
}

#[test]
fn every_message_has_its_padding() {
    let (capture, _) = Capture::from_file(
        Path::new("it.cap"),
        file(&sample(), Compression::Plain),
        &Limits::default(),
    );
    let mut messages = 0;
    for record in &capture {
        let (Record::Frame { text: message, .. }
        | Record::Binary { bytes: message, .. }
        | Record::Http { body: message, .. }) = record
        else {
            continue;
        };
        assert!(message.with_padding().len() >= message.len() + PADDING);
        messages += 1;
    }
    assert_eq!(messages, 8);
}

#[test]
fn appended_files_read_as_one() {
    for compression in COMPRESSIONS {
        let mut bytes = file(&sample()[..4], compression);
        bytes.extend(file(&sample()[4..], compression));
        assert_eq!(read(bytes), sample(), "{compression:?}");
    }
}

#[test]
fn names_ask_for_compressions() {
    for (name, compression) in [
        ("a/b.cap", Compression::Plain),
        ("b.cap.gz", Compression::Gzip),
        ("b.zst", Compression::Zstd),
        ("gz", Compression::Plain),
    ] {
        assert_eq!(Compression::of(Path::new(name)), compression, "{name}");
    }
}

#[test]
fn what_a_line_cannot_hold_is_refused_and_leaves_no_trace() {
    let scratch = Scratch::new();
    let path = scratch.path("refused.cap");
    let mut writer = CaptureWriter::create(&path, Compression::of(&path)).unwrap();
    let ns = WallNanos(1);
    for refused in [
        writer.frame(ns, "pong"),
        writer.frame(ns, ""),
        writer.frame(ns, "{\n}"),
        writer.frame(WallNanos(-1), "{}"),
        writer.sent(ns, "two\nlines"),
        writer.http(ns, "", "{}"),
        writer.http(ns, "https://a.example/b c", "{}"),
        writer.http(ns, "https://a.example", "\n"),
        writer.open(ns, ""),
        writer.open(ns, "wss://a.example/\n"),
    ] {
        assert!(matches!(refused, Err(WriteError::Unrepresentable { .. })), "{refused:?}");
    }
    writer.frame(ns, "{}").unwrap();
    writer.finish().unwrap();
    assert_eq!(std::fs::read(&path).unwrap(), b"1 {}\n");
}

#[test]
fn a_capture_can_be_copied_record_by_record() {
    let scratch = Scratch::new();
    let (from, to) = (scratch.path("from.cap"), scratch.path("to.cap.zst"));
    std::fs::write(&from, file(&sample(), Compression::Plain)).unwrap();
    let mut writer = CaptureWriter::create(&to, Compression::of(&to)).unwrap();
    for record in &Capture::load(&from).unwrap() {
        writer.record(&record).unwrap();
    }
    writer.finish().unwrap();
    assert_eq!(Owned::all(&Capture::load(&to).unwrap()), sample());
}

#[test]
fn a_directory_that_is_not_there_is_a_one_line_error() {
    let missing = Path::new("/nonexistent/it.cap");
    let error = Capture::load(missing).unwrap_err().to_string();
    assert!(error.contains("/nonexistent/it.cap") && !error.contains('\n'), "{error}");
    let error = CaptureWriter::create(missing, Compression::Plain).unwrap_err().to_string();
    assert!(error.contains("/nonexistent/it.cap") && !error.contains('\n'), "{error}");
}

fn line_text() -> impl Strategy<Value = String> {
    // Any text but line ends, with the bytes that have a meaning made likely.
    proptest::collection::vec(
        prop_oneof![
            4 => prop::sample::select("{[> B6\r\0\"\u{20ac}".chars().collect::<Vec<_>>()),
            1 => any::<char>().prop_filter("line end", |it| *it != '\n'),
        ],
        0..40,
    )
    .prop_map(|chars| chars.into_iter().collect())
}

fn url() -> impl Strategy<Value = String> {
    line_text().prop_map(|text| format!("wss://x/{}", text.replace(' ', "_")))
}

fn record() -> impl Strategy<Value = Owned> {
    let ns = prop_oneof![0..=i64::MAX, 0..10_i64, Just(1_723_161_256_771_000_000)];
    let opening = prop::sample::select(vec!["{", "["]);
    prop_oneof![
        (ns.clone(), opening, line_text())
            .prop_map(|(ns, opening, rest)| Owned::Frame(ns, format!("{opening}{rest}"))),
        (ns.clone(), any::<Vec<u8>>()).prop_map(|(ns, bytes)| Owned::Binary(ns, bytes)),
        (ns.clone(), line_text()).prop_map(|(ns, text)| Owned::Sent(ns, text)),
        (ns.clone(), url(), line_text()).prop_map(|(ns, url, body)| Owned::Http(ns, url, body)),
        (ns, url()).prop_map(|(ns, url)| Owned::Open(ns, url)),
    ]
}

fn config() -> ProptestConfig {
    ProptestConfig {
        cases: if cfg!(miri) { 4 } else { 128 },
        failure_persistence: Some(Box::new(FileFailurePersistence::Direct(
            "tests/round_trip.regressions",
        ))),
        ..ProptestConfig::default()
    }
}

proptest! {
    #![proptest_config(config())]

    #[test]
    fn reading_undoes_writing(records in proptest::collection::vec(record(), 1..20)) {
        for compression in COMPRESSIONS {
            prop_assert_eq!(read(file(&records, compression)), records.clone());
        }
    }
}
