//! Threads that stay on one processor, as processes do by `Process::builder`.

use rustix::thread::{CpuSet, sched_setaffinity};

/// This thread runs on that processor.
pub(crate) fn pin(processor: usize) {
    let mut set = CpuSet::new();
    set.set(processor);
    sched_setaffinity(None, &set).unwrap();
}
