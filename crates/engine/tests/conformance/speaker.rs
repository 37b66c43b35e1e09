//! A venue that has one book and tells of it in its own words: the book is known, the words come
//! from `forms.txt`.

use std::collections::BTreeMap;

use super::forms::Form;

/// One of a price or size, in 10^-4.
pub const ONE: i64 = 10_000;

/// A level: whether it is a bid, its price and its size in 10^-4; 0 deletes.
pub type Level = (bool, i64, u64);

/// A bid with a price and a size in hundredths.
pub const fn bid(price: i64, size: u64) -> Level {
    (true, price * 100, size * 100)
}

/// An ask with a price and a size in hundredths.
pub const fn ask(price: i64, size: u64) -> Level {
    (false, price * 100, size * 100)
}

/// A whole book, as the venue says it.
#[derive(Clone, Debug)]
pub enum Whole {
    Stream(Vec<String>),
    Rest { url: String, body: String },
}

/// See the module.
#[derive(Clone, Debug)]
pub struct Speaker {
    pub form: &'static Form,
    /// The book, by side (bids: `true`) and price.
    pub book: BTreeMap<(bool, i64), u64>,
    /// Id of the last message.
    pub id: u64,
    /// Number of the next frame of the connection.
    pub number: u64,
    /// Milliseconds since the beginning.
    pub millis: u64,
    /// Levels a side that were subscribed, where levels beyond them are forgotten.
    pub depth: Option<usize>,
    /// Decimals of all numbers of prices, where the venue writes that many.
    pub price_decimals: usize,
    /// What is added to the next checksum.
    pub error: u32,
    /// How the next level is written, if not as usual: price and size.
    pub written: Option<(&'static str, &'static str)>,
    /// Blanks between the rows of a snapshot.
    pub padding: usize,
}

/// A row, and what it does to an order.
struct Row {
    level: Level,
    /// Which of `add`, `modify`, `delete`.
    event: usize,
    /// Its id, where rows have some.
    id: u64,
}

impl Speaker {
    pub fn new(form: &'static Form) -> Self {
        Self {
            form,
            book: BTreeMap::new(),
            id: 10_000_040,
            number: 0,
            millis: 0,
            depth: form.has("depth").then_some(1_000),
            price_decimals: 2,
            error: 0,
            written: None,
            padding: 0,
        }
    }

    /// What is said first on a connection.
    pub fn opening(&mut self) -> Vec<String> {
        self.number = 0;
        self.form.line("opening").map(|text| self.fill(text, 0, &[])).into_iter().collect()
    }

    /// Something beside the book: an ack, a heartbeat.
    pub fn aside(&mut self, kind: &str) -> Option<String> {
        let text = self.form.line(kind)?;
        Some(self.fill(text, 0, &[]))
    }

    /// The book as a whole.
    pub fn whole(&mut self) -> Whole {
        self.millis += 100;
        self.cut();
        let rows: Vec<Row> = self.levels().map(|level| self.row(level, 0, self.id)).collect();
        if let Some(text) = self.form.line("empty") {
            let mut texts = vec![text.to_owned()];
            for mut row in rows {
                self.id += 1;
                row.id = self.id;
                texts.push(self.order(&row));
            }
            return Whole::Stream(texts);
        }
        let text = self.form.line("whole").or(self.form.line("snapshot")).unwrap();
        let body = self.fill(text, self.id, &rows);
        if let Some(url) = self.form.line("rest") {
            return Whole::Rest { url: url.to_owned(), body };
        }
        let mut texts = vec![body];
        texts.extend(self.sum());
        Whole::Stream(texts)
    }

