//! Books spliced with REST snapshots: what is kept, joined, dropped and fetched again.

use std::fmt::Write as _;

use tickbook_types::{BookId, SeqNo, SnapshotBlock, WallNanos};

use super::super::chain::Link;
use super::super::frame::{Content, Frame};
use super::super::protocol::{Protocol, Rules, Topic, Verb};
use super::super::session::SharedSession;
use super::*;
use crate::counters::Ignored;
use crate::json::{Read, Reader};
use crate::level::Number;
use crate::rest::{RestBody, RestError, RestSnapshot};
use crate::session::SessionConfig;
use crate::splice::Chain;

const SECOND: i64 = 1_000_000_000;
const GAP: (BookState, Reason) = (BookState::Stale, Reason::Gap);

/// A venue that is spliced, and the words of a market on it.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
struct Market {
    venue: Venue,
}

/// One change: the side is that of the price, below or above 100.
type Change = (u64, u64);

impl Market {
    const ALL: [Self; 3] = [
        Self { venue: Venue::Gate },
        Self { venue: Venue::GateFutures },
        Self { venue: Venue::KuCoin },
    ];

    /// The change with an id: a price near 100 gets a size, or none.
    const fn change(id: u64) -> Change {
        let mixed = id.wrapping_mul(0x9E37_79B9_7F4A_7C15) >> 40;
        (93 + mixed % 14, if mixed.is_multiple_of(5) { 0 } else { 1 + mixed / 14 % 90 })
    }

    /// The book at an id.
    fn truth(id: u64) -> BTreeMap<(bool, String), String> {
        let mut book = BTreeMap::new();
        for (price, size) in (1..=id).map(Self::change) {
            let key = (price >= 100, price.to_string());
            if size == 0 {
                book.remove(&key)
            } else {
                book.insert(key, size.to_string())
            };
        }
        book
    }

    fn row(self, price: &str, size: &str, id: u64) -> String {
        match self.venue {
            Venue::KuCoin => format!(r#"["{price}","{size}","{id}"]"#),
            Venue::GateFutures => format!(r#"{{"p":"{price}","s":{size}}}"#),
            _ => format!(r#"["{price}","{size}"]"#),
        }
    }

    fn rows(self, is_ask: bool, changes: impl Iterator<Item = (u64, Change)>) -> String {
        let of_side = changes.filter(|(_, (price, _))| (*price >= 100) == is_ask);
        let rows =
            of_side.map(|(id, (price, size))| self.row(&price.to_string(), &size.to_string(), id));
        rows.collect::<Vec<_>>().join(",")
    }

    /// The message with the changes of some ids.
    fn delta(self, first: u64, last: u64) -> String {
        let changes = || (first..=last).map(|id| (id, Self::change(id)));
        let (bids, asks) = (self.rows(false, changes()), self.rows(true, changes()));
        if self.venue == Venue::KuCoin {
            return one_line(&format!(
                r#"{{"type":"message","topic":"/market/level2:XY","data":{{"symbol":"XY",
                "sequenceStart":{first},"sequenceEnd":{last},
                "changes":{{"asks":[{asks}],"bids":[{bids}]}}}}}}"#
            ));
        }
        let kind = if self.venue == Venue::Gate { "spot" } else { "futures" };
        one_line(&format!(
            r#"{{"channel":"{kind}.order_book_update","event":"update","result":{{"t":1700000000000,
            "s":"XY","U":{first},"u":{last},"b":[{bids}],"a":[{asks}]}}}}"#
        ))
    }

    /// The address and the body of the snapshot at an id.
    fn snapshot(self, id: u64) -> (String, String) {
        let mut sides = [String::new(), String::new()];
        for ((is_ask, price), size) in Self::truth(id) {
            let side = &mut sides[usize::from(is_ask)];
            let comma = if side.is_empty() { "" } else { "," };
            write!(side, "{comma}{}", self.row(&price, &size, id)).unwrap();
        }
        let [bids, asks] = sides;
        let (url, body) = match self.venue {
            Venue::KuCoin => (
                "https://api.kucoin.com/api/v3/market/orderbook/level2?symbol=XY",
                format!(
                    r#""code":"200000","data":{{"sequence":"{id}",
                    "bids":[{bids}],"asks":[{asks}]}}"#
                ),
            ),
            Venue::Gate => (
                "/api/v4/spot/order_book?currency_pair=XY&limit=100&with_id=true",
                format!(r#""id":{id},"bids":[{bids}],"asks":[{asks}]"#),
            ),
            _ => (
                "/api/v4/futures/usdt/order_book?contract=XY&with_id=true",
                format!(r#""id":{id},"bids":[{bids}],"asks":[{asks}]"#),
            ),
        };
        (url.to_owned(), format!("{{{body}}}"))
    }

    fn live(self) -> Rig {
        let mut rig = Rig::new(self.venue, vec![Subscription::all("XY")], Mode::Live);
        if self.venue == Venue::KuCoin {
            rig.say(r#"{"id":"x","type":"welcome"}"#);
        }
        rig
    }

    /// Answers a request with the snapshot at `at`.
    fn answer(self, rig: &mut Rig, id: Option<RequestId>, at: u64) {
        let (url, body) = self.snapshot(at);
        rig.answer(id, &url, &body);
    }

    /// A book that is live at an id.
    fn at(self, id: u64) -> Rig {
        let mut rig = self.live();
        rig.say(&self.delta(1, id));
        let (request, _) = rig.await_request();
        self.answer(&mut rig, Some(request), id);
        assert_eq!((rig.state, rig.seq), (LIVE, Some(id)), "{}", self.venue);
        rig
    }
}

