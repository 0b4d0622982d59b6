//! What a pool tells of its workers and tasks, with the feature `tracing`: spans for tasks, in the workers, and the life of workers, in the process of the pool.

use super::word::Done;
#[cfg(feature = "tracing")]
use crate::process::log::log_level;
use crate::process::log::tell;
use std::ops::Range;

/// Around a task, or a chunk of a map.
#[must_use = "it ends when it is dropped"]
#[derive(Debug)]
pub(super) struct TaskSpan {
    #[cfg(feature = "tracing")]
    _entered: Option<tracing::span::EnteredSpan>,
}

/// Begins a span, at `DEBUG`; of the items of a chunk.
#[inline]
#[cfg_attr(not(feature = "tracing"), allow(unused_variables, reason = "nothing is told"))]
pub(super) fn task(done: Done, items: Option<Range<u32>>) -> TaskSpan {
    TaskSpan {
        #[cfg(feature = "tracing")]
        _entered: (log_level() >= tracing::Level::DEBUG).then(|| enter(done, items)),
    }
}

#[cfg(feature = "tracing")]
#[cold]
fn enter(done: Done, items: Option<Range<u32>>) -> tracing::span::EnteredSpan {
    let task = done.serial();
    let span = match items {
        Some(Range { start, end }) => {
            tracing::debug_span!(target: "multiproc", "chunk", task, first = start, end)
        }
        None => tracing::debug_span!(target: "multiproc", "task", task),
    };
    span.entered()
}

/// In a worker: its state is made.
#[cfg_attr(not(feature = "tracing"), allow(unused_variables, reason = "nothing is told"))]
pub(super) fn ready(index: u32) {
    tell!(DEBUG, worker = index, "worker of a pool is ready");
}

/// In the pool's process: a worker has been started.
#[cfg_attr(not(feature = "tracing"), allow(unused_variables, reason = "nothing is told"))]
pub(super) fn started(index: usize, pid: u32) {
    tell!(DEBUG, worker = index, pid, "worker of a pool started");
}

/// One has ended by itself, having done its part.
#[cfg_attr(not(feature = "tracing"), allow(unused_variables, reason = "nothing is told"))]
pub(super) fn ended(index: usize, pid: u32, tasks: u64) {
    tell!(DEBUG, worker = index, pid, tasks, "worker of a pool ended");
}

/// One is killed, for this.
#[cfg_attr(not(feature = "tracing"), allow(unused_variables, reason = "nothing is told"))]
pub(super) fn killed(index: usize, pid: u32, reason: &dyn std::fmt::Debug) {
    tell!(WARN, worker = index, pid, ?reason, "worker of a pool killed");
}

/// One has died.
#[cfg_attr(not(feature = "tracing"), allow(unused_variables, reason = "nothing is told"))]
pub(super) fn died(index: usize, pid: u32, tasks: u64, how: &dyn std::fmt::Debug) {
    tell!(WARN, worker = index, pid, tasks, ?how, "worker of a pool died");
}
