//! `Pool`: worker processes that do tasks.

use super::{
    AsyncResult, Imap, Mapping, PoolBuilder, PoolStatistics, TaskBuilder, TaskError,
    fate::Fate,
    ledger::Phase,
    office::{Office, Settings, Terms},
    work::{Kind, Stateless, Task},
};
use crate::{Result, os::clock::Deadline, os::fork};
use serde::{Serialize, de::DeserializeOwned};
use std::{
    fmt,
    marker::PhantomData,
    panic::{RefUnwindSafe, UnwindSafe},
    sync::Arc,
    thread::JoinHandle,
    time::Duration,
};

/// Worker processes that do tasks: functions without captures, as for [`spawn`](crate::spawn).
///
/// When a worker dies, the task that it had fails with [`TaskError::WorkerDied`], or is tried again as often as was said; everything else goes on, and another worker takes its place. A task that panics fails, and its worker
/// goes on.
///
/// What a task changes of its process stays so for the next tasks of that worker: its directory, its environment, its descriptors, what it leaks. Workers are [daemonic](crate::ProcessBuilder::daemon), so a task cannot start processes of this library;
/// other programs it can, and they are its own. A worker that is stopped for a second while there is something to do, by itself or by somebody else, is killed and replaced, and its task fails.
///
/// Any thread of this process may submit tasks and wait for them, several at once. They are begun in the order in which they were submitted. When the pool is dropped, what was submitted is done, and its workers end; in a panic, it is
/// [terminated](Self::terminate).
///
/// ```
/// # multiproc::test_support!();
/// use multiproc::Pool;
///
/// fn primes(below: u32) -> usize {
///     (2..below).filter(|n| (2..*n).take_while(|d| d * d <= *n).all(|d| n % d != 0)).count()
/// }
///
/// let pool = Pool::new(2)?;
/// assert_eq!(pool.map(primes, [100, 1000])?, [25, 168]);
/// assert_eq!(pool.apply(|a: f64, b: f64| a * b, (6.0, 7.0))?, 42.0);
/// # Ok::<(), multiproc::Error>(())
/// ```
pub struct Pool<K: Kind = Stateless> {
    office: Arc<Office>,
    supervisor: Option<JoinHandle<()>>,
    _kind: PhantomData<fn() -> K>,
}

impl Pool {
    /// A pool of so many workers.
    ///
    /// # Errors
    ///
    /// As [`PoolBuilder::build`].
    pub fn new(workers: usize) -> Result<Self> {
        Self::builder().workers(workers).build()
    }

    /// How a pool is to be.
    pub fn builder() -> PoolBuilder {
        PoolBuilder::new()
    }

    /// As [`map`](Self::map), with something that is the same for all items, in place of what a closure would capture: it is encoded once, and decoded once by each worker that takes part.
    ///
    /// # Errors
    ///
    /// As [`map`](Self::map).
    ///
    /// ```
    /// # multiproc::test_support!();
    /// let pool = multiproc::Pool::new(2)?;
    /// let weights = vec![1.0, 0.5, 0.25];
    /// let weigh = |weights: &Vec<f64>, at: usize| 8.0 * weights[at];
    /// assert_eq!(pool.map_with(&weights, weigh, 0..3)?, [8.0, 4.0, 2.0]);
    /// # Ok::<(), multiproc::Error>(())
    /// ```
    pub fn map_with<C, F, T, R>(
        &self,
        context: &C,
        function: F,
        items: impl IntoIterator<Item = T>,
    ) -> Result<Vec<R>, TaskError>
    where
        F: Fn(&C, T) -> R + Copy + Send + Sync + 'static,
        C: Serialize + DeserializeOwned + 'static,
        T: Serialize + DeserializeOwned + 'static,
        R: Serialize + DeserializeOwned + 'static,
    {
        self.mapping().map_with(context, function, items)
    }

    /// As [`map_with`](Self::map_with), without waiting.
    ///
    /// # Errors
    ///
    /// As [`apply_async`](Self::apply_async).
    pub fn map_with_async<C, F, T, R>(
        &self,
        context: &C,
        function: F,
        items: impl IntoIterator<Item = T>,
    ) -> Result<AsyncResult<Vec<R>>, TaskError>
    where
        F: Fn(&C, T) -> R + Copy + Send + Sync + 'static,
        C: Serialize + DeserializeOwned + 'static,
        T: Serialize + DeserializeOwned + 'static,
        R: Serialize + DeserializeOwned + 'static,
    {
        self.mapping().map_with_async(context, function, items)
    }
}

