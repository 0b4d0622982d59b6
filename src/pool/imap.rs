//! Items mapped one by one, while their results are looked at: `imap` and `imap_unordered`.

use super::{
    AsyncResult, Pool, TaskError,
    pending::Pending,
    work::{Kind, Task},
};
use crate::{Error, ErrorKind, Result, os::clock::Deadline};
use serde::{Serialize, de::DeserializeOwned};
use std::{collections::VecDeque, fmt, iter::FusedIterator, sync::Arc, time::Duration, vec};

/// The results of items, as they come: from [`Pool::imap`] or [`Pool::imap_unordered`].
///
/// Items are taken from their iterator only as far as workers are busy with them, and a few more. The error of one item does not end the rest.
#[must_use = "nothing is done until its results are asked for"]
pub struct Imap<'p, K: Kind, F, I, R> {
    pool: &'p Pool<K>,
    function: F,
    items: I,
    /// Those that were submitted, in the order of their items, each with the index of its first.
    parts: VecDeque<(usize, Part<R>)>,
    /// Results of a chunk that were not taken yet.
    ready: vec::IntoIter<Result<R, TaskError>>,
    /// How many items were submitted.
    submitted: usize,
    /// How many results were taken.
    taken: usize,
    chunk: usize,
    ahead: Option<usize>,
    is_ordered: bool,
    is_over: bool,
}

/// What was submitted at once.
enum Part<R> {
    One(AsyncResult<R>),
    Chunk(AsyncResult<Vec<Result<R, TaskError>>>),
    /// It could not be.
    Refused(TaskError),
}

impl<R> Part<R> {
    /// What is waited for.
    fn pending(&self) -> Option<&Arc<Pending>> {
        match self {
            Self::One(one) => Some(one.pending()),
            Self::Chunk(chunk) => Some(chunk.pending()),
            Self::Refused(_) => None,
        }
    }

    /// The results, the first of which has this index.
    fn get(self, first: usize) -> Vec<Result<R, TaskError>> {
        match self {
            Self::One(one) => vec![one.get().map_err(|error| error.with_index(first))],
            Self::Refused(error) => vec![Err(error.with_index(first))],
            Self::Chunk(chunk) => {
                let indexed = |error: TaskError| {
                    let index = first + error.index();
                    error.with_index(index)
                };
                match chunk.get() {
                    Ok(all) => all.into_iter().map(|one| one.map_err(indexed)).collect(),
                    Err(error) => vec![Err(indexed(error))],
                }
            }
        }
    }
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
        Self {
            pool,
            function,
            items,
            parts: VecDeque::new(),
            ready: Vec::new().into_iter(),
            submitted: 0,
            taken: 0,
            chunk: 1,
            ahead: None,
            is_ordered,
            is_over: false,
        }
    }

    /// How many items may be submitted whose results were not taken: four chunks for each worker, if not said; one chunk at the least.
    pub fn ahead(mut self, items: usize) -> Self {
        self.ahead = Some(items);
        self
    }

    /// How many neighbours are submitted together, and done by one worker: one, if not said. For trivial items more cost much less each. A chunk is waited for as a whole; each of its items has its own result or error all the same.
    ///
    /// None at all is an error, and the only result.
    ///
    /// ```
    /// # multiproc::test_support!();
    /// let pool = multiproc::Pool::new(2)?;
    /// let halves = pool.imap(|x: u64| x / 2, 0..1000).chunk_size(100);
    /// assert_eq!(halves.map(Result::unwrap).sum::<u64>(), 249_500);
    /// # Ok::<(), multiproc::Error>(())
    /// ```
    #[doc(alias = "chunksize")]
    pub fn chunk_size(mut self, items: usize) -> Self {
        self.chunk = items;
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
        self.submit_ahead();
        if self.ready.len() == 0 {
            let Some((first, part)) = self.next_part(deadline)? else { return Ok(None) };
            self.ready = part.get(first).into_iter();
        }
        self.taken += 1;
        Ok(self.ready.next())
    }

    /// Submits chunks, as long as there is room for whole ones.
    fn submit_ahead(&mut self) {
        if self.chunk == 0 && !self.is_over {
            self.is_over = true;
            let message = "items were to be taken in chunks of none; it is 1 at the least";
            let error = Error::new(ErrorKind::InvalidInput, message).into();
            self.parts.push_back((0, Part::Refused(error)));
        }
        let ahead =
            self.ahead.unwrap_or_else(|| (4 * self.pool.workers()).saturating_mul(self.chunk));
        while !self.is_over {
            let waiting = self.submitted.saturating_sub(self.taken);
            if waiting != 0 && waiting.saturating_add(self.chunk) > ahead {
                break;
            }
            if self.chunk == 1 { self.submit_one() } else { self.submit_chunk() }
        }
    }

    fn submit_one(&mut self) {
        let Some(item) = self.items.next() else {
            self.is_over = true;
            return;
        };
        let one = self.pool.apply_async(self.function, (item,));
        // If not, it is not encoded, say.
        let part = one.map_or_else(Part::Refused, Part::One);
        self.parts.push_back((self.submitted, part));
        self.submitted += 1;
    }

    fn submit_chunk(&mut self) {
        let items = self.items.by_ref().take(self.chunk).map(|item| (item,));
        let (count, chunk, refused) = self.pool.mapping().submit_chunk(self.function, items);
        self.is_over = refused.is_none() && count < self.chunk;
        match chunk {
            Ok(None) => {}
            Ok(Some(chunk)) => self.parts.push_back((self.submitted, Part::Chunk(chunk))),
            // Each of its items is told so.
            Err(error) => {
                let refused = |at| (self.submitted + at, Part::Refused(error.clone()));
                self.parts.extend((0..count).map(refused));
            }
        }
        self.submitted += count;
        if let Some(error) = refused {
            self.parts.push_back((self.submitted, Part::Refused(error)));
            self.submitted += 1;
        }
    }

    /// The next one that is there, with the index of its first item.
    fn next_part(&mut self, deadline: Deadline) -> Result<Option<(usize, Part<R>)>> {
        if self.parts.is_empty() {
            return Ok(None);
        }
        let looked = if self.is_ordered { 1 } else { self.parts.len() };
        let pending = || self.parts.iter().take(looked).map(|(_, part)| part.pending());
        let at = match pending().position(|pending| pending.is_none()) {
            Some(refused) => Some(refused),
            None => {
                let all: Vec<_> = pending().flatten().collect();
                self.pool.office().wait_any(&all, deadline)?
            }
        };
        let late = || Error::new(ErrorKind::TimedOut, "no result is there yet");
        at.and_then(|at| self.parts.remove(at)).map(Some).ok_or_else(late)
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
            .field("submitted", &self.submitted)
            .field("taken", &self.taken)
            .field("chunk", &self.chunk)
            .finish_non_exhaustive()
    }
}
