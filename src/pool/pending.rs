//! A task or job that was submitted, as the parent's threads know it.

use super::{board::Bytes, fate::Fate, job::Job};
use std::{
    collections::BTreeMap,
    sync::{Arc, OnceLock},
    time::Duration,
};

/// One that was submitted.
#[derive(Debug)]
pub(super) struct Pending {
    pub(super) slot: u32,
    /// Never used again, as a slot is.
    pub(super) serial: u64,
    /// For how long it, or each of its items, may run.
    pub(super) deadline: Option<Duration>,
    pub(super) job: Option<Arc<Job>>,
    /// Once.
    pub(super) outcome: OnceLock<Outcome>,
}

/// What became of it.
#[derive(Debug)]
pub(super) enum Outcome {
    /// A task's result or failure.
    Bytes(Bytes),
    /// A job is over. What became of the items that are not in its memory.
    Job(BTreeMap<u32, Fate>),
    /// All of it.
    Fate(Fate),
}