impl<K: Kind> Pool<K> {
    pub(super) fn of_office(office: Arc<Office>, supervisor: JoinHandle<()>) -> Self {
        Self { office, supervisor: Some(supervisor), _kind: PhantomData }
    }

    pub(super) fn office(&self) -> &Arc<Office> {
        &self.office
    }

    pub(super) fn terms(&self) -> Terms {
        let settings = &self.office.settings;
        let Settings { deadline, retries, .. } = *settings;
        Terms { deadline, retries, room: Deadline::NEVER }
    }

    /// How many workers it has.
    #[must_use]
    pub fn workers(&self) -> usize {
        self.office.settings.workers
    }

    /// Calls the function in a worker, with the arguments of a tuple, and waits for its result.
    ///
    /// # Errors
    ///
    /// As [`apply_async`](Self::apply_async); and what became of a task that has no result.
    pub fn apply<F, A, R>(&self, function: F, args: A) -> Result<R, TaskError>
    where
        F: Task<K, A, Output = R>,
        A: Serialize + DeserializeOwned + 'static,
        R: Serialize + DeserializeOwned + 'static,
    {
        self.apply_async(function, args)?.get()
    }

    /// Calls the function in a worker, with the arguments of a tuple. Waits for room only, if the pool has as many tasks as it can.
    ///
    /// # Errors
    ///
    /// [`TaskError::Failed`] of the kind [`Closed`](crate::ErrorKind::Closed) if the pool takes no tasks any more, or what has broken it ([`TaskError::InitializerFailed`], [`TaskError::PoolBroken`]); [`TaskError::Encode`] for arguments that cannot be encoded; and what the system says when there is no shared memory
    /// to be had.
    pub fn apply_async<F, A, R>(&self, function: F, args: A) -> Result<AsyncResult<R>, TaskError>
    where
        F: Task<K, A, Output = R>,
        A: Serialize + DeserializeOwned + 'static,
        R: Serialize + DeserializeOwned + 'static,
    {
        self.task(function, args).submit()
    }

    /// The same with more to say: a deadline, retries.
    #[doc(alias = "submit")]
    pub fn task<F, A, R>(&self, function: F, args: A) -> TaskBuilder<'_, K, F, A>
    where
        F: Task<K, A, Output = R>,
        A: Serialize + DeserializeOwned + 'static,
        R: Serialize + DeserializeOwned + 'static,
    {
        TaskBuilder::new(self, function, args)
    }

