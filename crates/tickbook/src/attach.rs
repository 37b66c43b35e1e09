//! Finding an engine, and a book in it.

use core::fmt;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::{Duration, Instant};

use tickbook_shm::{BookInfo, ConnInfo, ConnState, DEFAULT_DIR, ShmError, ThreadStats, View};
use tickbook_types::{ConnId, MonoNanos, Venue, clock};

use crate::source::{Source, engine_fault};
use crate::{BookReader, EventReader};

/// How long an engine may be silent and still count as running when one is looked for: longer than
/// for a read, because to attach is not to trade.
const ALIVE_NS: i64 = 1_000_000_000;

/// Pause between two looks for an engine.
const WAIT_STEP: Duration = Duration::from_millis(20);

/// Why an engine could not be attached, or a book not found; the text says what to do.
#[derive(Debug)]
#[non_exhaustive]
pub enum AttachError {
    /// No engine runs here.
    NoEngine {
        /// Where it was looked for.
        dir: PathBuf,
        /// Names with a file of an engine that is dead.
        dead: Vec<String>,
    },
    /// Several engines run and none was named.
    SeveralEngines {
        /// Their names.
        names: Vec<String>,
    },
    /// The file of an engine cannot be attached.
    File(ShmError),
    /// The engine has no such book.
    NoBook {
        /// What was looked for.
        name: String,
        /// What there is.
        known: Vec<String>,
    },
    /// Several books have this name.
    SeveralBooks {
        /// What was looked for.
        name: String,
        /// Which fit.
        fitting: Vec<String>,
    },
    /// The engine has no such builder.
    NoBuilder {
        /// Which was asked for.
        builder: u32,
        /// How many there are.
        builders: u32,
    },
}

/// Names of an error message, at most so many.
const NAMES_SHOWN: usize = 12;

impl fmt::Display for AttachError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let list = |names: &[String]| {
            let more = names.len().saturating_sub(NAMES_SHOWN);
            let shown = names[..names.len() - more].join(", ");
            if more > 0 { format!("{shown} and {more} more") } else { shown }
        };
        match self {
            Self::NoEngine { dir, dead } if dead.is_empty() => {
                write!(f, "no engine runs in {}: start one", dir.display())
            }
            Self::NoEngine { dir, dead } => {
                write!(f, "no engine runs in {} (dead: {}): start one", dir.display(), list(dead))
            }
            Self::SeveralEngines { names } => {
                write!(f, "several engines run: name one of {}", list(names))
            }
            Self::File(error) => error.fmt(f),
            Self::NoBook { name, known } if known.is_empty() => {
                write!(f, "no book '{name}': the engine has none yet")
            }
            Self::NoBook { name, known } => {
                write!(f, "no book '{name}'; there are {}", list(known))
            }
            Self::SeveralBooks { name, fitting } => {
                write!(f, "several books are called '{name}': {}", list(fitting))
            }
            Self::NoBuilder { builder, builders } => {
                write!(f, "no builder {builder}; the engine has {builders}")
            }
        }
    }
}

impl core::error::Error for AttachError {
    fn source(&self) -> Option<&(dyn core::error::Error + 'static)> {
        match self {
            Self::File(error) => Some(error),
            _ => None,
        }
    }
}

impl From<ShmError> for AttachError {
    fn from(error: ShmError) -> Self {
        Self::File(error)
    }
}

/// What the file says of its engine.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct EngineInfo {
    /// Name.
    pub name: String,
    /// Process that writes the file.
    pub pid: u32,
    /// Unique number of the file; another one after a restart.
    pub generation: u64,
    /// Published levels a side.
    pub depth: usize,
    /// Builders, each with an event ring.
    pub builders: u32,
    /// How often each builder beats, ns.
    pub heartbeat_ns: i64,
    /// Whether a builder beats.
    pub alive: bool,
}

/// An engine's file, by which its books are found. Cheap to clone; readers taken from one handle
/// share its mapping.
#[derive(Clone, Debug)]
pub struct Tickbook {
    source: Arc<Source>,
}

impl Tickbook {
    /// Attaches the engine called `name`, or the only one that runs.
    ///
    /// A named engine may be dead: its readers then say so, and follow it once it is started
    /// again.
    ///
    /// # Errors
    ///
    /// [`AttachError`] says which engines there are, or what is wrong with the file.
    pub fn attach(name: Option<&str>) -> Result<Self, AttachError> {
        Self::attach_in(Path::new(DEFAULT_DIR), name)
    }

    /// [`Self::attach`] in another directory.
    ///
    /// # Errors
    ///
    /// As [`Self::attach`].
    pub fn attach_in(dir: &Path, name: Option<&str>) -> Result<Self, AttachError> {
        let name = match name {
            Some(name) => name.to_owned(),
            None => only_engine(dir)?,
        };
        let source = Source::open(dir.to_owned(), name)?;
        Ok(Self { source: Arc::new(source) })
    }

    /// [`Self::attach_in`] as soon as there is an engine that runs, waiting up to `timeout`.
    ///
    /// # Errors
    ///
    /// What [`Self::attach_in`] said last when time is up; at once what waiting cannot mend.
    pub fn wait_in(dir: &Path, name: Option<&str>, timeout: Duration) -> Result<Self, AttachError> {
        let start = Instant::now();
        loop {
            let error = match Self::attach_in(dir, name) {
                Ok(attached) if attached.engine().alive => return Ok(attached),
                Ok(dead) => {
                    AttachError::NoEngine { dir: dir.to_owned(), dead: vec![dead.engine().name] }
                }
                Err(error) => error,
            };
            let may_come = matches!(
                &error,
                AttachError::NoEngine { .. }
                    | AttachError::File(
                        ShmError::NoFile { .. } | ShmError::NotReady | ShmError::OtherBoot
                    )
            );
            if !may_come || start.elapsed() >= timeout {
                return Err(error);
            }
            std::thread::sleep(WAIT_STEP);
        }
    }

