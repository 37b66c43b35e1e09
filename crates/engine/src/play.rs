//! A recording that a server plays: what the venue thread must know of it beforehand, so that the
//! order of frames and snapshots is that of the recording although they come over two sockets.
//!
//! # Invariants
//!
//! - While a snapshot is awaited, no frame that stands behind it in the recording is taken, and its
//!   answer is not given to the session before the last frame that stands before it.
//! - No answer is given before the connection is open: a book begins with the connection that feeds
//!   it.

use std::collections::VecDeque;

use tickbook_types::Instrument;
use tickbook_venues::RestResponse;

/// A recording and how far it has been played.
#[derive(Debug)]
pub struct Play {
    /// Receive time of each frame: the session runs on the time of the recording.
    pub frame_times: Vec<i64>,
    /// Snapshots still to be fetched, in the order of the recording: how many frames stand before
    /// each, and its path.
    pub fetches: VecDeque<(u64, String)>,
    /// Instruments known beforehand.
    pub instruments: Vec<Instrument>,
    /// Path of the connection that was recorded.
    pub recorded_path: Option<String>,
    /// Frames before the snapshot that is awaited.
    hold_at: Option<u64>,
    /// Its answer, when it came before the last of these frames.
    pub(crate) answer: Option<RestResponse>,
}

impl Play {
    /// A recording with these frames and fetches, not yet begun.
    #[must_use]
    pub const fn new(frame_times: Vec<i64>, fetches: VecDeque<(u64, String)>) -> Self {
        Self {
            frame_times,
            fetches,
            instruments: Vec::new(),
            recorded_path: None,
            hold_at: None,
            answer: None,
        }
    }

    /// Whether every frame has been taken.
    pub(crate) const fn is_over(&self, frames: u64) -> bool {
        frames >= self.frame_times.len() as u64
    }

    /// Whether the next frame has to wait for a snapshot.
    pub(crate) fn is_held(&self, frames: u64) -> bool {
        self.hold_at.is_some_and(|at| frames >= at)
    }

    /// The path of the next snapshot, which is awaited from now on.
    pub(crate) fn next_fetch(&mut self) -> Option<String> {
        let (frames, path) = self.fetches.pop_front()?;
        self.hold_at = Some(frames);
        Some(path)
    }

    /// The awaited answer, once all frames before it were taken.
    pub(crate) fn due(&mut self, frames: u64) -> Option<RestResponse> {
        if !self.is_held(frames) {
            return None;
        }
        let answer = self.answer.take()?;
        self.hold_at = None;
        Some(answer)
    }
}

#[cfg(test)]
mod tests {
    use tickbook_venues::RestError;

    use super::*;

    fn answer() -> RestResponse {
        RestResponse { id: None, url_path: "/a".to_owned(), result: Err(RestError::Transport) }
    }

    #[test]
    fn frames_and_snapshots_keep_their_order() {
        let mut play = Play::new(vec![0; 5], VecDeque::from([(2, "/a".to_owned())]));
        assert!(!play.is_held(5), "nothing is awaited yet");
        assert_eq!(play.next_fetch().as_deref(), Some("/a"));
        assert!(!play.is_held(1) && play.is_held(2));
        play.answer = Some(answer());
        assert!(play.due(1).is_none(), "a frame is missing");
        assert!(play.due(2).is_some());
        assert!(!play.is_held(5) && play.due(5).is_none());
        assert_eq!(play.next_fetch(), None);
        assert!(!play.is_over(4) && play.is_over(5));
    }
}
