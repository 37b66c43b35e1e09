//! HdrHistogram interval logs (V2), one file per stage: what other tools plot and compare.

use std::path::Path;
use std::time::{Duration, SystemTime};

use hdrhistogram::Histogram;
use hdrhistogram::serialization::V2DeflateSerializer;
use hdrhistogram::serialization::interval_log::IntervalLogWriterBuilder;
use tickbook_engine::replay::Replayed;

use crate::{Failure, files};

/// Writes `STAGE.hdr` files; several captures get a number in front.
pub(crate) fn write(dir: &Path, all: &[Replayed]) -> Result<(), Failure> {
    make(dir)?;
    for (index, replayed) in all.iter().enumerate() {
        let prefix = if all.len() == 1 { String::new() } else { format!("{index}-") };
        let comment = format!("tickbook replay of {}", replayed.report.file);
        let length = Duration::from_secs_f64(replayed.report.elapsed_s);
        for (stage, histogram) in &replayed.histograms {
            let path = dir.join(format!("{prefix}{stage}.hdr"));
            write_log(&path, &comment, length, histogram)?;
        }
    }
    Ok(())
}

/// Makes the folder of the logs.
pub(crate) fn make(dir: &Path) -> Result<(), Failure> {
    std::fs::create_dir_all(dir)
        .map_err(|error| format!("cannot make the folder {}: {error}", dir.display()).into())
}

/// Writes one log of one interval of this length.
pub(crate) fn write_log(
    path: &Path,
    comment: &str,
    length: Duration,
    histogram: &Histogram<u64>,
) -> Result<(), Failure> {
    let mut bytes = Vec::new();
    let mut serializer = V2DeflateSerializer::new();
    let mut log = IntervalLogWriterBuilder::new()
        .add_comment(comment)
        .add_comment("values are nanoseconds")
        .with_start_time(SystemTime::now())
        .with_max_value_divisor(1_000_000.0)
        .begin_log_with(&mut bytes, &mut serializer)
        .map_err(|error| format!("{error:?}"))?;
    log.write_histogram(histogram, Duration::ZERO, length, None)
        .map_err(|error| format!("{error:?}"))?;
    files::write(path, &bytes)
}
