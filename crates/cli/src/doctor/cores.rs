//! Sets of cores as the kernel writes them: `0-3,8`.

use std::collections::BTreeSet;
use std::fmt;

/// Above every host; keeps a malformed list from filling the memory.
const CORE_MAX: u32 = 65_535;

/// A set of cores.
#[derive(Clone, Debug, Default, Eq, PartialEq)]
pub(crate) struct Cores(BTreeSet<u32>);

impl Cores {
    /// Reads a list; `None` if it is not one. An empty text is the empty set.
    pub(crate) fn parse(text: &str) -> Option<Self> {
        let mut cores = BTreeSet::new();
        for part in text.trim().split(',').filter(|part| !part.is_empty()) {
            let (first, last) = part.split_once('-').unwrap_or((part, part));
            let first: u32 = first.trim().parse().ok()?;
            let last: u32 = last.trim().parse().ok()?;
            if first > last || last > CORE_MAX {
                return None;
            }
            cores.extend(first..=last);
        }
        Some(Self(cores))
    }

    pub(crate) fn iter(&self) -> impl Iterator<Item = u32> + '_ {
        self.0.iter().copied()
    }

    pub(crate) fn contains(&self, core: u32) -> bool {
        self.0.contains(&core)
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    pub(crate) fn len(&self) -> usize {
        self.0.len()
    }

    pub(crate) fn both(&self, other: &Self) -> Self {
        Self(self.0.intersection(&other.0).copied().collect())
    }

    pub(crate) fn without(&self, other: &Self) -> Self {
        Self(self.0.difference(&other.0).copied().collect())
    }

    pub(crate) fn add(&mut self, other: &Self) {
        self.0.extend(&other.0);
    }
}

impl FromIterator<u32> for Cores {
    fn from_iter<I: IntoIterator<Item = u32>>(cores: I) -> Self {
        Self(cores.into_iter().collect())
    }
}

impl fmt::Display for Cores {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut cores = self.iter().peekable();
        let mut comma = "";
        while let Some(first) = cores.next() {
            let mut last = first;
            while let Some(next) = cores.next_if_eq(&(last + 1)) {
                last = next;
            }
            write!(f, "{comma}{first}")?;
            if last > first {
                write!(f, "-{last}")?;
            }
            comma = ",";
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lists_are_read_and_written_alike() {
        for text in ["", "0", "0-3", "0-3,8", "1,3,5-6"] {
            assert_eq!(Cores::parse(text).unwrap().to_string(), text);
        }
        assert_eq!(Cores::parse("2,0,1\n").unwrap().to_string(), "0-2");
        assert_eq!(Cores::parse("0-3").unwrap().len(), 4);
    }

    #[test]
    fn what_is_no_list_is_none() {
        for text in ["(null)", "all", "3-1", "0-99999999", "-1", "0-3:1/2", "1.5"] {
            assert_eq!(Cores::parse(text), None, "{text}");
        }
    }

    #[test]
    fn sets_are_compared() {
        let cores = |text| Cores::parse(text).unwrap();
        assert_eq!(cores("0-7").without(&cores("2-3")), cores("0-1,4-7"));
        assert_eq!(cores("0-3").both(&cores("2-5")), cores("2-3"));
        assert!(cores("0-3").contains(2));
        assert!(!cores("0-3").contains(4));
    }
}