    /// Some levels change: what the venue says of it.
    pub fn change(&mut self, levels: &[Level]) -> Vec<String> {
        self.millis += 100;
        if self.form.is_whole() {
            levels.iter().for_each(|level| self.set(*level));
            self.id += 1;
            return match self.whole() {
                Whole::Stream(texts) => texts,
                Whole::Rest { .. } => Vec::new(),
            };
        }
        if let Some(kind) = self.form.line("orders") {
            return self.change_orders(levels, kind);
        }
        if let Some(text) = self.form.line("single") {
            let mut texts = Vec::new();
            for level in levels {
                self.set(*level);
                self.id += 1;
                let row = self.row(*level, 1, self.id);
                texts.push(self.fill(text, self.id - 1, &[row]));
            }
            texts.extend(self.sum());
            return texts;
        }
        let text = self.form.line("delta").unwrap();
        let prev = self.id;
        let mut rows = Vec::new();
        for (level, id) in levels.iter().zip(prev + 1..) {
            self.set(*level);
            rows.push(self.row(*level, 1, id));
        }
        // Where ids are ranges every level has one.
        let is_range = text.contains("$FIRST");
        self.id += if is_range { levels.len().max(1) as u64 } else { 1 };
        self.cut();
        vec![self.fill(text, prev, &rows)]
    }

    /// The same for a venue that tells of orders, or of rows of a table.
    fn change_orders(&mut self, levels: &[Level], kind: &str) -> Vec<String> {
        let mut texts = Vec::new();
        let mut rows: Vec<Row> = Vec::new();
        let prev = self.id;
        for level in levels {
            let known = self.book.contains_key(&(level.0, level.1));
            let event = match (level.2, known) {
                (0, _) => 2,
                (_, true) => 1,
                (_, false) => 0,
            };
            self.set(*level);
            if kind == "one" {
                self.id += 1;
                let row = self.row(*level, event, self.id);
                texts.push(self.order(&row));
                continue;
            }
            if kind == "rows" && rows.last().is_some_and(|row| row.event != event) {
                let text = self.form.line("delta").unwrap();
                texts.push(self.fill(text, prev, &rows));
                rows.clear();
            }
            rows.push(self.row(*level, event, self.id));
        }
        if kind != "one" {
            self.id += 1;
            self.cut();
            let text = self.form.line("delta").unwrap();
            texts.push(self.fill(text, prev, &rows));
        }
        texts
    }

    /// The message about one order.
    fn order(&mut self, row: &Row) -> String {
        let kind = ["add", "modify", "delete"][row.event];
        let prev = self.id - 1;
        let text = self.form.line(kind).unwrap();
        self.fill(text, prev, std::slice::from_ref(row))
    }

    fn set(&mut self, (is_bid, price, size): Level) {
        match size {
            0 => drop(self.book.remove(&(is_bid, price))),
            size => drop(self.book.insert((is_bid, price), size)),
        }
        if price % 100 != 0 {
            self.price_decimals = self.price_decimals.max(3);
        }
    }

    /// Forgets levels beyond the channel's depth.
    fn cut(&mut self) {
        let Some(depth) = self.depth else { return };
        for is_bid in [true, false] {
            let beyond: Vec<i64> = self.side(is_bid).skip(depth).map(|(price, _)| price).collect();
            for price in beyond {
                self.book.remove(&(is_bid, price));
            }
        }
    }

