//! Trades and tickers in the venues' own words (`aside.txt`), written for these tests.

use super::*;

/// What a venue says beside a book, and what of it must reach the builder.
struct Aside {
    venue: Venue,
    symbol: &'static str,
    /// A snapshot of its book.
    book: &'static str,
    trades: Vec<&'static str>,
    tickers: Vec<&'static str>,
    is: &'static str,
}

/// `= VENUE [SYMBOL]`, and a line for each message; without a symbol it is that of the venue's
/// other words, with their book.
fn section(text: &'static str) -> Aside {
    let (head, lines) = text.split_once('\n').unwrap();
    let mut head = head.split(' ');
    let venue: Venue = head.next().unwrap().parse().unwrap();
    let of = |kind: &str| -> Vec<&'static str> {
        let texts = lines.lines().filter_map(|line| line.split_once(' '));
        texts.filter(|(of, _)| *of == kind).map(|(_, text)| text).collect()
    };
    let words = fixtures::of(venue);
    let of_words = || (words.symbol, words.snapshot);
    let book = || &*of("book").join("\n").leak();
    let (symbol, book) = head.next().map_or_else(of_words, |symbol| (symbol, book()));
    Aside { venue, symbol, book, trades: of("trade"), tickers: of("ticker"), is: of("is")[0] }
}

/// Sections of `aside.txt`.
const ASIDES: usize = 28;

fn all() -> impl Iterator<Item = Aside> {
    include_str!("aside.txt").split("= ").skip(1).map(section)
}

impl Aside {
    fn subscription(&self) -> Subscription {
        Subscription::all(self.symbol)
    }

    /// A session that has heard all of it.
    fn heard(&self, subscription: Option<Subscription>) -> Rig {
        let mode = match subscription {
            Some(_) => Mode::Live,
            None => Mode::Replay { discover: true },
        };
        let mut rig = Rig::new(self.venue, subscription.into_iter().collect(), mode);
        let words = fixtures::of(self.venue);
        if self.book == words.snapshot {
            rig.snapshot(words);
        } else {
            rig.say(self.book);
        }
        assert_eq!(rig.state, LIVE, "{} {}", self.venue, self.symbol);
        for text in self.trades.iter().chain(&self.tickers) {
            rig.say(text);
        }
        rig
    }
}

/// A ticker as the fixtures write it.
fn shown(ticker: &Ticker) -> String {
    let fields = ticker.fields().map(|(field, figure)| format!("{}={figure} ", field.name()));
    format!("{}@{}", fields.collect::<String>(), ticker.venue_time.0 / 1_000_000)
}

fn rejected(rig: &Rig) -> u64 {
    Rejected::ALL.iter().map(|it| rig.counters.rejected(*it)).sum()
}

#[test]
fn what_venues_say_beside_the_book_arrives() {
    let mut count = 0;
    for aside in all() {
        let at = format!("{} {}", aside.venue, aside.symbol);
        for subscription in [Some(aside.subscription()), None] {
            let rig = aside.heard(subscription);
            if aside.tickers.is_empty() {
                assert_eq!(rig.trades.join(", "), aside.is, "{at}");
                assert_eq!(rig.counters.trades, 2, "{at}");
            } else {
                assert_eq!(shown(&rig.ticker), aside.is, "{at}");
                assert_eq!(rig.counters.statistics, aside.tickers.len() as u64, "{at}");
            }
            assert_eq!((rejected(&rig), rig.state), (0, LIVE), "{at}");
            assert_eq!(rig.counters.tickers, 0, "not a check of the book");
            assert_eq!(rig.counters.ignored(Ignored::UnusedStream), 0, "{at}");
        }
        count += 1;
    }
    assert_eq!(count, ASIDES);
}

