//! The engine as a process: it feeds readers, ends in order, and is missed when it is killed.

#![allow(clippy::unwrap_used, reason = "a test")]

mod util;

use std::process::Command;

use tickbook_types::Venue;
use tickbook_venue_sim::{Feed, MarketConfig, Sim, SimConfig};
use util::{Place, Running, bad, eventually, good, run, stdout};

fn sim(tls: Option<&std::path::Path>) -> Sim {
    let market = MarketConfig { symbols: 3, messages_per_s: 300.0, ..MarketConfig::default() };
    let mut config = SimConfig::new(Venue::BinanceSpot, Feed::Synthetic(market));
    config.tls = tls.is_some();
    config.ca_file = tls.map(std::path::Path::to_owned);
    Sim::start(config).unwrap()
}

fn config(place: &Place, sim: &Sim, more: &str) -> String {
    let symbols = sim.symbols().iter().map(|it| format!("\"{it}\"")).collect::<Vec<_>>().join(",");
    let text = format!(
        "name = \"live\"\nshm_dir = \"{}\"\nidle = \"yield\"\nheartbeat_ms = 100\n{more}\n\
         [[venue]]\nvenue = \"binance_spot\"\nsymbols = [{symbols}]\n\
         ws_url = \"{}\"\nrest_url = \"{}\"\n",
        place.shm(),
        sim.ws_url(),
        sim.rest_url()
    );
    place.file("live.toml", text.as_bytes()).to_str().unwrap().to_owned()
}

fn wait_for_books(place: &Place, symbols: &[String]) {
    eventually("every book is live", || {
        let all = symbols
            .iter()
            .all(|symbol| run(&["book", symbol, "--shm-dir", place.shm()]).status.success());
        all.then_some(())
    });
}

#[test]
fn a_demo_ends_by_itself_with_true_books_and_leaves_nothing() {
    for tls in [false, true] {
        let place = Place::new(if tls { "demo-tls" } else { "demo" });
        let mut args = vec!["demo", "--seconds", "3", "--rate", "2000", "--symbols", "4"];
        args.extend([
            "--verify",
            "--idle",
            "yield",
            "--name",
            "demo-test",
            "--shm-dir",
            place.shm(),
        ]);
        if tls {
            args.push("--tls");
        }
        let output = good(&args);
        assert!(output.contains("4 of 4 books equal the venue's own"), "{output}");
        assert!(output.contains("4/4 books live"), "{output}");
        assert!(output.contains("tick-to-book p50"), "{output}");
        assert!(place.left_behind().is_empty(), "{:?}", place.left_behind());
    }
}

#[test]
fn an_engine_serves_readers_and_ends_at_sigterm() {
    let place = Place::new("sigterm");
    let sim = sim(None);
    let config = config(&place, &sim, "");
    let mut engine = Running::start(&["run", "-c", &config]);
    let symbols = sim.symbols();
    wait_for_books(&place, &symbols);
    let book = good(&["book", &symbols[0], "--shm-dir", place.shm(), "--depth", "3"]);
    assert!(book.contains("live seq") && book.contains('|'), "{book}");
    let list = good(&["book", "--shm-dir", place.shm()]);
    assert!(symbols.iter().all(|symbol| list.contains(symbol.as_str())), "{list}");
    let stats = good(&["stats", "--shm-dir", place.shm()]);
    assert!(stats.contains("tick_to_book") && stats.contains("frames"), "{stats}");
    engine.signal("TERM");
    assert!(engine.0.wait().unwrap().success());
    assert!(place.left_behind().is_empty(), "{:?}", place.left_behind());
    bad(&["book", &symbols[0], "--shm-dir", place.shm()]);
}

