//! SIGINT and SIGTERM as a flag, of which a second one ends the process at once; SIGHUP as another.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use crate::Failure;

/// Whether the process was asked to end, or to read its configuration again.
#[derive(Clone, Debug)]
pub(crate) struct Signals(Arc<AtomicBool>, Arc<AtomicBool>);

impl Signals {
    pub(crate) fn watch() -> Result<Self, Failure> {
        let flag = Arc::new(AtomicBool::new(false));
        for signal in [signal_hook::consts::SIGINT, signal_hook::consts::SIGTERM] {
            let again = Arc::clone(&flag);
            signal_hook::flag::register_conditional_shutdown(signal, 1, again)?;
            signal_hook::flag::register(signal, Arc::clone(&flag))?;
        }
        Ok(Self(flag, Arc::new(AtomicBool::new(false))))
    }

    /// Takes SIGHUP as a wish to read the configuration again; without this it ends the process.
    pub(crate) fn watch_reload(&self) -> Result<(), Failure> {
        signal_hook::flag::register(signal_hook::consts::SIGHUP, Arc::clone(&self.1))?;
        Ok(())
    }

    /// Whether SIGHUP has arrived since this was last asked.
    pub(crate) fn wants_reload(&self) -> bool {
        // Relaxed: the flag orders nothing; it is polled.
        self.1.swap(false, Ordering::Relaxed)
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
