//! A replay over real sockets: a local server plays the capture to the live engine.

use std::collections::VecDeque;
use std::path::PathBuf;
use std::thread;
use std::time::{Duration, Instant};

use tickbook_capture::{Capture, Record};
use tickbook_net::ConnectionOptions;
use tickbook_venues::{Endpoints, subscriptions_from_open};

use super::{Pass, ReplayError, ReplayOptions, Stages, listed, recorded_path, venue_of};
use crate::limits;
use crate::live::{Engine, EnginePlan, VenuePlan};
use crate::play::Play;
use crate::topology::Wishes;
use crate::url::Url;

/// Where a server plays the capture.
#[derive(Clone, Debug)]
pub struct Server {
    /// WebSocket root, `ws://` or `wss://`.
    pub ws_url: String,
    /// REST root.
    pub rest_url: String,
    /// Root certificate of the server, when it speaks TLS.
    pub ca_file: Option<PathBuf>,
}

/// One pass over a capture that `server` plays.
pub(super) fn pass(
    capture: &Capture,
    options: &ReplayOptions,
    server: &Server,
) -> Result<Pass, ReplayError> {
    let venue = venue_of(capture, options.venue)?;
    let mut play = play_of(capture);
    play.instruments = listed(venue, options.instruments.as_deref())?;
    play.recorded_path = recorded_path(capture);
    let (frames, fetches) = (play.frame_times.len() as u64, play.fetches.len() as u64);
    let open = capture.records().find_map(|record| match record {
        Record::Open { url, .. } => Some(url),
        _ => None,
    });
    let subscriptions = open.map(|url| subscriptions_from_open(venue, url)).unwrap_or_default();
    let plan = EnginePlan {
        name: options.name.clone(),
        shm_dir: options.shm_dir.clone(),
        depth: options.published_depth,
        heartbeat: Duration::from_millis(10),
        publish: options.publish,
        sample_every: options.sample_every,
        ca_file: server.ca_file.clone(),
        builder_core: options.cores.map(|(_, core)| core),
        // The server that plays the capture needs a core too.
        wishes: Wishes { other_threads: options.wishes.other_threads.max(1), ..options.wishes },
        venues: vec![VenuePlan {
            venue,
            subscriptions,
            lines: 1,
            endpoints: Endpoints::of(venue).with_ws(&server.ws_url).with_rest(&server.rest_url),
            core: options.cores.map(|(core, _)| core),
            silence_ns: 0,
            // A recording may hold still for as long as it likes.
            options: ConnectionOptions { idle_ns: 0, probe_ns: 0, ..ConnectionOptions::default() },
            play: Some(play),
            key: None,
        }],
    };
    let start = Instant::now();
    let engine = Engine::start(plan)?;
    let topology = *engine.topology();
    let waited = wait(&engine, frames, fetches);
    let elapsed_s = start.elapsed().as_secs_f64();
    let mut end = engine.stop()?;
    waited?;
    let Some(venue_end) = end.venues.pop() else {
        return Err(ReplayError("the venue thread left nothing behind".to_owned()));
    };
    let mut pass = Pass {
        venue,
        topology,
        elapsed_s,
        counters: venue_end.counters,
        bytes: venue_end.bytes,
        books: super::Books::default(),
        checksums: crate::report::OkBad::default(),
        bbo_checks: None,
        crossed: 0,
        stages: Stages::read(options)?,
    };
    pass.books_of(&mut end.builders, options.depth);
    end.close();
    Ok(pass)
}

fn play_of(capture: &Capture) -> Play {
    let mut frame_times = Vec::with_capacity(capture.received());
    let mut fetches = VecDeque::new();
    for record in capture.records() {
        match record {
            Record::Http { url, .. } => {
                let path = Url::parse(url).map_or_else(|_| url.to_owned(), |url| url.path);
                fetches.push_back((frame_times.len() as u64, path));
            }
            record if record.is_received() => frame_times.push(record.ns().0),
            _ => {}
        }
    }
    Play::new(frame_times, fetches)
}

/// Waits until everything was received.
fn wait(engine: &Engine, frames: u64, fetches: u64) -> Result<(), ReplayError> {
    let progress = &engine.progress()[0];
    let (mut last, mut since) = ((0, 0), Instant::now());
    let mut notice = String::new();
    let mut watched = Instant::now();
    loop {
        let now = (progress.frames(), progress.rest_answers());
        if now >= (frames, fetches) && now.1 >= fetches {
            return Ok(());
        }
        for line in engine.notices().try_iter() {
            notice = line.text;
            if line.fatal {
                return Err(ReplayError(notice));
            }
        }
        if now != last {
            (last, since) = (now, Instant::now());
        }
        if since.elapsed() > STALLED {
            return Err(ReplayError(format!(
                "the server stopped after {} of {frames} frames and {} of {fetches} snapshots: \
                 {notice}",
                now.0, now.1
            )));
        }
        if watched.elapsed() > limits::REANCHOR_INTERVAL {
            watched = Instant::now();
            engine.watch()?;
        }
        thread::sleep(Duration::from_millis(1));
    }
}

/// A recording played at its own pace has gaps; a longer one than this is a server that hangs.
const STALLED: Duration = Duration::from_secs(120);