    /// Prices and sizes of a side, best first.
    pub fn side(&self, is_bid: bool) -> Box<dyn Iterator<Item = (i64, u64)> + '_> {
        let of_side = move |((of, price), size): (&(bool, i64), &u64)| {
            (*of == is_bid).then_some((*price, *size))
        };
        if is_bid {
            Box::new(self.book.iter().rev().filter_map(of_side))
        } else {
            Box::new(self.book.iter().filter_map(of_side))
        }
    }

    fn levels(&self) -> impl Iterator<Item = Level> + '_ {
        let of = |is_bid| self.side(is_bid).map(move |(price, size)| (is_bid, price, size));
        of(true).chain(of(false))
    }

    fn row(&self, level: Level, event: usize, id: u64) -> Row {
        Row { level, event, id }
    }

    /// The checksum in a message of its own, where there is such a thing.
    fn sum(&mut self) -> Option<String> {
        let text = self.form.line("sum")?;
        Some(self.fill(text, self.id, &[]))
    }

    /// A number in the venue's way.
    fn number(&self, value: i64, decimals: usize) -> String {
        let style = self.form.line("numbers").unwrap();
        let whole = format!("{}.{:04}", value / ONE, value % ONE);
        let short = whole.trim_end_matches('0').trim_end_matches('.');
        let len = short.split_once('.').map_or(0, |(_, behind)| behind.len());
        match style {
            "short" => short.to_owned(),
            "python" if len == 0 => format!("{short}.0"),
            "python" => short.to_owned(),
            _ => whole[..whole.len() - 4 + decimals.max(len)].to_owned(),
        }
    }

    fn price(&self, price: i64) -> String {
        self.number(price, self.price_decimals)
    }

    fn size(&self, size: u64) -> String {
        self.number(size.cast_signed(), 2)
    }

    /// The text of a row. `snap`: in a snapshot.
    fn write(&self, row: &Row, snap: bool) -> String {
        let (is_bid, price, size) = row.level;
        let side = if is_bid { "bid" } else { "ask" };
        let mut kinds = Vec::new();
        if snap {
            kinds.extend([format!("snap{side}"), "snaprow".to_owned()]);
        } else if size == 0 {
            kinds.extend([format!("gone{side}"), "gone".to_owned()]);
        }
        kinds.extend([side.to_owned(), "row".to_owned()]);
        let text = kinds.iter().find_map(|kind| self.form.line(kind)).unwrap_or("$p");
        self.level(text, row, (is_bid, price, size))
    }

    fn level(&self, text: &str, row: &Row, (is_bid, price, size): Level) -> String {
        let words = |kind, usual: &'static str| self.form.line(kind).unwrap_or(usual).split(' ');
        let sides: Vec<&str> = words("sides", "buy sell").collect();
        let events: Vec<&str> = words("events", "add modify delete").collect();
        let (mut price_text, mut size_text) = (self.price(price), self.size(size));
        if let Some((price, size)) = self.written {
            (price_text, size_text) = (price.to_owned(), size.to_owned());
        }
        let order = 10_000_000 + 2 * price + i64::from(is_bid);
        text.replace("$SIDE", sides[usize::from(!is_bid)])
            .replace("$EVENT", events[row.event])
            .replace("$p", &price_text)
            .replace("$s", &size_text)
            .replace("$o", &order.to_string())
            .replace("$ID", &row.id.to_string())
    }

    /// A message with its rows.
    fn fill(&mut self, text: &str, prev: u64, rows: &[Row]) -> String {
        let snap = text == self.form.line("snapshot").or(self.form.line("whole")).unwrap_or("");
        let join = |is_bid: Option<bool>| {
            let of_side = |row: &&Row| is_bid.is_none_or(|is_bid| row.level.0 == is_bid);
            let mut joined = String::new();
            for row in rows.iter().filter(of_side) {
                if !joined.is_empty() {
                    joined.push(',');
                    joined.extend(std::iter::repeat_n(' ', self.padding));
                }
                joined.push_str(&self.write(row, snap));
            }
            joined
        };
        let (bids, asks, both) = (join(Some(true)), join(Some(false)), join(None));
        let mut filled = text.to_owned();
        if let [row] = rows {
            filled = filled.replace("$ROW", &self.write(row, snap));
            if self.form.has("single") || self.form.line("orders") == Some("one") {
                filled = self.level(&filled, row, row.level);
            }
        }
        if let Some(events) = self.form.line("events") {
            let event = rows.first().map_or(1, |row| row.event);
            filled = filled.replace("$EVENT", events.split(' ').nth(event).unwrap());
        }
        let one = matches!(self.form.line("orders"), Some("one")).then(|| rows.first()).flatten();
        let id = one.map_or(self.id, |row| row.id);
        let is_checked = text.contains("$CRC") || text.contains("$SIGNED");
        let crc = if is_checked { self.checksum() } else { 0 };
        let (ms, time) = (1_700_000_000_000 + self.millis, self.time());
        filled = filled
            .replace("$PAIRS", &self.pairs())
            .replace("[$B]", &format!("[{bids}]"))
            .replace("[$A]", &format!("[{asks}]"))
            .replace("[$L]", &format!("[{both}]"))
            .replace("$CRC", &crc.to_string())
            .replace("$SIGNED", &crc.cast_signed().to_string())
            .replace("$DEPTH", &self.depth.unwrap_or(0).to_string())
            .replace("$TIME", &time)
            .replace("$MS", &ms.to_string())
            .replace("$FIRST", &(prev + 1).to_string())
            .replace("$PREUUID", &uuid(prev))
            .replace("$UUID", &uuid(id))
            .replace("$PREV", &prev.to_string())
            .replace("$ID", &id.to_string());
        if filled.contains("$NUM") {
            filled = filled.replace("$NUM", &self.number.to_string());
            self.number += 1;
        }
        filled
    }

    fn time(&self) -> String {
        let seconds = 20 + self.millis / 1_000;
        let (minutes, seconds) = (13 + seconds / 60, seconds % 60);
        format!("2023-11-14T22:{minutes:02}:{seconds:02}.{:03}Z", self.millis % 1_000)
    }

    /// Bids and asks side by side.
    fn pairs(&self) -> String {
        if !self.form.line("whole").is_some_and(|text| text.contains("$PAIRS")) {
            return String::new();
        }
        let (bids, asks): (Vec<_>, Vec<_>) =
            (self.side(true).collect(), self.side(false).collect());
        let pair = |at: usize| {
            let of = |side: &[(i64, u64)]| {
                side.get(at).map_or_else(
                    || ["0".to_owned(), "0".to_owned()],
                    |(price, size)| match self.written.filter(|_| at == 0) {
                        Some((price, size)) => [price.to_owned(), size.to_owned()],
                        None => [self.price(*price), self.size(*size)],
                    },
                )
            };
            let ([bp, bs], [ap, asize]) = (of(&bids), of(&asks));
            format!(r#"{{"ap":{ap},"bp":{bp},"as":{asize},"bs":{bs}}}"#)
        };
        let pairs: Vec<String> = (0..bids.len().max(asks.len())).map(pair).collect();
        pairs.join(&format!(",{:width$}", "", width = self.padding))
    }

    /// The venue's checksum of the book.
    fn checksum(&mut self) -> u32 {
        let Some(kind) = self.form.line("checksum") else { return 0 };
        let depth = match kind {
            "kraken" => 10,
            "ftx" => 100,
            _ => 25,
        };
        let of = |is_bid: bool| -> Vec<[String; 2]> {
            let levels = self.side(is_bid).take(depth);
            levels.map(|(price, size)| [self.price(price), self.size(size)]).collect()
        };
        let (bids, asks) = (of(true), of(false));
        let text = if kind == "kraken" {
            let bare = |text: &String| text.replace('.', "").trim_start_matches('0').to_owned();
            asks.iter().chain(&bids).flatten().map(bare).collect::<String>()
        } else {
            let minus = if kind == "bitfinex" { "-" } else { "" };
            let bid = |at: usize| bids.get(at).map(|[price, size]| format!("{price}:{size}"));
            let ask =
                |at: usize| asks.get(at).map(|[price, size]| format!("{price}:{minus}{size}"));
            let both = (0..depth).flat_map(|at| [bid(at), ask(at)]).flatten();
            both.collect::<Vec<_>>().join(":")
        };
        crc(&text).wrapping_add(std::mem::take(&mut self.error))
    }
}

fn uuid(id: u64) -> String {
    format!("000659d4-cba2-b200-0000-{id:012}")
}

/// CRC-32, bit by bit.
fn crc(text: &str) -> u32 {
    !text.bytes().fold(!0_u32, |crc, byte| {
        (0..8).fold(crc ^ u32::from(byte), |crc, _| {
            (crc >> 1) ^ (0xEDB8_8320 & (crc & 1).wrapping_neg())
        })
    })
}
