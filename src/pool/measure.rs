//! How much a worker does before another takes its place.

use crate::os::{clock, memory::private_bytes};
use serde::{Deserialize, Serialize};

/// The most of each.
#[derive(Clone, Copy, Debug, Serialize, Deserialize)]
pub(super) struct Measure {
    /// Tasks, and units of jobs.
    pub(super) tasks: u64,
    /// Bytes of its own after one of them.
    pub(super) memory: u64,
}

/// How often memory is looked at, at the most: that takes some microseconds.
const EVERY: u64 = 1_000_000;

/// What has been looked at.
#[derive(Debug, Default)]
pub(super) struct Wear {
    /// When, by the clock.
    looked: u64,
    is_too_large: bool,
}

impl Measure {
    /// Whether the measure is full.
    pub(super) fn is_full(&self, tasks: u64, wear: &mut Wear) -> bool {
        // One task at the least, however much it had at its start: its successor would have as much.
        tasks >= self.tasks || tasks > 0 && self.memory < u64::MAX && wear.is_too_large(self.memory)
    }
}

impl Wear {
    fn is_too_large(&mut self, most: u64) -> bool {
        let now = clock::now();
        if !self.is_too_large && now.saturating_sub(self.looked) >= EVERY {
            self.looked = now;
            self.is_too_large = private_bytes().is_some_and(|bytes| bytes > most);
        }
        self.is_too_large
    }
}
