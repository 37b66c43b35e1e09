//! The vertical axis of the plots: time, logarithmic.

/// The drawing's size in its own units.
pub(super) const WIDTH: f64 = 920.0;
pub(super) const HEIGHT: f64 = 400.0;

/// Where the plot lies in it.
pub(super) const LEFT: f64 = 64.0;
pub(super) const RIGHT: f64 = WIDTH - 20.0;
pub(super) const TOP: f64 = 14.0;
pub(super) const BOTTOM: f64 = HEIGHT - 44.0;

/// Up to so many decades of time, the axis also has 2 and 5 times each.
const DECADES_FINE: i32 = 3;

/// Times from one power of ten of a nanosecond to another.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct TimeAxis {
    low: i32,
    high: i32,
}

impl TimeAxis {
    /// The axis that holds all times from `min` to `max`.
    pub(super) fn over(min: u64, max: u64) -> Self {
        let low = decade(min.max(1));
        let high = (decade(max.saturating_sub(1)) + 1).max(low + 1);
        Self { low, high }
    }

    /// The place of a time.
    pub(super) fn y(&self, ns: u64) -> f64 {
        #[expect(clippy::cast_precision_loss, reason = "a place on a screen")]
        let power = (ns.max(1) as f64).log10();
        let share = (power - f64::from(self.low)) / f64::from(self.high - self.low);
        BOTTOM - share * (BOTTOM - TOP)
    }

    /// Its lines and their times.
    pub(super) fn svg(&self) -> String {
        let mut svg = String::new();
        let steps: &[u64] = if self.high - self.low <= DECADES_FINE { &[1, 2, 5] } else { &[1] };
        for power in self.low..=self.high {
            for step in steps.iter().filter(|step| power < self.high || **step == 1) {
                let ns = 10_u64.saturating_pow(power.unsigned_abs()).saturating_mul(*step);
                let y = self.y(ns);
                let class = if *step == 1 { "grid" } else { "grid fine" };
                svg.push_str(&format!(
                    "<line class=\"{class}\" x1=\"{LEFT}\" y1=\"{y:.1}\" x2=\"{RIGHT}\" \
                     y2=\"{y:.1}\"/><text x=\"{:.1}\" y=\"{:.1}\" text-anchor=\"end\">{}</text>\n",
                    LEFT - 8.0,
                    y + 4.0,
                    round(ns),
                ));
            }
        }
        svg
    }
}

/// A line upwards at `x`, and what it stands for.
pub(super) fn mark(x: f64, label: &str) -> String {
    format!(
        "<line class=\"grid\" x1=\"{x:.1}\" y1=\"{TOP}\" x2=\"{x:.1}\" y2=\"{BOTTOM}\"/>\
         <text x=\"{x:.1}\" y=\"{:.1}\" text-anchor=\"middle\">{label}</text>\n",
        BOTTOM + 18.0
    )
}

/// What the horizontal axis is.
pub(super) fn title(text: &str) -> String {
    format!(
        "<text class=\"title\" x=\"{:.1}\" y=\"{:.1}\" text-anchor=\"middle\">{text}</text>\n",
        f64::midpoint(LEFT, RIGHT),
        HEIGHT - 6.0
    )
}

/// The power of ten at or below a number; 0 for 0.
fn decade(value: u64) -> i32 {
    value.checked_ilog10().unwrap_or(0).cast_signed()
}

/// A round time on an axis: `20 us`.
fn round(ns: u64) -> String {
    match ns {
        0..1_000 => format!("{ns} ns"),
        1_000..1_000_000 => format!("{} us", ns / 1_000),
        1_000_000..1_000_000_000 => format!("{} ms", ns / 1_000_000),
        _ => format!("{} s", ns / 1_000_000_000),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_axis_spans_all_times() {
        let span = |min, max| {
            let axis = TimeAxis::over(min, max);
            (axis.low, axis.high)
        };
        assert_eq!(span(1, 20_000), (0, 5));
        assert_eq!(span(1_000, 1_000), (3, 4));
        assert_eq!(span(100, 1_000), (2, 3));
        assert_eq!(span(0, 0), (0, 1));
    }

    #[test]
    fn places_are_logarithmic() {
        let axis = TimeAxis { low: 2, high: 4 };
        assert!((axis.y(100) - BOTTOM).abs() < 1e-9);
        assert!((axis.y(10_000) - TOP).abs() < 1e-9);
        assert!((axis.y(1_000) - f64::midpoint(TOP, BOTTOM)).abs() < 1e-9);
    }
}
