//! What a pool has done.

/// What a pool has done until now; from [`Pool::statistics`](crate::Pool::statistics).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct PoolStatistics {
    /// How many workers there are at this moment.
    pub alive: usize,
    /// How many tasks workers have ended, whatever their result. A chunk of a map is one task here.
    pub tasks: u64,
    /// How many workers have taken the place of one that died or was killed.
    pub restarts: u64,
    /// How many tasks are waiting or running.
    pub in_use: usize,
}
