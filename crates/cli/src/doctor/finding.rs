//! What an examination found, and what it means.

use serde::Serialize;

/// What a finding means for latency.
#[derive(Clone, Copy, Debug, Eq, Ord, PartialEq, PartialOrd, Serialize)]
#[serde(rename_all = "lowercase")]
pub(crate) enum Verdict {
    /// It costs latency.
    Costs,
    /// It could not be found out.
    Unknown,
    /// As it should be.
    Good,
}

impl Verdict {
    /// Every one, in the order in which people should read them.
    pub(crate) const ALL: [Self; 3] = [Self::Costs, Self::Unknown, Self::Good];

    /// The name in reports.
    pub(crate) const fn name(self) -> &'static str {
        match self {
            Self::Costs => "costs",
            Self::Unknown => "unknown",
            Self::Good => "good",
        }
    }
}

/// One thing about the host.
#[derive(Clone, Debug, Eq, PartialEq, Serialize)]
pub(crate) struct Finding {
    /// What was looked at.
    pub(crate) name: &'static str,
    /// What it is.
    pub(crate) found: String,
    /// What that means.
    pub(crate) verdict: Verdict,
    /// What it costs, or may cost where unknown; null when good.
    pub(crate) costs: Option<String>,
    /// How to change it, or to find it out where unknown; null when good.
    pub(crate) change: Option<String>,
}

impl Finding {
    pub(crate) fn good(name: &'static str, found: impl Into<String>) -> Self {
        Self { name, found: found.into(), verdict: Verdict::Good, costs: None, change: None }
    }

    pub(crate) fn costs(
        name: &'static str,
        found: impl Into<String>,
        costs: impl Into<String>,
        change: impl Into<String>,
    ) -> Self {
        let (costs, change) = (Some(costs.into()), Some(change.into()));
        Self { name, found: found.into(), verdict: Verdict::Costs, costs, change }
    }

    pub(crate) fn unknown(
        name: &'static str,
        found: impl Into<String>,
        costs: impl Into<String>,
        change: impl Into<String>,
    ) -> Self {
        Self { verdict: Verdict::Unknown, ..Self::costs(name, found, costs, change) }
    }
}
