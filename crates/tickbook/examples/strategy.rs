//! The smallest strategy: attach, spin on the top of one book, print when it changes.
//!
//! ```text
//! cargo run --release -p tickbook --example strategy -- [--dir DIR] [--name ENGINE]
//!     [--wait SECONDS] [--seconds SECONDS] [BOOK]
//! ```
//!
//! Without a name it takes the only engine that runs, without a book the first one of the
//! directory. With `--wait` it waits for the engine and the book to come; with `--seconds` it ends
//! by itself. Works against any writer: `tickbook demo`, `tickbook replay`, `tickbook run`.

use std::error::Error;
use std::path::PathBuf;
use std::process::ExitCode;
use std::time::{Duration, Instant};

use tickbook::{BookReader, DEFAULT_DIR, Level, NotReadable, Tickbook, Top};

fn main() -> ExitCode {
    match run() {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("strategy: {error}");
            ExitCode::FAILURE
        }
    }
}

fn run() -> Result<(), Box<dyn Error>> {
    let options = Options::parse()?;
    let tickbook = Tickbook::wait_in(&options.dir, options.name.as_deref(), options.wait)?;
    let mut book = find_book(&tickbook, &options)?;
    let engine = tickbook.engine();
    println!("engine {} (process {}), book {}", engine.name, engine.pid, book.info().name);

    let end = options.run_for.and_then(|run_for| Instant::now().checked_add(run_for));
    let mut last = None;
    let (mut looks, mut changes) = (0_u64, 0_u64);
    loop {
        // The whole hot path of a strategy: look, read when there is something new, and decide for
        // each outcome. After a read that gave no book every look says so: read again.
        looks += 1;
        if book.top_changed() {
            let now = book.top();
            if last != Some(now) {
                changes += 1;
                show(now);
                last = Some(now);
            }
        } else {
            std::hint::spin_loop();
        }
        // Not every time: reading the clock costs more than reading the book.
        if looks.is_multiple_of(1 << 14) && end.is_some_and(|end| Instant::now() >= end) {
            break;
        }
    }
    println!("{looks} looks, {changes} changes");
    Ok(())
}

fn show(now: Result<Top, NotReadable>) {
    match now {
        Ok(top) => {
            let text = |level: Option<Level>| {
                level.map_or_else(
                    || "-".to_owned(),
                    |level| {
                        let price = top.header.price_decimal(level.price);
                        format!("{price} x {}", top.header.size_decimal(level.size))
                    },
                )
            };
            let seq = top.header.seq.map_or_else(|| "-".to_owned(), |seq| seq.to_string());
            println!("{:>24} | {:<24} seq {seq}", text(top.bid), text(top.ask));
        }
        Err(why) => println!("not to be traded on: {why}"),
    }
}

fn find_book(tickbook: &Tickbook, options: &Options) -> Result<BookReader, Box<dyn Error>> {
    let start = Instant::now();
    loop {
        let name = options.book.clone().or_else(|| {
            tickbook.books().first().map(|info| match info.venue {
                Some(venue) => format!("{venue}:{}", info.name),
                None => info.name.clone(),
            })
        });
        match name.ok_or_else(|| "the engine has no book yet".into()).and_then(|name| {
            tickbook.book(&name).map_err(|error| Box::<dyn Error>::from(error.to_string()))
        }) {
            Ok(book) => return Ok(book),
            Err(error) if start.elapsed() >= options.wait => return Err(error),
            Err(_) => std::thread::sleep(Duration::from_millis(20)),
        }
    }
}

struct Options {
    dir: PathBuf,
    name: Option<String>,
    wait: Duration,
    run_for: Option<Duration>,
    book: Option<String>,
}

impl Options {
    fn parse() -> Result<Self, Box<dyn Error>> {
        let mut options = Self {
            dir: DEFAULT_DIR.into(),
            name: None,
            wait: Duration::ZERO,
            run_for: None,
            book: None,
        };
        let mut args = std::env::args().skip(1);
        while let Some(arg) = args.next() {
            let mut value = || args.next().ok_or_else(|| format!("{arg} wants a value"));
            match arg.as_str() {
                "--dir" => options.dir = value()?.into(),
                "--name" => options.name = Some(value()?),
                "--wait" => options.wait = Duration::try_from_secs_f64(value()?.parse()?)?,
                "--seconds" => {
                    options.run_for = Some(Duration::try_from_secs_f64(value()?.parse()?)?);
                }
                _ if arg.starts_with('-') => return Err(format!("unknown option {arg}").into()),
                _ => options.book = Some(arg),
            }
        }
        Ok(options)
    }
}
