//! Records that own their parts, and a directory that goes with its test.

#![allow(dead_code, reason = "each test file uses a part of it")]
#![allow(clippy::unwrap_used, reason = "a test")]

use std::path::PathBuf;
use std::sync::atomic::{AtomicU32, Ordering};

use tickbook_capture::{Capture, CaptureWriter, Compression, Record, WriteError};
use tickbook_types::WallNanos;

/// A record that owns its parts.
#[derive(Clone, Debug, Eq, PartialEq)]
pub(crate) enum Owned {
    Frame(i64, String),
    Binary(i64, Vec<u8>),
    Sent(i64, String),
    Http(i64, String, String),
    Open(i64, String),
}

impl Owned {
    pub(crate) fn of(record: &Record<'_>) -> Self {
        let text = |bytes: &[u8]| String::from_utf8(bytes.to_vec()).unwrap();
        let ns = record.ns().0;
        match *record {
            Record::Frame { text: frame, .. } => Self::Frame(ns, text(frame.payload())),
            Record::Binary { bytes, .. } => Self::Binary(ns, bytes.payload().to_vec()),
            Record::Sent { text, .. } => Self::Sent(ns, text.to_owned()),
            Record::Http { url, body, .. } => Self::Http(ns, url.to_owned(), text(body.payload())),
            Record::Open { url, .. } => Self::Open(ns, url.to_owned()),
            ref other => panic!("a kind of record that this test does not know: {other:?}"),
        }
    }

    pub(crate) fn all(capture: &Capture) -> Vec<Self> {
        capture.records().map(|record| Self::of(&record)).collect()
    }

    pub(crate) fn write(&self, writer: &mut CaptureWriter) -> Result<(), WriteError> {
        match self {
            Self::Frame(ns, text) => writer.frame(WallNanos(*ns), text),
            Self::Binary(ns, bytes) => writer.binary(WallNanos(*ns), bytes),
            Self::Sent(ns, text) => writer.sent(WallNanos(*ns), text),
            Self::Http(ns, url, body) => writer.http(WallNanos(*ns), url, body),
            Self::Open(ns, url) => writer.open(WallNanos(*ns), url),
        }
    }
}

/// The bytes of a capture file of `records`.
pub(crate) fn file(records: &[Owned], compression: Compression) -> Vec<u8> {
    let scratch = Scratch::new();
    let path = scratch.path("written");
    let mut writer = CaptureWriter::create(&path, compression).unwrap();
    for record in records {
        record.write(&mut writer).unwrap();
    }
    writer.finish().unwrap();
    std::fs::read(path).unwrap()
}

/// One record of every kind, and some of odd content.
pub(crate) fn sample() -> Vec<Owned> {
    vec![
        Owned::Open(1, "wss://stream.example:9443/ws/btcusdt@depth".into()),
        Owned::Sent(2, r#"{"method":"SUBSCRIBE","id":1}"#.into()),
        Owned::Frame(3, r#"{"result":null,"id":1}"#.into()),
        Owned::Http(
            4,
            "https://api.example/depth?limit=5".into(),
            r#"{"lastUpdateId":160,"bids":[["0.0024","10"]],"asks":[]}"#.into(),
        ),
        Owned::Frame(5, r#"{"u":161,"b":[["0.0024","0.00"]],"a":[["0.0026","100"]]}"#.into()),
        Owned::Frame(5, "[\"Z\u{fc}rich \u{20bf}\"]".into()),
        Owned::Binary(6, vec![0x1f, 0x8b, 0x00, 0xff, b'\n', 7]),
        Owned::Binary(7, Vec::new()),
        Owned::Sent(8, String::new()),
        Owned::Http(9, "https://api.example/ping".into(), String::new()),
        Owned::Frame(i64::MAX, "{}".into()),
    ]
}

/// A directory of its own, removed in the end.
pub(crate) struct Scratch(PathBuf);

impl Scratch {
    pub(crate) fn new() -> Self {
        static NEXT: AtomicU32 = AtomicU32::new(0);
        let number = NEXT.fetch_add(1, Ordering::Relaxed);
        let name = format!("tickbook-capture-{}-{number}", std::process::id());
        let directory = std::env::temp_dir().join(name);
        std::fs::create_dir_all(&directory).unwrap();
        Self(directory)
    }

    pub(crate) fn path(&self, name: &str) -> PathBuf {
        self.0.join(name)
    }
}

impl Drop for Scratch {
    fn drop(&mut self) {
        let _ = std::fs::remove_dir_all(&self.0);
    }
}
