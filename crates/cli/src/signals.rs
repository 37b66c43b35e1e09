//! SIGINT and SIGTERM as a flag; a second one ends the process at once.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use crate::Failure;

/// Whether the process was asked to end.
#[derive(Clone, Debug)]
pub(crate) struct Signals(Arc<AtomicBool>);

impl Signals {
    pub(crate) fn watch() -> Result<Self, Failure> {
        let flag = Arc::new(AtomicBool::new(false));
        for signal in [signal_hook::consts::SIGINT, signal_hook::consts::SIGTERM] {
            let again = Arc::clone(&flag);
            signal_hook::flag::register_conditional_shutdown(signal, 1, again)?;
            signal_hook::flag::register(signal, Arc::clone(&flag))?;
        }
        Ok(Self(flag))
    }

    /// Runs `clean` and ends the process when a signal arrives: for work that cannot be asked to
    /// stop in its middle.
    pub(crate) fn end_with(self, clean: impl FnOnce() + Send + 'static) {
        std::thread::spawn(move || {
            while !self.arrived() {
                std::thread::sleep(std::time::Duration::from_millis(20));
            }
            clean();
            // 128 + SIGINT, as a shell reports it.
            std::process::exit(130);
        });
    }

    pub(crate) fn arrived(&self) -> bool {
        // Relaxed: the flag orders nothing; it is polled.
        self.0.load(Ordering::Relaxed)
    }
}
