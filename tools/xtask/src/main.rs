//! The one runner of checks and jobs.

fn main() {}
