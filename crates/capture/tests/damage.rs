//! Torn and corrupt files: the records before the damage, a one-line error, never a panic.
//!
//! Method: a small capture in every compression, cut at every byte and with every byte flipped;
//! and one text per kind of fault, with the place the error must name.

mod scratch;

use std::io::Write as _;
use std::path::Path;

use proptest::prelude::*;
use proptest::test_runner::FileFailurePersistence;
use scratch::{Owned, Scratch, file, sample};
use tickbook_capture::{Capture, CaptureError, Compression, Damage, Fault, Limits};

fn read(name: &str, bytes: &[u8], limits: &Limits) -> (Vec<Owned>, Option<Damage>) {
    let (capture, damage) = Capture::from_file(Path::new(name), bytes.to_vec(), limits);
    let records = Owned::all(&capture);
    if let Some(damage) = &damage {
        assert_eq!(damage.records, records.len() as u64);
        assert_eq!(damage.line, damage.records + 1);
        let message = damage.to_string();
        assert!(message.starts_with(name) && !message.contains('\n'), "{message}");
    }
    (records, damage)
}

fn limits() -> Limits {
    Limits::default()
}

#[test]
fn a_plain_file_cut_anywhere_keeps_its_whole_lines() {
    let whole = file(&sample(), Compression::Plain);
    for cut in 0..=whole.len() {
        let (records, damage) = read("it.cap", &whole[..cut], &limits());
        let lines = whole[..cut].iter().filter(|byte| **byte == b'\n').count();
        assert_eq!(records, sample()[..lines], "cut at {cut}");
        let fault = damage.map(|damage| damage.fault);
        match cut {
            0 => assert_eq!(fault, Some(Fault::Empty)),
            // A cut between two lines cannot be seen.
            _ if whole[cut - 1] == b'\n' => assert_eq!(fault, None, "cut at {cut}"),
            // Be it in the middle of a character: the line is torn either way.
            _ => assert_eq!(fault, Some(Fault::TornLine), "cut at {cut}"),
        }
    }
}

#[test]
fn a_compressed_file_cut_anywhere_says_so_and_keeps_a_prefix() {
    for (name, compression) in [("it.cap.gz", Compression::Gzip), ("it.zst", Compression::Zstd)] {
        let whole = file(&sample(), compression);
        let mut most = 0;
        for cut in 0..whole.len() {
            let (records, damage) = read(name, &whole[..cut], &limits());
            let fault = damage.expect("a cut is always seen").fault;
            let expected = if cut == 0 { Fault::Empty } else { Fault::TornCompression };
            assert_eq!(fault, expected, "{name} cut at {cut}");
            assert_eq!(records, sample()[..records.len()], "{name} cut at {cut}");
            assert!(records.len() >= most, "{name} cut at {cut}");
            most = records.len();
        }
        // Only the checksum is missing in the end.
        assert_eq!(most, sample().len(), "{name}");
        assert_eq!(read(name, &whole, &limits()), (sample(), None));
    }
}

