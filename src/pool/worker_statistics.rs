//! What a worker of a pool has done.

use super::board::Seat;
use crate::os::memory;
use std::time::Duration;

/// What a worker has done since it began; one of [`PoolStatistics::workers`](crate::PoolStatistics::workers).
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct WorkerStatistics {
    /// Its number among the workers of the pool, from 0 on.
    pub index: usize,
    /// Its process id: this one's, if it is a thread; its memory is then that of all.
    pub pid: u32,
    /// How many tasks it has ended. A chunk of a map is one task here.
    pub tasks: u64,
    /// How many items they had.
    pub items: u64,
    /// For how long it was awake since it was ready: in tasks, or looking for the next for some microseconds.
    pub busy: Duration,
    /// For how long it has slept since then, having nothing to do.
    pub idle: Duration,
    /// How many bytes of memory it has, those included that it shares with others; `None` if the system does not say.
    pub resident: Option<u64>,
    /// How many bytes of memory it has for itself alone.
    pub private: Option<u64>,
}

impl WorkerStatistics {
    pub(super) fn of(index: usize, pid: u32, seat: &Seat, now: u64) -> Self {
        let [all, idle] = seat.times(now);
        let (tasks, items) = (seat.tasks(), seat.items());
        let (resident, private) = (None, None);
        Self { index, pid, tasks, items, busy: all.saturating_sub(idle), idle, resident, private }
    }

    pub(super) fn measure(&mut self) {
        if let Some([resident, private]) = memory::of(self.pid) {
            (self.resident, self.private) = (Some(resident), Some(private));
        }
    }
}
