//! The files that may break a rule, and why each of them may.

use super::Rule;

/// Permission for one file to break one rule.
#[derive(Clone, Copy, Debug)]
pub struct Exemption {
    /// The rule it may break.
    pub rule: Rule,
    /// The file, from the top directory.
    pub path: &'static str,
    /// Why. Read by people only, who may find that it no longer convinces.
    pub reason: &'static str,
}

/// All of them. Short, and meant to stay so.
pub const EXEMPTIONS: &[Exemption] = &[];
