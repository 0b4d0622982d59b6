//! A worker of a pool.

use serde::Serialize;

/// A worker of a [`Pool`](crate::Pool).
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[non_exhaustive]
pub struct Worker {
    /// The id of its [`Thread`](super::Thread).
    pub thread: String,
    /// Whether it takes tasks: its state is made.
    pub is_ready: bool,
    /// How many tasks, and units of jobs, it has done.
    pub tasks: u64,
}
