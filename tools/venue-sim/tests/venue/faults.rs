//! Faults on request: each is seen by the client as it would be on the venue.

use std::thread;
use std::time::{Duration, Instant};

use tickbook_types::Venue;
use tickbook_venue_sim::{Faults, MarketConfig};
use tungstenite::Message;

use crate::client::{PATIENCE, Ws, market, number, start, start_with};

#[test]
fn a_dropped_message_is_a_gap() {
    for venue in [Venue::BinanceSpot, Venue::BinanceUsdm] {
        let sim = start(venue, market(1));
        let mut ws = Ws::open(&sim, "/ws/btcusdt@depth");
        let mut last = number(&ws.json()["u"]);
        let mut gaps = 0;
        assert!(sim.drop_next_message("BTCUSDT"));
        assert!(!sim.drop_next_message("NOSUCH"));
        for _ in 0..1_000 {
            let message = ws.json();
            let follows = match message.get("pu") {
                Some(previous) => number(previous) == last,
                None => number(&message["U"]) == last + 1,
            };
            gaps += u32::from(!follows);
            last = number(&message["u"]);
        }
        assert_eq!(gaps, 1);
        assert_eq!(sim.stats().messages_dropped, 1);
    }
}

#[test]
fn silence_is_silent_and_loses_messages() {
    let sim = start(Venue::BinanceSpot, market(1));
    let mut ws = Ws::open(&sim, "/ws/btcusdt@depth");
    let mut last = number(&ws.json()["u"]);
    sim.silence(true);
    // What was on its way still arrives.
    while let Some(message) = ws.next(Duration::from_millis(150)) {
        let message: serde_json::Value =
            serde_json::from_str(message.unwrap().to_text().unwrap()).unwrap();
        assert_eq!(number(&message["U"]), last + 1);
        last = number(&message["u"]);
    }
    assert!(sim.stats().messages_dropped > 0);
    sim.silence(false);
    assert!(number(&ws.json()["U"]) > last + 1);
}

#[test]
fn a_cut_connection_ends_without_a_close_and_a_new_one_works() {
    let sim = start_with(Venue::BinanceSpot, market(1), true, Faults::default());
    let mut ws = Ws::open(&sim, "/ws/btcusdt@depth");
    ws.json();
    sim.disconnect_all();
    assert_eq!(ws.close_code(), None);
    let mut again = Ws::open(&sim, "/ws/btcusdt@depth");
    again.json();
    assert_eq!(sim.stats().clients_accepted, 2);
}

#[test]
fn a_shutdown_is_announced_in_both_forms() {
    let sim = start(Venue::BinanceSpot, market(1));
    let mut raw = Ws::open(&sim, "/ws");
    let mut combined = Ws::open(&sim, "/stream");
    // Both are known to the venue once they were answered.
    for ws in [&mut raw, &mut combined] {
        ws.send(r#"{"method":"LIST_SUBSCRIPTIONS","id":1}"#);
        ws.reply();
    }
    sim.send_shutdown();
    assert_eq!(raw.json()["e"], "serverShutdown");
    let message = combined.json();
    assert_eq!(message["stream"], "!serverShutdown");
    assert_eq!(message["data"]["e"], "serverShutdown");
}

#[test]
fn a_client_too_far_behind_is_expelled_and_no_other() {
    let faults = Faults { client_backlog_bytes: 16 << 20, ..Faults::default() };
    let config = MarketConfig { messages_per_s: 25_000.0, ..market(1) };
    let sim = start_with(Venue::BinanceSpot, config, false, faults);
    let slow = Ws::open(&sim, "/ws/btcusdt@depth");
    let mut quick = Ws::open(&sim, "/ws/btcusdt@depth");
    let deadline = Instant::now() + PATIENCE;
    let mut last = None;
    while sim.stats().clients_expelled == 0 {
        assert!(Instant::now() < deadline, "nobody was expelled");
        if let Some(Ok(Message::Text(text))) = quick.next(Duration::from_millis(50)) {
            // Ids from the text: a JSON parser would make this client a slow one, too.
            let at = text.find("\"u\":").unwrap() + 4;
            let digits = text[at..].bytes().take_while(u8::is_ascii_digit).count();
            let id: u64 = text[at..at + digits].parse().unwrap();
            assert!(last < Some(id));
            last = Some(id);
        }
    }
    thread::sleep(Duration::from_millis(20));
    assert_eq!(sim.stats().clients_expelled, 1);
    quick.json();
    drop(slow);
}