fn one_line(text: &str) -> String {
    text.lines().map(str::trim).collect()
}

#[track_caller]
fn assert_truth(rig: &Rig, at: u64) {
    assert_eq!(rig.state, LIVE, "{}", rig.venue);
    assert_eq!((rig.seq, &rig.book), (Some(at), &Market::truth(at)), "{}", rig.venue);
}

fn ignored(rig: &Rig, reason: Ignored) -> u64 {
    rig.counters.ignored(reason)
}

#[test]
fn what_comes_before_the_snapshot_is_kept_and_joined() {
    for market in Market::ALL {
        // Older than the snapshot, around its end, behind it.
        let mut rig = market.live();
        for (first, last) in [(3, 5), (6, 7), (8, 12), (13, 13)] {
            rig.say(&market.delta(first, last));
        }
        let (request, path) = rig.await_request();
        assert!(path.contains("XY"), "{path}");
        assert_ne!(rig.state.0, BookState::Live);
        market.answer(&mut rig, Some(request), 9);
        assert_truth(&rig, 13);
        assert_eq!(ignored(&rig, Ignored::Stale), 2);
        // Nobody saw it half way: one splice.
        assert_eq!(rig.lives, 1, "{}", market.venue);
        rig.say(&market.delta(14, 15));
        assert_truth(&rig, 15);
    }
}

#[test]
fn the_snapshot_may_come_first_and_deltas_older_than_it_are_dropped() {
    for market in Market::ALL {
        let mut rig = market.live();
        let (request, _) = rig.await_request();
        assert!(rig.now.since(MonoNanos(SECOND)) >= 3 * SECOND, "a first delta is waited for");
        market.answer(&mut rig, Some(request), 20);
        assert_truth(&rig, 20);
        rig.say(&market.delta(15, 19));
        rig.say(&market.delta(20, 20));
        assert_truth(&rig, 20);
        assert_eq!(ignored(&rig, Ignored::Stale), 2);
        rig.say(&market.delta(20, 24));
        assert_truth(&rig, 24);
    }
}

