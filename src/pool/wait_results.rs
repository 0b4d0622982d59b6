//! `wait_results`: until some, or all, of several results are there.

use super::{
    AsyncResult, TaskError,
    office::Office,
    pending::Pending,
    result_watch::{Group, wait_for_some},
};
use crate::{Result, os::clock::Deadline, sync::Waitable};
use std::{fmt, time::Duration};

/// For what [`wait_results`] waits.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum WaitFor {
    /// One of them is over.
    #[doc(alias("FIRST_COMPLETED"))]
    First,
    /// One of them has failed, or all are over. One that was cancelled has not failed.
    #[doc(alias("FIRST_EXCEPTION"))]
    FirstError,
    /// All are over.
    #[doc(alias("ALL_COMPLETED"))]
    All,
}

/// The result of a task, whatever its type: each [`AsyncResult`] is one. Other crates cannot implement it.
pub trait PoolResult: Waitable {
    /// Whether it is there, or what became of the task is known.
    fn is_over(&self) -> bool;

    /// Whether it is over and has failed. One that was cancelled has not.
    fn has_failed(&self) -> bool;

    #[doc(hidden)]
    fn parts(&self) -> Parts<'_>;
}

/// What is behind a result, for this crate alone.
#[derive(Clone, Copy)]
pub struct Parts<'a> {
    pub(super) office: &'a Office,
    pub(super) pending: &'a Pending,
}

impl fmt::Debug for Parts<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Parts")
    }
}

impl<T> PoolResult for AsyncResult<T> {
    fn is_over(&self) -> bool {
        self.ready()
    }

    fn has_failed(&self) -> bool {
        let result = self.get_timeout(Duration::ZERO);
        matches!(result, Some(Err(error)) if !matches!(error, TaskError::Cancelled { .. }))
    }

    fn parts(&self) -> Parts<'_> {
        Parts { office: self.office(), pending: self.pending() }
    }
}

/// Waits until one of these results, which may be of several pools and types, is over, or one has failed, or all are over; for this time at the most (`None`: as long as it takes). Tells the numbers of all that are over by then, in
/// order: fewer than wanted when the time is up.
///
/// Nothing is polled. For other things beside results there is [`wait`](crate::wait).
///
/// # Errors
///
/// When this thread cannot take part in the session.
///
/// ```
/// # multiproc::test_support!();
/// use multiproc::{Pool, WaitFor, wait_results};
///
/// let pool = Pool::new(2)?;
/// let sum = pool.apply_async(|a: u32, b: u32| a + b, (40, 2))?;
/// let squares = pool.map_async(|x: u64| x * x, 0..4)?;
/// assert_eq!(wait_results(&[&sum, &squares], WaitFor::All, None)?, [0, 1]);
/// assert_eq!(sum.get()?, 42);
/// # Ok::<(), multiproc::Error>(())
/// ```
pub fn wait_results(
    results: &[&dyn PoolResult],
    until: WaitFor,
    timeout: Option<Duration>,
) -> Result<Vec<usize>> {
    let deadline = timeout.map_or(Deadline::NEVER, Deadline::after);
    let mut groups = Group::of(results.iter().map(|result| {
        let Parts { office, pending } = result.parts();
        (office, pending)
    }));
    let mut over = Vec::new();
    loop {
        let some = wait_for_some(&mut groups, deadline.remaining())?;
        let is_enough = match until {
            WaitFor::First => !some.is_empty(),
            WaitFor::FirstError => some.iter().any(|&number| results[number].has_failed()),
            WaitFor::All => false,
        };
        // None has come: the time is up.
        let is_late = some.is_empty();
        over.extend(some);
        if is_enough || is_late || groups.is_empty() {
            over.sort_unstable();
            return Ok(over);
        }
    }
}
