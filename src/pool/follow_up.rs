//! What is still to be called for a result before those who wait for it go on: one word, as each result has it.

use crate::atomic::{AtomicU32, Ordering};

/// A callback has panicked; how, its pool knows.
const PANICKED: u32 = 1 << 31;

/// Of one result: how many callbacks are not over.
#[derive(Debug)]
pub(super) struct FollowUp(AtomicU32);

impl FollowUp {
    pub(super) const fn new() -> Self {
        Self(AtomicU32::new(0))
    }

    /// One more is to be called.
    pub(super) fn add(&self) {
        self.0.fetch_add(1, Ordering::SeqCst);
    }

    /// One of them is over. A locked instruction, before the bell is looked at.
    pub(super) fn called(&self) {
        self.0.fetch_sub(1, Ordering::SeqCst);
    }

    /// Whether all are over.
    pub(super) fn is_done(&self) -> bool {
        self.0.load(Ordering::SeqCst) & !PANICKED == 0
    }

    pub(super) fn panics(&self) {
        self.0.fetch_or(PANICKED, Ordering::SeqCst);
    }

    pub(super) fn has_panicked(&self) -> bool {
        self.0.load(Ordering::SeqCst) & PANICKED != 0
    }
}