#[test]
fn a_snapshot_that_is_too_old_is_fetched_again_ever_more_slowly() {
    for market in Market::ALL {
        let mut rig = market.live();
        rig.say(&market.delta(10, 12));
        let mut waits = Vec::new();
        for _ in 0..4 {
            let asked_at = rig.now;
            let (request, _) = rig.await_request();
            waits.push(rig.now.since(asked_at));
            market.answer(&mut rig, Some(request), 8);
            assert_ne!(rig.state.0, BookState::Live);
        }
        assert_eq!(rig.counters.snapshots_unusable, 4);
        assert!(waits[1] < waits[2] && waits[2] < waits[3], "{waits:?}");
        let (request, _) = rig.await_request();
        market.answer(&mut rig, Some(request), 9);
        assert_truth(&rig, 12);
    }
}

#[test]
fn a_gap_is_stale_at_once_and_healed_on_the_same_socket() {
    for market in Market::ALL {
        let mut rig = market.at(10);
        rig.say(&market.delta(11, 11));
        rig.sent();
        rig.say(&market.delta(13, 14));
        assert_eq!((rig.state, rig.seq), (GAP, Some(11)), "{}", market.venue);
        rig.say(&market.delta(15, 15));
        let (request, _) = rig.await_request();
        // It does not reach what was missing.
        market.answer(&mut rig, Some(request), 11);
        assert_eq!(rig.state, GAP);
        let (request, _) = rig.await_request();
        market.answer(&mut rig, Some(request), 12);
        assert_truth(&rig, 15);
        assert!(rig.sent().is_empty(), "nothing is subscribed again");
        assert!(!rig.drain().any(|action| matches!(action, Action::Close { .. })));
        assert_eq!((rig.counters.gaps, rig.counters.resyncs), (1, 1));
    }
}

#[test]
fn repeats_are_dropped_and_a_swap_is_a_gap() {
    for market in Market::ALL {
        let mut rig = market.at(10);
        rig.say(&market.delta(11, 12));
        rig.say(&market.delta(11, 12));
        assert_truth(&rig, 12);
        assert_eq!(ignored(&rig, Ignored::Duplicate), 1);
        rig.say(&market.delta(15, 16));
        rig.say(&market.delta(13, 14));
        assert_eq!(rig.state, GAP);
        rig.say(&market.delta(17, 17));
        let (request, _) = rig.await_request();
        market.answer(&mut rig, Some(request), 16);
        assert_truth(&rig, 17);
    }
}

#[test]
fn a_frame_that_nobody_can_read_costs_the_snapshot_under_way_too() {
    for market in Market::ALL {
        let mut rig = market.live();
        rig.say(&market.delta(1, 5));
        let (request, _) = rig.await_request();
        rig.say(market.delta(6, 7).strip_suffix('}').unwrap());
        // REST was asked before 6 and 7 happened, and nothing on the stream says that they did.
        market.answer(&mut rig, Some(request), 5);
        assert_ne!(rig.state.0, BookState::Live, "{}", market.venue);
        rig.say(&market.delta(8, 9));
        let (request, _) = rig.await_request();
        market.answer(&mut rig, Some(request), 7);
        assert_truth(&rig, 9);
    }
}

#[test]
fn a_pause_that_the_venue_asks_for_is_kept() {
    for (code, retry_after_s, pause_s) in [(429, Some(7), 7), (418, Some(90), 90), (429, None, 60)]
    {
        let market = Market::ALL[0];
        let mut rig = market.live();
        let (request, path) = rig.await_request();
        let asked_at = rig.now;
        let error = RestError::Status { code, retry_after_s };
        let response = RestResponse { id: Some(request), url_path: path, result: Err(error) };
        rig.call(|session, cx| session.on_rest(response, cx));
        let told = rig.drain().any(|action| {
            matches!(action, Action::Warn(crate::Warning::RateLimited { code: of, pause_s: told })
                if of == code && told == pause_s)
        });
        assert!(told, "{error}");
        let (request, _) = rig.await_request();
        let waited = rig.now.since(asked_at);
        let pause = i64::from(pause_s) * SECOND;
        assert!((pause..pause + SECOND).contains(&waited), "{error}: {waited}");
        market.answer(&mut rig, Some(request), 4);
        assert_truth(&rig, 4);
    }
}

