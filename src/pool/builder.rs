//! How a pool is to be.

use super::{
    Pool, PoolWorker,
    board::{Board, MAX_SLOTS},
    desk,
    fate::Fate,
    kept,
    ledger::Phase,
    measure::Measure,
    member::Body,
    office::{Office, Settings},
    supervisor,
    work::{Kind, Stateful, Stateless},
    worker::{End, make_state, serve},
};
use crate::{
    Error, ErrorKind, Process, ProcessBuilder, Result,
    os::{affinity, cpus::cpu_count, eventfd::EventFd, fork},
    segment,
};
use std::{
    ffi::{OsStr, OsString},
    fmt::{self, Display},
    marker::PhantomData,
    sync::Arc,
    thread,
    time::Duration,
};

/// Starts a worker: how, the board, its seat, and how much it does.
type Spawn = Box<dyn Fn(How, &Board, u32, Measure) -> Result<Body> + Send + Sync>;

/// How a worker is started.
enum How {
    Process(ProcessBuilder),
    /// With the only processor on which it runs.
    Thread(thread::Builder, Option<usize>),
}

/// By which libraries learn how many threads they may have.
const INNER_THREADS: [&str; 7] = [
    "OMP_NUM_THREADS",
    "OPENBLAS_NUM_THREADS",
    "MKL_NUM_THREADS",
    "BLIS_NUM_THREADS",
    "VECLIB_MAXIMUM_THREADS",
    "NUMEXPR_NUM_THREADS",
    "RAYON_NUM_THREADS",
];

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
    memory_per_child: Option<u64>,
    inner_threads: Option<usize>,
    start_deadline: Option<Duration>,
    is_on_demand: bool,
    is_in_process: bool,
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
            memory_per_child: None,
            inner_threads: None,
            start_deadline: None,
            is_on_demand: false,
            is_in_process: false,
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

    /// Calls this in each worker when it begins, once. What it returns is kept, and dropped when the worker ends by itself, after all its tasks: so its `Drop` is the exit function. For what tasks are to have, give workers a [state](Self::state).
    ///
    /// If it fails, the pool is broken: tasks fail with [`InitializerFailed`](crate::TaskError::InitializerFailed).
    ///
    /// ```
    /// # multiproc::test_support!();
    /// use multiproc::{Pool, PoolWorker};
    /// use std::sync::OnceLock;
    ///
    /// static WORDS: OnceLock<Vec<String>> = OnceLock::new();
    ///
    /// struct Worker(usize);
    ///
    /// impl Drop for Worker {
    ///     fn drop(&mut self) {
    ///         println!("worker {} ends", self.0);
    ///     }
    /// }
    ///
    /// let load = |worker: PoolWorker| {
    ///     WORDS.set(vec!["one".into(), "two".into()]).map_err(|_| "there are words already")?;
    ///     Ok::<_, &str>(Worker(worker.index()))
    /// };
    /// let pool = Pool::builder().workers(2).initializer(load).build()?;
    /// assert_eq!(pool.map(|at: usize| WORDS.wait()[at].clone(), 0..2)?, ["one", "two"]);
    /// # Ok::<(), multiproc::Error>(())
    /// ```
    #[doc(alias("initialiser", "at_exit"))]
    pub fn initializer<G, E, I>(mut self, initializer: I) -> Self
    where
        I: Fn(PoolWorker) -> Result<G, E> + Copy + Send + Sync + 'static,
        G: 'static,
        E: Display,
    {
        let begin = move |worker| kept::initialise(worker, initializer);
        self.spawn = spawner(move |index| make_state(index, begin));
        self
    }

    /// Gives each worker a state of its own, which this makes when the worker begins, and again after a task has panicked. Tasks are functions of `&mut S` and their arguments then. The state stays on the worker's main
    /// thread, where all its tasks run, and is dropped when the worker ends by itself: its `Drop` is the exit function. An [initializer](Self::initializer) that was said before is not called.
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
        // All but `spawn`.
        let Self { workers, capacity, tasks_per_child, memory_per_child, .. } = self;
        let Self { inner_threads, start_deadline, is_on_demand, is_in_process, .. } = self;
        let Self { deadline, retries, budget, name, is_pinned, memory_limit, .. } = self;
        let Self { captures_stderr, environment, .. } = self;
        PoolBuilder {
            workers,
            capacity,
            tasks_per_child,
            memory_per_child,
            inner_threads,
            start_deadline,
            is_on_demand,
            is_in_process,
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
    let work = move |board: Board, seat: u32, most: Measure| {
        let end = serve(board, seat, most, make);
        kept::end();
        end
    };
    Box::new(move |how, board, seat, most| match how {
        How::Process(process) => {
            let work = move |board: Board, seat: u32, most: Measure| {
                segment::keep_recent();
                work(board, seat, most)
            };
            process.spawn(work, (board.clone(), seat, most)).map(Body::Process)
        }
        How::Thread(thread, cpu) => {
            let (board, ended) = (board.clone(), Arc::new(EventFd::new()?));
            let ends = Ends(Arc::clone(&ended));
            let serves = move || {
                let _ends = ends;
                desk::sits_in_the_parent();
                match cpu.map_or(Ok(()), |cpu| affinity::set(&[cpu])) {
                    Ok(()) => work(board, seat, most),
                    Err(error) => End::Failed(error.to_string()),
                }
            };
            let started =
                thread.spawn(serves).map_err(|error| Error::os("starting a thread", error));
            started.map(|thread| Body::Thread { thread, ended })
        }
    })
}

