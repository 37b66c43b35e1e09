//! What only one venue's messages say.

use tickbook_types::{BookState, Reason, Side};

use super::super::frame::{Content, Event, Frame};
use super::super::protocol::{Protocol, Topic, Verb};
use super::super::{
    bitfinex::Bitfinex, gate::Gate, kraken_v1::KrakenV1, kraken_v2::KrakenV2, okx::Okx,
    phemex::Phemex,
};
use super::*;
use crate::counters::Ignored;
use crate::session::ConfigError;

fn with_depth(symbol: &str, depth: Option<u32>) -> Subscription {
    Subscription { depth, ..Subscription::all(symbol) }
}

fn requests(protocol: &dyn Protocol, verb: Verb, subscriptions: &[Subscription]) -> Vec<String> {
    let topics: Vec<Topic> = subscriptions.iter().map(|it| protocol.topic(it).unwrap()).collect();
    let mut texts = Vec::new();
    protocol.request(verb, &topics.iter().collect::<Vec<_>>(), 9, &mut texts);
    texts
}

/// The events of one message, on a connection of its own.
fn events(protocol: &mut dyn Protocol, text: &str) -> Vec<Event> {
    let mut frame = Frame::default();
    frame.begin("", 0);
    protocol.read(text.as_bytes(), &mut frame).unwrap();
    frame.events().to_vec()
}

fn depth_of(event: &Event) -> Option<u32> {
    if let Event::Book(event) = event { event.depth } else { None }
}

