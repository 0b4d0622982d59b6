//! What is still to be called for a result before those who wait for it go on.

use crate::{
    atomic::{AtomicU32, Ordering},
    process::PanicReport,
};
use std::sync::OnceLock;

/// Of one result.
#[derive(Debug)]
pub(super) struct FollowUp {
    /// How many callbacks are not over.
    left: AtomicU32,
    panicked: OnceLock<Box<PanicReport>>,
}

impl FollowUp {
    pub(super) const fn new() -> Self {
        Self { left: AtomicU32::new(0), panicked: OnceLock::new() }
    }

    /// One more is to be called.
    pub(super) fn add(&self) {
        self.left.fetch_add(1, Ordering::SeqCst);
    }

    /// One of them is over. A locked instruction, before the bell is looked at.
    pub(super) fn called(&self) {
        self.left.fetch_sub(1, Ordering::SeqCst);
    }

    /// Whether all are over.
    pub(super) fn is_done(&self) -> bool {
        self.left.load(Ordering::SeqCst) == 0
    }

    pub(super) fn has_panicked(&self, report: PanicReport) {
        // The first one counts.
        let _ = self.panicked.set(Box::new(report));
    }

    /// What the first callback that panicked said.
    pub(super) fn panicked(&self) -> Option<&PanicReport> {
        self.panicked.get().map(|report| &**report)
    }
}
