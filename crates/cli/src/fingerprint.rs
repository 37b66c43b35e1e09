//! What a measurement depends on besides the code: the host and the build.

use serde::{Deserialize, Serialize};
use tickbook_engine::topology;
use tickbook_types::clock;

/// A host and a build. Figures of two fingerprints that differ are not figures of the same thing.
#[derive(Clone, Debug, Default, Deserialize, Eq, PartialEq, Serialize)]
pub(crate) struct Fingerprint {
    /// Processor model.
    pub(crate) cpu: String,
    /// Cores the process may use.
    pub(crate) cores: usize,
    /// Kernel release.
    pub(crate) kernel: String,
    /// Frequency governor of the first core; `none` where the kernel has none.
    pub(crate) governor: String,
    /// What the kernel tells the time by.
    pub(crate) clock_source: String,
    /// Counter behind the stamps: `tsc` or `clock_gettime`.
    pub(crate) clock: String,
    /// Version of tickbook.
    pub(crate) version: String,
    /// `release`, or `debug` with assertions on.
    pub(crate) profile: String,
    /// `portable`, or `native`: made for this processor or its like.
    pub(crate) build: String,
    /// Processor features the compiler was allowed to take for granted.
    pub(crate) target_features: Vec<String>,
}

impl Fingerprint {
    /// This host and this build.
    pub(crate) fn this() -> Self {
        let file = |path: &str, otherwise: &str| {
            let text = std::fs::read_to_string(path).unwrap_or_default();
            let text = text.trim();
            if text.is_empty() { otherwise.to_owned() } else { text.to_owned() }
        };
        let info = file("/proc/cpuinfo", "");
        let model = info.lines().find_map(|line| line.strip_prefix("model name")?.split_once(':'));
        let features: Vec<_> = FEATURES.iter().filter(|(_, on)| *on).collect();
        let is_portable = features.iter().all(|(name, _)| BASELINE.contains(name));
        Self {
            cpu: model.map_or_else(|| "unknown".to_owned(), |(_, it)| it.trim().to_owned()),
            cores: topology::usable_cores(),
            kernel: file("/proc/sys/kernel/osrelease", "unknown"),
            governor: file("/sys/devices/system/cpu/cpu0/cpufreq/scaling_governor", "none"),
            clock_source: file(
                "/sys/devices/system/clocksource/clocksource0/current_clocksource",
                "unknown",
            ),
            clock: clock::source().name().to_owned(),
            version: env!("CARGO_PKG_VERSION").to_owned(),
            profile: if cfg!(debug_assertions) { "debug" } else { "release" }.to_owned(),
            build: if is_portable { "portable" } else { "native" }.to_owned(),
            target_features: features.into_iter().map(|(name, _)| (*name).to_owned()).collect(),
        }
    }

    /// Names and both values of what differs.
    pub(crate) fn differences(&self, other: &Self) -> Vec<(&'static str, String, String)> {
        let pairs = self.fields().into_iter().zip(other.fields());
        pairs
            .filter(|((_, ours), (_, theirs))| ours != theirs)
            .map(|((name, ours), (_, theirs))| (name, ours, theirs))
            .collect()
    }

    /// One line for people.
    pub(crate) fn line(&self) -> String {
        format!(
            "{}, {} cores, kernel {}, governor {}, clock source {}, stamps by {}; \
             tickbook {} {} {}",
            self.cpu,
            self.cores,
            self.kernel,
            self.governor,
            self.clock_source,
            self.clock,
            self.version,
            self.profile,
            self.build,
        )
    }

    fn fields(&self) -> [(&'static str, String); 10] {
        [
            ("cpu", self.cpu.clone()),
            ("cores", self.cores.to_string()),
            ("kernel", self.kernel.clone()),
            ("governor", self.governor.clone()),
            ("clock source", self.clock_source.clone()),
            ("clock", self.clock.clone()),
            ("version", self.version.clone()),
            ("profile", self.profile.clone()),
            ("build", self.build.clone()),
            ("target features", self.target_features.join(" ")),
        ]
    }
}

macro_rules! features {
    ($($name:literal),+ $(,)?) => {
        &[$(($name, cfg!(target_feature = $name))),+]
    };
}

/// Features that matter to this code, and whether the compiler had them.
const FEATURES: &[(&str, bool)] = features![
    "sse2", "sse3", "ssse3", "sse4.1", "sse4.2", "popcnt", "lzcnt", "bmi1", "bmi2", "avx", "avx2",
    "fma", "avx512f", "avx512bw", "avx512vl", "neon", "sve",
];

/// What every processor of an architecture has.
const BASELINE: &[&str] = &["sse2", "neon"];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_fingerprint_differs_from_another_in_what_differs() {
        let this = Fingerprint::this();
        assert_eq!(this.differences(&this), []);
        assert!(!this.cpu.is_empty() && this.cores > 0 && this.kernel != "unknown");
        let other = Fingerprint { kernel: "0.0.1".to_owned(), ..this.clone() };
        let differences = this.differences(&other);
        assert_eq!(differences, [("kernel", this.kernel.clone(), "0.0.1".to_owned())]);
    }

    #[test]
    fn a_fingerprint_survives_its_file() {
        let this = Fingerprint::this();
        let text = sonic_rs::to_string(&this).unwrap();
        assert_eq!(sonic_rs::from_str::<Fingerprint>(&text).unwrap(), this);
    }
}