#[test]
fn requests_keep_to_the_budget_and_to_a_few_at_once() {
    let market = Market::ALL[0];
    let many: Vec<_> = (0..40).map(|n| Subscription::all(&format!("XY{n}"))).collect();
    let mut rig = Rig::new(market.venue, many, Mode::Live);
    let mut most = 0;
    for _ in 0..200 {
        rig.wait(SECOND / 10);
        most = most.max(rig.requests(RestPurpose::Snapshot).len());
    }
    assert_eq!(most, crate::limits::FETCHES_MAX, "nobody answers: they time out first");
}

#[test]
fn a_replay_takes_the_snapshots_it_comes_upon() {
    for market in Market::ALL {
        let mut rig = Rig::replay(market.venue);
        market.answer(&mut rig, None, 5);
        assert_truth(&rig, 5);
        assert_eq!(rig.names, ["XY"]);
        rig.say(&market.delta(6, 6));
        // An older one does not set the book back.
        market.answer(&mut rig, None, 4);
        assert_truth(&rig, 6);
        rig.say(&market.delta(9, 9));
        assert_eq!(rig.state, GAP);
        market.answer(&mut rig, None, 8);
        assert_truth(&rig, 9);
    }
}

#[test]
fn a_snapshot_that_nobody_asked_for_changes_nothing() {
    for market in Market::ALL {
        let mut rig = market.live();
        market.answer(&mut rig, Some(RequestId(77)), 5);
        market.answer(&mut rig, None, 5);
        let (request, _) = rig.await_request();
        // Of another book.
        let (url, body) = market.snapshot(5);
        rig.answer(Some(request), &url.replace("=XY", "=YX"), &body);
        assert_ne!(rig.state.0, BookState::Live, "{}", market.venue);
        assert_eq!(ignored(&rig, Ignored::RestUnrequested), 3);
        let (request, _) = rig.await_request();
        market.answer(&mut rig, Some(request), 6);
        assert_truth(&rig, 6);
    }
}

#[test]
fn a_deaf_stream_is_found_out_and_a_quiet_market_is_not_blamed() {
    for market in Market::ALL {
        let mut rig = market.live();
        let (request, _) = rig.await_request();
        market.answer(&mut rig, Some(request), 5);
        // Nothing is said: the same book is there half a minute later.
        let (request, _) = rig.await_request();
        market.answer(&mut rig, Some(request), 5);
        rig.wait(600 * SECOND);
        assert_truth(&rig, 5);

        let mut rig = market.live();
        let (request, _) = rig.await_request();
        market.answer(&mut rig, Some(request), 5);
        let (request, _) = rig.await_request();
        rig.drain().for_each(drop);
        market.answer(&mut rig, Some(request), 6);
        assert_truth(&rig, 5);
        rig.wait(6 * SECOND);
        assert_eq!(rig.state, (BookState::Stale, Reason::Silent), "{}", market.venue);
        rig.wait(2 * SECOND);
        rig.wait(2 * SECOND);
        let told: Vec<Action> = rig.drain().collect();
        let is_snapshot = |action: &Action| match action {
            Action::Fetch(request) => request.purpose == RestPurpose::Snapshot,
            _ => false,
        };
        let is_subscribe = |action: &Action| match action {
            Action::SendText { text, .. } => text.contains(r#""subscribe""#),
            _ => false,
        };
        assert!(told.iter().any(is_subscribe), "{}: {told:?}", market.venue);
        assert!(!told.iter().any(is_snapshot), "{told:?}");
        rig.say(&market.delta(7, 7));
        let (request, _) = rig.await_request();
        market.answer(&mut rig, Some(request), 6);
        assert_truth(&rig, 7);
    }
}

#[test]
fn a_time_joins_only_what_has_the_first_diff() {
    let diff = |time: u64, price: u64, size: u64| {
        one_line(&format!(
            r#"{{"event":"data","channel":"diff_order_book_xy","data":{{"microtimestamp":"{time}",
            "bids":[["{price}","{size}"]],"asks":[]}}}}"#
        ))
    };
    let body = |time: u64, size: u64| {
        format!(r#"{{"microtimestamp":"{time}","bids":[["7","{size}"]],"asks":[]}}"#)
    };
    let mut rig = Rig::new(Venue::Bitstamp, vec![Subscription::all("xy")], Mode::Live);
    rig.say(&diff(2_000, 7, 1));
    rig.say(&diff(3_000, 8, 2));
    let (request, path) = rig.await_request();
    assert_eq!(path, "/api/v2/order_book/xy/?group=1");
    // REST lags: something between this and the first diff may be missing.
    rig.answer(Some(request), &path, &body(1_000, 9));
    assert_ne!(rig.state.0, BookState::Live);
    let (request, _) = rig.await_request();
    rig.answer(Some(request), &path, &body(2_500, 1));
    assert_eq!((rig.state, rig.seq), (LIVE, Some(3_000)));
    assert_eq!(rig.shown(), ["bid 7 x 1", "bid 8 x 2"]);
    rig.say(&diff(3_000, 8, 2));
    assert_eq!((rig.state, ignored(&rig, Ignored::Duplicate)), (LIVE, 1));
    // One that comes late was never applied.
    rig.say(&diff(2_900, 8, 3));
    assert_eq!(rig.state, GAP);
}

