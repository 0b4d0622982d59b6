//! `AsyncResult`: what a pool was asked for, before it is there.

use super::{
    TaskError,
    board::read_outcome,
    callbacks::{Call, Callback},
    failure::Failure,
    fate::unread,
    job::Job,
    office::Office,
    packed::Row,
    pending::{Outcome, Pending},
    plain,
    raw_job::Units,
    telling::Telling,
    unopened::REST,
};
use crate::{
    Result,
    os::clock::Deadline,
    segment::Parcel,
    shared::{decode, decode_all},
};
use serde::de::DeserializeOwned;
use std::{
    fmt,
    panic::{RefUnwindSafe, UnwindSafe},
    sync::Arc,
    time::Duration,
};

/// A result that is there, or will be: from [`Pool::apply_async`](crate::Pool::apply_async) and its like.
///
/// It can be asked again and again. Dropping it changes nothing: the task is done all the same. Who asks after the pool is gone gets what was done until then.
#[must_use = "ask it for the result, or for what became of the task"]
pub struct AsyncResult<T> {
    office: Arc<Office>,
    pending: Arc<Pending>,
    read: fn(&Pending) -> Result<T, TaskError>,
}

impl<T> AsyncResult<T> {
    pub(super) fn new(
        office: &Arc<Office>,
        pending: Arc<Pending>,
        read: fn(&Pending) -> Result<T, TaskError>,
    ) -> Self {
        Self { office: Arc::clone(office), pending, read }
    }

    pub(super) fn pending(&self) -> &Arc<Pending> {
        &self.pending
    }

    pub(super) fn office(&self) -> &Arc<Office> {
        &self.office
    }

    /// Has all of them called when it is over.
    #[inline]
    pub(super) fn with_callbacks(self, callbacks: Vec<Callback>) -> Result<Self> {
        for callback in callbacks {
            self.office.follow(&self.pending, Call::Once(callback))?;
        }
        Ok(self)
    }

    /// Has them told how far it is, by the pool's own thread.
    pub(super) fn with_tellings(self, tellings: Vec<Telling>) -> Result<Self> {
        for telling in tellings.into_iter().filter(|_| self.pending.job.is_some()) {
            self.office.follow(&self.pending, Call::Telling(telling))?;
        }
        Ok(self)
    }

    /// Waits until it is there, and tells meanwhile how far it is.
    pub(super) fn get_telling(self, tellings: Vec<Telling>) -> Result<T, TaskError> {
        self.office.wait_telling(&self.pending, tellings)?;
        self.get()
    }

    fn read(&self) -> Result<T, TaskError> {
        match self.office.callbacks.panic_of(&self.pending) {
            Some(report) => Err(TaskError::CallbackPanicked { index: 0, report }),
            None => (self.read)(&self.pending),
        }
    }

    /// Waits until it is there.
    ///
    /// # Errors
    ///
    /// What became of a task that has no result; of several, the first in their order.
    ///
    /// ```
    /// # multiproc::test_support!();
    /// let pool = multiproc::Pool::new(2)?;
    /// let sum = pool.apply_async(|a: u32, b: u32| a + b, (40, 2))?;
    /// let squares = pool.map_async(|x: u64| x * x, 0..4)?;
    /// assert_eq!(sum.get()?, 42);
    /// assert_eq!(squares.get()?, [0, 1, 4, 9]);
    /// # Ok::<(), multiproc::Error>(())
    /// ```
    pub fn get(&self) -> Result<T, TaskError> {
        self.get_by(Deadline::NEVER).unwrap_or_else(|| Err(self.not_there()))
    }

    /// As [`get`](Self::get), but waits for this time at the most: `None` if it is not there by then. The task goes on.
    ///
    /// # Errors
    ///
    /// As [`get`](Self::get).
    pub fn get_timeout(&self, timeout: Duration) -> Option<Result<T, TaskError>> {
        self.get_by(Deadline::after(timeout))
    }

    fn get_by(&self, deadline: Deadline) -> Option<Result<T, TaskError>> {
        match self.office.wait(&self.pending, deadline) {
            Ok(true) => Some(self.read()),
            Ok(false) => None,
            Err(error) => Some(Err(error.into())),
        }
    }

    fn not_there(&self) -> TaskError {
        let message = "the wait for a result ended early".into();
        TaskError::Failed { index: 0, kind: crate::ErrorKind::TimedOut, message }
    }

    /// Waits until it is there, or what became of the task is known.
    pub fn wait(&self) {
        // Where this thread cannot wait, the result says so.
        let _ = self.office.wait(&self.pending, Deadline::NEVER);
    }

    /// As [`wait`](Self::wait), for this time at the most. Whether it is there.
    pub fn wait_timeout(&self, timeout: Duration) -> bool {
        self.office.wait(&self.pending, Deadline::after(timeout)).unwrap_or(true)
    }

    /// Whether it is there, or what became of the task is known.
    #[must_use]
    pub fn ready(&self) -> bool {
        self.office.wait(&self.pending, Deadline::NOW).unwrap_or(true)
    }

