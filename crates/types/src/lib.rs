//! Plain types of the data path: what a byte from a venue becomes on its way to a reader.
//!
//! # Guarantees
//!
//! - Prices and sizes are integers from the digit on the wire to the word in shared memory; no
//!   value passes through a float.
//! - Every type that is shared between threads or processes has explicitly sized fields and a
//!   layout asserted at compile time.
//! - Nothing here allocates on the path from receive to publish; types that own memory
//!   ([`Instrument`], [`BookSpec`], [`SnapshotBlock`]) travel on the control path only.
//!
//! # Not guaranteed
//!
//! - That a number makes sense for its instrument: a negative price is a price (some instruments
//!   have them). Rules of a venue live in `tickbook-venues`, rules of a book in `tickbook-book`.

mod block;
mod checksum;
pub mod clock;
mod decimal;
mod form;
mod id;
mod instrument;
mod level;
mod message;
mod padded;
mod state;
mod ticker;
mod time;
mod venue;

pub use block::{Block, BookSpec, SnapshotBlock};
pub use checksum::{Checksum, ChecksumKind};
pub use decimal::{Decimal, DecimalError, POW10, ScaleError};
pub use form::{Forms, NumberForm, Written};
pub use id::{BookId, ConnId, Epoch, SeqNo};
pub use instrument::{Instrument, InstrumentKind, InstrumentStatus, OptionRight, Scale, SizeUnit};
pub use level::{Level, LevelRecord, Price, Side, Size};
pub use message::{MessageFlags, MessageHeader, MessageKind};
pub use padded::{PADDING, Padded, PaddedBuf};
pub use state::{BookState, NotReadable, Reason};
pub use ticker::{Figure, Ticker, TickerField};
pub use time::{MonoNanos, RecvStamps, Ticks, WallNanos};
pub use venue::{UnknownVenue, Venue};
