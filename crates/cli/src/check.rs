//! `tickbook check-config`: what the engine would do with a configuration.

use tickbook_engine::config::Config;
use tickbook_engine::plan;
use tickbook_engine::topology::{Topology, usable_cores};

use crate::Failure;
use crate::args::CheckArgs;

pub(crate) fn run(args: &CheckArgs) -> Result<(), Failure> {
    let config = Config::load(&args.config)?;
    let plan = plan::of(&config)?;
    plan.check()?;
    say!("{}: good", args.config.display());
    say!("engine '{}' in {}", plan.name, plan.shm_dir.display());
    say!("{}", Topology::choose(plan.venues.len(), usable_cores(), plan.wishes));
    say!("{}", config.memory());
    for venue in &plan.venues {
        let symbols: Vec<&str> = venue.subscriptions.iter().map(|it| it.symbol.as_str()).collect();
        let core =
            venue.core.map_or_else(|| "not pinned".to_owned(), |core| format!("core {core}"));
        say!("{} ({core}): {} symbols: {}", venue.venue, symbols.len(), symbols.join(" "));
        for (_, url) in &venue.endpoints.ws {
            say!("  {url}");
        }
        say!("  {}", venue.endpoints.rest);
    }
    Ok(())
}
