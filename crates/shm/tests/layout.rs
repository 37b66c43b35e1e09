//! `docs/LAYOUT.md` says what the code does: every block, field, offset and size.

#![cfg(not(tickbook_loom))]
#![allow(missing_docs, clippy::unwrap_used, reason = "a test")]

use tickbook_shm::layout::{BLOCKS, LAYOUT_VERSION};

const PAGE: &str = include_str!("../../../docs/LAYOUT.md");

/// A row of a table of fields.
#[derive(Debug, Eq, PartialEq)]
struct Row<'a> {
    offset: usize,
    size: usize,
    /// `None`: reserved.
    field: Option<&'a str>,
}

/// The tables of the page: name and bytes from the heading, and its rows.
fn tables() -> Vec<(&'static str, usize, Vec<Row<'static>>)> {
    let mut tables = Vec::new();
    for section in PAGE.split("\n### ").skip(1) {
        let (heading, body) = section.split_once('\n').unwrap();
        let (name, size) = heading.split_once(", ").unwrap();
        let size = size.strip_suffix(" bytes").unwrap().parse().unwrap();
        let rows = body.lines().filter_map(|line| {
            let mut cells = line.strip_prefix('|')?.split('|').map(str::trim);
            let offset = cells.next()?.parse().ok()?;
            let size = cells.next()?.parse().ok()?;
            let field = cells.next()?;
            Some(Row { offset, size, field: (field != "-").then(|| field.trim_matches('`')) })
        });
        tables.push((name, size, rows.collect()));
    }
    tables
}

#[test]
fn every_byte_of_every_block_is_described() {
    for (name, size, rows) in tables() {
        let mut end = 0;
        for row in rows {
            assert_eq!(row.offset, end, "{name} {row:?}");
            end += row.size;
        }
        assert_eq!(end, size, "{name}");
    }
}

#[test]
fn every_field_is_where_the_page_says() {
    let tables = tables();
    assert_eq!(tables.len(), BLOCKS.len());
    for ((name, size, rows), block) in tables.iter().zip(BLOCKS) {
        assert_eq!((*name, *size), (block.name, block.size));
        let described: Vec<_> = rows
            .iter()
            .filter_map(|row| row.field.map(|field| (field, row.offset, row.size)))
            .collect();
        let compiled: Vec<_> =
            block.fields.iter().map(|it| (it.name, it.offset, it.size)).collect();
        assert_eq!(described, compiled, "{name}");
    }
}

#[test]
fn every_value_of_a_ticker_is_numbered_as_the_page_says() {
    for field in tickbook_types::TickerField::ALL {
        let value = format!("{} `{}`", *field as u8, field.name());
        assert!(PAGE.contains(&value), "{value}");
    }
}

#[test]
fn the_version_is_the_one_described() {
    assert!(PAGE.contains(&format!("| `layout_version` | {LAYOUT_VERSION} |")));
}
