//! `tickbook run`: the engine, live.

use std::path::Path;
use std::thread;
use std::time::{Duration, Instant};

use tickbook_engine::config::Config;
use tickbook_engine::limits::REANCHOR_INTERVAL;
use tickbook_engine::live::Engine;
use tickbook_engine::plan;
use tickbook_engine::venue::Notice;

use crate::Failure;
use crate::args::RunArgs;
use crate::signals::Signals;
use crate::text::count;

pub(crate) fn run(args: &RunArgs) -> Result<(), Failure> {
    let config = Config::load(&args.config)?;
    config.memory().ask()?;
    let signals = Signals::watch()?;
    log_to_stderr();
    signals.watch_reload()?;
    let engine = Engine::start(plan::of(&config)?)?;
    say!("{}", engine.topology());
    say!("{}", config.memory());
    say!("books in {}", engine.shm_path().display());
    let reload = || reload(&engine, &args.config);
    let fate = watch(&engine, &signals, args.seconds.map(Duration::from_secs), &reload);
    let end = engine.stop()?;
    for venue in &end.venues {
        let counters = &venue.counters;
        say!(
            "{}: {} frames, {} book messages, {} gaps, {} resyncs",
            venue.venue,
            count(counters.frames),
            count(counters.book_messages),
            counters.gaps,
            counters.resyncs
        );
    }
    end.close();
    fate
}

/// Takes over the books of a configuration that has changed. One that is wrong changes nothing.
fn reload(engine: &Engine, path: &Path) {
    let config = Config::load(path).map_err(|error| error.to_string());
    let taken = config.and_then(|config| engine.wish(&plan::of(&config)?));
    match taken {
        Ok(()) => tracing::info!("{} was read again", path.display()),
        Err(error) => tracing::error!("the books stay as they are: {error}"),
    }
}

/// Looks after a running engine until it is time to end, or it must.
fn watch(
    engine: &Engine,
    signals: &Signals,
    length: Option<Duration>,
    reload: &dyn Fn(),
) -> Result<(), Failure> {
    let start = Instant::now();
    let mut is_published = true;
    while !signals.arrived() && length.is_none_or(|length| start.elapsed() < length) {
        thread::sleep(Duration::from_millis(20).min(REANCHOR_INTERVAL));
        engine.watch()?;
        if signals.wants_reload() {
            reload();
        }
        if is_published && !engine.is_published() {
            is_published = false;
            let path = engine.shm_path();
            tracing::error!("{} was removed; restart the engine for new readers", path.display());
        }
        for Notice { venue, text, fatal } in engine.notices().try_iter() {
            if fatal {
                return Err(format!("{venue}: {text}").into());
            }
            tracing::warn!("{venue}: {text}");
        }
    }
    Ok(())
}

fn log_to_stderr() {
    // Only fails when a subscriber is installed already, which then serves as well.
    let _ = tracing_subscriber::fmt().with_writer(std::io::stderr).with_target(false).try_init();
}
