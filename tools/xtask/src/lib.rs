//! The one runner of the project's checks and jobs: what CI runs is what a developer runs.
//!
//! `cargo xtask` prints the jobs, `cargo xtask JOB` runs one of them.
//!
//! # Guarantees
//!
//! - Each job prints the commands it runs, the time it took, and its verdict.
//! - The first failure stops the run, and the exit status is 0 only if everything passed.
//! - The commands the README gives are read from the README, so the two cannot drift apart.
//!
//! # Not guaranteed
//!
//! - That a job is quick: [`jobs::JOBS`] says which ones are long. CI runs [`jobs::CI`].

#![forbid(unsafe_code)]

pub mod graph;
pub mod instructions;
pub mod jobs;
pub mod locks;
pub mod loom;
pub mod readme;
pub mod repository;
pub mod step;
pub mod tidy;

pub use jobs::run;
