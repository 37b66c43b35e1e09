//! The network: polling in the kernel, and how long a card holds packets back.

use std::process::{Command, Stdio};

use super::Examined;
use super::finding::Finding;

/// A wait of so many microseconds in the card is not worth a word.
const COALESCE_US_GOOD: u64 = 3;

pub(super) fn examine(host: &Examined, findings: &mut Vec<Finding>) {
    findings.push(busy_polling(host));
    let ask = if host.root.is_this_host() { ethtool } else { nobody };
    findings.push(coalescing(host, &ask));
}

fn busy_polling(host: &Examined) -> Finding {
    const NAME: &str = "net.core.busy_read / busy_poll";
    const COSTS: &str = "a packet waits for its interrupt and the softirq behind it, about 3 to 10 \
        us on a real card, before recv can see it; loopback is not concerned";
    const CHANGE: &str = "sysctl -w net.core.busy_read=50 net.core.busy_poll=50, or busy_poll_us \
        of the venue in tickbook.toml; measure it, not every driver gains";
    let read = host.root.number("proc/sys/net/core/busy_read");
    let poll = host.root.number("proc/sys/net/core/busy_poll");
    let (Some(read), Some(poll)) = (read, poll) else {
        return Finding::unknown(NAME, "the kernel does not say", COSTS, CHANGE);
    };
    let found = format!("{read} / {poll} us");
    if read > 0 { Finding::good(NAME, found) } else { Finding::costs(NAME, found, COSTS, CHANGE) }
}

fn coalescing(host: &Examined, ask: &dyn Fn(&str) -> Result<String, String>) -> Finding {
    const NAME: &str = "interrupt coalescing";
    const COSTS: &str = "the card holds packets back to save interrupts: a lone packet comes so \
        much later";
    const CHANGE: &str = "ethtool -C DEVICE adaptive-rx off rx-usecs 0";
    let devices: Vec<String> = cards(host);
    if devices.is_empty() {
        return Finding::unknown(NAME, "no network card that is up", COSTS, CHANGE);
    }
    let (mut slow, mut good, mut silent) = (Vec::new(), Vec::new(), Vec::new());
    for device in devices {
        match ask(&device).map(|text| Coalescing::parse(&text)) {
            Ok(Some(it)) if it.is_good() => good.push(format!("{device} {it}")),
            Ok(Some(it)) => slow.push(format!("{device} {it}")),
            Ok(None) => silent.push(format!("{device} does not tell")),
            Err(reason) => silent.push(format!("{device}: {reason}")),
        }
    }
    match (slow.is_empty(), silent.is_empty()) {
        (false, _) => Finding::costs(NAME, slow.join(", "), COSTS, CHANGE),
        (true, false) => {
            let find = "ethtool -c DEVICE on that host (install it where it is missing)";
            Finding::unknown(NAME, silent.join(", "), COSTS, find)
        }
        (true, true) => Finding::good(NAME, good.join(", ")),
    }
}

/// Network devices that are hardware (or a hypervisor's) and not switched off.
fn cards(host: &Examined) -> Vec<String> {
    let mut names = host.root.names("sys/class/net");
    names.retain(|name| {
        let dir = format!("sys/class/net/{name}");
        let state = host.root.text(&format!("{dir}/operstate"));
        host.root.exists(&format!("{dir}/device")) && state.as_deref() != Some("down")
    });
    names
}

/// Asks the tool; the kernel has no file for it.
fn ethtool(device: &str) -> Result<String, String> {
    let output = Command::new("ethtool").args(["-c", device]).stdin(Stdio::null()).output();
    let output = output.map_err(|_| "ethtool is not installed".to_owned())?;
    if !output.status.success() {
        return Err("the driver does not tell".to_owned());
    }
    Ok(String::from_utf8_lossy(&output.stdout).into_owned())
}

/// For the files of another host, which cannot be asked.
fn nobody(_: &str) -> Result<String, String> {
    Err("not asked, the files are of another root".to_owned())
}

