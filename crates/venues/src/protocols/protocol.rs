//! What a venue of this kind has to say about itself: one implementation of [`Protocol`] each.

use core::fmt;

use tickbook_types::{Padded, Scale};

use super::frame::Frame;
use crate::endpoint::Endpoint;
use crate::json::Read;
use crate::key::Key;
use crate::rest::{RestError, RestOrders, RestUrl};
use crate::session::{ConfigError, Subscription};
use crate::splice::Chain;

/// A venue's addresses and limits, as data.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Rules {
    /// WebSocket addresses; those of [`Endpoint::Former`] stand in recordings only.
    pub(crate) ws: &'static [(Endpoint, &'static str)],
    /// REST address.
    pub(crate) rest: &'static str,
    /// Path of the one connection kind; [`Protocol::route`] may choose another.
    pub(crate) path: &'static str,
    /// Messages a second that we send.
    pub(crate) messages_per_second: u32,
    /// Books on one connection.
    pub(crate) books_per_conn: usize,
    /// Books in one subscribe message.
    pub(crate) books_per_message: usize,
    /// A text to send every so many nanoseconds.
    pub(crate) keepalive: Option<(i64, &'static str)>,
    /// Texts to send first on every connection.
    pub(crate) greeting: &'static [&'static str],
    /// What brings a new snapshot; [`Protocol::recovery`] may say it of one channel.
    pub(crate) recovery: Recovery,
    /// Whether every connection is sent the same messages, so that one can stand in for another:
    /// with ids of the book, or as whole books, or with a checksum.
    pub(crate) same_on_all: bool,
    /// Whether a subscribe message replaces the one before it, so that each names every book of its
    /// connection, and there is none to unsubscribe.
    pub(crate) replaces: bool,
    /// Whether the times of its whole books only grow, so that an older one is known.
    pub(crate) times_grow: bool,
    /// What its binary frames hold.
    pub(crate) binary: Binary,
    /// Whether a message that was lost, or could not be read, shows in the ids of the next one.
    pub(crate) shows_loss: bool,
    /// Whether its books are crossed for moments and that is no fault: between an order and its
    /// matches.
    pub(crate) crosses: bool,
    /// Whether snapshots of REST hold orders: [`Protocol::join`].
    pub(crate) orders: bool,
    /// Where REST hands out the tokens that connections have to show.
    pub(crate) token_path: Option<&'static str>,
    /// Whether nothing may be sent on a connection before the venue's welcome.
    pub(crate) welcomes: bool,
    /// Snapshots a minute that REST may be asked for; see [`Protocol::snapshot_path`].
    pub(crate) snapshots_per_minute: u32,
    /// How deltas follow a snapshot of REST.
    pub(crate) chain: Chain,
    /// Whether its messages may carry checksums ([`Frame::checksum`]).
    pub(crate) checksums: bool,
}

/// A second, in nanoseconds.
pub(crate) const SECOND: i64 = 1_000_000_000;

/// What stands in a text for the seconds since 1970 at which it is sent.
pub(crate) const TIME_SECONDS: &str = "$TIME";

impl Rules {
    /// The limits of a venue that documents none: few and slow.
    pub(crate) const CAUTIOUS: Self = Self {
        ws: &[],
        rest: "",
        path: "/",
        messages_per_second: 4,
        books_per_conn: 50,
        books_per_message: 10,
        keepalive: None,
        greeting: &[],
        recovery: Recovery::Resubscribe,
        same_on_all: false,
        replaces: false,
        times_grow: false,
        binary: Binary::Unexpected,
        shows_loss: false,
        crosses: false,
        orders: false,
        token_path: None,
        welcomes: false,
        snapshots_per_minute: 60,
        chain: Chain::Contiguous,
        checksums: false,
    };
}

/// What the binary frames of a venue hold. A text frame is taken as it is on every venue.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum Binary {
    /// Nothing that is known.
    Unexpected,
    /// The message.
    Text,
    /// The message in one gzip member.
    Gzip,
    /// The message as a deflate stream without a frame around it.
    Deflate,
}

/// What brings a new snapshot of a book.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum Recovery {
    /// Its channel is unsubscribed and subscribed again.
    Resubscribe,
    /// Its next message: each holds a whole book.
    NextMessage,
}

/// A book to subscribe.
#[derive(Clone, Debug, Eq, PartialEq)]
pub(crate) struct Topic {
    /// The book's name, as the venue's messages give it.
    pub(crate) name: String,
    /// The instrument, as the venue's subscribe messages want it.
    pub(crate) symbol: String,
    /// Levels a side of its channel, where the venue has several and the name does not tell.
    pub(crate) depth: Option<u32>,
    /// Trades too.
    pub(crate) trades: bool,
    /// The ticker too.
    pub(crate) ticker: bool,
}

impl Topic {
    /// A book that is named as its instrument.
    pub(crate) fn plain(subscription: &Subscription) -> Self {
        let symbol = subscription.symbol.clone();
        let Subscription { trades, ticker, .. } = *subscription;
        Self { name: symbol.clone(), symbol, depth: None, trades, ticker }
    }
}

/// Where a book's connection goes. Books with different routes are on different connections.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) struct Route {
    pub(crate) endpoint: Endpoint,
    pub(crate) path: &'static str,
    /// Stands before the names of its books, where two routes have books of one name.
    pub(crate) prefix: &'static str,
}

/// What to do with some books.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum Verb {
    Subscribe,
    Unsubscribe,
}

impl Verb {
    /// `subscribe` or `unsubscribe`.
    pub(crate) const fn name(self) -> &'static str {
        match self {
            Self::Subscribe => "subscribe",
            Self::Unsubscribe => "unsubscribe",
        }
    }
}

