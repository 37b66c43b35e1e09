//! `tickbook book`: one book as any strategy would read it.

use tickbook::{Depth, Tickbook};
use tickbook_types::clock;

use crate::Failure;
use crate::args::BookArgs;
use crate::text;

pub(crate) fn run(args: &BookArgs) -> Result<(), Failure> {
    let tickbook = Tickbook::attach_in(&args.shm.shm_dir, args.name.as_deref())?;
    let Some(name) = &args.book else {
        return list(&tickbook);
    };
    let mut reader = tickbook.book(name)?;
    let mut depth = Depth::default();
    let why_not = if args.any {
        reader.depth_any(&mut depth)?
    } else {
        reader.depth(&mut depth).map_err(|why| format!("{name}: {why}"))?;
        None
    };
    let header = depth.header();
    let info = reader.info();
    let seq = header.seq.map_or_else(|| "-".to_owned(), |seq| seq.to_string());
    say!("{} ({}) {} seq {seq}", info.name, info.normalised, header.state);
    if let Some(why) = why_not {
        say!("NOT TO BE USED: {why}");
    }
    say!("{}", text::ladder_head());
    for row in text::ladder(depth.bids(), depth.asks(), header.scale, args.depth) {
        say!("{row}");
    }
    say!("{} bids, {} asks in the whole book", header.bid_levels, header.ask_levels);
    let Ok((read, why_not)) = reader.ticker_any() else { return Ok(()) };
    if why_not.is_some() && !args.any {
        return Ok(());
    }
    if !read.ticker.is_empty() {
        say!("{}", text::ticker(&read, clock::mono_now()));
        if let Some(why) = why_not {
            say!("TICKER NOT TO BE USED: {why}");
        }
    }
    Ok(())
}

fn list(tickbook: &Tickbook) -> Result<(), Failure> {
    let mut books = tickbook.books();
    books.sort_by(|a, b| (a.venue, &a.name).cmp(&(b.venue, &b.name)));
    for info in books {
        let venue = info.venue.map_or("unknown", tickbook_types::Venue::name);
        let full = format!("{venue}:{}", info.name);
        let state = match tickbook.book(&full)?.top() {
            Ok(top) => {
                let scale = top.header.scale;
                let best = |level: Option<tickbook_types::Level>| {
                    level.map_or_else(|| "-".to_owned(), |level| text::price(level, scale))
                };
                format!("{} | {}", best(top.bid), best(top.ask))
            }
            Err(why) => why.to_string(),
        };
        say!("{full:<32} {:<20} {state}", info.normalised);
    }
    Ok(())
}
