//! Counters and latencies of an engine, summed over its threads.

use core::ffi::{CStr, c_char};
use std::ffi::CString;
use std::sync::OnceLock;

use tickbook::{Counter, Histogram, Stage};

use crate::TickbookEngine;
use crate::error::{TickbookStatus, failed};
use crate::pointer::{out, shared, status, text};

/// Times of a stage of the data path, in nanoseconds.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
#[repr(C)]
pub struct TickbookLatency {
    /// Recorded times.
    pub count: u64,
    /// The shortest, exactly; 0 if there is none.
    pub min_ns: u64,
    /// At or below which half of them lie.
    pub p50_ns: u64,
    /// At or below which 90 of 100 lie.
    pub p90_ns: u64,
    /// At or below which 99 of 100 lie.
    pub p99_ns: u64,
    /// At or below which 999 of 1000 lie.
    pub p999_ns: u64,
    /// The longest, exactly; 0 if there is none.
    pub max_ns: u64,
}

const _: () = assert!(size_of::<TickbookLatency>() == 56 && align_of::<TickbookLatency>() == 8);

/// Reads a counter, like `frames`: the sum over all threads, or, of one whose name ends in `_max`,
/// the largest. Not for a hot loop: it copies all there are.
///
/// # Safety
///
/// - `engine` was opened by `tickbook_attach` and is not closed;
/// - `name` ends with a zero byte;
/// - `value` is valid for writing.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn tickbook_engine_counter(
    engine: *const TickbookEngine,
    name: *const c_char,
    value: *mut u64,
) -> TickbookStatus {
    let read = || {
        // SAFETY: null or valid for writing, by the contract of this function.
        let value = unsafe { out(value, "value") }?.write(0);
        // SAFETY: null or a handle that is open, by the contract of this function.
        let engine = unsafe { shared(engine, "engine") }?;
        // SAFETY: null or a text with its end, by the contract of this function.
        let name = unsafe { text(name, "name") }?;
        let counter = Counter::from_name(name).ok_or_else(|| {
            failed(TickbookStatus::NoStatistic, format!("there is no counter '{name}'"))
        })?;
        let largest = name.ends_with("_max");
        *value = engine.tickbook.stats().iter().fold(0, |all, thread| {
            let one = thread.counter(counter);
            if largest { all.max(one) } else { all.saturating_add(one) }
        });
        Ok(())
    };
    status(read)
}

/// Reads the times of a stage, like `tick_to_book`, of all threads. Not for a hot loop: it copies
/// all there are.
///
/// # Safety
///
/// - `engine` was opened by `tickbook_attach` and is not closed;
/// - `stage` ends with a zero byte;
/// - `latency` is valid for writing.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn tickbook_engine_latency(
    engine: *const TickbookEngine,
    stage: *const c_char,
    latency: *mut TickbookLatency,
) -> TickbookStatus {
    let read = || {
        // SAFETY: null or valid for writing, by the contract of this function.
        let latency = unsafe { out(latency, "latency") }?.write(TickbookLatency::default());
        // SAFETY: null or a handle that is open, by the contract of this function.
        let engine = unsafe { shared(engine, "engine") }?;
        // SAFETY: null or a text with its end, by the contract of this function.
        let name = unsafe { text(stage, "stage") }?;
        let stage = Stage::from_name(name).ok_or_else(|| {
            failed(TickbookStatus::NoStatistic, format!("there is no stage '{name}'"))
        })?;
        let mut all = Histogram::default();
        for thread in engine.tickbook.stats() {
            all.merge(&thread.histogram(stage));
        }
        *latency = TickbookLatency {
            count: all.count(),
            min_ns: all.min(),
            p50_ns: all.quantile(0.5),
            p90_ns: all.quantile(0.9),
            p99_ns: all.quantile(0.99),
            p999_ns: all.quantile(0.999),
            max_ns: all.max(),
        };
        Ok(())
    };
    status(read)
}

/// The name of counter number `index`, from 0 on; null behind the last one. Good for ever.
#[unsafe(no_mangle)]
pub extern "C" fn tickbook_counter_name(index: u32) -> *const c_char {
    static NAMES: OnceLock<Vec<CString>> = OnceLock::new();
    name(NAMES.get_or_init(|| names(Counter::ALL.iter().map(|it| it.name()))), index)
}

/// The name of stage number `index`, from 0 on; null behind the last one. Good for ever.
#[unsafe(no_mangle)]
pub extern "C" fn tickbook_stage_name(index: u32) -> *const c_char {
    static NAMES: OnceLock<Vec<CString>> = OnceLock::new();
    name(NAMES.get_or_init(|| names(Stage::ALL.iter().map(|it| it.name()))), index)
}

fn names(all: impl Iterator<Item = &'static str>) -> Vec<CString> {
    // No name of ours has a zero byte.
    all.map(|name| CString::new(name).unwrap_or_default()).collect()
}

fn name(names: &'static [CString], index: u32) -> *const c_char {
    let found = usize::try_from(index).ok().and_then(|index| names.get(index));
    found.map_or(core::ptr::null(), |name| CStr::as_ptr(name))
}
