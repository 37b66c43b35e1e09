//! `tickbook stats`: counters and histograms of a running engine.

use tickbook::{Counter, Stage, Tickbook};

use crate::Failure;
use crate::args::StatsArgs;
use crate::text::{count, nanos};

pub(crate) fn run(args: &StatsArgs) -> Result<(), Failure> {
    let tickbook = Tickbook::attach_in(&args.shm.shm_dir, args.name.as_deref())?;
    for conn in tickbook.conns() {
        say!("connection {}: {:?}, epoch {}", conn.conn, conn.state, conn.epoch);
    }
    for thread in tickbook.stats() {
        say!("{}:", thread.name());
        for counter in Counter::ALL {
            let value = thread.counter(*counter);
            if args.all || value > 0 {
                say!("  {:<24} {:>16}", counter.name(), count(value));
            }
        }
        for stage in Stage::ALL {
            let histogram = thread.histogram(*stage);
            if histogram.count() > 0 {
                let at = |quantile| nanos(histogram.quantile(quantile));
                say!(
                    "  {:<24} p50 {:>9}  p90 {:>9}  p99 {:>9}  p99.9 {:>9}  max {:>9}  ({})",
                    stage.name(),
                    at(0.5),
                    at(0.9),
                    at(0.99),
                    at(0.999),
                    at(1.0),
                    count(histogram.count())
                );
            }
        }
    }
    Ok(())
}
