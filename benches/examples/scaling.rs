//! What the path costs as it grows: books, published levels, venues, readers; and the memory.
//!
//! `scaling [FOLDER]` prints a table each and, given a folder, draws each as `scaling_*.svg` in it.
//! `scaling --books [--huge-pages] [--lock-memory]` prints the table of books alone, with what the
//! settings of memory make of it.
//! Times are the lowest of some passes over the same messages, in ns per message; beside readers
//! the median, since the lowest is a pass in which no reader ran. The rows of one table ran one
//! after the other; only their ratios travel to other hosts.

use std::error::Error;
use std::hint::black_box;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Instant;

use plotters::prelude::*;
use tickbook::Depth;
use tickbook_benches::feed::Feed;
use tickbook_benches::rig::{DEPTH, File, PathRig, PathSize, Sides};
use tickbook_engine::memory::Memory;
use tickbook_types::BookId;

/// The allocator of the engine: it decides how ladders lie in memory.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

/// Messages of a pass.
const MESSAGES: usize = 20_000;

/// Passes, of which the quickest counts.
const PASSES: usize = 7;

fn main() -> Result<(), Box<dyn Error>> {
    let has = |flag: &str| std::env::args().any(|arg| arg == flag);
    Memory { huge_pages: has("--huge-pages"), lock: has("--lock-memory") }.ask()?;
    if has("--books") {
        return books().map(drop);
    }
    let folder = std::env::args_os().nth(1).filter(|it| !it.to_string_lossy().starts_with('-'));
    let folder = folder.map(PathBuf::from);
    let show = |table: Table| {
        table.print();
        folder.as_deref().map_or(Ok(()), |folder| table.draw(folder))
    };
    let (time, memory) = books()?;
    show(time)?;
    show(memory)?;
    show(depth()?)?;
    show(venues()?)?;
    show(readers()?)
}

/// What grows, and what it costs.
struct Table {
    /// Its file is named after it.
    name: &'static str,
    title: &'static str,
    grows: &'static str,
    unit: &'static str,
    rows: Vec<(u32, f64)>,
}

impl Table {
    fn print(&self) {
        println!("\n{}", self.title);
        for (x, y) in &self.rows {
            println!("{x:>8} {:<18} {y:>10.1} {}", self.grows, self.unit);
        }
    }

    fn draw(&self, folder: &Path) -> Result<(), Box<dyn Error>> {
        let path = folder.join(format!("scaling_{}.svg", self.name));
        let area = SVGBackend::new(&path, (640, 360)).into_drawing_area();
        area.fill(&WHITE)?;
        let last = self.rows.last().map_or(1, |row| row.0);
        let top = self.rows.iter().map(|row| row.1).fold(0.0, f64::max) * 1.15;
        let first = self.rows.first().map_or(1, |row| row.0).max(1);
        let mut chart = ChartBuilder::on(&area);
        chart.margin(12).x_label_area_size(40).y_label_area_size(64).caption(self.title, 16);
        let colour = RGBColor(0x1f, 0x6f, 0xb4);
        let points = || self.rows.iter().map(|(x, y)| (*x, *y));
        let dots = || points().map(|at| Circle::new(at, 4, colour.filled()));
        if last > 64 {
            let mut chart = chart.build_cartesian_2d((first..last).log_scale(), 0.0..top)?;
            chart.configure_mesh().x_desc(self.grows).y_desc(self.unit).draw()?;
            chart.draw_series(LineSeries::new(points(), colour.stroke_width(2)))?;
            chart.draw_series(dots())?;
        } else {
            let mut chart = chart.build_cartesian_2d(0..last + 1, 0.0..top)?;
            chart.configure_mesh().x_desc(self.grows).y_desc(self.unit).draw()?;
            chart.draw_series(LineSeries::new(points(), colour.stroke_width(2)))?;
            chart.draw_series(dots())?;
        }
        area.present()?;
        println!("{}", path.display());
        Ok(())
    }
}

/// Cost and memory of 1 to 10,000 books on one builder. Messages come in random order.
fn books() -> Result<(Table, Table), Box<dyn Error>> {
    let (mut time, mut memory) = (Vec::new(), Vec::new());
    for books in [1, 10, 100, 1_000, 10_000] {
        let feed = Feed::of_symbols(books as usize, MESSAGES);
        let size = PathSize { books, ..PathSize::default() };
        let before = resident_bytes()?;
        let mut path = PathRig::new(&feed, size);
        path.sync(&feed);
        let held = resident_bytes()?.saturating_sub(before);
        memory.push((books, held as f64 / 1_024.0 / f64::from(books)));
        let (warm, huge) = (faults()?, huge_bytes()?);
        let first = first_pass(&mut path, &feed);
        let first_faults = faults()? - warm;
        time.push((books, quickest(&mut path, &feed)));
        println!(
            "{books} books: {} MiB resident, {} MiB of it on huge pages; {first_faults} page \
             faults and {:.0} us for the slowest message of the first pass; {} faults in {PASSES} \
             more passes, {:.0} ns a message in the quickest",
            held >> 20,
            huge >> 20,
            first / 1_000.0,
            faults()? - warm - first_faults,
            time.last().map_or(0.0, |it| it.1),
        );
    }
    let time = Table {
        name: "books",
        title: "Memory to published, books in random order",
        grows: "books",
        unit: "ns per message",
        rows: time,
    };
    let memory = Table {
        name: "memory",
        title: "Resident memory, books of 400 levels",
        grows: "books",
        unit: "KiB per book",
        rows: memory,
    };
    Ok((time, memory))
}

