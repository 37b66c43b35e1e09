//! `tickbook demo`: a simulated venue, the engine against it, live ladders and latency.
//!
//! Everything is real but the venue: sockets on loopback, WebSocket frames, the engine's threads,
//! shared memory, and this view, which reads the books as any strategy would. At the end every book
//! is compared with the venue's own.

mod verdict;
mod view;

use std::io::IsTerminal as _;
use std::path::PathBuf;
use std::thread;
use std::time::{Duration, Instant};

use tickbook::Tickbook;
use tickbook_engine::desk::Publish;
use tickbook_engine::live::{Engine, EnginePlan, VenuePlan};
use tickbook_engine::plan;
use tickbook_venue_sim::{Feed, MarketConfig, Sim, SimConfig};
use tickbook_venues::{Endpoints, Subscription};

use crate::Failure;
use crate::args::DemoArgs;
use crate::signals::Signals;
use view::View;

pub(crate) fn run(args: &DemoArgs) -> Result<(), Failure> {
    let signals = Signals::watch()?;
    let ca_file = args
        .tls
        .then(|| std::env::temp_dir().join(format!("tickbook-demo-ca-{}.pem", std::process::id())));
    let result = run_with(args, &signals, ca_file.clone());
    if let Some(path) = ca_file {
        // Best effort: a file that was never made cannot be removed.
        let _ = std::fs::remove_file(path);
    }
    result
}

fn run_with(args: &DemoArgs, signals: &Signals, ca_file: Option<PathBuf>) -> Result<(), Failure> {
    let market = MarketConfig {
        seed: args.seed,
        symbols: usize::from(args.symbols),
        messages_per_s: args.rate,
        ..MarketConfig::default()
    };
    let mut config = SimConfig::new(args.venue, Feed::Synthetic(market));
    config.tls = args.tls;
    config.ca_file.clone_from(&ca_file);
    args.layout.memory().ask()?;
    let sim = Sim::start(config)?;
    let engine = Engine::start(plan_of(args, &sim, ca_file)?)?;
    say!("simulated {} at {}", sim.venue(), sim.ws_url());
    say!("engine '{}': {}", args.name, engine.topology());
    say!(
        "books in {}; read one with: tickbook book --name {}",
        engine.shm_path().display(),
        args.name
    );

    let watched = watch(args, signals, &engine);
    sim.pause();
    if watched.is_ok() {
        settle(&engine);
    }
    let end = engine.stop()?;
    let verdict = verdict::of(&sim, &end);
    end.close();
    sim.stop();
    watched?;
    say!("{verdict}");
    if args.verify && !verdict.is_good() {
        return Err("the books do not equal the venue's own; see the lines above".into());
    }
    Ok(())
}

fn plan_of(args: &DemoArgs, sim: &Sim, ca_file: Option<PathBuf>) -> Result<EnginePlan, Failure> {
    let cores = args.layout.cores()?;
    let symbols = sim.symbols();
    Ok(EnginePlan {
        name: args.name.clone(),
        shm_dir: args.shm.shm_dir.clone(),
        depth: 32,
        heartbeat: Duration::from_millis(10),
        publish: Publish::EveryMessage,
        sample_every: 64,
        ca_file,
        builder_core: cores.map(|(_, builder)| builder),
        // The simulated venue needs a core as well.
        wishes: args.layout.wishes(2),
        venues: vec![VenuePlan {
            venue: args.venue,
            lines: 1,
            subscriptions: symbols.iter().map(|symbol| Subscription::all(symbol)).collect(),
            endpoints: Endpoints::of(args.venue).with_ws(&sim.ws_url()).with_rest(&sim.rest_url()),
            core: cores.map(|(venue, _)| venue),
            silence_ns: SILENCE_NS,
            options: plan::options(SILENCE_NS, None, None),
            play: None,
            key: None,
        }],
    })
}

/// Shows the books until it is time to end.
fn watch(args: &DemoArgs, signals: &Signals, engine: &Engine) -> Result<(), Failure> {
    let tickbook = Tickbook::wait_in(&args.shm.shm_dir, Some(&args.name), ATTACH_TIMEOUT)?;
    let mut view = View::new(tickbook, std::io::stdout().is_terminal());
    let start = Instant::now();
    let length = args.seconds.map(Duration::from_secs);
    let mut next = view.interval();
    loop {
        let elapsed = start.elapsed();
        if signals.arrived() || length.is_some_and(|length| elapsed >= length) {
            break;
        }
        if elapsed >= next {
            next += view.interval();
            view.show(elapsed)?;
        }
        thread::sleep(Duration::from_millis(10));
        engine.watch()?;
        for notice in engine.notices().try_iter() {
            view.note(notice.text);
        }
    }
    view.show_last(start.elapsed())
}

/// Waits until the engine has taken everything the paused venue had sent.
fn settle(engine: &Engine) {
    let frames = || engine.progress().iter().map(|it| it.frames()).sum::<u64>();
    let (mut last, mut since) = (frames(), Instant::now());
    while since.elapsed() < QUIET {
        thread::sleep(Duration::from_millis(10));
        let now = frames();
        if now != last {
            (last, since) = (now, Instant::now());
        }
    }
}

/// A simulated market is never silent for this long.
const SILENCE_NS: i64 = 2_000_000_000;

/// Nothing received for this long after the venue paused: everything has been received.
const QUIET: Duration = Duration::from_millis(300);

/// The engine has published its file before it is attached; this is for a stalled host.
const ATTACH_TIMEOUT: Duration = Duration::from_secs(5);