/// A protocol whose messages hold several books: `{"X":[first,last,"price","size"],"Y":..}`.
#[derive(Debug)]
struct Several;

impl Protocol for Several {
    fn rules(&self) -> Rules {
        Rules { shows_loss: true, ..Rules::CAUTIOUS }
    }

    fn snapshot_path(&self, topic: &Topic) -> Option<String> {
        Some(format!("/{}", topic.name))
    }

    fn request(&self, _: Verb, _: &[&Topic], _: u64, _: &mut Vec<String>) {}

    fn read(&mut self, message: &[u8], frame: &mut Frame) -> Read<()> {
        Reader::new(message).object(|name, value| {
            let mut fields = Vec::new();
            value.array(|field| {
                fields.push(field.digits()?);
                Ok(())
            })?;
            let id = |at: usize| Reader::new(fields[at]).integer();
            frame.put(Side::Bid, Number::parse(fields[2])?, Number::parse(fields[3])?)?;
            let link = Link::range(Chain::Contiguous, id(0)?, id(1)?);
            frame.book(name, Content::Delta, link, WallNanos(0));
            Ok(())
        })
    }
}

#[test]
fn a_message_with_several_books_waits_for_each_of_their_snapshots() {
    let subscriptions = ["X", "Y"].map(Subscription::all).to_vec();
    let config = SessionConfig {
        conns_max: 1,
        ..SessionConfig::new(Venue::Gate, subscriptions, Mode::Live)
    };
    let session = SharedSession::new(config, Box::new(Several)).unwrap();
    let mut rig = Rig::new(Venue::Gate, vec![Subscription::all("X")], Mode::Live);
    rig.messages = {
        let (lane, messages) = ring(1 << 12);
        rig.lane = lane;
        messages
    };
    (rig.session, rig.names) = (Box::new(session), Vec::new());
    rig.call(|session, cx| session.start(cx));
    rig.call(|session, cx| session.on_connected(CONN, Epoch(1), cx));
    rig.requests(RestPurpose::Snapshot);
    // The same book twice in one message, and another one.
    rig.say(r#"{"X":[5,6,"1","2"],"Y":[8,8,"3","4"],"X":[7,7,"1","5"]}"#);
    rig.wait(0);
    let requests = rig.requests(RestPurpose::Snapshot);
    assert_eq!(requests.len(), 2);
    for (id, path) in requests {
        let name = path.trim_start_matches('/').to_owned();
        let seq = if name == "X" { 5 } else { 7 };
        rig.book.clear();
        rig.state = Default::default();
        let block = SnapshotBlock {
            book: BookId(0),
            seq: Some(SeqNo(seq)),
            venue_time: WallNanos(0),
            scale: Scale::default(),
            levels: Vec::new(),
            checksum: None,
        };
        let body =
            RestBody::Snapshot(RestSnapshot { symbol: name.clone(), block: Box::new(block) });
        let response = RestResponse { id: Some(id), url_path: path, result: Ok(body) };
        rig.call(|session, cx| session.on_rest(response, cx));
        let (seq, level) = if name == "X" { (7, "bid 1 x 5") } else { (8, "bid 3 x 4") };
        assert_eq!((rig.state, rig.seq), (LIVE, Some(seq)), "{name}");
        assert_eq!(rig.shown(), [level], "{name}");
    }
    rig.book.clear();
    rig.say(r#"{"X":[8,8,"1","6"]}"#);
    assert_eq!((rig.shown(), rig.seq), (vec!["bid 1 x 6".to_owned()], Some(8)));
}

/// What happens to one message.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
enum Fate {
    Sent,
    Lost,
    Twice,
    Swapped,
    Damaged,
}

fn fates() -> impl Strategy<Value = Vec<(Fate, u64, Option<u64>)>> {
    let fate = prop_oneof![
        12 => Just(Fate::Sent),
        1 => Just(Fate::Lost),
        1 => Just(Fate::Twice),
        1 => Just(Fate::Swapped),
        1 => Just(Fate::Damaged),
    ];
    let answer = prop_oneof![2 => Just(None), 1 => (0..6_u64).prop_map(Some)];
    prop::collection::vec((fate, 1..4_u64, answer), 1..60)
}

proptest! {
    #[test]
    fn a_spliced_book_is_never_live_and_wrong_and_heals(
        fates in fates(),
        which in 0..Market::ALL.len(),
        overlaps in any::<bool>(),
    ) {
        let market = Market::ALL[which];
        let overlaps = overlaps && market.venue == Venue::KuCoin;
        let mut rig = market.live();
        let sure = |rig: &mut Rig| {
            if rig.state == LIVE {
                let at = rig.seq.unwrap();
                prop_assert_eq!(&rig.book, &Market::truth(at), "{} at {}", market.venue, at);
            }
            Ok(())
        };
        let (mut id, mut held, mut asked) = (0, None, None);
        let clean = core::iter::repeat_n((Fate::Sent, 1, Some(0)), 40);
        for (step, (fate, len, answer)) in fates.iter().copied().chain(clean).enumerate() {
            let first = if overlaps && step % 3 == 0 { id.max(1) } else { id + 1 };
            let text = market.delta(first, id + len);
            id += len;
            match fate {
                Fate::Sent => rig.say(&text),
                Fate::Lost => {}
                Fate::Twice => {
                    rig.say(&text);
                    rig.say(&text);
                }
                Fate::Swapped => held = Some(text.clone()),
                Fate::Damaged => rig.say(&text[..text.len() / 2]),
            }
            sure(&mut rig)?;
            if fate != Fate::Swapped && let Some(late) = held.take() {
                rig.say(&late);
                sure(&mut rig)?;
            }
            rig.wait(2 * SECOND);
            asked = rig.requests(RestPurpose::Snapshot).pop().or(asked);
            if let (Some(lag), Some((request, _))) = (answer, asked.clone()) {
                asked = None;
                market.answer(&mut rig, Some(request), id.saturating_sub(lag));
                sure(&mut rig)?;
            }
        }
        prop_assert_eq!((rig.state, rig.seq), (LIVE, Some(id)), "{}", market.venue);
    }
}
