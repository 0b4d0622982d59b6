//! A task or job that was submitted, as the parent's threads know it.

use super::{board::Bytes, fate::Fate, follow_up::FollowUp, job::Job, telling::Far};
use std::{
    collections::BTreeMap,
    sync::{Arc, OnceLock},
};

/// One that was submitted.
#[derive(Debug)]
pub(super) struct Pending {
    pub(super) slot: u32,
    pub(super) follow_up: FollowUp,
    /// Never used again, as a slot is.
    pub(super) serial: u64,
    pub(super) job: Option<Arc<Job>>,
    /// Once.
    pub(super) outcome: OnceLock<Outcome>,
}

impl Pending {
    /// How far a job is, of which it is known whether it is over.
    pub(super) fn far(&self, is_over: bool) -> Far {
        let (done, total) = match &self.job {
            Some(job) => (job.done() as usize, job.shape().items as usize),
            None => (0, 0),
        };
        Far { done, total, is_over }
    }
}

/// What became of it.
#[derive(Debug)]
pub(super) enum Outcome {
    /// A task's result or failure.
    Bytes(Bytes),
    /// A job is over. What became of the items that are not in its memory.
    Job(BTreeMap<u32, Fate>),
    /// All of it. Elsewhere, as it is large and seldom.
    Fate(Box<Fate>),
}

impl From<Fate> for Outcome {
    fn from(fate: Fate) -> Self {
        Self::Fate(Box::new(fate))
    }
}