#[test]
fn kraken_subscribes_one_message_for_each_depth() {
    let wanted =
        [with_depth("A/B", Some(10)), with_depth("C/D", None), with_depth("E/F", Some(10))];
    assert_eq!(
        requests(&KrakenV2::default(), Verb::Subscribe, &wanted),
        [
            r#""channel":"book","depth":10,"symbol":["A/B","E/F"]"#,
            r#""channel":"book","depth":1000,"symbol":["C/D"]"#,
            r#""channel":"trade","snapshot":false,"symbol":["A/B","C/D","E/F"]"#,
            r#""channel":"ticker","symbol":["A/B","C/D","E/F"]"#,
        ]
        .map(|it| format!(r#"{{"method":"subscribe","params":{{{it}}},"req_id":9}}"#))
    );
    assert_eq!(
        requests(&KrakenV1, Verb::Unsubscribe, &wanted[..1]),
        [r#""pair":["A/B"],"subscription":{"name":"book","depth":10}"#]
            .map(|it| format!(r#"{{"event":"unsubscribe","reqid":9,{it}}}"#))
    );
    for protocol in [&KrakenV1 as &dyn Protocol, &KrakenV2::default()] {
        let refused = protocol.topic(&with_depth("A/B", Some(20)));
        assert!(matches!(refused, Err(ConfigError::BadDepth { depth: 20, .. })));
        let topic = protocol.topic(&with_depth("A/B", Some(25))).unwrap();
        assert_eq!(protocol.depth_max(&topic), Some(25));
    }
}

#[test]
fn kraken_v2_takes_the_depth_from_the_ack_and_else_from_the_snapshot() {
    let snapshot = |symbol: &str, levels: usize| {
        let bids = vec![r#"{"price":1.0,"qty":1.0}"#; levels].join(",");
        let data = format!(r#"{{"symbol":"{symbol}","bids":[{bids}],"asks":[]}}"#);
        format!(r#"{{"channel":"book","type":"snapshot","data":[{data}]}}"#)
    };
    let mut kraken = KrakenV2::default();
    for (levels, depth) in [(0, 10), (10, 10), (11, 25), (101, 500), (1000, 1000)] {
        let events = events(&mut kraken, &snapshot("X/Y", levels));
        assert_eq!(depth_of(&events[0]), Some(depth), "{levels}");
    }
    let result = r#"{"channel":"book","depth":100,"symbol":"X/Y"}"#;
    let ack = format!(r#"{{"method":"subscribe","result":{result},"success":true}}"#);
    assert_eq!(events(&mut kraken, &ack), [Event::Ignored(Ignored::Ack)]);
    assert_eq!(depth_of(&events(&mut kraken, &snapshot("X/Y", 3))[0]), Some(100));
    assert_eq!(depth_of(&events(&mut kraken, &snapshot("Y/X", 3))[0]), Some(10));
}

#[test]
fn okx_subscribes_the_channel_of_a_depth() {
    let okx = Okx::default();
    let wanted = [None, Some(1), Some(5)].map(|depth| Subscription {
        trades: depth.is_none(),
        ticker: false,
        ..with_depth("A-B", depth)
    });
    let arg = |channel: &str| format!(r#"{{"channel":"{channel}","instId":"A-B"}}"#);
    let channels = |verb| requests(&okx, verb, &wanted).concat();
    let args = ["books", "trades", "bbo-tbt", "books5"].map(arg).join(",");
    assert_eq!(channels(Verb::Subscribe), format!(r#"{{"op":"subscribe","args":[{args}]}}"#));
    let args = ["books", "bbo-tbt", "books5"].map(arg).join(",");
    assert_eq!(channels(Verb::Unsubscribe), format!(r#"{{"op":"unsubscribe","args":[{args}]}}"#));
    let names = wanted.map(|it| okx.topic(&it).unwrap().name);
    assert_eq!(names, ["A-B", "A-B@bbo-tbt", "A-B@books5"]);
    let refused = okx.topic(&with_depth("A-B", Some(50)));
    assert!(matches!(refused, Err(ConfigError::BadDepth { depth: 50, .. })));
}

#[test]
fn depths_of_one_instrument_are_books_of_their_own() {
    let wanted = [None, Some(1), Some(5)].map(|depth| with_depth("XY-USDT", depth)).to_vec();
    let all = |name: &str| {
        fixtures::ALL.iter().filter(|words| words.name.starts_with(name)).collect::<Vec<_>>()
    };
    let mut rig = Rig::new(Venue::OkxV5, wanted, Mode::Live);
    assert_eq!(rig.names, ["XY-USDT", "XY-USDT@bbo-tbt", "XY-USDT@books5"]);
    for words in all("XY-USDT@books5") {
        rig.say(words.snapshot);
        rig.say(words.delta);
        assert_eq!((rig.shown(), rig.state), (FINAL.map(String::from).to_vec(), LIVE));
    }
    assert_eq!(rig.counters.snapshots, 2, "whole books of the one, nothing of the others");
}

#[test]
fn a_whole_book_with_an_older_id_is_dropped_unless_ids_begin_anew() {
    let words = fixtures::ALL.iter().find(|words| words.name == "XY-USDT@books5").unwrap();
    let mut rig = Rig::live(words);
    rig.say(words.snapshot);
    rig.say(words.delta);
    let same_time = words.snapshot.replace("1700000000000", "1700000000100");
    for old in [words.snapshot, &same_time] {
        rig.say(old);
        assert_eq!((rig.shown(), rig.seq), (FINAL.map(String::from).to_vec(), Some(60)));
    }
    assert_eq!(rig.counters.ignored(Ignored::Stale), 2);
    // One side is no whole book.
    rig.say(&words.delta.replace("\"bids\"", "\"buds\""));
    assert_eq!(rig.counters.rejected(Rejected::Shape), 1);
    rig.say(words.delta);
    assert_eq!((rig.counters.snapshots, rig.seq), (3, Some(60)), "said again while nothing moves");
    rig.say(&words.snapshot.replace("1700000000000", "1700000000200"));
    assert_eq!((rig.shown().len(), rig.seq, rig.state), (3, Some(41), LIVE));
    assert_ne!(rig.shown(), FINAL);
}

#[test]
fn gate_has_a_channel_with_its_own_snapshots_by_depth() {
    for (gate, kind) in [(Gate::Spot, "spot"), (Gate::Futures, "futures")] {
        let book =
            |depth| Subscription { trades: false, ticker: false, ..with_depth("A_USDT", depth) };
        let wanted = [book(None), book(Some(50)), book(Some(400))];
        for verb in [Verb::Subscribe, Verb::Unsubscribe] {
            let message = |channel: &str, payload: &str| {
                let channel = format!(r#""time":$TIME,"channel":"{kind}.{channel}""#);
                format!(r#"{{{channel},"event":"{}","payload":[{payload}]}}"#, verb.name())
            };
            assert_eq!(
                requests(&gate, verb, &wanted),
                [
                    message("order_book_update", r#""A_USDT","100ms""#),
                    message("obu", r#""ob.A_USDT.50""#),
                    message("obu", r#""ob.A_USDT.400""#),
                ]
            );
        }
        let topics = wanted.map(|it| gate.topic(&it).unwrap());
        assert_eq!(topics.each_ref().map(|it| gate.depth_max(it)), [None, Some(50), Some(400)]);
        let by_rest = topics.each_ref().map(|it| gate.snapshot_path(it).is_some());
        assert_eq!(by_rest, [true, false, false]);
        assert_eq!(topics.each_ref().map(|it| gate.symbol_of(&it.name)), ["A_USDT"; 3]);
        let refused = gate.topic(&with_depth("A_USDT", Some(100)));
        assert!(matches!(refused, Err(ConfigError::BadDepth { depth: 100, .. })));
    }
}

#[test]
fn refusals_are_told_with_their_words() {
    for words in fixtures::ALL.iter().filter(|words| !words.refusal.is_empty()) {
        let mut rig = Rig::live(words);
        rig.actions.drain().for_each(drop);
        rig.say(words.refusal);
        let warnings: Vec<Action> = rig.actions.drain().collect();
        let [Action::Warn(crate::Warning::SubscribeRefused { message, .. })] = warnings.as_slice()
        else {
            panic!("{}: {warnings:?}", words.venue);
        };
        assert_eq!(message, "no such pair", "{}", words.venue);
        rig.snapshot(words);
        assert_eq!(rig.state, LIVE, "{}", words.venue);
    }
}

#[test]
fn trades_say_who_was_the_aggressor_and_old_ones_are_no_trades() {
    for words in fixtures::ALL.iter().filter(|words| !words.trade.is_empty()) {
        let venue = words.venue;
        let mut rig = Rig::live(words);
        rig.snapshot(words);
        if !words.old_trades.is_empty() {
            rig.say(words.old_trades);
        }
        assert_eq!((rig.counters.trades, rig.state), (0, LIVE), "{venue}");
        rig.say(words.trade);
        assert_eq!((rig.counters.trades, rig.state), (1, LIVE), "{venue}");
        let mut protocol = protocol_of(venue).unwrap();
        let told = events(&mut *protocol, words.trade);
        let [Event::Trade(trade)] = told.as_slice() else { panic!("{venue}: {told:?}") };
        assert_eq!(trade.level.side, Side::Ask, "{venue}");
        let numbers = [trade.level.price, trade.level.size].map(|it| it.to_string());
        assert_eq!(numbers, ["5.5", "0.25"], "{venue}");
    }
}

#[test]
fn bitfinex_channels_are_valid_on_their_connection_only() {
    let mut bitfinex = Bitfinex::default();
    let subscribed = |symbol: &str, precision: &str| {
        let symbol = format!(r#""symbol":"{symbol}","prec":"{precision}""#);
        format!(r#"{{"event":"subscribed","channel":"book","chanId":5,{symbol}}}"#)
    };
    let mut read = |line: usize, text: &str| {
        let mut frame = Frame::default();
        frame.begin("", line);
        bitfinex.read(text.as_bytes(), &mut frame).unwrap();
        frame.events().iter().find_map(|event| match event {
            Event::Book(event) => Some(String::from_utf8_lossy(frame.name(event)).into_owned()),
            _ => None,
        })
    };
    read(0, &subscribed("tXYUSD", "P0"));
    read(1, &subscribed("tYXUSD", "P2"));
    assert_eq!(read(0, "[5,[1,1,1],7]").as_deref(), Some("tXYUSD"));
    assert_eq!(read(1, "[5,[1,1,1],7]").as_deref(), Some("tYXUSD@P2"));
    assert_eq!(read(1, "[6,[1,1,1],8]"), None, "no such channel");
    read(0, r#"{"event":"unsubscribed","status":"OK","chanId":5}"#);
    assert_eq!(read(0, "[5,[1,1,1],8]"), None, "unsubscribed");
    read(0, &subscribed("tXYUSD", "R0"));
    assert_eq!(read(0, "[5,[1,1,1],9]").as_deref(), Some("tXYUSD@R0"));
    read(0, &subscribed("fUSD", "P0"));
    assert_eq!(read(0, "[5,[1,1,1],9]"), None, "funding");
    bitfinex.opened(1);
    assert_eq!(events(&mut bitfinex, "[5,[1,1,1],9]"), [Event::Ignored(Ignored::UnusedStream)]);
    let mut frame = Frame::default();
    frame.begin("", 1);
    bitfinex.read(b"[5,[1,1,1],1]", &mut frame).unwrap();
    assert_eq!(frame.events(), [Event::Ignored(Ignored::UnknownSymbol)], "a new connection");
}

#[test]
fn bitfinex_unsubscribes_the_channel_that_the_book_has_now() {
    let mut bitfinex = Bitfinex::default();
    let wanted = [with_depth("tXYUSD@P1", Some(25))];
    assert_eq!(
        requests(&bitfinex, Verb::Subscribe, &wanted),
        [
            r#""channel":"book","symbol":"tXYUSD","prec":"P1","freq":"F0","len":"25""#,
            r#""channel":"trades","symbol":"tXYUSD""#,
            r#""channel":"ticker","symbol":"tXYUSD""#,
        ]
        .map(|it| format!(r#"{{"event":"subscribe",{it}}}"#))
    );
    assert!(requests(&bitfinex, Verb::Unsubscribe, &wanted).is_empty(), "nothing to end yet");
    for id in [40, 30] {
        let symbol = r#""symbol":"tXYUSD","prec":"P1""#;
        let text = format!(r#"{{"event":"subscribed","channel":"book","chanId":{id},{symbol}}}"#);
        events(&mut bitfinex, &text);
        assert_eq!(
            requests(&bitfinex, Verb::Unsubscribe, &wanted),
            [format!(r#"{{"event":"unsubscribe","chanId":{id}}}"#)]
        );
    }
}

#[test]
fn bitfinex_reads_a_time_for_a_number_only_if_it_was_told_so() {
    let mut bitfinex = Bitfinex::default();
    let mut number = |text: &str| {
        let mut frame = Frame::default();
        frame.begin("", 0);
        bitfinex.read(text.as_bytes(), &mut frame).unwrap();
        frame.number
    };
    assert_eq!(number(r#"[1,"hb",7]"#), Some(7));
    assert_eq!(number(r#"[1,"hb"]"#), None);
    assert_eq!(number(r#"[1,"cs",-5,8,1700000000000]"#), Some(8));
    number(r#"{"event":"conf","status":"OK","flags":32768}"#);
    assert_eq!(number(r#"[1,"hb",1700000000000]"#), None);
    number(r#"{"event":"conf","status":"OK","flags":229376}"#);
    assert_eq!(number(r#"[1,"hb",9,1700000000000]"#), Some(9));
}

#[test]
fn bitfinex_says_each_trade_twice_and_it_is_taken_once() {
    let words = fixtures::of(Venue::Bitfinex);
    let mut rig = Rig::live(words);
    rig.snapshot(words);
    rig.say(r#"{"event":"subscribed","channel":"trades","chanId":6,"symbol":"tXYUSD"}"#);
    rig.say(r#"[6,[[7,1700000000000,-0.25,5.6]],42]"#);
    rig.say(r#"[6,"te",[8,1700000000500,-0.25,5.5],43]"#);
    rig.say(r#"[6,"tu",[8,1700000000500,-0.25,5.5],44]"#);
    assert_eq!((rig.counters.trades, rig.counters.ignored(Ignored::TradeTwice)), (1, 1));
    assert_eq!(rig.state, LIVE);
}

#[test]
fn bitfinex_orders_add_up_to_levels() {
    let mut rig = Rig::replay(Venue::Bitfinex);
    let symbol = r#""symbol":"tXYUSD","prec":"R0""#;
    rig.say(&format!(r#"{{"event":"subscribed","channel":"book","chanId":5,{symbol}}}"#));
    rig.say("[5,[[11,100,1],[12,100.5,2],[13,100,0.5],[14,101,-3]],1]");
    assert_eq!((rig.state, rig.names.as_slice()), (LIVE, &["tXYUSD@R0".to_owned()][..]));
    let three = ["bid 100 x 1.5", "bid 100.5 x 2", "ask 101 x 3"];
    assert_eq!(rig.shown(), three);
    for (message, book) in [
        // A new order, another size, another price, removals, one of them of no order.
        ("[5,[15,101,-1],2]", ["bid 100 x 1.5", "bid 100.5 x 2", "ask 101 x 4"].as_slice()),
        ("[5,[11,100,0.25],3]", &["bid 100 x 0.75", "bid 100.5 x 2", "ask 101 x 4"]),
        ("[5,[11,100.5,0.25],4]", &["bid 100 x 0.5", "bid 100.5 x 2.25", "ask 101 x 4"]),
        ("[5,[13,0,1],5]", &["bid 100.5 x 2.25", "ask 101 x 4"]),
        ("[5,[99,0,-1],6]", &["bid 100.5 x 2.25", "ask 101 x 4"]),
        ("[5,[14,0,-1],7]", &["bid 100.5 x 2.25", "ask 101 x 1"]),
        ("[5,[],8]", &[]),
        ("[5,[14,7,-1],9]", &["ask 7 x 1"]),
    ] {
        rig.say(message);
        assert_eq!(
            (rig.shown(), rig.state),
            (book.iter().map(|it| (*it).to_owned()).collect(), LIVE)
        );
    }
    rig.say("[5,[16,7,0],10]");
    assert_eq!(rig.state, (BookState::Stale, Reason::Gap), "no order has no size");
}

#[test]
fn bitfinex_maintenance_makes_the_books_of_the_connection_stale() {
    let words = fixtures::of(Venue::Bitfinex);
    let mut rig = Rig::live(words);
    rig.snapshot(words);
    rig.say(r#"{"event":"info","version":2,"serverId":"s","platform":{"status":1}}"#);
    assert_eq!(rig.state, LIVE);
    rig.say(r#"{"event":"info","code":20060,"msg":"maintenance"}"#);
    assert_eq!(rig.state, (BookState::Stale, Reason::Halted));
    rig.snapshot(words);
    assert_eq!(rig.state, LIVE);
}

#[test]
fn phemex_names_the_channel_by_the_form_of_its_numbers_and_never_unsubscribes() {
    let wanted = ["sXYUSDT", "XYUSD", "XYUSDT", "ABUSDT"].map(|it| with_depth(it, None));
    let sent = requests(&Phemex, Verb::Subscribe, &wanted);
    let channels: Vec<&str> = sent.iter().filter_map(|it| it.split('"').nth(5)).collect();
    assert_eq!(
        channels,
        [
            "orderbook.subscribe",
            "trade.subscribe",
            "orderbook.subscribe",
            "trade.subscribe",
            "orderbook_p.subscribe",
            "trade_p.subscribe",
            "orderbook_p.subscribe",
            "trade_p.subscribe",
            "spot_market24h.subscribe",
            "market24h.subscribe",
            "perp_market24h_pack_p.subscribe",
        ]
    );
    assert!(requests(&Phemex, Verb::Unsubscribe, &wanted).is_empty());
}

#[test]
fn phemex_integers_are_published_as_real_numbers() {
    let snapshot = |symbol: &str, price: u64, size: u64, levels: u64| {
        let bids = (0..levels).map(|n| format!("[{},{size}]", price - n)).collect::<Vec<_>>();
        let book = format!(r#""book":{{"asks":[],"bids":[{}]}}"#, bids.join(","));
        let head = format!(r#""sequence":41,"symbol":"{symbol}","type":"snapshot""#);
        format!("{{{book},{head}}}")
    };
    let best = "bid 100.5 x 2";
    for levels in [1, 1_500] {
        for (symbol, price, size) in
            [("XYUSD", 1_005_000, 2), ("sXYUSDT", 10_050_000_000, 200_000_000)]
        {
            let mut rig = Rig::replay(Venue::Phemex);
            rig.say(&snapshot(symbol, price, size, levels));
            assert_eq!(rig.state, LIVE);
            assert!(rig.shown().iter().any(|level| level == best), "{symbol} {levels}");
        }
    }
    // Its tick of 0.5 is 5000 on the wire; 1005001 needs finer exponents, and moves the book.
    let mut instrument = Instrument::unlisted(Venue::Phemex, "XYUSD");
    instrument.tick_size = Decimal::parse(b"0.5").ok();
    instrument.lot_size = Decimal::parse(b"1").ok();
    instrument.wire_scale = Some(Scale { price_exponent: -4, size_exponent: 0 });
    let mut rig =
        Rig::with(Venue::Phemex, vec![Subscription::all("XYUSD")], Mode::Live, vec![instrument]);
    rig.say(&snapshot("XYUSD", 1_005_000, 2, 1));
    assert_eq!((rig.scale.price_exponent, rig.shown()), (-1, vec![best.to_owned()]));
    rig.say(&snapshot("XYUSD", 1_005_001, 2, 1));
    assert_eq!((rig.scale.price_exponent, rig.shown()), (-4, vec!["bid 100.5001 x 2".to_owned()]));
}

#[test]
fn a_phemex_sequence_that_goes_back_is_a_loss() {
    let words = fixtures::of(Venue::Phemex);
    let mut rig = Rig::live(words);
    rig.snapshot(words);
    rig.say(&words.delta.replace(r#""sequence":47"#, r#""sequence":40"#));
    assert_eq!((rig.state, rig.seq), (LIVE, Some(41)), "older than the snapshot");
    rig.say(words.delta);
    rig.say(words.delta);
    assert_eq!((rig.state, rig.seq), (LIVE, Some(47)), "the same again");
    rig.say(&words.delta.replace(r#""sequence":47"#, r#""sequence":45"#));
    assert_eq!(rig.state, (BookState::Stale, Reason::Gap));
}

#[test]
fn a_kraken_snapshot_may_replace_the_book_at_any_time() {
    let words = fixtures::of(Venue::KrakenV1);
    let mut kraken = KrakenV1;
    let told = events(&mut kraken, words.snapshot);
    let [Event::Book(event)] = told.as_slice() else { panic!("{told:?}") };
    assert_eq!((event.content, event.depth), (Content::Snapshot, Some(10)));
    let ticker = r#"[1,{"a":["5.5",1,"1.0"],"b":["5.4",1,"1.0"]},"ticker","XY/USD"]"#;
    assert_eq!(events(&mut kraken, ticker), [Event::Ignored(Ignored::UnusedStream)]);
    let mut frame = Frame::default();
    for bad in [
        r#"[1,{"a":[]},{"b":[]},{"c":"1"},"book-10","XY/USD"]"#,
        r#"[1,"book-10","XY/USD"]"#,
        r#"[1,{"a":[["1","1"]]},"book-10","XY/USD"]"#,
        r#"[1,{"c":"4294967296"},"book-10","XY/USD"]"#,
        r#"[1,{"a":[]},"book-x","XY/USD"]"#,
        r#"[1,{"a":[]},"book-10"]"#,
    ] {
        frame.begin("", 0);
        assert!(kraken.read(bad.as_bytes(), &mut frame).is_err(), "{bad}");
    }
}

#[test]
fn bitget_names_a_book_that_is_not_spot_with_its_category() {
    for (venue, spot, futures, topic, symbol) in [
        (Venue::BitgetV2, "SPOT", "USDT-FUTURES", "channel", "instId"),
        (Venue::BitgetV3, "spot", "usdt-futures", "topic", "symbol"),
    ] {
        let both = ["XYUSDT", "usdt-futures:XYUSDT"].map(Subscription::all).to_vec();
        let mut rig = Rig::new(venue, both, Mode::Live);
        let sent = rig.sent().concat();
        for category in [spot, futures] {
            let arg =
                format!(r#"{{"instType":"{category}","{topic}":"books","{symbol}":"XYUSDT"}}"#);
            assert!(sent.contains(&arg), "{venue}: {sent}");
        }
        let mut rig = Rig::replay(venue);
        for category in [spot, futures] {
            let arg =
                format!(r#"{{"instType":"{category}","{topic}":"books","{symbol}":"XYUSDT"}}"#);
            let data = r#"[{"asks":[],"bids":[["100.5","2"]],"checksum":0,"seq":1,"ts":"1"}]"#;
            rig.say(&format!(r#"{{"action":"snapshot","arg":{arg},"data":{data},"ts":1}}"#));
        }
        assert_eq!(rig.names, ["XYUSDT", "usdt-futures:XYUSDT"], "{venue}");
    }
}

#[test]
fn of_half_a_bitstamp_event_the_ids_tell_whose_it_was_and_without_ids_it_costs_every_book() {
    let order = r#""data":{"id":7,"order_type":0,"microtimestamp":"1430438400000000""#;
    let order = format!(r#"{order},"amount":"1.5","price":"234.5"}}"#);
    let rest = r#""channel":"live_orders_xyusd","event":"order_created"}"#;
    let ids = r#""event_id":"b","pre_event_id":"a","#;
    for (ids, state) in [(ids, LIVE), ("", (BookState::Stale, Reason::Gap))] {
        let mut rig = Rig::replay(Venue::BitstampL3);
        rig.say(&format!("{{{order},{ids}{rest}"));
        assert_eq!(rig.state, LIVE);
        rig.say(&format!("{{{order}"));
        assert_eq!(rig.state, state, "{ids}");
    }
}
