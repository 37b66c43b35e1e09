//! Venue sessions: sans-IO state machines, bytes in, messages and actions out.
//!
//! A [`Session`] speaks for one group of symbols of one venue. The venue thread hands it what the
//! sockets received and what REST answered; it writes book messages to its [`Lane`] and asks for
//! what it needs ([`Action`]). The same session runs live, in replays and in the fault simulator.
//!
//! # Guarantees
//!
//! - A book is called live only from a snapshot on, over an unbroken chain of the venue's ids; a
//!   hole is said at once ([`tickbook_types::Reason::Gap`]) and a new snapshot asked for.
//! - No byte from outside panics. What is not used is counted with a reason
//!   ([`SessionCounters::ignored`], [`SessionCounters::rejected`]).
//! - Receiving a book message allocates nothing once every book has been through its first sync.
//! - Waiting is bounded: frames kept for a snapshot, retries, queued requests ([`limits`]).
//!
//! # Not guaranteed
//!
//! - That a digit changed inside a valid message is noticed when it leaves ids and shape intact.
//!   The builder's comparison with the venue's best bid and offer is the check for that.
//! - That anything happens by itself: deadlines pass only in [`Session::on_timer`].
//!
//! # Adding a venue
//!
//! A venue is one file in `protocols`; Binance's family has a session of its own.
//! Shared pieces: [`splice`] (REST snapshot and buffered diffs),
//! [`pacing`] (outbound messages per second), [`budget`] (REST weight per minute).

#![forbid(unsafe_code)]

mod action;
mod binance;
pub mod budget;
mod counters;
mod endpoint;
mod fetch;
mod json;
mod key;
mod keyed;
mod lane;
mod level;
mod levels;
pub mod limits;
mod lists;
mod orders;
pub mod pacing;
mod protocols;
mod rest;
mod sampler;
mod session;
mod signature;
pub mod splice;
mod symbols;
mod ticker;

pub use action::{Action, Actions, RequestId, RestPurpose, RestRequest, Warning};
pub use counters::{Ignored, LINES_MAX, LineCounters, Rejected, SessionCounters};
pub use endpoint::{Endpoint, Endpoints};
pub use key::{Key, KeyError};
pub use rest::{
    ConnectionToken, InstrumentList, RestBody, RestError, RestOrders, RestResponse, RestSnapshot,
    parse_rest,
};
pub use session::{
    ConfigError, Context, Lane, Mode, Session, SessionConfig, Subscription, Wished, session,
    subscriptions_from_open,
};