/// What `ethtool -c` prints.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
struct Coalescing {
    adaptive: bool,
    rx_us: Option<u64>,
}

impl Coalescing {
    /// `None` if the driver tells neither.
    fn parse(text: &str) -> Option<Self> {
        let field = |name: &str| {
            text.lines().find_map(|line| Some(line.trim().strip_prefix(name)?.trim().to_owned()))
        };
        let adaptive = field("Adaptive RX:");
        let adaptive = adaptive.as_deref().and_then(|it| it.split_whitespace().next());
        let rx_us = field("rx-usecs:").and_then(|it| it.parse().ok());
        let told = matches!(adaptive, Some("on" | "off")) || rx_us.is_some();
        told.then_some(Self { adaptive: adaptive == Some("on"), rx_us })
    }

    const fn is_good(self) -> bool {
        let waits = match self.rx_us {
            Some(us) => us > COALESCE_US_GOOD,
            None => false,
        };
        !self.adaptive && !waits
    }
}

impl std::fmt::Display for Coalescing {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let adaptive = if self.adaptive { "on" } else { "off" };
        match self.rx_us {
            Some(us) => write!(f, "waits {us} us, adaptive {adaptive}"),
            None => write!(f, "adaptive {adaptive}"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::doctor::finding::Verdict;
    use crate::doctor::tree::Tree;

    const TOLD: &str = "Coalesce parameters for eth0:\nAdaptive RX: off  TX: off\n\
        stats-block-usecs:\tn/a\nrx-usecs:\t50\nrx-frames:\tn/a\ntx-usecs:\t0\n";

    #[test]
    fn what_the_tool_prints_is_read() {
        assert_eq!(Coalescing::parse(TOLD), Some(Coalescing { adaptive: false, rx_us: Some(50) }));
        let mute = TOLD.replace("50", "n/a").replace("off", "n/a");
        assert_eq!(Coalescing::parse(&mute), None);
        assert_eq!(Coalescing::parse(""), None);
    }

    #[test]
    fn one_slow_card_costs_and_a_silent_one_is_unknown() {
        let tree = Tree::new("network-cards", &[("sys/class/net/lo/operstate", "unknown\n")]);
        let judged = |answer: Result<String, String>| {
            coalescing(&tree.examined(None), &move |_| answer.clone()).verdict
        };
        assert_eq!(judged(Ok(TOLD.to_owned())), Verdict::Unknown, "loopback is no card");
        tree.write("sys/class/net/eth0/device/vendor", "0x1af4\n");
        tree.write("sys/class/net/eth0/operstate", "up\n");
        assert_eq!(judged(Ok(TOLD.to_owned())), Verdict::Costs);
        assert_eq!(judged(Ok(TOLD.replace("50", "0"))), Verdict::Good);
        assert_eq!(judged(Ok(TOLD.replace("50", "0").replace("off", "on"))), Verdict::Costs);
        assert_eq!(judged(Err("absent".to_owned())), Verdict::Unknown);
        tree.write("sys/class/net/eth0/operstate", "down\n");
        assert_eq!(judged(Ok(TOLD.to_owned())), Verdict::Unknown);
    }

    #[test]
    fn polling_in_the_kernel_is_off_by_default() {
        let tree = Tree::new("network-busy", &[("proc/sys/net/core/busy_read", "0\n")]);
        assert_eq!(busy_polling(&tree.examined(None)).verdict, Verdict::Unknown);
        tree.write("proc/sys/net/core/busy_poll", "0\n");
        assert_eq!(busy_polling(&tree.examined(None)).verdict, Verdict::Costs);
        tree.write("proc/sys/net/core/busy_read", "50\n");
        let finding = busy_polling(&tree.examined(None));
        assert_eq!((finding.verdict, finding.found.as_str()), (Verdict::Good, "50 / 0 us"));
    }
}
