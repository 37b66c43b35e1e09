//! Two runs side by side, and what of the difference is more than noise.
//!
//! A difference counts when every run of one is beyond every run of the other, and the medians are
//! at least 3 % apart. Were both files measurements of the same thing, all five runs of one would
//! lie on one side of all five of the other in 1 of 126 figures.
//!
//! # Not guaranteed
//!
//! - That what counts comes from the code: a host may be slower for minutes. Measure old and new in
//!   turns before believing it.

use super::figure::Figure;
use super::results::Saved;
use super::table::fine_nanos;

/// Medians closer than this are the same.
const SAME: f64 = 0.03;

/// What became of a figure.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
enum Change {
    Faster,
    Slower,
    Same,
}

fn change(old: &Figure, new: &Figure) -> Change {
    let is_near = (new.median - old.median).abs() < SAME * old.median.min(new.median);
    if is_near {
        Change::Same
    } else if new.high < old.low {
        Change::Faster
    } else if new.low > old.high {
        Change::Slower
    } else {
        Change::Same
    }
}

/// The comparison as lines.
pub(super) fn lines(old: &Saved, new: &Saved) -> Vec<String> {
    let mut lines = Vec::new();
    for (what, before, now) in old.host.differences(&new.host) {
        lines.push(format!("other {what}: {before} -> {now}"));
    }
    if old.quick || new.quick {
        lines
            .push("a run with --quick is too short to compare: look for the order only".to_owned());
    }
    lines
        .push(format!("{:<18} {:<26} {:>9} {:>9} {:>6}", "stage", "figure", "old", "new", "ratio"));
    let (mut faster, mut slower, mut common) = (0, 0, 0);
    for figure in &new.figures {
        let same = |it: &&Figure| (&it.stage, &it.what) == (&figure.stage, &figure.what);
        let Some(before) = old.figures.iter().find(same) else {
            lines.push(format!("{:<18} {:<26} not in the old run", figure.stage, figure.what));
            continue;
        };
        common += 1;
        let verdict = match change(before, figure) {
            Change::Faster => {
                faster += 1;
                "  faster, beyond noise"
            }
            Change::Slower => {
                slower += 1;
                "  SLOWER, beyond noise"
            }
            Change::Same => "",
        };
        lines.push(format!(
            "{:<18} {:<26} {:>9} {:>9} {:>6.2}{verdict}",
            figure.stage,
            figure.what,
            fine_nanos(before.median),
            fine_nanos(figure.median),
            figure.median / before.median.max(f64::MIN_POSITIVE),
        ));
    }
    let missing = old.figures.len().saturating_sub(common);
    if missing > 0 {
        lines.push(format!("{missing} figures of the old run were not measured now"));
    }
    lines.push(if faster + slower == 0 {
        format!("nothing differs beyond noise ({common} figures)")
    } else {
        format!(
            "of {common} figures {faster} are faster and {slower} slower, beyond the noise of one \
             run; a host has slow minutes, so measure old and new in turns before believing it"
        )
    });
    lines
}

#[cfg(test)]
mod tests {
    use super::*;

    fn figure(runs: &[f64]) -> Figure {
        Figure::of("memory inline", "a message", runs.to_vec()).unwrap()
    }

    #[test]
    fn a_change_needs_runs_that_lie_apart() {
        let old = figure(&[100.0, 101.0, 102.0, 103.0, 104.0]);
        for (runs, expected) in [
            ([80.0, 81.0, 82.0, 83.0, 84.0], Change::Faster),
            ([180.0, 181.0, 182.0, 183.0, 184.0], Change::Slower),
            ([80.0, 81.0, 82.0, 83.0, 100.5], Change::Same),
            ([103.5, 181.0, 182.0, 183.0, 184.0], Change::Same),
            ([104.1, 104.2, 104.3, 104.4, 104.5], Change::Same),
        ] {
            assert_eq!(change(&old, &figure(&runs)), expected, "{runs:?}");
        }
        assert_eq!(change(&old, &old), Change::Same);
    }

    #[test]
    fn the_last_line_is_the_verdict() {
        let saved = |runs: &[f64]| Saved::for_test(vec![figure(runs)]);
        let (old, new) = (saved(&[100.0; 5]), saved(&[50.0; 5]));
        let last = |lines: Vec<String>| lines.last().cloned().unwrap();
        assert_eq!(last(lines(&old, &old)), "nothing differs beyond noise (1 figures)");
        assert!(last(lines(&old, &new)).contains("1 are faster and 0 slower"));
        assert!(last(lines(&new, &old)).contains("0 are faster and 1 slower"));
    }

    #[test]
    fn what_only_one_run_has_is_said() {
        let (all, none) = (Saved::for_test(vec![figure(&[1.0; 5])]), Saved::for_test(vec![]));
        assert!(lines(&none, &all).iter().any(|line| line.contains("not in the old run")));
        assert!(lines(&all, &none).iter().any(|line| line.contains("1 figures of the old run")));
    }
}