#[test]
fn a_long_torn_file_gives_what_came_before() {
    let records: Vec<_> = (0..5_000)
        .map(|n| Owned::Frame(n, format!(r#"{{"u":{n},"noise":"{:x}"}}"#, n * 0x9e37_79b9)))
        .collect();
    for (name, compression) in [("it.cap.gz", Compression::Gzip), ("it.zst", Compression::Zstd)] {
        let whole = file(&records, compression);
        let (kept, damage) = read(name, &whole[..whole.len() * 9 / 10], &limits());
        assert!(kept.len() > 2_000, "{name}: {}", kept.len());
        assert_eq!(kept, records[..kept.len()]);
        assert_eq!(damage.unwrap().fault, Fault::TornCompression);
    }
}

#[test]
fn a_compressed_file_with_a_flipped_byte_is_seen_or_harmless() {
    for (name, compression) in [("it.cap.gz", Compression::Gzip), ("it.zst", Compression::Zstd)] {
        let whole = file(&sample(), compression);
        let mut seen = 0;
        for at in 0..whole.len() {
            for bit in 0..8 {
                let mut bytes = whole.clone();
                bytes[at] ^= 1 << bit;
                let (records, damage) = read(name, &bytes, &limits());
                match damage {
                    // A byte that only the header's own fields hold: the checksum vouches.
                    None => assert_eq!(records, sample(), "{name}: byte {at} bit {bit}"),
                    Some(_) => seen += 1,
                }
            }
        }
        assert!(seen > whole.len() * 7, "{name}: {seen} of {}", whole.len() * 8);
    }
}

#[test]
fn a_wrong_checksum_is_named() {
    let mut bytes = file(&sample(), Compression::Gzip);
    let crc = bytes.len() - 8;
    bytes[crc] ^= 1;
    let (records, damage) = read("it.cap.gz", &bytes, &limits());
    let damage = damage.unwrap();
    assert!(matches!(damage.fault, Fault::CorruptCompression { .. }), "{damage}");
    assert!(damage.to_string().contains("checksum"), "{damage}");
    assert_eq!(records, sample());
}

#[test]
fn a_bad_line_in_corrupt_data_is_blamed_on_the_data() {
    let mut encoder = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
    encoder.write_all(b"7 {}\nrubbish\n8 {}\n").unwrap();
    let mut bytes = encoder.finish().unwrap();
    let (_, damage) = read("it.cap.gz", &bytes, &limits());
    assert_eq!(damage.unwrap().fault, Fault::Timestamp);
    let crc = bytes.len() - 8;
    bytes[crc] ^= 1;
    let (records, damage) = read("it.cap.gz", &bytes, &limits());
    let damage = damage.unwrap();
    assert!(matches!(damage.fault, Fault::CorruptCompression { .. }), "{damage}");
    assert_eq!((damage.line, records.len()), (2, 1));
}

#[test]
fn a_flipped_byte_in_plain_text_never_panics_and_keeps_what_came_before() {
    let whole = file(&sample(), Compression::Plain);
    for at in 0..whole.len() {
        let before = whole[..at].iter().filter(|byte| **byte == b'\n').count();
        for bit in 0..8 {
            let mut bytes = whole.clone();
            bytes[at] ^= 1 << bit;
            let (records, _) = read("it.cap", &bytes, &limits());
            assert!(records.len() >= before, "byte {at} bit {bit}");
            assert_eq!(records[..before], sample()[..before], "byte {at} bit {bit}");
        }
    }
}

#[test]
fn each_fault_is_named_with_its_place() {
    let utf8 = Fault::NotUtf8 { at: 4 };
    for (line, fault) in [
        (&b"{}"[..], Fault::Timestamp),
        (b"", Fault::Timestamp),
        (b" 1 {}", Fault::Timestamp),
        (b"-1 {}", Fault::Timestamp),
        (b"1.5 {}", Fault::Timestamp),
        (b"1", Fault::Timestamp),
        (b"1\t{}", Fault::Timestamp),
        (b"9223372036854775808 {}", Fault::Timestamp),
        (b"00000000000000000001 {}", Fault::Timestamp),
        (b"1 ", Fault::Tag),
        (b"1  {}", Fault::Tag),
        (b"1 pong", Fault::Tag),
        (b"1 >{}", Fault::Tag),
        (b"1 B64", Fault::Tag),
        (b"1 B65 AAAA", Fault::Tag),
        (b"1 HTTPS a b", Fault::Tag),
        (b"1 http a b", Fault::Tag),
        (b"1 HTTP https://a.example", Fault::Url),
        (b"1 HTTP  {}", Fault::Url),
        (b"1 OPEN ", Fault::Url),
        (b"1 OPEN a b", Fault::Url),
        (b"1 B64 A", Fault::Base64),
        (b"1 B64 AAA", Fault::Base64),
        (b"1 B64 AB==", Fault::Base64),
        (b"1 B64 AA==AA==", Fault::Base64),
        (b"1 B64 AA= =", Fault::Base64),
        (b"1 B64 {}", Fault::Base64),
        (b"1 {\"\xff\"}", utf8),
    ] {
        let mut bytes = b"7 {}\n8 B64 AAAA\n".to_vec();
        bytes.extend_from_slice(line);
        bytes.extend_from_slice(b"\n9 {}\n");
        let (records, damage) = read("it.cap", &bytes, &limits());
        let shown = String::from_utf8_lossy(line);
        let whole = [Owned::Frame(7, "{}".into()), Owned::Binary(8, vec![0, 0, 0])];
        assert_eq!(records, whole, "{shown}");
        let damage = damage.unwrap_or_else(|| panic!("{shown}: taken as whole"));
        assert_eq!((damage.line, damage.offset, &damage.fault), (3, 16, &fault), "{shown}");
    }
}

#[test]
fn messages_say_where_what_and_what_to_do() {
    let (_, damage) = read("dir/it.cap", b"7 {}\nrubbish\n", &limits());
    assert_eq!(
        damage.unwrap().to_string(),
        "dir/it.cap: line 2 (byte 5): line does not start with nanoseconds and a blank; repair or \
         remove the line, or check that the file is a capture (1 record before it)"
    );
    let (_, damage) = read("it.cap", b"", &limits());
    assert_eq!(damage.unwrap().to_string(), "it.cap: file is empty; record or copy it again");
}

#[test]
fn a_file_of_another_kind_is_refused_at_its_first_line() {
    for bytes in [&b"\x7fELF\x02\x01\x01\0"[..], b"%PDF-1.7\n\xe2\xe3\n", b"PK\x03\x04", b"\n"] {
        let (records, damage) = read("it.cap.gz", bytes, &limits());
        assert!(records.is_empty());
        assert_eq!(damage.unwrap().line, 1);
    }
}

#[test]
fn a_bomb_stops_at_the_limit() {
    let scratch = Scratch::new();
    let bomb: Vec<_> =
        (0..4).map(|n| Owned::Frame(n, format!("[{}]", " ".repeat(1 << 20)))).collect();
    for (name, compression) in
        [("b.cap", Compression::Plain), ("b.gz", Compression::Gzip), ("b.zst", Compression::Zstd)]
    {
        let path = scratch.path(name);
        std::fs::write(&path, file(&bomb, compression)).unwrap();
        let limit = (5 << 20) / 2;
        let error = Capture::load_within(&path, &limits().with_text_max(limit)).unwrap_err();
        let CaptureError::Damaged { damage, whole } = error else { panic!("{error}") };
        assert_eq!(damage.fault, Fault::TextTooLong { limit }, "{name}");
        assert_eq!(Owned::all(&whole), bomb[..2], "{name}");
        assert!(Capture::load_within(&path, &limits().with_text_max(5 << 20)).is_ok(), "{name}");
    }
}

#[test]
fn a_line_stops_at_the_limit() {
    let bytes = b"1 {}\n2 {     }\n3 {}\n";
    let fault = |line_max| {
        let (records, damage) = read("it.cap", bytes, &limits().with_line_max(line_max));
        (records.len(), damage.map(|damage| damage.fault))
    };
    assert_eq!(fault(9), (3, None));
    assert_eq!(fault(8), (1, Some(Fault::LineTooLong { limit: 8 })));
    let (_, damage) = read("it.cap", b"1 {          ", &limits().with_line_max(8));
    assert_eq!(damage.unwrap().fault, Fault::LineTooLong { limit: 8 });
}

#[test]
fn load_gives_the_whole_records_with_the_error() {
    let scratch = Scratch::new();
    let path = scratch.path("torn.cap");
    std::fs::write(&path, b"1 {}\n2 {").unwrap();
    let error = Capture::load(&path).unwrap_err();
    assert!(error.to_string().contains("torn.cap: line 2 (byte 5)"), "{error}");
    let CaptureError::Damaged { whole, .. } = error else { panic!("{error}") };
    assert_eq!(Owned::all(&whole), [Owned::Frame(1, "{}".into())]);
    let (lossy, damage) = Capture::load_lossy(&path).unwrap();
    assert_eq!((lossy.len(), damage.unwrap().fault), (1, Fault::TornLine));
}

fn config() -> ProptestConfig {
    ProptestConfig {
        cases: if cfg!(miri) { 16 } else { 2_000 },
        failure_persistence: Some(Box::new(FileFailurePersistence::Direct(
            "tests/damage.regressions",
        ))),
        ..ProptestConfig::default()
    }
}

proptest! {
    #![proptest_config(config())]

    #[test]
    fn arbitrary_bytes_never_panic(bytes: Vec<u8>, magic in 0..4_usize) {
        let head: &[u8] = match magic {
            0 => b"",
            1 => b"\x1f\x8b\x08\x00\0\0\0\0\0\xff",
            2 => b"\x28\xb5\x2f\xfd",
            _ => b"1 B64 ",
        };
        let bytes = [head, &bytes[..]].concat();
        let small = limits().with_text_max(1 << 16);
        let (_, _) = read("it.cap", &bytes, &small);
    }
}