/// Tells that a thread comes to its end.
struct Ends(Arc<EventFd>);

impl Drop for Ends {
    fn drop(&mut self) {
        // A forked child has the descriptor, and is not that thread.
        if !fork::is_forked_holder() {
            self.0.signal();
        }
    }
}

impl<K: Kind> PoolBuilder<K> {
    /// How many workers there are; as many as [`cpu_count`](crate::cpu_count) if not said.
    #[doc(alias = "processes")]
    pub fn workers(mut self, workers: usize) -> Self {
        self.workers = Some(workers);
        self
    }

    /// How many tasks can be submitted and not done; 1,024 if not said; a number between two powers of two becomes the greater one. More wait for room. All items of a map are one task here.
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

    /// How much memory of its own a worker may have after a task: if it has more, it ends and another takes its place. Shared memory does not count, nor do pages of files. Each worker does one task at the least. It is looked at once in a millisecond at most, so that
    /// small tasks do not pay for it.
    ///
    /// ```
    /// # multiproc::test_support!();
    /// let pool = multiproc::Pool::builder().workers(1).memory_per_child(64 << 20).build()?;
    /// let leak = || {
    ///     std::mem::forget(std::hint::black_box(vec![1_u8; 128 << 20]));
    ///     std::process::id()
    /// };
    /// assert_ne!(pool.apply(leak, ())?, pool.apply(std::process::id, ())?);
    /// # Ok::<(), multiproc::Error>(())
    /// ```
    pub fn memory_per_child(mut self, bytes: u64) -> Self {
        self.memory_per_child = Some(bytes);
        self
    }

    /// How many threads OpenMP, BLAS and rayon may have in each worker, by the variables of the environment that they know (`OMP_NUM_THREADS`, `RAYON_NUM_THREADS` and so on). If not said: the processors, divided among the workers, and a variable
    /// that this process has in its own environment stays as it is. What [`env`](Self::env) says holds in any case.
    ///
    /// ```
    /// # multiproc::test_support!();
    /// let pool = multiproc::Pool::builder().workers(1).inner_threads(3).build()?;
    /// let threads = || std::env::var("OMP_NUM_THREADS").ok();
    /// assert_eq!(pool.apply(threads, ())?.as_deref(), Some("3"));
    /// # Ok::<(), multiproc::Error>(())
    /// ```
    pub fn inner_threads(mut self, threads: usize) -> Self {
        self.inner_threads = Some(threads);
        self
    }

    /// For how long a worker may make its state, from its start on; then it is killed, and the pool is broken: tasks fail with [`InitializerFailed`](crate::TaskError::InitializerFailed). For ever if not said: nobody but the program knows how long
    /// that takes.
    ///
    /// ```
    /// # multiproc::test_support!();
    /// use multiproc::{Pool, PoolWorker, TaskError};
    /// use std::time::Duration;
    ///
    /// let hangs = |_: PoolWorker| -> Result<(), String> { loop { std::thread::park() } };
    /// let brief = Duration::from_millis(50);
    /// let pool = Pool::builder().workers(1).state(hangs).start_deadline(brief).build()?;
    /// let failed = pool.apply(|_: &mut ()| (), ()).unwrap_err();
    /// assert!(failed.to_string().contains("longer than 50ms"), "{failed}");
    /// # Ok::<(), multiproc::Error>(())
    /// ```
    pub fn start_deadline(mut self, span: Duration) -> Self {
        self.start_deadline = Some(span);
        self
    }

    /// Starts workers when there is something to do that no idle one takes, instead of all at once.
    ///
    /// ```
    /// # multiproc::test_support!();
    /// let pool = multiproc::Pool::builder().workers(4).on_demand().build()?;
    /// assert_eq!(pool.pids(), []);
    /// let first = pool.apply(std::process::id, ())?;
    /// assert_eq!(pool.apply(std::process::id, ())?, first);
    /// assert_eq!(pool.pids(), [first]);
    /// # Ok::<(), multiproc::Error>(())
    /// ```
    pub fn on_demand(mut self) -> Self {
        self.is_on_demand = true;
        self
    }

