//! Files: created whole or not at all, one writer, sound or refused.

#![cfg(not(tickbook_loom))]
#![allow(
    clippy::cast_possible_wrap,
    clippy::float_cmp,
    clippy::unwrap_used,
    missing_docs,
    reason = "numbers of tests are small and exact"
)]

mod scaffold;

use std::fs::OpenOptions;
use std::os::unix::fs::{FileExt, PermissionsExt, symlink};
use std::process::Command;

use proptest::prelude::*;
use scaffold::{TestDir, book};
use tickbook_shm::{Depth, NextEvent, Segment, SegmentConfig, ShmError, View, layout};
use tickbook_types::BookId;

/// Overwrites one word of the file of `dir`'s test engine.
fn poke(dir: &TestDir, word: u64, value: u64) {
    let path = dir.path().join("test.shm");
    let file = OpenOptions::new().write(true).open(path).unwrap();
    file.write_all_at(&value.to_ne_bytes(), word * 8).unwrap();
}

fn field(name: &str) -> u64 {
    let header = &layout::BLOCKS[0];
    let field = header.fields.iter().find(|field| field.name == name).unwrap();
    (field.offset / 8) as u64
}

#[test]
fn a_closed_engine_leaves_nothing_behind() {
    let dir = TestDir::new();
    let segment = Segment::create(&dir.config()).unwrap();
    assert_eq!(dir.files(), ["test.lock", "test.shm"]);
    assert!(segment.is_published());
    let view = View::open(dir.path(), "test").unwrap();
    assert!(!view.closed());
    segment.close();
    assert!(view.closed());
    assert!(dir.files().is_empty());
    assert!(matches!(View::open(dir.path(), "test"), Err(ShmError::NoFile { .. })));
}

#[test]
fn files_can_be_read_by_the_group_and_written_by_the_engine_alone() {
    let dir = TestDir::new();
    let segment = Segment::create(&dir.config()).unwrap();
    let mode = |path: &std::path::Path| path.metadata().unwrap().permissions().mode() & 0o777;
    assert_eq!(mode(&segment.path()), 0o640);
    // Whoever can open it can hold it, and no engine of that name would start again.
    assert_eq!(mode(&segment.path().with_extension("lock")), 0o600);
    assert_eq!(mode(dir.path()) & 0o027, 0, "directory");
    assert_eq!(segment.path().metadata().unwrap().len(), segment.bytes() as u64);
}

#[test]
fn a_reader_has_no_way_to_write() {
    let dir = TestDir::new();
    let segment = Segment::create(&dir.config()).unwrap();
    let path = segment.path();
    let rights = || -> Vec<String> {
        let maps = std::fs::read_to_string("/proc/self/maps").unwrap();
        let ours = maps.lines().filter(|line| line.ends_with(path.to_str().unwrap()));
        ours.map(|line| line.split(' ').nth(1).unwrap().to_owned()).collect()
    };
    assert_eq!(rights(), ["rw-s"], "the writer's own");
    let view = View::open(dir.path(), "test").unwrap();
    let mut both = rights();
    both.sort();
    assert_eq!(both, ["r--s", "rw-s"]);
    drop(view);
    assert_eq!(rights(), ["rw-s"]);
}

#[test]
fn a_second_writer_is_refused_and_told_who_is_there() {
    let dir = TestDir::new();
    let first = Segment::create(&dir.config()).unwrap();
    match Segment::create(&dir.config()) {
        Err(ShmError::Locked { name, holder }) => {
            assert_eq!((name.as_str(), holder), ("test", Some(std::process::id())));
        }
        other => panic!("{other:?}"),
    }
    assert!(first.is_published(), "the first one is untouched");
    let other = Segment::create(&SegmentConfig { name: "other".to_owned(), ..dir.config() });
    assert!(other.is_ok(), "another name is another engine");
    drop(first);
    assert!(Segment::create(&dir.config()).is_ok());
}

#[test]
fn a_restart_replaces_the_file_of_a_dead_writer_and_marks_it() {
    let dir = TestDir::new();
    let segment = Segment::create(&dir.config()).unwrap();
    let first = segment.generation();
    // As a killed writer leaves it: the file stays, the lock is let go.
    let copy = std::fs::read(segment.path()).unwrap();
    segment.close();
    std::fs::write(dir.path().join("test.shm"), copy).unwrap();
    std::fs::write(dir.path().join(".test.123.tmp"), "unfinished").unwrap();
    std::fs::write(dir.path().join(".tester.123.tmp"), "of another engine").unwrap();
    let stale = View::open(dir.path(), "test").unwrap();
    assert!(!stale.closed());

    let segment = Segment::create(&dir.config()).unwrap();
    assert!(segment.generation() > first);
    assert!(stale.closed(), "readers of the old file are told");
    assert_eq!(dir.files(), [".tester.123.tmp", "test.lock", "test.shm"]);
    assert_eq!(View::peek(dir.path(), "test").unwrap().generation, segment.generation());
}

