//! `tickbook book`: one book as any strategy would read it.

use tickbook::{
    AttachError, Consolidated, ConsolidatedBook, ConsolidatedLevel, Depth, OrderCounts, SizeUnit,
    Tickbook,
};
use tickbook_types::clock;

use crate::Failure;
use crate::args::BookArgs;
use crate::text;

pub(crate) fn run(args: &BookArgs) -> Result<(), Failure> {
    if let Some(name) = &args.book
        && let Some(consolidated) = consolidated(args, name)?
    {
        print_consolidated(name, consolidated, args.depth);
        return Ok(());
    }
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
    let mut orders = OrderCounts::default();
    let counted = args.orders && reader.depth_and_orders(&mut depth, &mut orders) == Ok(true);
    let header = depth.header();
    let info = reader.info();
    let seq = header.seq.map_or_else(|| "-".to_owned(), |seq| seq.to_string());
    say!("{} ({}) {} seq {seq}", info.name, info.normalised, header.state);
    if let Some(why) = why_not {
        say!("NOT TO BE USED: {why}");
    }
    say!("{}", text::ladder_head());
    for (at, row) in
        text::ladder(depth.bids(), depth.asks(), header.scale, args.depth).into_iter().enumerate()
    {
        let count = |side: &[u32]| match side.get(at) {
            Some(count) if *count > 0 => count.to_string(),
            _ => "-".to_owned(),
        };
        if counted {
            say!("{row}   {:>6} | {} orders", count(orders.bids()), count(orders.asks()));
        } else {
            say!("{row}");
        }
    }
    if args.orders && !counted {
        say!("how many orders make up a level is not known of this book");
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

/// Readers of a normalised name that several books have; `None` if at most one has it.
fn consolidated(args: &BookArgs, name: &str) -> Result<Option<Consolidated>, Failure> {
    match Consolidated::open_in(&args.shm.shm_dir, args.name.as_deref(), name) {
        Ok(consolidated) if consolidated.infos().count() > 1 => Ok(Some(consolidated)),
        Ok(_) | Err(AttachError::NoBook { .. }) => Ok(None),
        Err(error) => Err(error.into()),
    }
}

fn print_consolidated(name: &str, mut consolidated: Consolidated, depth: usize) {
    let mut book = ConsolidatedBook::default();
    consolidated.read(&mut book, depth);
    let members = book.members();
    let venue = |member: usize| members[member].venue.map_or("unknown", tickbook::Venue::name);
    let used = members.iter().filter(|it| it.left_out.is_none()).count();
    let apart = book.skew_ns().and_then(|skew| u64::try_from(skew).ok());
    let apart =
        apart.map_or_else(String::new, |skew| format!(", received within {}", text::nanos(skew)));
    say!("{name}: {used} of {} books{apart}; sizes in base", members.len());
    let level = |it: &ConsolidatedLevel| (venue(it.member), it.price, it.size);
    for row in 0..book.bids().len().max(book.asks().len()) {
        let bid =
            book.bids().get(row).map(level).map_or_else(String::new, |(venue, price, size)| {
                format!("{venue:<18} {:>16} {:>12}", size.to_string(), price.to_string())
            });
        let ask =
            book.asks().get(row).map(level).map_or_else(String::new, |(venue, price, size)| {
                format!("{:<12} {:<16} {venue}", price.to_string(), size.to_string())
            });
        say!("{bid:>48} | {ask}");
    }
    for (index, member) in members.iter().enumerate() {
        if let Some(why) = member.left_out {
            say!("left out: {}:{}: {why}", venue(index), member.name);
        }
    }
}

fn list(tickbook: &Tickbook) -> Result<(), Failure> {
    let mut books = tickbook.books();
    say!(
        "{:<32} {:<20} {:<12} {:<12} {:<12} best bid | ask, or state",
        "book",
        "name",
        "tick",
        "lot",
        "size counts"
    );
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
        let step = |step: Option<tickbook::Decimal>| {
            step.map_or_else(|| "-".to_owned(), |step| step.to_string())
        };
        let unit = match info.size_unit {
            SizeUnit::Base => "base",
            SizeUnit::Quote => "quote",
            SizeUnit::Contract => "contracts",
            _ => "-",
        };
        let unit = info
            .contract_multiplier
            .map_or_else(|| unit.to_owned(), |worth| format!("{worth} {unit}"));
        say!(
            "{full:<32} {:<20} {:<12} {:<12} {unit:<12} {state}",
            info.normalised,
            step(info.tick_size),
            step(info.lot_size)
        );
    }
    Ok(())
}
