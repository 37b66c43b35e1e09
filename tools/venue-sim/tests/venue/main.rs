//! The simulated venue over real sockets, seen by a naive client: blocking, `BTreeMap`, serde_json.

#![expect(unreachable_pub, reason = "a test binary has no outside; its modules share by `pub`")]
#![expect(clippy::unwrap_used, reason = "a test's failure is a panic")]

mod binary;
mod capture;
mod client;
mod connections;
mod faults;
mod market;
mod rest;