#[test]
fn a_wiped_directory_is_noticed() {
    let dir = TestDir::new();
    let segment = Segment::create(&dir.config()).unwrap();
    std::fs::remove_file(segment.path()).unwrap();
    assert!(!segment.is_published());
}

#[test]
fn bad_configuration_is_refused_by_name_and_leaves_nothing() {
    let dir = TestDir::new();
    let refused = |config: SegmentConfig| Segment::create(&config).unwrap_err().to_string();
    let text = refused(SegmentConfig { depth: 0, ..dir.config() });
    assert!(text.contains("depth is 0") && text.contains("1 to 1000"), "{text}");
    let text = refused(SegmentConfig { heartbeat_ns: 5, ..dir.config() });
    assert!(text.contains("heartbeat_ns is 5"), "{text}");
    for name in ["", "../x", ".x", "a/b", "a b", &"x".repeat(65)] {
        let text = refused(SegmentConfig { name: name.to_owned(), ..dir.config() });
        assert!(text.contains("engine name"), "{text}");
    }
    assert!(dir.files().is_empty());
}

#[test]
fn a_directory_that_cannot_be_trusted_or_made_is_refused() {
    let dir = TestDir::new();
    std::fs::create_dir(dir.path()).unwrap();
    std::fs::set_permissions(dir.path(), PermissionsExt::from_mode(0o777)).unwrap();
    let error = Segment::create(&dir.config()).unwrap_err();
    assert!(matches!(error, ShmError::Dir { .. }), "{error}");
    std::fs::set_permissions(dir.path(), PermissionsExt::from_mode(0o750)).unwrap();

    let link = dir.path().join("link");
    symlink(dir.path(), &link).unwrap();
    let error = Segment::create(&SegmentConfig { dir: link, ..dir.config() }).unwrap_err();
    assert!(matches!(error, ShmError::Io { what: "open directory", .. }), "{error}");

    for place in ["/proc/tickbook-test", "/dev/null/tickbook-test"] {
        let error = Segment::create(&SegmentConfig { dir: place.into(), ..dir.config() });
        let error = error.unwrap_err();
        assert!(matches!(error, ShmError::Io { what: "create directory", .. }), "{error}");
        assert!(error.to_string().contains(place), "{error}");
    }
}

#[test]
fn a_file_that_does_not_fit_is_refused_and_leaves_nothing() {
    let dir = TestDir::new();
    std::fs::create_dir(dir.path()).unwrap();
    let mounted = Command::new("mount")
        .args(["-t", "tmpfs", "-o", "size=64k,mode=0750", "tickbook-test"])
        .arg(dir.path())
        .output()
        .is_ok_and(|output| output.status.success());
    if !mounted {
        eprintln!("skipped: a tmpfs of 64 KiB cannot be mounted here");
        return;
    }
    let result = Segment::create(&dir.config());
    let files = dir.files();
    let _ = Command::new("umount").arg(dir.path()).status();
    let error = result.unwrap_err();
    assert!(matches!(error, ShmError::Full { .. }), "{error}");
    assert!(error.to_string().contains("no room for"), "{error}");
    assert!(files.is_empty(), "{files:?}");
}

#[test]
fn each_fault_of_a_header_is_told_apart() {
    let dir = TestDir::new();
    let segment = Segment::create(&dir.config()).unwrap();
    let opened = |name: &str, value: u64| {
        let path = dir.path().join("test.shm");
        let before = std::fs::read(&path).unwrap();
        poke(&dir, field(name), value);
        let result = View::open(dir.path(), "test");
        OpenOptions::new().write(true).open(path).unwrap().write_all_at(&before, 0).unwrap();
        result.map(|_| ()).unwrap_err()
    };
    assert!(matches!(opened("magic", 1), ShmError::NotTickbook { .. }));
    let foreign = layout::ENDIAN_MARK.swap_bytes();
    assert!(matches!(opened("endian_mark", foreign), ShmError::ForeignEndian { .. }));
    assert!(matches!(opened("layout_version", 7), ShmError::Version { found: 7 }));
    assert!(matches!(opened("layout_hash", 7), ShmError::LayoutHash));
    assert!(matches!(opened("ready", 0), ShmError::NotReady));
    for count in ["books_max", "conns_max", "builders", "threads_max", "depth", "event_slots"] {
        for value in [0, u64::from(u32::MAX), u64::MAX] {
            assert!(matches!(opened(count, value), ShmError::Counts(_)), "{count} {value}");
        }
    }
    assert!(matches!(opened("heartbeat_ns", 0), ShmError::Counts(_)));
    assert!(matches!(opened("depth", 9), ShmError::TooShort { .. }));
    assert!(matches!(opened("total_bytes", 0), ShmError::TooShort { .. }));
    assert!(matches!(opened("boot_id", 0xdead), ShmError::OtherBoot));
    assert!(View::open(dir.path(), "test").is_ok(), "and nothing else was wrong with it");
    drop(segment);
}