/// A venue's messages, in and out.
pub(crate) trait Protocol: fmt::Debug + Send {
    /// Addresses and limits.
    fn rules(&self) -> Rules;

    /// The fields that a key file has to have, where the venue wants a key.
    fn key_fields(&self) -> &'static [&'static str] {
        &[]
    }

    /// The key: one that has these fields.
    fn take_key(&mut self, _key: Key) {}

    /// The book of a subscription.
    ///
    /// # Errors
    ///
    /// The venue has no such channel.
    fn topic(&self, subscription: &Subscription) -> Result<Topic, ConfigError> {
        whole_only(subscription)?;
        Ok(Topic::plain(subscription))
    }

    /// The connection of a subscription.
    fn route(&self, _: &Subscription) -> Route {
        Route { endpoint: Endpoint::Main, path: self.rules().path, prefix: "" }
    }

    /// The instrument of a book's name.
    fn symbol_of<'a>(&self, name: &'a str) -> &'a str {
        name
    }

    /// Levels a side beyond which the venue forgets a level without saying so.
    fn depth_max(&self, _: &Topic) -> Option<u32> {
        None
    }

    /// What brings a new snapshot of a book, where its channels differ in that.
    fn recovery(&self, _: &Topic) -> Recovery {
        self.rules().recovery
    }

    /// A connection is open, the `line`-th of the session's ([`Frame::line`]): what was said on the
    /// one before it no longer holds.
    fn opened(&mut self, _line: usize) {}

    /// Exponents of what a 1 in the messages about a symbol is worth, where the venue scales its
    /// numbers and its list was not seen.
    fn wire_scale(&self, _symbol: &str) -> Scale {
        Scale::default()
    }

    /// The messages that subscribe some books (no more than the venue takes in one), or end that.
    /// `id` is one that was not used before.
    fn request(&self, verb: Verb, topics: &[&Topic], id: u64, out: &mut Vec<String>);

    /// A text that has [`TIME_SECONDS`] is sent at `seconds`, which stand in it by now: whatever of
    /// it depends on them.
    fn sign(&self, text: String, _seconds: i64) -> String {
        text
    }

    /// Path and query of a book's snapshot, if REST has it and the stream does not. Its deltas then
    /// have to be [`Link::Range`](super::chain::Link).
    fn snapshot_path(&self, _topic: &Topic) -> Option<String> {
        None
    }

    /// Reads an answer of REST: for a snapshot one book event, with the book's name out of the URL
    /// or the body. Runs on the service thread.
    ///
    /// # Errors
    ///
    /// Why it cannot be used; [`RestError::UnknownUrl`] if it is no answer of this kind.
    fn read_rest(
        &self,
        _url: &RestUrl<'_>,
        _body: &[u8],
        _frame: &mut Frame,
    ) -> Result<(), RestError> {
        Err(RestError::UnknownUrl)
    }

    /// A book was lost, or begins: its orders will come by REST, and every message from here on has
    /// to be kept for them ([`Rules::orders`]).
    fn lost(&mut self, _name: &str) {}

    /// The orders of a book came: they and the messages kept for it become a snapshot and deltas.
    /// `false` if they do not reach these messages.
    fn join(&mut self, _orders: &RestOrders, _frame: &mut Frame) -> bool {
        false
    }

    /// Whether its messages have the ids that [`Rules::shows_loss`] speaks of: recordings may be
    /// older than the ids.
    fn has_ids(&self) -> bool {
        true
    }

    /// What of a book's name stands in its messages, so that one that cannot be read is laid at the
    /// right door.
    fn channel_of<'a>(&self, name: &'a str) -> &'a str {
        name
    }

    /// Reads a message that is written as the venue writes nearly all of its changes, in one go;
    /// `None`: [`Self::read`] has to. Then nothing is remembered of it, and what `frame` holds is
    /// of no use. What it reads, [`Self::read`] would have read alike.
    fn read_usual(&mut self, _message: Padded<'_>, _frame: &mut Frame) -> Option<()> {
        None
    }

    /// Reads one message. Where snapshots come by REST, one that waited for its snapshot is read
    /// again, so that nothing must be remembered from one to the next.
    ///
    /// # Errors
    ///
    /// Why it cannot be used. What was said before the fault is not used either.
    fn read(&mut self, message: &[u8], frame: &mut Frame) -> Read<()>;
}

impl dyn Protocol {
    /// Reads one message: in one go if that can be, else by its keys.
    ///
    /// # Errors
    ///
    /// Those of [`Self::read`].
    #[inline]
    pub(crate) fn read_any(&mut self, message: Padded<'_>, frame: &mut Frame) -> Read<()> {
        match self.read_usual(message, frame) {
            Some(()) => Ok(()),
            None => self.read_general(message, frame),
        }
    }

    #[inline(never)]
    fn read_general(&mut self, message: Padded<'_>, frame: &mut Frame) -> Read<()> {
        frame.clear();
        self.read(message.payload(), frame)
    }
}

/// Refuses a depth where the venue has one channel only.
pub(crate) fn whole_only(subscription: &Subscription) -> Result<(), ConfigError> {
    match subscription.depth {
        None => Ok(()),
        Some(depth) => Err(ConfigError::BadDepth { symbol: subscription.symbol.clone(), depth }),
    }
}

/// `"a","b"`: a list of JSON strings.
pub(crate) fn quoted(items: impl IntoIterator<Item = impl AsRef<str>>) -> String {
    let mut list = String::new();
    for item in items {
        if !list.is_empty() {
            list.push(',');
        }
        list.push('"');
        list.push_str(item.as_ref());
        list.push('"');
    }
    list
}