#[test]
fn a_killed_engine_is_missed_and_its_successor_needs_no_cleaning() {
    let place = Place::new("sigkill");
    let sim = sim(None);
    let config = config(&place, &sim, "");
    let symbols = sim.symbols();
    let mut engine = Running::start(&["run", "-c", &config]);
    wait_for_books(&place, &symbols);
    engine.signal("KILL");
    engine.0.wait().unwrap();
    // For two heartbeats nobody can tell a dead writer from a quiet one.
    let args = ["book", symbols[0].as_str(), "--name", "live", "--shm-dir", place.shm()];
    eventually("the dead writer is missed", || (!run(&args).status.success()).then_some(()));
    let line = bad(&args);
    assert!(line.contains("dead") || line.contains("no live engine"), "{line}");
    let _second = Running::start(&["run", "-c", &config]);
    wait_for_books(&place, &symbols);
}

#[test]
fn a_second_engine_of_the_same_name_is_refused() {
    let place = Place::new("second");
    let sim = sim(None);
    let config = config(&place, &sim, "");
    let _engine = Running::start(&["run", "-c", &config]);
    wait_for_books(&place, &sim.symbols());
    let line = bad(&["run", "-c", &config, "--seconds", "5"]);
    assert!(line.contains("live"), "{line}");
    wait_for_books(&place, &sim.symbols());
}

#[test]
fn a_certificate_that_is_not_trusted_ends_the_start() {
    let place = Place::new("untrusted");
    let ca = place.files.join("ca.pem");
    let sim = sim(Some(&ca));
    let untrusting = config(&place, &sim, "");
    let line = bad(&["run", "-c", &untrusting, "--seconds", "20"]);
    assert!(line.contains("certificate") && line.contains("trusted"), "{line}");
    assert!(place.left_behind().is_empty(), "{:?}", place.left_behind());
    let trusting = config(&place, &sim, &format!("ca_file = \"{}\"", ca.display()));
    let _engine = Running::start(&["run", "-c", &trusting]);
    wait_for_books(&place, &sim.symbols());
}

#[test]
fn a_symbol_that_the_venue_does_not_list_ends_the_start() {
    let place = Place::new("unlisted");
    let sim = sim(None);
    let config = config(&place, &sim, "");
    let text = std::fs::read_to_string(&config).unwrap();
    std::fs::write(&config, text.replace("symbols = [", "symbols = [\"NOSUCHUSDT\",")).unwrap();
    let line = bad(&["run", "-c", &config, "--seconds", "20"]);
    assert!(line.contains("NOSUCHUSDT"), "{line}");
}

#[test]
fn a_replay_that_is_interrupted_leaves_nothing() {
    let place = Place::new("interrupted");
    // 42 lines, of which the last comes an hour after the others.
    let text = util::capture();
    let (start, last) = text.trim_end().rsplit_once('\n').unwrap();
    let later = last.replacen("1700000000", "1700003600", 1);
    let file = place.file("slow.cap", format!("{start}\n{later}\n").as_bytes());
    let mut args = vec!["replay", file.to_str().unwrap(), "--pace", "recorded"];
    args.extend(["--idle", "yield", "--shm-dir", place.shm()]);
    let mut replay = Running::start(&args);
    eventually("its file is there", || (!place.left_behind().is_empty()).then_some(()));
    replay.signal("INT");
    assert_eq!(replay.0.wait().unwrap().code(), Some(130));
    assert!(place.left_behind().is_empty(), "{:?}", place.left_behind());
}

#[test]
fn a_closed_pipe_is_no_panic() {
    let place = Place::new("pipe");
    let mut args = vec!["demo", "--seconds", "3", "--rate", "500", "--symbols", "2"];
    args.extend(["--idle", "yield", "--name", "piped", "--shm-dir", place.shm()]);
    let mut demo = Running::start(&args);
    drop(demo.0.stdout.take());
    let status = demo.0.wait().unwrap();
    assert!(matches!(status.code(), Some(0 | 1)), "{status:?}");
    assert!(place.left_behind().is_empty(), "{:?}", place.left_behind());
}

#[test]
fn the_help_is_the_manual() {
    let output = run(&["--help"]);
    assert!(output.status.success());
    for command in ["demo", "run", "replay", "book", "stats", "sim", "check-config"] {
        assert!(stdout(&output).contains(command), "{command}");
    }
    let unknown = Command::new(env!("CARGO_BIN_EXE_tickbook")).arg("bogus").output().unwrap();
    assert!(!unknown.status.success());
}
