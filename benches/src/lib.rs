//! What the benches share: inputs, and peers to be measured against.
//!
//! Each bench times one stage of the data path in steady state, its peers on the same input, and a
//! floor: the least that any implementation must do (copy the bytes, store the sizes, move a cache
//! line). Before anything is timed the results of all contenders are compared.
//!
//! Inputs are generated from fixed seeds. If `TICKBOOK_CAPTURES` names a folder of captures, the
//! bench of the whole path runs on them as well.
//!
//! # Not guaranteed
//!
//! - That times of two hosts, or of two runs, compare. Ratios within one run do.

#![forbid(unsafe_code)]

pub mod capture;
pub mod dialect;
pub mod feed;
pub mod market;
pub mod peer;
mod random;
pub mod rig;
pub mod turns;

use std::time::Duration;

use criterion::Criterion;

/// The settings of every bench: all of them take some minutes together. Options of the command
/// line go before.
#[must_use]
pub fn criterion() -> Criterion {
    Criterion::default()
        .warm_up_time(Duration::from_millis(500))
        .measurement_time(Duration::from_secs(2))
        .sample_size(50)
        .configure_from_args()
}
