//! The same small book in every venue's words. Written for these tests.

use tickbook_types::Venue;

/// A venue's words: all of them go from bids 100.5 x 2, 100 x 1, asks 101 x 3 to bids 100.5 x 2,
/// asks 101 x 3, 101.5 x 4.
pub(super) struct Words {
    pub(super) venue: Venue,
    /// How a subscription names it.
    pub(super) symbol: &'static str,
    /// The book's name.
    pub(super) name: &'static str,
    pub(super) snapshot: &'static str,
    pub(super) delta: &'static str,
    /// What may come once something was lost; empty where a loss does not show.
    pub(super) after_loss: &'static str,
    /// Understood, but neither book nor trade.
    pub(super) aside: &'static str,
}

const fn words(venue: Venue, symbol: &'static str, texts: [&'static str; 4]) -> Words {
    let [snapshot, delta, after_loss, aside] = texts;
    Words { venue, symbol, name: symbol, snapshot, delta, after_loss, aside }
}

pub(super) const ALL: &[Words] = &[
    Words {
        name: "orderbook.200.XYUSDT",
        ..words(
            Venue::BybitV5,
            "XYUSDT",
            [
                r#"{"topic":"orderbook.200.XYUSDT","type":"snapshot","ts":1700000000000,"data":{"s":"XYUSDT","b":[["100.50","2"],["100.00","1"]],"a":[["101.00","3"]],"u":41,"seq":7},"cts":1}"#,
                r#"{"topic":"orderbook.200.XYUSDT","ts":1700000000100,"type":"delta","data":{"s":"XYUSDT","b":[["100.00","0"]],"a":[["101.50","4"]],"u":42,"seq":9},"cts":1}"#,
                r#"{"topic":"orderbook.200.XYUSDT","type":"delta","ts":1700000000300,"data":{"s":"XYUSDT","b":[],"a":[["101.50","5"]],"u":44,"seq":12},"cts":1}"#,
                r#"{"success":true,"ret_msg":"","conn_id":"c","req_id":"1","op":"subscribe"}"#,
            ],
        )
    },
    words(
        Venue::Hyperliquid,
        "XY",
        [
            r#"{"channel":"l2Book","data":{"coin":"XY","time":1700000000000,"levels":[[{"px":"100.5","sz":"2.0","n":1},{"px":"100.0","sz":"1.0","n":2}],[{"px":"101.0","sz":"3.0","n":1}]]}}"#,
            r#"{"channel":"l2Book","data":{"coin":"XY","time":1700000000500,"levels":[[{"px":"100.5","sz":"2.0","n":1}],[{"px":"101.0","sz":"3.0","n":1},{"px":"101.5","sz":"4.0","n":1}]]}}"#,
            "",
            r#"{"channel":"pong"}"#,
        ],
    ),
    words(
        Venue::Deribit,
        "XY-PERPETUAL",
        [
            r#"{"jsonrpc":"2.0","method":"subscription","params":{"channel":"book.XY-PERPETUAL.100ms","data":{"type":"snapshot","timestamp":1700000000000,"instrument_name":"XY-PERPETUAL","change_id":41,"bids":[["new",100.5,2.0],["new",100.0,1.0]],"asks":[["new",1.01e2,3.0]]}}}"#,
            r#"{"jsonrpc":"2.0","method":"subscription","params":{"channel":"book.XY-PERPETUAL.100ms","data":{"type":"change","timestamp":1700000000100,"prev_change_id":41,"instrument_name":"XY-PERPETUAL","change_id":45,"bids":[["delete",100.0,0.0]],"asks":[["new",101.5,4.0]]}}}"#,
            r#"{"jsonrpc":"2.0","method":"subscription","params":{"channel":"book.XY-PERPETUAL.100ms","data":{"type":"change","timestamp":1700000000300,"prev_change_id":47,"instrument_name":"XY-PERPETUAL","change_id":49,"bids":[],"asks":[["change",101.5,5.0]]}}}"#,
            r#"{"jsonrpc":"2.0","method":"heartbeat","params":{"type":"test_request"}}"#,
        ],
    ),
    words(
        Venue::CoinbaseAdvanced,
        "XY-USD",
        [
            r#"{"channel":"l2_data","timestamp":"2026-01-02T03:04:05.123456789Z","sequence_num":0,"events":[{"type":"snapshot","product_id":"XY-USD","updates":[{"side":"bid","event_time":"t","price_level":"100.5","new_quantity":"2"},{"side":"bid","event_time":"t","price_level":"100","new_quantity":"1"},{"side":"offer","event_time":"t","price_level":"101","new_quantity":"3"}]}]}"#,
            r#"{"channel":"l2_data","timestamp":"2026-01-02T03:04:05.2Z","sequence_num":1,"events":[{"type":"update","product_id":"XY-USD","updates":[{"side":"bid","event_time":"t","price_level":"100","new_quantity":"0"},{"side":"offer","event_time":"t","price_level":"101.5","new_quantity":"4"}]}]}"#,
            r#"{"channel":"l2_data","timestamp":"2026-01-02T03:04:05.4Z","sequence_num":4,"events":[{"type":"update","product_id":"XY-USD","updates":[]}]}"#,
            r#"{"channel":"heartbeats","timestamp":"2026-01-02T03:04:05.3Z","sequence_num":2,"events":[{"current_time":"n","heartbeat_counter":1}]}"#,
        ],
    ),
    words(
        Venue::CoinbaseExchange,
        "XY-USD",
        [
            r#"{"type":"snapshot","product_id":"XY-USD","asks":[["101.00","3"]],"bids":[["100.50","2"],["100.00","1"]]}"#,
            r#"{"type":"l2update","product_id":"XY-USD","changes":[["buy","100.00","0.0000"],["sell","101.50","4"]],"time":"2026-01-02T03:04:05.1Z"}"#,
            "",
            r#"{"type":"subscriptions","channels":[{"name":"level2_batch","product_ids":["XY-USD"]}]}"#,
        ],
    ),
    words(
        Venue::OkxV5,
        "XY-USDT",
        [
            r#"{"arg":{"channel":"books","instId":"XY-USDT"},"action":"snapshot","data":[{"asks":[["101","3","0","1"]],"bids":[["100.5","2","0","1"],["100","1","0","1"]],"ts":"1700000000000","checksum":0,"seqId":41,"prevSeqId":-1}]}"#,
            r#"{"arg":{"channel":"books","instId":"XY-USDT"},"action":"update","data":[{"asks":[["101.5","4","0","1"]],"bids":[["100","0","0","0"]],"ts":"1700000000100","checksum":0,"seqId":60,"prevSeqId":41}]}"#,
            r#"{"arg":{"channel":"books","instId":"XY-USDT"},"action":"update","data":[{"asks":[],"bids":[],"ts":"1700000000300","checksum":0,"seqId":70,"prevSeqId":65}]}"#,
            "pong",
        ],
    ),
    words(
        Venue::CryptoCom,
        "XY_USD",
        [
            r#"{"code":0,"method":"subscribe","result":{"instrument_name":"XY_USD","subscription":"book.XY_USD.150","channel":"book","depth":150,"data":[{"bids":[[100.50,2,1],[100.00,1,1]],"asks":[[101.00,3,2]],"t":1700000000000}]}}"#,
            r#"{"code":0,"method":"subscribe","result":{"instrument_name":"XY_USD","subscription":"book.XY_USD.150","channel":"book","depth":150,"data":[{"bids":[[100.50,2,1]],"asks":[[101.00,3,2],[101.50,4,1]],"t":1700000000100}]}}"#,
            "",
            r#"{"id":17,"method":"public/heartbeat"}"#,
        ],
    ),
    words(
        Venue::Upbit,
        "KRW-XY",
        [
            r#"{"ty":"orderbook","cd":"KRW-XY","tms":1700000000000,"tas":1,"tbs":2,"obu":[{"ap":101.0,"bp":100.5,"as":3,"bs":2.0},{"ap":101.5,"bp":100.0,"as":0,"bs":1.0}],"st":"SNAPSHOT"}"#,
            r#"{"ty":"orderbook","cd":"KRW-XY","tms":1700000000100,"tas":1,"tbs":2,"obu":[{"ap":101.0,"bp":100.5,"as":3,"bs":2.0},{"ap":101.5,"bp":0,"as":4.0,"bs":0.0}],"st":"REALTIME"}"#,
            "",
            r#"{"status":"UP"}"#,
        ],
    ),
    words(
        Venue::HitBtc,
        "XYBTC",
        [
            r#"{"jsonrpc":"2.0","method":"snapshotOrderbook","params":{"ask":[{"price":"101","size":"3"}],"bid":[{"price":"100.5","size":"2"},{"price":"100","size":"1"}],"symbol":"XYBTC","sequence":41,"timestamp":"2021-07-15T03:06:44.346Z"}}"#,
            r#"{"jsonrpc":"2.0","method":"updateOrderbook","params":{"ask":[{"price":"101.5","size":"4"}],"bid":[{"price":"100","size":"0"}],"sequence":42,"timestamp":"2021-07-15T03:06:44.446Z","symbol":"XYBTC"}}"#,
            r#"{"jsonrpc":"2.0","method":"updateOrderbook","params":{"ask":[],"bid":[],"sequence":44,"timestamp":"2021-07-15T03:06:44.646Z","symbol":"XYBTC"}}"#,
            r#"{"jsonrpc":"2.0","result":true,"id":1}"#,
        ],
    ),
    words(
        Venue::Gemini,
        "XYUSD",
        [
            r#"{"type":"l2_updates","symbol":"XYUSD","changes":[["buy","100.5","2"],["buy","100.0","1"],["sell","101","3"]],"trades":[]}"#,
            r#"{"changes":[["buy","100.0","0.0"],["sell","101.5","4.0"]],"symbol":"XYUSD","type":"l2_updates"}"#,
            "",
            r#"{"type":"heartbeat","timestamp":1700000000000}"#,
        ],
    ),
    words(
        Venue::Poloniex,
        "XY_USDT",
        [
            r#"{"channel":"book_lv2","data":[{"symbol":"XY_USDT","createTime":1700000000000,"asks":[["101","3"]],"bids":[["100.5","2"],["100","1"]],"lastId":-1,"id":41,"ts":1}],"action":"snapshot"}"#,
            r#"{"channel":"book_lv2","data":[{"symbol":"XY_USDT","createTime":1700000000100,"asks":[["101.5","4"]],"bids":[["100","0"]],"lastId":41,"id":42,"ts":2}],"action":"update"}"#,
            r#"{"channel":"book_lv2","data":[{"symbol":"XY_USDT","createTime":1700000000300,"asks":[],"bids":[],"lastId":43,"id":44,"ts":3}],"action":"update"}"#,
            r#"{"event":"subscribe","channel":"book_lv2","symbols":["XY_USDT"]}"#,
        ],
    ),
    words(
        Venue::AscendEx,
        "XY/USDT",
        [
            r#"{"m":"depth-snapshot","symbol":"XY/USDT", "data":{"ts":1700000000000,"seqnum":41,"asks":[["101","3"]],"bids":[["100.5","2"],["100","1"]]}}"#,
            r#"{"m":"depth","symbol":"XY/USDT", "data":{"ts":1700000000100,"seqnum":42,"asks":[["101.5","4"]],"bids":[["100","0"]]}}"#,
            r#"{"m":"depth","symbol":"XY/USDT", "data":{"ts":1700000000300,"seqnum":44,"asks":[],"bids":[]}}"#,
            r#"{"m":"ping","hp":3}"#,
        ],
    ),
    words(
        Venue::BitFlyer,
        "XY_JPY",
        [
            r#"{"jsonrpc":"2.0","method":"channelMessage","params":{"channel":"lightning_board_snapshot_XY_JPY","message":{"mid_price":100.7,"bids":[{"price":0.0,"size":9.0},{"price":100.5,"size":2.0},{"price":100.0,"size":1.0}],"asks":[{"price":101.0,"size":3.0}]}}}"#,
            r#"{"jsonrpc":"2.0","method":"channelMessage","params":{"channel":"lightning_board_XY_JPY","message":{"mid_price":100.7,"bids":[{"price":100.0,"size":0.0}],"asks":[{"price":101.5,"size":4.0}]}}}"#,
            "",
            r#"{"jsonrpc":"2.0","id":1,"result":true}"#,
        ],
    ),
    words(
        Venue::KrakenFutures,
        "PI_XYUSD",
        [
            r#"{"feed":"book_snapshot","product_id":"PI_XYUSD","timestamp":1700000000000,"seq":41,"tickSize":null,"bids":[{"price":100.5,"qty":2.0},{"price":101.5,"qty":0}],"asks":[{"price":101.0,"qty":3.0}]}"#,
            r#"{"feed":"book","product_id":"PI_XYUSD","side":"sell","seq":42,"price":101.5,"qty":4.0,"timestamp":1700000000100}"#,
            r#"{"feed":"book","product_id":"PI_XYUSD","side":"sell","seq":44,"price":101.5,"qty":5.0,"timestamp":1700000000300}"#,
            r#"{"event":"info","version":1}"#,
        ],
    ),
];