    /// The terms of a map: chunks, retries, a deadline.
    pub fn mapping(&self) -> Mapping<'_, K> {
        Mapping::new(self)
    }

    /// Calls the function with each item, and gives the results in the order of the items. Numbers are not encoded, but lie in shared memory as they are.
    ///
    /// # Errors
    ///
    /// As [`apply_async`](Self::apply_async); and of the items that have no result, what became of the first. What is behind it need not have been done.
    ///
    /// ```
    /// # multiproc::test_support!();
    /// let pool = multiproc::Pool::new(2)?;
    /// assert_eq!(pool.map(|x: f64| x.sqrt(), [1.0, 4.0, 9.0])?, [1.0, 2.0, 3.0]);
    /// let words = ["one", "three"].map(str::to_owned);
    /// assert_eq!(pool.map(|word: String| word.len(), words)?, [3, 5]);
    /// # Ok::<(), multiproc::Error>(())
    /// ```
    pub fn map<F, T, R>(
        &self,
        function: F,
        items: impl IntoIterator<Item = T>,
    ) -> Result<Vec<R>, TaskError>
    where
        F: Task<K, (T,), Output = R>,
        T: Serialize + DeserializeOwned + 'static,
        R: Serialize + DeserializeOwned + 'static,
    {
        self.mapping().map(function, items)
    }

    /// As [`map`](Self::map), without waiting.
    ///
    /// # Errors
    ///
    /// As [`apply_async`](Self::apply_async).
    pub fn map_async<F, T, R>(
        &self,
        function: F,
        items: impl IntoIterator<Item = T>,
    ) -> Result<AsyncResult<Vec<R>>, TaskError>
    where
        F: Task<K, (T,), Output = R>,
        T: Serialize + DeserializeOwned + 'static,
        R: Serialize + DeserializeOwned + 'static,
    {
        self.mapping().map_async(function, items)
    }

    /// As [`map`](Self::map), with several arguments: each item is a tuple of them.
    ///
    /// # Errors
    ///
    /// As [`map`](Self::map).
    ///
    /// ```
    /// # multiproc::test_support!();
    /// let pool = multiproc::Pool::new(2)?;
    /// assert_eq!(pool.starmap(u32::pow, [(2, 3), (3, 2)])?, [8, 9]);
    /// # Ok::<(), multiproc::Error>(())
    /// ```
    pub fn starmap<F, A, R>(
        &self,
        function: F,
        items: impl IntoIterator<Item = A>,
    ) -> Result<Vec<R>, TaskError>
    where
        F: Task<K, A, Output = R>,
        A: Serialize + DeserializeOwned + 'static,
        R: Serialize + DeserializeOwned + 'static,
    {
        self.mapping().starmap(function, items)
    }

    /// As [`starmap`](Self::starmap), without waiting.
    ///
    /// # Errors
    ///
    /// As [`apply_async`](Self::apply_async).
    pub fn starmap_async<F, A, R>(
        &self,
        function: F,
        items: impl IntoIterator<Item = A>,
    ) -> Result<AsyncResult<Vec<R>>, TaskError>
    where
        F: Task<K, A, Output = R>,
        A: Serialize + DeserializeOwned + 'static,
        R: Serialize + DeserializeOwned + 'static,
    {
        self.mapping().starmap_async(function, items)
    }

    /// As [`map`](Self::map), with each item's own result: one that fails does not end the others.
    ///
    /// # Errors
    ///
    /// As [`apply_async`](Self::apply_async).
    ///
    /// ```
    /// # multiproc::test_support!();
    /// let pool = multiproc::Pool::new(2)?;
    /// let results = pool.try_map(|x: u32| 84 / x, [2, 0, 1])?;
    /// assert_eq!(results[0].as_ref().unwrap(), &42);
    /// assert_eq!(results[1].as_ref().unwrap_err().index(), 1);
    /// assert_eq!(results[2].as_ref().unwrap(), &84);
    /// # Ok::<(), multiproc::Error>(())
    /// ```
    pub fn try_map<F, T, R>(
        &self,
        function: F,
        items: impl IntoIterator<Item = T>,
    ) -> Result<Vec<Result<R, TaskError>>, TaskError>
    where
        F: Task<K, (T,), Output = R>,
        T: Serialize + DeserializeOwned + 'static,
        R: Serialize + DeserializeOwned + 'static,
    {
        self.mapping().try_map(function, items)
    }

    /// As [`try_map`](Self::try_map), without waiting.
    ///
    /// # Errors
    ///
    /// As [`apply_async`](Self::apply_async).
    ///
    /// ```
    /// # multiproc::test_support!();
    /// let pool = multiproc::Pool::new(2)?;
    /// let results = pool.try_map_async(|x: u32| 84 / x, [2, 0])?.get()?;
    /// assert!(results[0].is_ok() && results[1].is_err());
    /// # Ok::<(), multiproc::Error>(())
    /// ```
    #[allow(clippy::type_complexity, reason = "it says what it is")]
    pub fn try_map_async<F, T, R>(
        &self,
        function: F,
        items: impl IntoIterator<Item = T>,
    ) -> Result<AsyncResult<Vec<Result<R, TaskError>>>, TaskError>
    where
        F: Task<K, (T,), Output = R>,
        T: Serialize + DeserializeOwned + 'static,
        R: Serialize + DeserializeOwned + 'static,
    {
        self.mapping().try_map_async(function, items)
    }

    /// Calls the function with each item, and gives the results in the order of the items, one by one, while others are worked on: for items that are many, come slowly, or are large. Each item is a task of its own, unless [`chunk_size`](Imap::chunk_size) says otherwise.
    ///
    /// ```
    /// # multiproc::test_support!();
    /// let pool = multiproc::Pool::new(2)?;
    /// let mut halves = pool.imap(|x: u64| x / 2, 0..);
    /// assert_eq!(halves.nth(1000).unwrap()?, 500);
    /// # Ok::<(), multiproc::Error>(())
    /// ```
    pub fn imap<F, I, T, R>(&self, function: F, items: I) -> Imap<'_, K, F, I::IntoIter, R>
    where
        F: Task<K, (T,), Output = R>,
        I: IntoIterator<Item = T>,
        T: Serialize + DeserializeOwned + 'static,
        R: Serialize + DeserializeOwned + 'static,
    {
        Imap::new(self, function, items.into_iter(), true)
    }

    /// As [`imap`](Self::imap), with the results in the order in which they are there.
    pub fn imap_unordered<F, I, T, R>(
        &self,
        function: F,
        items: I,
    ) -> Imap<'_, K, F, I::IntoIter, R>
    where
        F: Task<K, (T,), Output = R>,
        I: IntoIterator<Item = T>,
        T: Serialize + DeserializeOwned + 'static,
        R: Serialize + DeserializeOwned + 'static,
    {
        Imap::new(self, function, items.into_iter(), false)
    }

    /// Takes no new tasks from now on. Those that were submitted are done; then the workers end.
    ///
    /// # Errors
    ///
    /// When this thread cannot take part in the session.
    pub fn close(&self) -> Result<()> {
        self.office.close()
    }

    /// Ends the pool at once: workers are killed, and what is not done fails with [`TaskError::Terminated`].
    ///
    /// # Errors
    ///
    /// As [`close`](Self::close).
    pub fn terminate(&self) -> Result<()> {
        self.office.stop(Phase::Terminated, &Fate::Terminated)
    }

    /// Waits until all is done and the workers have ended, after [`close`](Self::close) or [`terminate`](Self::terminate).
    ///
    /// # Errors
    ///
    /// [`ErrorKind::InvalidInput`](crate::ErrorKind::InvalidInput) if the pool is open; as [`close`](Self::close).
    pub fn join(&self) -> Result<()> {
        self.office.join(Deadline::NEVER).map(drop)
    }

    /// As [`join`](Self::join), for this time at the most. Whether it is over.
    ///
    /// # Errors
    ///
    /// As [`join`](Self::join).
    pub fn join_timeout(&self, timeout: Duration) -> Result<bool> {
        self.office.join(Deadline::after(timeout))
    }

    /// The process ids of its workers at this moment. One that has just come may work before it is among them.
    #[must_use]
    pub fn pids(&self) -> Vec<u32> {
        let ledger = self.office.ledger();
        ledger.workers.iter().flatten().map(|member| member.body.pid()).collect()
    }

    /// What it has done until now, and what there is to do.
    ///
    /// ```
    /// # multiproc::test_support!();
    /// let pool = multiproc::Pool::new(2)?;
    /// pool.mapping().chunk_size(10).map(|x: u32| x + 1, 0..100)?;
    /// let statistics = pool.statistics();
    /// assert_eq!((statistics.workers.len(), statistics.items), (2, 100));
    /// assert_eq!((statistics.waiting, statistics.oldest), (0, None));
    /// # Ok::<(), multiproc::Error>(())
    /// ```
    #[must_use]
    pub fn statistics(&self) -> PoolStatistics {
        PoolStatistics::of(&self.office)
    }
}

/// A panic leaves nothing half changed behind: what a pool is told, it is told at once.
impl<K: Kind> UnwindSafe for Pool<K> {}
impl<K: Kind> RefUnwindSafe for Pool<K> {}

impl<K: Kind> Drop for Pool<K> {
    fn drop(&mut self) {
        // A forked child has the parent's memory, but not its workers.
        if fork::is_forked() {
            std::mem::forget(self.supervisor.take());
            return;
        }
        let stopped = if std::thread::panicking() { self.terminate() } else { self.close() };
        let joined = stopped.and_then(|()| self.join());
        if let Some(supervisor) = self.supervisor.take().filter(|_| joined.is_ok()) {
            let _ = supervisor.join();
            self.office.callbacks.end();
        }
    }
}

/// All that is known: of a pool that seems to hang, show `{:#?}` to whom you ask. It waits for nothing.
impl<K: Kind> fmt::Debug for Pool<K> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Pool").field("office", &self.office).finish()
    }
}