#[test]
fn what_nobody_wants_is_neither_subscribed_nor_passed_on() {
    for aside in all() {
        let at = format!("{} {}", aside.venue, aside.symbol);
        let (trades, ticker) = (!aside.tickers.is_empty(), aside.tickers.is_empty());
        let both = aside.heard(Some(aside.subscription())).sent().join("\n").len();
        let mut one = aside.heard(Some(Subscription { trades, ticker, ..aside.subscription() }));
        assert!(one.sent().join("\n").len() < both || ticker && aside.trades.is_empty(), "{at}");
        assert_eq!(one.counters.statistics, 0, "{at}");
        assert_eq!(one.ticker, Ticker::default(), "{at}");
    }
}

#[test]
fn greeks_come_with_one_subscription_of_a_family() {
    let symbols = ["XY-USD-270326-90-C", "XY-USD-270326-80-P", "XY-USDT-SWAP"];
    let subscriptions = symbols.map(Subscription::all).to_vec();
    let sent = Rig::new(Venue::OkxV5, subscriptions, Mode::Live).sent().join("\n");
    assert_eq!(sent.matches("opt-summary").count(), 1, "{sent}");
    assert!(sent.contains(r#"{"channel":"opt-summary","instFamily":"XY-USD"}"#), "{sent}");
    assert_eq!(sent.matches("funding-rate").count(), 1, "{sent}");
    assert_eq!(sent.matches("mark-price").count(), 3, "{sent}");
}

#[test]
fn every_book_of_a_symbol_has_its_ticker() {
    let deep = |depth| Subscription { depth: Some(depth), ..Subscription::all("XYUSDT") };
    let mut rig = Rig::new(Venue::BybitV5, vec![deep(1), deep(50)], Mode::Live);
    rig.say(all().next().unwrap().tickers[0]);
    assert_eq!(rig.counters.statistics, 2);
}

#[test]
fn a_change_that_was_lost_takes_the_ticker_with_it() {
    let aside = all().next().unwrap();
    let mut rig = aside.heard(Some(aside.subscription()));
    assert!(rig.ticker.mark_price().is_some());
    rig.say(r#"{"topic":"tickers.XYUSDT","type":"delta","data":{"symbol":"XYUSDT","markPr"#);
    assert_eq!(rig.ticker.fields().count(), 0, "it may have been about any field");
    rig.say(aside.tickers[1]);
    assert_eq!(rig.ticker.fields().count(), 1, "only what was said since");
    rig.say(aside.tickers[0]);
    assert_eq!(rig.ticker.fields().count(), 10, "a snapshot heals it");
}

#[test]
fn a_field_that_is_no_number_costs_that_field_only() {
    let aside = all().next().unwrap();
    let mut rig = aside.heard(Some(aside.subscription()));
    let before = rig.ticker.fields().count();
    rig.say(&aside.tickers[1].replace("100.93", "NaN"));
    assert_eq!((rig.ticker.mark_price(), rig.ticker.fields().count()), (None, before - 1));
    assert_eq!((rig.counters.rejected(Rejected::Number), rig.state), (1, LIVE));
    rig.say(&aside.tickers[1].replace(r#""symbol""#, r#""cymbal""#));
    assert_eq!((rig.counters.rejected(Rejected::Shape), rig.state), (1, LIVE));
}

proptest! {
    #[test]
    fn damage_costs_no_panic_and_makes_nothing_up(
        which in 0..ASIDES,
        message in any::<prop::sample::Index>(),
        at in any::<prop::sample::Index>(),
        byte in any::<u8>(),
        cut in any::<bool>(),
    ) {
        let aside = all().nth(which).unwrap();
        let said: Vec<_> = aside.trades.iter().chain(&aside.tickers).collect();
        let mut bytes = said[message.index(said.len())].as_bytes().to_vec();
        let at = at.index(bytes.len());
        if cut { bytes.truncate(at) } else { bytes[at] = byte }
        let mut rig = aside.heard(Some(aside.subscription()));
        let trades = rig.trades.len();
        let text = PaddedBuf::new(&bytes);
        let stamps = RecvStamps::default();
        rig.call(|session, cx| session.on_message(CONN, text.padded(), &stamps, cx));
        if cut {
            prop_assert_eq!(rig.trades.len(), trades);
            prop_assert!(rig.ticker.is_empty(), "what was cut may have changed it");
        }
    }
}
