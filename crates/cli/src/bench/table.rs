//! The figures on a terminal.

use super::figure::{Figure, NOISY};
use crate::text::nanos;

/// One table: each figure beside its floor.
pub(super) fn lines(figures: &[Figure]) -> Vec<String> {
    let mut lines = vec![format!(
        "{:<18} {:<26} {:>9} {:>9} {:>9} {:>6}  floor",
        "stage", "figure", "median", "lowest", "highest", "ratio"
    )];
    let mut last = "";
    for figure in figures {
        if figure.stage != last && !last.is_empty() {
            lines.push(String::new());
        }
        last = &figure.stage;
        let ratio = figure.ratio.map(|ratio| format!("{ratio:.2}")).unwrap_or_default();
        let floor = figure.floor.as_ref();
        let floor = floor.map(|it| format!("{} {}", it.what, fine_nanos(it.ns)));
        let line = format!(
            "{:<18} {:<26} {:>9} {:>9} {:>9} {:>6}{} {}",
            figure.stage,
            figure.what,
            fine_nanos(figure.median),
            fine_nanos(figure.low),
            fine_nanos(figure.high),
            ratio,
            if figure.is_noisy() { "~" } else { " " },
            floor.unwrap_or_default()
        );
        lines.push(line.trim_end().to_owned());
    }
    lines
}

/// How far single runs can be trusted here.
pub(super) fn noise(figures: &[Figure]) -> String {
    let noisy = figures.iter().filter(|figure| figure.is_noisy()).count();
    let (all, percent) = (figures.len(), NOISY * 100.0);
    match noisy {
        0 => format!("every figure stays within {percent} % over its runs"),
        _ => format!(
            "{noisy} of {all} figures (~) vary by more than {percent} % over their runs: single \
             runs are noisy on this host; compare medians, and only what --compare calls beyond \
             noise"
        ),
    }
}

/// Nanoseconds with three digits, fractions of one among them: `1.23 ns`, `12.3 us`.
pub(crate) fn fine_nanos(value: f64) -> String {
    match value {
        value if value < 9.995 => format!("{value:.2} ns"),
        value if value < 99.95 => format!("{value:.1} ns"),
        #[expect(
            clippy::cast_possible_truncation,
            clippy::cast_sign_loss,
            reason = "a positive time for people; the cast saturates"
        )]
        value => nanos(value.round() as u64),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn fractions_of_a_nanosecond_are_shown() {
        for (value, text) in
            [(0.0, "0.00 ns"), (1.234, "1.23 ns"), (99.96, "100 ns"), (999.6, "1.00 us")]
        {
            assert_eq!(fine_nanos(value), text);
        }
    }

    #[test]
    fn each_figure_stands_beside_its_floor_and_noise_is_marked() {
        let calm = Figure::of("floor", "copy", vec![2.0; 5]).unwrap();
        let wild = Figure::of("memory", "p99", vec![9.0, 10.0, 11.0, 12.0, 13.0]).unwrap();
        let figures = [calm.clone(), wild.above(Some(calm.as_floor()))];
        let lines = lines(&figures);
        let row = lines.last().unwrap();
        assert!(row.contains("5.50~ copy 2.00 ns"), "{row}");
        assert!(lines.iter().all(|line| line.chars().count() <= 110));
        assert!(noise(&figures).starts_with("1 of 2 figures"));
        assert!(noise(&[calm]).starts_with("every figure"));
    }
}
