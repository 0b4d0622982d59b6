//! How a pool is to be.

use super::{
    Pool, PoolWorker,
    board::{Board, MAX_SLOTS},
    fate::Fate,
    ledger::Phase,
    office::{Office, Settings},
    supervisor,
    work::{Kind, Stateful, Stateless},
    worker::{End, make_state, serve},
};
use crate::{Error, ErrorKind, Process, ProcessBuilder, Result, os::affinity, os::cpus::cpu_count};
use std::{
    ffi::{OsStr, OsString},
    fmt::{self, Display},
    marker::PhantomData,
    sync::Arc,
    time::Duration,
};

/// Starts a worker: its process, the board, its seat, and how much it does.
type Spawn = Box<dyn Fn(ProcessBuilder, &Board, u32, u64) -> Result<Process<End>> + Send + Sync>;

/// How a pool is to be; from [`Pool::builder`]. What is not said is as with [`Pool::new`].
///
/// ```
/// # multiproc::test_support!();
/// use multiproc::Pool;
///
/// let pool = Pool::builder().workers(2).tasks_per_child(10).retries(1).build()?;
/// assert_eq!(pool.map(|x: u32| x + 1, 0..5)?, [1, 2, 3, 4, 5]);
/// # Ok::<(), multiproc::Error>(())
/// ```
#[must_use = "a builder does nothing until `build`"]
pub struct PoolBuilder<K: Kind = Stateless> {
    workers: Option<usize>,
    capacity: usize,
    tasks_per_child: Option<u64>,
    deadline: Option<Duration>,
    retries: u32,
    budget: Option<(u32, Duration)>,
    name: String,
    is_pinned: bool,
    memory_limit: Option<u64>,
    captures_stderr: bool,
    environment: Vec<(OsString, OsString)>,
    spawn: Spawn,
    _kind: PhantomData<fn() -> K>,
}

impl PoolBuilder<Stateless> {
    pub(super) fn new() -> Self {
        Self {
            workers: None,
            capacity: 1024,
            tasks_per_child: None,
            deadline: None,
            retries: 0,
            budget: None,
            name: "Pool".into(),
            is_pinned: false,
            memory_limit: None,
            captures_stderr: false,
            environment: Vec::new(),
            spawn: spawner(|_| Ok(Box::new(()))),
            _kind: PhantomData,
        }
    }

    /// Gives each worker a state of its own, which this makes when the worker begins, and again after a task has panicked. Tasks are functions of `&mut S` and their arguments then. The state stays on the worker's main
    /// thread, where all its tasks run, and is dropped when the worker ends by itself.
    ///
    /// If it cannot be made, the pool is broken: tasks fail with [`InitializerFailed`](crate::TaskError::InitializerFailed).
    ///
    /// ```
    /// # multiproc::test_support!();
    /// use multiproc::{Pool, PoolWorker};
    ///
    /// let make = |worker: PoolWorker| Ok::<_, String>(vec![worker.index()]);
    /// let pool = Pool::builder().workers(1).state(make).build()?;
    /// let push = |seen: &mut Vec<usize>, x: usize| {
    ///     seen.push(x);
    ///     seen.clone()
    /// };
    /// assert_eq!(pool.apply(push, (7,))?, [0, 7]);
    /// assert_eq!(pool.apply(push, (8,))?, [0, 7, 8]);
    /// # Ok::<(), multiproc::Error>(())
    /// ```
    #[doc(alias = "initializer")]
    pub fn state<S, E, I>(self, make: I) -> PoolBuilder<Stateful<S>>
    where
        I: Fn(PoolWorker) -> Result<S, E> + Copy + Send + Sync + 'static,
        S: 'static,
        E: Display,
    {
        let spawn = spawner(move |index| make_state(index, make));
        let Self { workers, capacity, tasks_per_child, deadline, retries, budget, name, .. } = self;
        let Self { is_pinned, memory_limit, captures_stderr, environment, .. } = self;
        PoolBuilder {
            workers,
            capacity,
            tasks_per_child,
            deadline,
            retries,
            budget,
            name,
            is_pinned,
            memory_limit,
            captures_stderr,
            environment,
            spawn,
            _kind: PhantomData,
        }
    }
}

/// What starts workers that make their state so.
fn spawner<M>(make: M) -> Spawn
where
    M: Fn(u32) -> Result<Box<dyn std::any::Any>, String> + Copy + Send + Sync + 'static,
{
    Box::new(move |process, board, seat, most| {
        let work = move |board: Board, seat: u32, most: u64| serve(board, seat, most, make);
        process.spawn(work, (board.clone(), seat, most))
    })
}

impl<K: Kind> PoolBuilder<K> {
    /// How many workers there are; as many as [`cpu_count`](crate::cpu_count) if not said.
    #[doc(alias = "processes")]
    pub fn workers(mut self, workers: usize) -> Self {
        self.workers = Some(workers);
        self
    }

    /// How many tasks can be submitted and not done; 1,024 if not said. More wait for room. All items of a map are one task here.
    pub fn capacity(mut self, tasks: usize) -> Self {
        self.capacity = tasks;
        self
    }