    /// What the file says of its engine.
    #[must_use]
    pub fn engine(&self) -> EngineInfo {
        let now = clock::mono_now();
        let view = self.source.living_view(now);
        let identity = view.identity();
        EngineInfo {
            name: identity.name.clone(),
            pid: identity.writer_pid,
            generation: identity.generation,
            depth: view.layout().depth(),
            builders: view.layout().counts().builders,
            heartbeat_ns: identity.heartbeat_ns,
            alive: engine_fault(&view, now).is_none(),
        }
    }

    /// The books of the directory, by id.
    #[must_use]
    pub fn books(&self) -> Vec<BookInfo> {
        self.source.living_view(clock::mono_now()).books().collect()
    }

    /// A reader of the book called `name`: `binance_spot:BTCUSDT` (the venue's symbol or topic),
    /// `binance_spot:BTC-USDT` (the name that is the same on every venue), or either without the
    /// venue where that is unambiguous.
    ///
    /// The first reader of a process measures the time-stamp counter, which takes 30 ms.
    ///
    /// # Errors
    ///
    /// [`AttachError`] lists what there is.
    pub fn book(&self, name: &str) -> Result<BookReader, AttachError> {
        let view = self.source.living_view(clock::mono_now());
        let (venue, symbol) = match name.split_once(':') {
            // A topic may have a colon of its own.
            Some((venue, symbol)) if venue.parse::<Venue>().is_ok() => {
                (venue.parse::<Venue>().ok(), symbol)
            }
            _ => (None, name),
        };
        let books: Vec<_> = view.books().collect();
        let of_venue = |info: &&BookInfo| venue.is_none() || info.venue == venue;
        let fits: [fn(&BookInfo, &str) -> bool; 4] = [
            |info, symbol| info.name == symbol,
            |info, symbol| info.normalised == symbol,
            |info, symbol| info.name.eq_ignore_ascii_case(symbol),
            |info, symbol| info.normalised.eq_ignore_ascii_case(symbol),
        ];
        for fits in fits {
            let fitting: Vec<_> =
                books.iter().filter(of_venue).filter(|info| fits(info, symbol)).collect();
            match fitting[..] {
                [] => {}
                [info] => {
                    let info = info.clone();
                    return Ok(BookReader::new(Arc::clone(&self.source), view, info));
                }
                _ => {
                    let fitting = fitting.into_iter().map(full_name).collect();
                    return Err(AttachError::SeveralBooks { name: name.to_owned(), fitting });
                }
            }
        }
        let known = books.iter().map(full_name).collect();
        Err(AttachError::NoBook { name: name.to_owned(), known })
    }

    /// A reader of a book of the directory.
    pub(crate) fn reader(&self, info: BookInfo) -> BookReader {
        let view = self.source.living_view(clock::mono_now());
        BookReader::new(Arc::clone(&self.source), view, info)
    }

    /// Connections in use.
    #[must_use]
    pub fn conns(&self) -> Vec<ConnInfo> {
        let view = self.source.living_view(clock::mono_now());
        let all = (0..view.layout().counts().conns_max).filter_map(|conn| view.conn(ConnId(conn)));
        all.filter(|conn| conn.state != ConnState::Unused).collect()
    }

    /// Counters and histograms of every thread.
    #[must_use]
    pub fn stats(&self) -> Vec<ThreadStats> {
        self.source.living_view(clock::mono_now()).threads()
    }

    /// A reader of a builder's events, from now on.
    ///
    /// # Errors
    ///
    /// [`AttachError::NoBuilder`].
    pub fn events(&self, builder: u32) -> Result<EventReader, AttachError> {
        let view = self.source.living_view(clock::mono_now());
        let builders = view.layout().counts().builders;
        if builder >= builders {
            return Err(AttachError::NoBuilder { builder, builders });
        }
        Ok(EventReader::new(view, builder))
    }
}

fn full_name(info: &BookInfo) -> String {
    format!("{}:{}", info.venue.map_or("unknown", Venue::name), info.name)
}

/// The name of the only engine that runs in `dir`.
fn only_engine(dir: &Path) -> Result<String, AttachError> {
    let mut names = running(dir)?;
    match names.pop() {
        Some(name) if names.is_empty() => Ok(name),
        Some(name) => {
            names.push(name);
            Err(AttachError::SeveralEngines { names })
        }
        None => Err(AttachError::NoEngine { dir: dir.to_owned(), dead: Vec::new() }),
    }
}

/// The names of the engines that run in `dir`: at least one.
pub(crate) fn running(dir: &Path) -> Result<Vec<String>, AttachError> {
    let now = clock::mono_now();
    let (mut alive, mut dead, mut broken) = (Vec::new(), Vec::new(), None);
    for name in View::names(dir)? {
        match View::open(dir, &name) {
            Ok(view) if runs(&view, now) => alive.push(name),
            Ok(_) => dead.push(name),
            Err(error) => broken = Some(error),
        }
    }
    match broken {
        _ if !alive.is_empty() => Ok(alive),
        // A file that cannot be attached is the likelier reason than none.
        Some(error) if dead.is_empty() => Err(error.into()),
        _ => Err(AttachError::NoEngine { dir: dir.to_owned(), dead }),
    }
}

fn runs(view: &View, now: MonoNanos) -> bool {
    let recent = |beat: MonoNanos| now.since(beat) < ALIVE_NS;
    let beats = view.builders().any(|it| it.used && !it.ended && recent(it.beat));
    !view.closed() && (beats || engine_fault(view, now).is_none())
}
