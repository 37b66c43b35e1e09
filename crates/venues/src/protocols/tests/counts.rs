//! How many orders make up each level, where the venue sends orders.

use super::*;

const BY_ORDER: [Venue; 4] =
    [Venue::IndependentReserve, Venue::KrakenL3, Venue::BitstampL3, Venue::CoinbaseFull];

fn counts(rig: &Rig) -> Vec<String> {
    let of = |((is_ask, price), count): (&(bool, String), &String)| {
        format!("{} {price}: {count}", if *is_ask { "ask" } else { "bid" })
    };
    rig.orders.iter().map(of).collect()
}

#[test]
fn every_level_of_a_book_of_orders_has_its_count() {
    for venue in BY_ORDER {
        let words = fixtures::of(venue);
        for mut rig in [Rig::live(words), Rig::replay(venue)] {
            rig.snapshot(words);
            assert_eq!(rig.orders.keys().collect::<Vec<_>>(), rig.book.keys().collect::<Vec<_>>());
            rig.say(words.delta);
            assert_eq!(rig.shown(), FINAL, "{venue}");
            // Kraken's words have two orders there.
            let best = if venue == Venue::KrakenL3 { "bid 100.5: 2" } else { "bid 100.5: 1" };
            assert_eq!(counts(&rig), [best, "ask 101: 1", "ask 101.5: 1"], "{venue}");
        }
    }
}

/// An event of Bitstamp's order stream: what, which order, size.
fn bitstamp(event: &str, order: u64, size: &str, id: u64) -> String {
    let data = format!(
        concat!(
            r#"{{"id":{},"id_str":"{}","order_type":0,"amount":{},"amount_str":"{}","#,
            r#""price":100,"price_str":"100","microtimestamp":"1700000000000000","#,
            r#""event_id":"00000000-0000-0000-0000-{:012}","#,
            r#""pre_event_id":"00000000-0000-0000-0000-{:012}"}}"#
        ),
        order,
        order,
        size,
        size,
        id,
        id - 1
    );
    format!(r#"{{"data":{data},"channel":"live_orders_xyusd","event":"{event}"}}"#)
}

#[test]
fn orders_at_one_price_are_counted_and_lost_counts_are_not_made_up() {
    let words = fixtures::of(Venue::BitstampL3);
    let mut rig = Rig::live(words);
    rig.say(words.snapshot.lines().next().unwrap());
    for (event, order, size, count) in [
        ("order_created", 1, "2", Some("1")),
        ("order_created", 2, "3", Some("2")),
        ("order_changed", 1, "1", Some("2")),
        ("order_deleted", 1, "1", Some("1")),
        ("order_deleted", 2, "3", None),
        ("order_created", 3, "3", Some("1")),
    ] {
        let id = 10 + rig.counters.frames;
        rig.say(&bitstamp(event, order, size, id));
        assert_eq!(rig.state, LIVE, "{event}");
        let key = (false, "100".to_owned());
        assert_eq!(rig.orders.get(&key).map(String::as_str), count, "{event} {order}");
    }
}