    /// Makes the workers threads of this process: for a debugger, a profiler, or to see whether something has to do with processes. All goes the same way, also arguments and results; but a thread cannot be killed:
    ///
    /// - There are no deadlines. [`cancel`](crate::AsyncResult::cancel) cannot end a task that runs, and [`terminate`](Pool::terminate) waits for it.
    /// - What ends the process or harms its memory does so with the whole program.
    /// - Limits of memory, captured standard error and an environment are a process's own.
    ///
    /// ```
    /// # multiproc::test_support!();
    /// let pool = multiproc::Pool::builder().workers(2).in_process().build()?;
    /// assert_eq!(pool.apply(std::process::id, ())?, std::process::id());
    /// assert_eq!(pool.map(|x: u64| x * x, 0..4)?, [0, 1, 4, 9]);
    /// # Ok::<(), multiproc::Error>(())
    /// ```
    pub fn in_process(mut self) -> Self {
        self.is_in_process = true;
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

    /// How many workers may die within a time: if more do, the pool is broken ([`PoolBroken`](crate::TaskError::PoolBroken)). Any number if not said. In any case it is broken by workers that die one after another before they are ready.
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
    /// [`ErrorKind::InvalidInput`] for no workers, no tasks or no memory for each, no capacity, no inner threads, or what [threads](Self::in_process) cannot have; as [`spawn`](crate::spawn) if a worker cannot be started: then none is left.
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
        if self.memory_per_child == Some(0) {
            return invalid("each worker was to have no memory; it is a byte at the least".into());
        }
        if self.inner_threads == Some(0) {
            return invalid(
                "each worker was to have no inner threads; it is 1 at the least".into(),
            );
        }
        if let Some(what) = self.needs_processes().filter(|_| self.is_in_process) {
            return invalid(format!(
                "the workers were to be threads, and to have {what}, which only processes can have"
            ));
        }
        let cpus = if self.is_pinned { affinity::get()? } else { Vec::new() };
        let settings = Settings {
            workers,
            deadline: self.deadline,
            retries: self.retries,
            budget: self.budget,
            is_in_process: self.is_in_process,
            is_on_demand: self.is_on_demand,
            is_limited: self.memory_limit.is_some(),
            start_deadline: self.start_deadline,
        };
        let at_once = if self.is_on_demand { 0 } else { workers };
        let threads = self.inner_variables(workers);
        let Self { name, memory_limit, captures_stderr, environment, spawn, .. } = self;
        let Self { is_in_process, tasks_per_child, memory_per_child, .. } = self;
        let most = Measure {
            tasks: tasks_per_child.unwrap_or(u64::MAX),
            memory: memory_per_child.unwrap_or(u64::MAX),
        };
        let start = move |board: &Board, seat: u32, _: u64| {
            let name = format!("{name}-{}", seat + 1);
            let cpu = (!cpus.is_empty()).then(|| cpus[seat as usize % cpus.len()]);
            if is_in_process {
                let thread = thread::Builder::new().name(name);
                return spawn(How::Thread(thread, cpu), board, seat, most);
            }
            let mut process = Process::builder().name(name).daemon(true);
            if let Some(bytes) = memory_limit {
                process = process.memory_limit(bytes);
            }
            if captures_stderr {
                process = process.capture_stderr();
            }
            if let Some(cpu) = cpu {
                process = process.affinity([cpu]);
            }
            for (name, value) in &threads {
                process = process.env(name, value);
            }
            for (name, value) in &environment {
                process = process.env(name, value);
            }
            spawn(How::Process(process), board, seat, most)
        };
        let slots = self.capacity.next_power_of_two();
        let office = Arc::new(Office::new(settings, slots, Box::new(start))?);
        let started = (0..at_once).try_for_each(|seat| {
            let number = office.ledger().number_for(seat);
            supervisor::seat_worker(&office, seat, number)
        });
        let supervised = started.and_then(|()| supervisor::start(&office));
        match supervised {
            Ok(supervisor) => Ok(Pool::of_office(office, supervisor)),
            Err(error) => {
                office.stop(Phase::Terminated, &Fate::Terminated)?;
                supervisor::end_workers(&office);
                Err(error)
            }
        }
    }

    /// What was asked for that threads cannot have.
    fn needs_processes(&self) -> Option<&'static str> {
        [
            (self.deadline.is_some(), "a deadline"),
            (self.start_deadline.is_some(), "a deadline for their state"),
            (self.memory_limit.is_some(), "a limit of memory"),
            (self.memory_per_child.is_some(), "memory of their own"),
            (self.captures_stderr, "a standard error of their own"),
            (!self.environment.is_empty(), "an environment of their own"),
            (self.inner_threads.is_some(), "a number of inner threads of their own"),
        ]
        .into_iter()
        .find_map(|(is_asked_for, what)| is_asked_for.then_some(what))
    }

    /// The variables for the threads of libraries.
    fn inner_variables(&self, workers: usize) -> Vec<(&'static str, String)> {
        let threads = self.inner_threads.unwrap_or_else(|| (cpu_count() / workers).max(1));
        let is_ours = |name: &&str| {
            // Who said a number here knows better than the environment.
            self.inner_threads.is_some() || std::env::var_os(name).is_none()
        };
        let names = INNER_THREADS.into_iter().filter(is_ours);
        names.map(|name| (name, threads.to_string())).collect()
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
