//! Items mapped one by one, while their results are looked at: `imap` and `imap_unordered`.

use super::{
    AsyncResult, Pool, TaskError,
    mapping::Collected,
    office::Terms,
    pending::Pending,
    work::{Kind, Task},
};
use crate::{
    Error, ErrorKind, Result,
    os::clock::{self, Deadline},
};
use serde::{Serialize, de::DeserializeOwned};
use std::{
    any::Any,
    collections::VecDeque,
    fmt,
    iter::FusedIterator,
    panic::{AssertUnwindSafe, catch_unwind, resume_unwind},
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
    vec,
};

/// The results of items, as they come: from [`Pool::imap`] or [`Pool::imap_unordered`].
///
/// Items are taken from their iterator only as far as workers are busy with them, and a few more. The error of one item does not end the rest.
///
/// The iterator is asked by who asks for results, on that thread. So whatever it waits for, the results wait for too, and no time-out cuts that short; but when it has taken its time, and a result is there, that is given before it is asked
/// for the next item. For items that come seldom, let a thread of its own submit them ([`Pool::apply_async`]).
///
/// A pool that takes no tasks any more refuses the next item, or chunk, and nothing comes behind these errors.
///
/// If the iterator panics, or an item does while it is encoded, that panic comes behind the results of the items before, and then it is over.
#[must_use = "nothing is done until its results are asked for"]
pub struct Imap<'p, K: Kind, F, I, R> {
    pool: &'p Pool<K>,
    function: F,
    items: I,
    /// Those that were submitted, in the order of their items, each with the index of its first.
    parts: VecDeque<(usize, Part<R>)>,
    /// Results of a chunk that were not taken yet.
    ready: vec::IntoIter<Result<R, TaskError>>,
    /// A chunk that is not submitted yet: it is not whole, or there was no room.
    held: Option<Held>,
    /// The items took their time, the last time they were asked.
    is_slow: bool,
    /// How many items were submitted.
    submitted: usize,
    /// How many results were taken.
    taken: usize,
    chunk: usize,
    ahead: Option<usize>,
    is_ordered: bool,
    /// Nothing more is taken.
    is_over: bool,
    /// The items ended with this panic, which comes behind the results. (A payload cannot be shared; this can.)
    panic: Option<Mutex<Box<dyn Any + Send>>>,
}

/// What was submitted at once.
enum Part<R> {
    One(AsyncResult<R>),
    Chunk(AsyncResult<Vec<Result<R, TaskError>>>),
    /// It could not be.
    Refused(TaskError),
}

/// A chunk, as far as its items are there.
#[derive(Default)]
struct Held {
    collected: Collected,
    /// Why the item behind them cannot be submitted.
    refused: Option<TaskError>,
    /// No more items belong to it.
    is_whole: bool,
}

/// What became of an attempt to take an item.
enum Pulled {
    Submitted,
    /// It belongs to a chunk.
    Held,
    /// There are no more.
    None,
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
            held: None,
            is_slow: false,
            submitted: 0,
            taken: 0,
            chunk: 1,
            ahead: None,
            is_ordered,
            is_over: false,
            panic: None,
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
    /// [`ErrorKind::TimedOut`] if it is not there by then; it can be asked for again. The time also counts while there is no room in the pool, but not while items are waited for that their iterator does not give yet.
    pub fn next_timeout(&mut self, timeout: Duration) -> Result<Option<Result<R, TaskError>>> {
        self.next_by(Deadline::after(timeout))
    }

    fn next_by(&mut self, deadline: Deadline) -> Result<Option<Result<R, TaskError>>> {
        self.refuse_chunks_of_none();
        let mut has_pulled = false;
        loop {
            let is_late = has_pulled && deadline.has_passed();
            if is_late || self.is_slow && self.has_some() {
                break;
            }
            if !self.is_whole() && (self.held.is_some() || self.may_pull()) {
                self.pull(deadline);
                has_pulled = true;
            }
            if self.is_whole() {
                // Who waits for a result anyway has room when it is there.
                let waits = !self.parts.is_empty() || self.ready.len() > 0;
                let room = if waits { Deadline::NOW } else { deadline };
                if self.submit_held(room) {
                    continue;
                }
                break;
            }
            if !self.may_pull() {
                break;
            }
        }
        if self.ready.len() == 0 {
            let Some((first, part)) = self.next_part(deadline)? else { return Ok(None) };
            self.ready = part.get(first).into_iter();
        }
        self.taken += 1;
        Ok(self.ready.next())
    }

    fn refuse_chunks_of_none(&mut self) {
        if self.chunk == 0 && !self.is_over {
            self.is_over = true;
            let message = "items were to be taken in chunks of none; it is 1 at the least";
            let error = Error::new(ErrorKind::InvalidInput, message).into();
            self.parts.push_back((0, Part::Refused(error)));
        }
    }