    /// After how many tasks a worker ends and another takes its place: against what leaks. A chunk of a map is one task here.
    #[doc(alias = "maxtasksperchild")]
    pub fn tasks_per_child(mut self, tasks: u64) -> Self {
        self.tasks_per_child = Some(tasks);
        self
    }

    /// For how long a task may run, if the task itself does not say; then its worker is killed, and replaced.
    pub fn deadline(mut self, deadline: Duration) -> Self {
        self.deadline = Some(deadline);
        self
    }

    /// How often a task is tried again whose worker died, or which was late, if the task itself does not say; never if not said. So it may be done more than once.
    pub fn retries(mut self, retries: u32) -> Self {
        self.retries = retries;
        self
    }

    /// How many workers may die within a time: if more do, the pool is broken. Any number if not said. In any case it is broken by workers that die one after another before they are ready.
    pub fn restart_budget(mut self, deaths: u32, within: Duration) -> Self {
        self.budget = Some((deaths, within));
        self
    }

    /// What the workers' names begin with; `Pool` if not said.
    pub fn name(mut self, name: impl Into<String>) -> Self {
        self.name = name.into();
        self
    }

    /// Whether each worker runs on one processor only, in turn those that this process may use.
    pub fn pinned(mut self, is_pinned: bool) -> Self {
        self.is_pinned = is_pinned;
        self
    }

    /// How many bytes of addresses a worker may have: see [`ProcessBuilder::memory_limit`](crate::ProcessBuilder::memory_limit).
    pub fn memory_limit(mut self, bytes: u64) -> Self {
        self.memory_limit = Some(bytes);
        self
    }

    /// Keeps the last lines of each worker's standard error instead of showing them; they are part of the error of a task with which it dies.
    pub fn capture_stderr(mut self) -> Self {
        self.captures_stderr = true;
        self
    }

    /// Sets a variable of the workers' environment.
    pub fn env(mut self, name: impl AsRef<OsStr>, value: impl AsRef<OsStr>) -> Self {
        self.environment.push((name.as_ref().to_owned(), value.as_ref().to_owned()));
        self
    }

    /// Makes the pool and starts its workers.
    ///
    /// # Errors
    ///
    /// [`ErrorKind::InvalidInput`] for no workers, no tasks for each, or no capacity; as [`spawn`](crate::spawn) if a worker cannot be started: then none is left.
    pub fn build(self) -> Result<Pool<K>> {
        let workers = self.workers.unwrap_or_else(cpu_count);
        let invalid = |message: String| Err(Error::new(ErrorKind::InvalidInput, message));
        if workers == 0 || workers > 4096 {
            return invalid(format!("a pool of {workers} workers was wanted; it is 1 to 4,096"));
        }
        if !(1..=MAX_SLOTS).contains(&self.capacity) {
            let Self { capacity, .. } = self;
            return invalid(format!(
                "a pool for {capacity} tasks was wanted; it is 1 to {MAX_SLOTS}"
            ));
        }
        if self.tasks_per_child == Some(0) {
            return invalid("each worker was to do no task; it is 1 at the least".into());
        }
        let cpus = if self.is_pinned { affinity::get()? } else { Vec::new() };
        let settings = Settings {
            workers,
            deadline: self.deadline,
            retries: self.retries,
            budget: self.budget,
        };
        let Self { name, memory_limit, captures_stderr, environment, spawn, .. } = self;
        let most = self.tasks_per_child.unwrap_or(u64::MAX);
        let start = move |board: &Board, seat: u32, _: u64| {
            let mut process = Process::builder().name(format!("{name}-{}", seat + 1)).daemon(true);
            if let Some(bytes) = memory_limit {
                process = process.memory_limit(bytes);
            }
            if captures_stderr {
                process = process.capture_stderr();
            }
            if !cpus.is_empty() {
                process = process.affinity([cpus[seat as usize % cpus.len()]]);
            }
            for (name, value) in &environment {
                process = process.env(name, value);
            }
            spawn(process, board, seat, most)
        };
        let slots = self.capacity.next_power_of_two();
        let office = Arc::new(Office::new(settings, slots, Box::new(start))?);
        let number = || office.ledger().serial();
        let started =
            (0..workers).try_for_each(|seat| supervisor::seat_worker(&office, seat, number()));
        if let Err(error) = started {
            office.stop(Phase::Terminated, &Fate::Terminated)?;
            // Those that were started are waited for, and not left to the end of this process.
            let workers = std::mem::take(&mut office.ledger().workers);
            for member in workers.into_iter().flatten() {
                let _ = member.process.join();
            }
            return Err(error);
        }
        let supervisor = supervisor::start(&office)?;
        Ok(Pool::of_office(office, supervisor))
    }
}

impl<K: Kind> fmt::Debug for PoolBuilder<K> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("PoolBuilder")
            .field("workers", &self.workers)
            .field("capacity", &self.capacity)
            .field("tasks_per_child", &self.tasks_per_child)
            .field("deadline", &self.deadline)
            .field("retries", &self.retries)
            .field("name", &self.name)
            .finish_non_exhaustive()
    }
}