#[test]
fn a_file_of_any_shorter_length_is_refused() {
    let dir = TestDir::new();
    let segment = Segment::create(&dir.config()).unwrap();
    let bytes = segment.bytes() as u64;
    let whole = std::fs::read(segment.path()).unwrap();
    drop(segment);
    let path = dir.path().join("test.shm");
    for length in [bytes - 1, bytes - 8, bytes / 2, 513, 512, 511, 8, 0] {
        std::fs::write(&path, &whole[..usize::try_from(length).unwrap()]).unwrap();
        let error = View::open(dir.path(), "test").map(|_| ()).unwrap_err();
        assert!(matches!(error, ShmError::TooShort { .. }), "{length}: {error}");
    }
    std::fs::remove_file(&path).unwrap();
    std::fs::create_dir(&path).unwrap();
    assert!(View::open(dir.path(), "test").is_err(), "a directory is no file");
    std::fs::remove_dir(&path).unwrap();
    symlink("/dev/zero", &path).unwrap();
    assert!(View::open(dir.path(), "test").is_err(), "no link is followed");
}

/// Reads everything there is to read.
fn read_all(view: &View) {
    let counts = view.layout().counts();
    let mut depth = Depth::default();
    let _ = (view.identity().name.len(), view.closed(), view.identity().writer_exists());
    assert!(view.builders().count() <= counts.builders as usize);
    for info in view.books() {
        let text = format!("{info:?} {:?}", info.tick_size.map(|tick| tick.to_string()));
        assert!(text.len() < 4096);
    }
    for book in 0..counts.books_max {
        if let Ok(published) = view.read_top(BookId(book)) {
            let top = published.top();
            if let Some(bid) = top.bid {
                let _ = (top.header.price_f64(bid.price), top.header.size_f64(bid.size));
                let _ = top.header.price_decimal(bid.price).to_string();
            }
        }
        if view.read_depth(BookId(book), &mut depth).is_ok() {
            assert!(depth.bids().len() <= counts.depth as usize);
            assert!(depth.asks().len() <= counts.depth as usize);
        }
    }
    for conn in 0..counts.conns_max {
        let _ = view.conn(tickbook_types::ConnId(conn));
    }
    for builder in 0..counts.builders {
        let mut position = view.events_end(builder);
        for _ in 0..40 {
            let before = position;
            match view.next_event(builder, &mut position) {
                NextEvent::Empty => break,
                NextEvent::Missed(count) => {
                    assert!(count > 0);
                    assert_eq!(position, before.wrapping_add(count));
                }
                NextEvent::Event(_) => assert_eq!(position, before.wrapping_add(1)),
            }
        }
    }
    for thread in view.threads() {
        let histogram = thread.histogram(tickbook_shm::Stage::TickToBook);
        let _ = (thread.name().len(), histogram.quantile(0.99), thread.counters().count());
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(256))]

    #[test]
    fn no_header_can_hurt_a_reader(
        mutations in prop::collection::vec((0_usize..512, any::<u8>()), 1..8),
        length in 0_usize..2_000_000,
    ) {
        let dir = TestDir::new();
        let segment = Segment::create(&dir.config()).unwrap();
        let mut bytes = std::fs::read(segment.path()).unwrap();
        drop(segment);
        for (at, value) in mutations {
            bytes[at] = value;
        }
        bytes.resize(length.max(512), 0xa5);
        std::fs::write(dir.path().join("test.shm"), bytes).unwrap();
        if let Ok(view) = View::open(dir.path(), "test") {
            read_all(&view);
        }
        let _ = View::peek(dir.path(), "test");
        // Nor does it hinder the next engine.
        prop_assert!(Segment::create(&dir.config()).is_ok());
    }

    #[test]
    fn no_content_can_hurt_a_reader(seed in any::<u64>(), kind in 0_u8..3) {
        let dir = TestDir::new();
        let mut segment = Segment::create(&dir.config()).unwrap();
        let mut builder = segment.take_builder(0).unwrap();
        builder.add_book(&book(0, 0, "BTCUSDT")).unwrap();
        let mut bytes = std::fs::read(segment.path()).unwrap();
        drop((builder, segment));
        let mut state = seed | 1;
        for word in bytes[512..].as_chunks_mut::<8>().0 {
            // xorshift64: every bit pattern is as good as another.
            state ^= state << 13;
            state ^= state >> 7;
            state ^= state << 17;
            let value = match kind {
                0 => state,
                // Even versions, so that more is read; small numbers, so that more is believed.
                1 => state & !1,
                _ => state & 0x0303,
            };
            *word = value.to_ne_bytes();
        }
        std::fs::write(dir.path().join("test.shm"), bytes).unwrap();
        read_all(&View::open(dir.path(), "test").unwrap());
    }
}