    /// Whether it is there and no error; `None` if it is not there yet.
    #[must_use]
    pub fn successful(&self) -> Option<bool> {
        self.get_by(Deadline::NOW).map(|result| result.is_ok())
    }

    /// Whether a worker has begun it, and it is not over.
    #[must_use]
    pub fn running(&self) -> bool {
        self.office.is_running(&self.pending)
    }

    /// Calls this when it is over, with the result or with what became of the task: once, also if the task is cancelled or the pool terminated. Python's `callback` and `error_callback` in one, and `add_done_callback`.
    ///
    /// If it is over already, it is called here and now. Else a thread of the pool calls it, one for all callbacks of the pool, in the order in which results are over: so a slow one delays the others, but no worker, and no repair after a
    /// death. Who waits for this result goes on when its callbacks have returned, and [`join`](crate::Pool::join) ends after all callbacks. A callback may do whatever other threads may: wait for other results, submit tasks, end the pool or
    /// drop it. (Of two pools of which each is dropped by a callback of the other, each waits for that callback, for ever.)
    ///
    /// A callback that panics is the error of this result from then on: [`TaskError::CallbackPanicked`].
    ///
    /// # Errors
    ///
    /// When this thread cannot take part in the session, or the pool's thread cannot be started. Then nothing is called.
    ///
    /// ```
    /// # multiproc::test_support!();
    /// use std::sync::mpsc;
    ///
    /// let pool = multiproc::Pool::new(2)?;
    /// let (sender, sums) = mpsc::channel();
    /// let sum = pool.apply_async(|a: u32, b: u32| a + b, (40, 2))?;
    /// sum.on_done(move |sum| sender.send(sum.clone().unwrap()).unwrap())?;
    /// assert_eq!(sums.recv().unwrap(), 42);
    /// # Ok::<(), multiproc::Error>(())
    /// ```
    #[doc(alias("add_done_callback", "then"))]
    pub fn on_done(
        &self,
        callback: impl FnOnce(&Result<T, TaskError>) + Send + 'static,
    ) -> Result<()>
    where
        T: 'static,
    {
        let read = self.read;
        let callback = Box::new(move |pending: &Pending| callback(&read(pending)));
        self.office.follow_or_call(&self.pending, callback)
    }

    /// How many of the items that were mapped are done, and how many they are; of a task of its own, 0 or 1 of 1.
    ///
    /// ```
    /// # multiproc::test_support!();
    /// let pool = multiproc::Pool::new(2)?;
    /// let squares = pool.map_async(|x: u64| x * x, 0..100)?;
    /// squares.wait();
    /// assert_eq!(squares.progress(), (100, 100));
    /// # Ok::<(), multiproc::Error>(())
    /// ```
    #[must_use]
    pub fn progress(&self) -> (usize, usize) {
        let is_over = self.office.is_over(&self.pending);
        match (&self.pending.job, self.pending.outcome.get()) {
            (Some(_), _) => {
                let far = self.pending.far(is_over);
                (far.done, far.total)
            }
            // Nothing was mapped.
            (None, Some(Outcome::Job(_))) => (0, 0),
            (None, _) => (usize::from(is_over), 1),
        }
    }

    /// Cancels the task: one that is waiting is not begun, and the worker of one that runs is killed, and replaced. It may end before: then its result stands.
    ///
    /// Answers whether it was in time, as far as that is known now.
    ///
    /// # Errors
    ///
    /// When this thread cannot take part in the session.
    ///
    /// ```
    /// # multiproc::test_support!();
    /// use multiproc::{Pool, TaskError};
    ///
    /// let pool = Pool::new(1)?;
    /// let endless = pool.apply_async(|| -> u32 { loop { std::thread::park() } }, ())?;
    /// assert!(endless.cancel()?);
    /// assert!(matches!(endless.get(), Err(TaskError::Cancelled { .. })));
    /// assert_eq!(pool.apply(|| 42, ())?, 42);
    /// # Ok::<(), multiproc::Error>(())
    /// ```
    pub fn cancel(&self) -> Result<bool> {
        self.office.cancel(&self.pending)
    }
}

/// It does not change, whoever panics.
impl<T> UnwindSafe for AsyncResult<T> {}
impl<T> RefUnwindSafe for AsyncResult<T> {}

impl<T> Drop for AsyncResult<T> {
    fn drop(&mut self) {
        let pending = Arc::get_mut(&mut self.pending);
        let is_over =
            |pending: &&mut Pending| matches!(pending.outcome.get(), Some(Outcome::Job(_)));
        let job = pending.filter(is_over).and_then(|pending| pending.job.take());
        if let Some(job) = job.and_then(Arc::into_inner) {
            self.office.spare(job);
        }
    }
}

impl<T> fmt::Debug for AsyncResult<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("AsyncResult").field("ready", &self.ready()).finish_non_exhaustive()
    }
}

