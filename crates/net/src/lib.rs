//! Sockets, TLS and WebSocket frames: what stands between a venue's bytes and a parser.
//!
//! A [`Connection`] is one WebSocket to a venue, driven by a thread that polls it and never waits.
//! A loop turn is: [`Connection::recv`] (one system call), then [`Connection::next_message`] until
//! it has no more. A message is borrowed from the receive buffer, with [`PADDING`] readable bytes
//! behind it, so that a scanner can load whole vectors.
//!
//! [`PADDING`]: tickbook_types::PADDING
//!
//! ```no_run
//! use tickbook_net::{Connection, ConnectionOptions, NetError, Phase, Target};
//! use tickbook_types::clock;
//!
//! fn follow(target: &Target) -> Result<(), NetError> {
//!     let options = ConnectionOptions::default();
//!     let mut venue = Connection::open(target, &options, clock::mono_now())?;
//!     while venue.drive(clock::mono_now())? != Phase::Open {}
//!     venue.send_text(r#"{"method":"SUBSCRIBE"}"#, clock::mono_now())?;
//!     loop {
//!         let turn = clock::now();
//!         if venue.recv(turn)? > 0 {
//!             while let Some(message) = venue.next_message()? {
//!                 println!("{} bytes", message.payload.len());
//!             }
//!         }
//!         // Not in every turn: whenever the caller knows the time anyway.
//!         let now = clock::mono_now();
//!         if now >= venue.deadline() {
//!             venue.on_deadline(now)?;
//!         }
//!         venue.flush(now)?;
//!     }
//! }
//! ```
//!
//! # Guarantees
//!
//! - No call blocks. After warm-up, receiving and decoding allocates nothing, plain or TLS.
//! - Memory is bounded: every limit of [`limits`] holds *before* the bytes it would admit are
//!   buffered. No byte from outside panics.
//! - Certificates are always verified; there is no fallback to plain text; redirects are not
//!   followed. The end of a stream without TLS `close_notify` is an abnormal drop.
//! - A text message that is handed out is valid UTF-8, unless
//!   [`ConnectionOptions::validate_utf8`] is off.
//! - The write side never delays the read side: what the socket does not take waits in a bounded
//!   queue, and past a deadline the connection is given up.
//!
//! # Not guaranteed
//!
//! - That a kernel stamp belongs to the message at hand: all bytes of one read share the stamp of
//!   its last segment ([`RecvStamps`]); see [`Message::last_of_read`].
//! - That sending allocates nothing: sealing a TLS record does (pongs and subscriptions are rare).
//! - Reconnection: a failed connection stays failed. The owner opens another one after
//!   [`Backoff::next_delay_ns`] and [`NetError::wait_at_least_ns`].
//!
//! Linux only.
//!
//! [`RecvStamps`]: tickbook_types::RecvStamps

#![deny(unsafe_code)]

mod backoff;
mod buffer;
mod connection;
mod error;
mod frame;
pub mod limits;
mod options;
mod send;
mod socket;
mod sys;
mod tls;
mod upgrade;
mod utf8;

pub use backoff::Backoff;
pub use connection::{Connection, ConnectionCounters, Phase};
pub use error::{HandshakeFault, NetError, TlsFault, Violation, Waited};
pub use frame::{Frame, FrameReader, Message, MessageKind};
pub use options::{ConnectionOptions, PongPolicy, SocketReport, Target};
pub use tls::{Roots, TlsConfig, TlsConfigError, TlsOptions};
