//! Items mapped one by one, while their results are looked at: `imap` and `imap_unordered`.

use super::{
    AsyncResult, Pool, TaskError,
    work::{Kind, Task},
};
use crate::{Error, ErrorKind, Result, os::clock::Deadline};
use serde::{Serialize, de::DeserializeOwned};
use std::{collections::VecDeque, fmt, iter::FusedIterator, time::Duration};

/// The results of items, as they come: from [`Pool::imap`] or [`Pool::imap_unordered`].
///
/// Items are taken from their iterator only as far as workers are busy with them, and a few more. The error of one item does not end the rest.
#[must_use = "nothing is done until its results are asked for"]
pub struct Imap<'p, K: Kind, F, I, R> {
    pool: &'p Pool<K>,
    function: F,
    items: I,
    /// Those that were submitted, in the order of their items, each with its index.
    pending: VecDeque<(usize, AsyncResult<R>)>,
    next: usize,
    /// How many are submitted before the first result is taken.
    ahead: usize,
    is_ordered: bool,
    is_over: bool,
}

impl<'p, K, F, I, T, R> Imap<'p, K, F, I, R>
where
    K: Kind,
    F: Task<K, (T,), Output = R>,
    I: Iterator<Item = T>,
    T: Serialize + DeserializeOwned + 'static,
    R: Serialize + DeserializeOwned + 'static,
{
    pub(super) fn new(pool: &'p Pool<K>, function: F, items: I, is_ordered: bool) -> Self {
        let ahead = 4 * pool.workers();
        let pending = VecDeque::new();
        Self { pool, function, items, pending, next: 0, ahead, is_ordered, is_over: false }
    }

    /// How many items may be submitted whose results were not taken: four for each worker, if not said; one at the least.
    pub fn ahead(mut self, items: usize) -> Self {
        self.ahead = items.max(1);
        self
    }

    /// The next result, as [`next`](Iterator::next), waiting for this time at the most.
    ///
    /// # Errors
    ///
    /// [`ErrorKind::TimedOut`] if it is not there by then; it can be asked for again.
    pub fn next_timeout(&mut self, timeout: Duration) -> Result<Option<Result<R, TaskError>>> {
        self.next_by(Deadline::after(timeout))
    }

    fn next_by(&mut self, deadline: Deadline) -> Result<Option<Result<R, TaskError>>> {
        while !self.is_over && self.pending.len() < self.ahead {
            let Some(item) = self.items.next() else {
                self.is_over = true;
                break;
            };
            let index = self.next;
            self.next += 1;
            match self.pool.apply_async(self.function, (item,)) {
                Ok(one) => self.pending.push_back((index, one)),
                // It is not encoded, say.
                Err(error) => return Ok(Some(Err(error.with_index(index)))),
            }
        }
        if self.pending.is_empty() {
            return Ok(None);
        }
        let looked = if self.is_ordered { 1 } else { self.pending.len() };
        let all = self.pending.iter().take(looked).map(|(_, one)| one.pending());
        let ready = self.pool.office().wait_any(&all.collect::<Vec<_>>(), deadline)?;
        let late = || Error::new(ErrorKind::TimedOut, "no result is there yet");
        let (index, one) = ready.and_then(|at| self.pending.remove(at)).ok_or_else(late)?;
        Ok(Some(one.get().map_err(|error| error.with_index(index))))
    }
}

impl<K, F, I, T, R> Iterator for Imap<'_, K, F, I, R>
where
    K: Kind,
    F: Task<K, (T,), Output = R>,
    I: Iterator<Item = T>,
    T: Serialize + DeserializeOwned + 'static,
    R: Serialize + DeserializeOwned + 'static,
{
    type Item = Result<R, TaskError>;

    fn next(&mut self) -> Option<Self::Item> {
        self.next_by(Deadline::NEVER).unwrap_or_else(|error| Some(Err(error.into())))
    }
}

impl<K, F, I, T, R> FusedIterator for Imap<'_, K, F, I, R>
where
    K: Kind,
    F: Task<K, (T,), Output = R>,
    I: Iterator<Item = T>,
    T: Serialize + DeserializeOwned + 'static,
    R: Serialize + DeserializeOwned + 'static,
{
}

impl<K: Kind, F, I, R> fmt::Debug for Imap<'_, K, F, I, R> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Imap")
            .field("taken", &self.next)
            .field("pending", &self.pending.len())
            .finish_non_exhaustive()
    }
}
