//! What a worker is about to do to a number, so that a survivor can finish it.

use multiproc::{Atomic, Ordering};
use serde::{Deserialize, Serialize};

/// Lies beside a number that a lock guards, and is guarded by the same lock.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(crate) struct Journal {
    /// Whose step is under way: its index and one, or 0.
    intent: Atomic<u64>,
    /// What the number and the worker's progress will be after the step.
    number: Atomic<u64>,
    step: Atomic<u64>,
    /// How many steps each worker has done.
    progress: Vec<Atomic<u64>>,
}

impl Journal {
    pub(crate) fn new(workers: usize) -> multiproc::Result<Self> {
        Ok(Self {
            intent: Atomic::new(0)?,
            number: Atomic::new(0)?,
            step: Atomic::new(0)?,
            progress: (0..workers).map(|_| Atomic::new(0)).collect::<multiproc::Result<_>>()?,
        })
    }

    pub(crate) fn progress(&self, worker: usize) -> u64 {
        self.progress[worker].load(Ordering::Relaxed)
    }

    /// Says what will be, before the number is touched.
    pub(crate) fn begin(&self, worker: usize, number: u64) {
        self.number.store(number, Ordering::Relaxed);
        self.step.store(self.progress(worker) + 1, Ordering::Relaxed);
        // What was said stays before it, and the change of the number behind it, also for the compiler.
        self.intent.swap(worker as u64 + 1, Ordering::AcqRel);
    }

    /// The number is changed: the step is done.
    pub(crate) fn end(&self) {
        let worker = self.intent.load(Ordering::Relaxed) as usize - 1;
        // The number before the progress, and both before the end.
        self.progress[worker].store(self.step.load(Ordering::Relaxed), Ordering::Release);
        self.intent.store(0, Ordering::Release);
    }

    /// What a dead worker wanted the number to be, if it had begun a step. Finish it by [`end`](Self::end).
    pub(crate) fn unfinished(&self) -> Option<u64> {
        (self.intent.load(Ordering::Acquire) != 0).then(|| self.number.load(Ordering::Relaxed))
    }
}