/// The result of a task.
pub(super) fn read_one<R: DeserializeOwned>(pending: &Pending) -> Result<R, TaskError> {
    match pending.outcome.get() {
        Some(Outcome::Bytes(bytes)) => match read_outcome(bytes.get()) {
            Ok(Ok(value)) => Ok(value),
            Ok(Err(failure)) => Err(failure.into_error(0)),
            Err(error) => Err(unread(0, &error)),
        },
        Some(Outcome::Fate(fate)) => Err(fate.clone().into_error(0)),
        Some(Outcome::Job(_)) | None => Err(TaskError::Cancelled { index: 0 }),
    }
}

/// The results of a job, up to the first error.
pub(super) fn read_all<R: DeserializeOwned + 'static>(
    pending: &Pending,
) -> Result<Vec<R>, TaskError> {
    let items = pending.job.as_ref().map_or(0, |job| job.shape().items);
    let mut all = Vec::with_capacity(items as usize);
    if let (Some(Outcome::Job(fates)), Some(job)) = (pending.outcome.get(), &pending.job)
        && fates.is_empty()
        && job.is_plain()
        && job.done() == items
        && read_plain(job, &mut all)
        && all.len() == items as usize
    {
        return Ok(all);
    }
    all.clear();
    read(pending, |result| result.map(|value| all.push(value)))?;
    Ok(all)
}

/// The results of a job in which nothing is out of the ordinary; `false` if one cannot be read.
fn read_plain<R: DeserializeOwned + 'static>(job: &Job, all: &mut Vec<R>) -> bool {
    match job.shape().result {
        Some(0) => false,
        Some(size) => {
            all.extend(job.cells_read().chunks_exact(size).filter_map(plain::of_bytes::<R>));
            true
        }
        None => {
            let mut rows = (0..job.count()).map(|unit| job.row(unit));
            rows.all(|row| decode_all(row.values(), all).is_ok())
        }
    }
}

/// Each item's own result.
pub(super) fn read_each<R: DeserializeOwned + 'static>(
    pending: &Pending,
) -> Result<Vec<Result<R, TaskError>>, TaskError> {
    let items = pending.job.as_ref().map_or(0, |job| job.shape().items);
    let mut all = Vec::with_capacity(items as usize);
    if let Some(Outcome::Fate(fate)) = pending.outcome.get() {
        return Ok((0..items).map(|item| Err(fate.clone().into_error(item as usize))).collect());
    }
    read(pending, |result| {
        all.push(result);
        Ok(())
    })?;
    Ok(all)
}

fn read<R: DeserializeOwned + 'static>(
    pending: &Pending,
    mut each: impl FnMut(Result<R, TaskError>) -> Result<(), TaskError>,
) -> Result<(), TaskError> {
    let fates = match pending.outcome.get() {
        Some(Outcome::Job(fates)) => fates,
        Some(Outcome::Fate(fate)) => return Err(fate.clone().into_error(0)),
        _ => return Err(TaskError::Cancelled { index: 0 }),
    };
    let Some(job) = &pending.job else { return Ok(()) };
    for unit in 0..job.count() {
        let items = job.items(unit);
        let table = job.table(unit).map_err(|error| unread(items.start as usize, &error))?;
        let (reached, mut row) = (job.reached(unit), job.row(unit));
        for item in items {
            let index = item as usize;
            if let Some(fate) = (!fates.is_empty()).then(|| fates.get(&item)).flatten() {
                each(Err(fate.clone().into_error(index)))?;
                continue;
            }
            if item >= reached {
                // Of an item behind one that failed nobody asks.
                let rest = fates.get(&REST).map(|fate| fate.clone().into_error(index));
                each(Err(rest.unwrap_or_else(|| unread(index, &missing()))))?;
                continue;
            }
            each(match read_item(job, &mut row, unit, item, table.as_ref()) {
                Ok(Ok(value)) => Ok(value),
                Ok(Err(failure)) => Err(failure.into_error(index)),
                Err(error) => Err(unread(index, &error)),
            })?;
        }
    }
    Ok(())
}

#[cold]
fn missing() -> crate::Error {
    crate::Error::new(crate::ErrorKind::Decode, "the result is not there: the session is damaged")
}

/// The next item of a unit, of which this is what is left of its row.
fn read_item<R: DeserializeOwned + 'static>(
    job: &Job,
    row: &mut Row<'_>,
    unit: u32,
    item: u32,
    table: Option<&Parcel>,
) -> crate::Result<Result<R, Failure>> {
    if let Some(table) = table
        && let Some(bytes) = job.listed(unit, item, table)?
    {
        return read_outcome(bytes.get());
    }
    match job.shape().result {
        Some(size) => {
            let at = item as usize * size;
            let bytes = job.cells_read().get(at..at + size);
            bytes.and_then(plain::of_bytes).map(Ok).ok_or_else(missing)
        }
        None => decode(row.next().ok_or_else(missing)?).map(Ok),
    }
}