/// Cost of keeping 1 to 128 levels a side.
fn depth() -> Result<Table, Box<dyn Error>> {
    let feed = Feed::generated(MESSAGES);
    let mut rows = Vec::new();
    for depth in [1, 5, 10, 20, 32, 64, 128] {
        let size = PathSize { depth, ..PathSize::default() };
        let mut path = PathRig::new(&feed, size);
        path.sync(&feed);
        rows.push((u32::try_from(depth)?, quickest(&mut path, &feed)));
    }
    Ok(Table {
        name: "depth",
        title: "Memory to published, one book of 4,300 levels",
        grows: "levels a side",
        unit: "ns per message",
        rows,
    })
}

/// Cost with 1 to 16 venues, each with a path of its own, whose messages come in turn on one core.
fn venues() -> Result<Table, Box<dyn Error>> {
    let feed = Feed::of_symbols(10, MESSAGES);
    let mut rows = Vec::new();
    for venues in [1_u32, 2, 4, 8, 16] {
        let mut paths: Vec<_> =
            (0..venues).map(|_| PathRig::new(&feed, PathSize::default())).collect();
        let mut best = f64::INFINITY;
        for _ in 0..PASSES {
            paths.iter_mut().for_each(|path| path.sync(&feed));
            let start = Instant::now();
            for frame in &feed.frames {
                paths.iter_mut().for_each(|path| path.take_now(frame.padded()));
            }
            let messages = feed.frames.len() as f64 * f64::from(venues);
            best = best.min(start.elapsed().as_nanos() as f64 / messages);
        }
        rows.push((venues, best));
    }
    Ok(Table {
        name: "venues",
        title: "Memory to published, venues of ten books in turn on one core",
        grows: "venues",
        unit: "ns per message",
        rows,
    })
}

/// Cost of a publish while 0 to 8 threads read the same book without pause.
fn readers() -> Result<Table, Box<dyn Error>> {
    /// Publishes of a pass.
    const PUBLISHES: u64 = 200_000;
    let sides = Sides::new();
    let mut rows = Vec::new();
    for readers in [0_u32, 1, 2, 4, 8] {
        let mut file = File::create(&format!("scaling-{readers}"));
        let mut writer = file.builder(0, &sides);
        let stop = AtomicBool::new(false);
        let best = std::thread::scope(|scope| {
            for _ in 0..readers {
                let (mut reader, stop) = (file.reader(), &stop);
                scope.spawn(move || {
                    let mut depth = Depth::default();
                    // Pairs with the store below.
                    while !stop.load(Ordering::Relaxed) {
                        let _ = black_box(reader.depth_any(&mut depth));
                    }
                });
            }
            let mut passes: Vec<_> = (0..PASSES)
                .map(|_| {
                    let start = Instant::now();
                    for seq in 0..PUBLISHES {
                        writer.publish(BookId(0), black_box(&sides.snapshot(seq, 3..4)));
                    }
                    start.elapsed().as_nanos() as f64 / PUBLISHES as f64
                })
                .collect();
            passes.sort_by(f64::total_cmp);
            // Pairs with the loads of the readers.
            stop.store(true, Ordering::Relaxed);
            passes[PASSES / 2]
        });
        rows.push((readers, best));
    }
    let cores = std::thread::available_parallelism()?;
    println!("readers share {cores} cores with the writer; {DEPTH} levels a side");
    Ok(Table {
        name: "readers",
        title: "Publish, one slot changed, while others read",
        grows: "readers",
        unit: "ns per publish",
        rows,
    })
}

/// The lowest cost of a message among some passes, each from the same start.
fn quickest(path: &mut PathRig, feed: &Feed) -> f64 {
    let mut best = f64::INFINITY;
    for _ in 0..PASSES {
        path.sync(feed);
        let start = Instant::now();
        feed.frames.iter().for_each(|frame| path.take_now(frame.padded()));
        best = best.min(start.elapsed().as_nanos() as f64 / feed.frames.len() as f64);
    }
    best
}

/// Takes every message once; the longest that one took, ns.
fn first_pass(path: &mut PathRig, feed: &Feed) -> f64 {
    let mut longest = 0;
    for frame in &feed.frames {
        let start = Instant::now();
        path.take_now(frame.padded());
        longest = longest.max(start.elapsed().as_nanos());
    }
    longest as f64
}

/// Page faults of this process so far that needed no disk.
fn faults() -> Result<u64, Box<dyn Error>> {
    let stat = std::fs::read_to_string("/proc/self/stat")?;
    let (_, fields) = stat.rsplit_once(") ").ok_or("no name of a command")?;
    Ok(fields.split(' ').nth(7).ok_or("no count of faults")?.parse()?)
}

/// Memory of this process on huge pages, shared memory aside.
fn huge_bytes() -> Result<u64, Box<dyn Error>> {
    let rollup = std::fs::read_to_string("/proc/self/smaps_rollup")?;
    let line = rollup.lines().find_map(|line| line.strip_prefix("AnonHugePages:"));
    let kib = line.and_then(|line| line.split_whitespace().next()).ok_or("no huge pages")?;
    Ok(kib.parse::<u64>()? << 10)
}

/// Memory of this process that is in RAM, shared memory included.
fn resident_bytes() -> Result<u64, Box<dyn Error>> {
    let statm = std::fs::read_to_string("/proc/self/statm")?;
    let pages: u64 = statm.split(' ').nth(1).ok_or("no resident pages")?.parse()?;
    Ok(pages * 4_096)
}