    /// Whether there may be items, and there is room for a whole chunk of them.
    fn may_pull(&self) -> bool {
        let ahead =
            self.ahead.unwrap_or_else(|| (4 * self.pool.workers()).saturating_mul(self.chunk));
        let waiting = self.submitted.saturating_sub(self.taken);
        !self.is_over && (waiting == 0 || waiting.saturating_add(self.chunk) <= ahead)
    }

    fn is_whole(&self) -> bool {
        self.held.as_ref().is_some_and(|held| held.is_whole)
    }

    /// Whether a result is there.
    fn has_some(&self) -> bool {
        self.ready.len() > 0 || self.first_there().is_some()
    }

    /// Takes items: one, which is submitted if there is room, or for a chunk, as many as belong to it, or are there.
    fn pull(&mut self, deadline: Deadline) {
        let mut held = self.held.take().unwrap_or_default();
        while !held.is_whole {
            // What is left half done by a panic is not used again.
            match catch_unwind(AssertUnwindSafe(|| self.pull_one(&mut held))) {
                Ok(Pulled::Submitted) => return,
                Ok(Pulled::Held) => {}
                Ok(Pulled::None) => self.is_over = true,
                Err(panic) => {
                    self.is_over = true;
                    self.panic = Some(Mutex::new(panic));
                }
            }
            held.is_whole |= self.is_over;
            if self.is_slow && self.has_some() || deadline.has_passed() {
                break;
            }
        }
        self.held = Some(held);
    }

    fn pull_one(&mut self, held: &mut Held) -> Pulled {
        let since = clock::about_now();
        let item = self.items.next();
        self.is_slow = clock::about_now() != since;
        let Some(item) = item else { return Pulled::None };
        let item = (item,);
        if self.chunk == 1 && self.submit_one(&item) {
            return Pulled::Submitted;
        }
        held.refused = held.collected.add(&item).err();
        held.is_whole = held.refused.is_some() || held.collected.count as usize == self.chunk;
        Pulled::Held
    }

    /// Submits an item as a task of its own, if there is room for it.
    fn submit_one(&mut self, item: &(T,)) -> bool {
        let terms = Terms { room: Deadline::NOW, ..self.pool.terms() };
        let part = match self.pool.submit_task(self.function, item, terms) {
            Ok(one) => Part::One(one),
            Err(error) if error.kind() == ErrorKind::TimedOut => return false,
            // It cannot be encoded, say.
            Err(error) => {
                self.ends_if_closed();
                Part::Refused(error.into())
            }
        };
        self.parts.push_back((self.submitted, part));
        self.submitted += 1;
        true
    }

    /// A pool that takes no tasks would refuse all items that there are, without end perhaps.
    fn ends_if_closed(&mut self) {
        self.is_over |= self.pool.office().check_open().is_err();
    }

    /// Whether there was room by then.
    fn submit_held(&mut self, room: Deadline) -> bool {
        let Some(held) = &self.held else { return true };
        let count = held.collected.count as usize;
        if count > 0 {
            let submitted = self.pool.mapping().submit_chunk(self.function, &held.collected, room);
            match submitted {
                Err(TaskError::Failed { kind: ErrorKind::TimedOut, .. }) => return false,
                Ok(chunk) => self.parts.push_back((self.submitted, Part::Chunk(chunk))),
                // Each of its items is told so.
                Err(error) => {
                    self.ends_if_closed();
                    let refused = |at| (self.submitted + at, Part::Refused(error.clone()));
                    self.parts.extend((0..count).map(refused));
                }
            }
        }
        self.submitted += count;
        if let Some(error) = self.held.take().and_then(|held| held.refused) {
            self.parts.push_back((self.submitted, Part::Refused(error)));
            self.submitted += 1;
        }
        true
    }

    /// Of those that may come next, the first that is there.
    fn first_there(&self) -> Option<usize> {
        let office = self.pool.office();
        let is_there = |part: &Part<R>| part.pending().is_none_or(|one| office.is_ready(one));
        self.candidates().position(|(_, part)| is_there(part))
    }

    /// Those that may come next.
    fn candidates(&self) -> impl Iterator<Item = &(usize, Part<R>)> {
        self.parts.iter().take(if self.is_ordered { 1 } else { self.parts.len() })
    }

    /// The next one that is there, with the index of its first item.
    fn next_part(&mut self, deadline: Deadline) -> Result<Option<(usize, Part<R>)>> {
        if self.parts.is_empty() && self.held.is_none() {
            if let Some(panic) = self.panic.take() {
                resume_unwind(panic.into_inner().unwrap_or_else(PoisonError::into_inner));
            }
            return Ok(None);
        }
        let mut at = self.first_there();
        if at.is_none() && !self.parts.is_empty() && deadline != Deadline::NOW {
            let all: Vec<_> = self.candidates().filter_map(|(_, part)| part.pending()).collect();
            at = self.pool.office().wait_any(&all, deadline)?;
        }
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
