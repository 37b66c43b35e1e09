//! How much is measured.

use std::path::PathBuf;
use std::time::Duration;

use tickbook_engine::topology::{self, Wishes};

use crate::Failure;
use crate::args::{BenchArgs, StageArg};

/// What one bench does, and with how much of it.
#[derive(Debug)]
pub(super) struct Plan {
    /// Runs of every figure.
    pub(super) repeats: u32,
    /// Stages besides the floors; empty: all.
    stages: Vec<StageArg>,
    /// Book messages per second over loopback.
    pub(super) rates: Vec<u32>,
    /// Length of a run over loopback.
    pub(super) window: Duration,
    /// Frames of a run from memory.
    pub(super) frames: usize,
    /// Frames of a run with many books: so many that the snapshots among them stay far below the
    /// share that p99 leaves out.
    pub(super) symbol_frames: usize,
    /// How many books.
    pub(super) symbols: &'static [usize],
    /// Rounds of the floors that are loops.
    pub(super) floor_rounds: u32,
    /// Messages of a run over the bare connection.
    pub(super) tcp_messages: u32,
    /// Cores the process may use.
    pub(super) cores: usize,
    /// What the user asked of the topology.
    pub(super) wishes: Wishes,
    /// Cores of the venue thread and of the builder.
    pub(super) pinned: Option<(usize, usize)>,
    /// Folder of the shared-memory files.
    pub(super) shm_dir: PathBuf,
    /// Name of the engines.
    pub(super) name: String,
}

impl Plan {
    pub(super) fn of(args: &BenchArgs) -> Result<Self, Failure> {
        let plan = Self {
            repeats: args.repeats,
            stages: args.stages.clone(),
            rates: args.rates.clone(),
            window: Duration::from_millis(400),
            frames: 50_000,
            symbol_frames: 300_000,
            symbols: &[1, 100, 1_000],
            floor_rounds: 200_000,
            tcp_messages: 1_500,
            cores: topology::usable_cores(),
            // The simulated venue needs cores as well.
            wishes: args.layout.wishes(2),
            pinned: args.layout.cores()?,
            shm_dir: args.shm.shm_dir.clone(),
            name: format!("bench-{}", std::process::id()),
        };
        let rates = |default: &[u32]| {
            if args.rates.is_empty() { default.to_vec() } else { args.rates.clone() }
        };
        Ok(if args.quick {
            Self {
                rates: rates(&[2_000]),
                window: Duration::from_millis(60),
                frames: 4_000,
                symbol_frames: 30_000,
                symbols: &[1, 10, 100],
                floor_rounds: 20_000,
                tcp_messages: 150,
                ..plan
            }
        } else {
            Self { rates: rates(&[1_000, 5_000, 20_000]), ..plan }
        })
    }

    /// Whether a stage is wanted.
    pub(super) fn wants(&self, stage: StageArg) -> bool {
        self.stages.is_empty() || self.stages.contains(&stage)
    }

    /// The rate of the stages that have only one.
    pub(super) fn middle_rate(&self) -> u32 {
        self.rates.get(self.rates.len() / 2).copied().unwrap_or(1_000)
    }

    /// How many readers: as many as leave the engine a core, 8 at most.
    pub(super) fn readers(&self) -> Vec<usize> {
        let most = self.cores.saturating_sub(1).max(1);
        [0, 1, 2, 4, 8].into_iter().filter(|readers| *readers <= most).collect()
    }

    /// Whether the venue, the engine and `readers` readers each have a core to spin on.
    pub(super) fn has_room_for(&self, readers: usize) -> bool {
        self.cores >= 2 + readers
    }
}
