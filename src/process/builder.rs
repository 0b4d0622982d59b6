//! `spawn`, and a builder for processes of which more is to be said.

#[cfg(feature = "tracing")]
use super::log;
use super::{
    Function, Process,
    call::Call,
    child::{Child, Work},
    current,
    function::FunctionId,
    log::tell,
    process::Pipes,
    settings::Settings,
    stderr_tail::StderrTail,
    worker::{self, Errand, VARIABLE},
};
use crate::{
    Error, ErrorKind, Result,
    os::step::step,
    os::{affinity, executable},
    segment,
    shared::{Message, encode},
};
use serde::{Serialize, de::DeserializeOwned};
use std::{
    ffi::{OsStr, OsString},
    os::unix::ffi::OsStrExt,
    path::PathBuf,
    process::{Command, Stdio},
    sync::Arc,
};

/// Starts a process that calls `function` with the arguments of a tuple.
///
/// The function is a named function, a generic one, or a closure that captures nothing; what it needs goes in as arguments. Handles of
/// shared objects ([`Value`](crate::Value), [`Lock`](crate::Lock)) travel among them and mean the same objects there.
///
/// The process is the same executable, run again; so `main` must begin with [`init`](crate::init). It dies with this process, whatever ends it.
///
/// # Errors
///
/// [`ErrorKind::NotInitialised`] without `init`; [`ErrorKind::Encode`] for arguments that cannot be encoded; [`ErrorKind::InvalidFunction`] for a function in
/// a shared library; and what the system says when it cannot start a process.
///
/// ```
/// # multiproc::test_support!();
/// let twice = multiproc::spawn(|x: u64| 2 * x, (21,))?;
/// assert_eq!(twice.join()?, 42);
/// # Ok::<(), multiproc::Error>(())
/// ```
pub fn spawn<F, A>(function: F, args: A) -> Result<Process<F::Output>>
where
    F: Function<A, Output: Serialize + DeserializeOwned + 'static>,
    A: Serialize + DeserializeOwned + 'static,
{
    ProcessBuilder::default().spawn(function, args)
}

/// How a process is to be; from [`Process::builder`]. What is not said is as with [`spawn`].
///
/// ```
/// # multiproc::test_support!();
/// use multiproc::{Process, ProcessError};
///
/// let fails = || {
///     eprintln!("the mesh is degenerate");
///     std::process::exit(3)
/// };
/// let solver = Process::builder().name("solver").env("OMP_NUM_THREADS", "1").capture_stderr();
/// let died = solver.spawn::<_, (), ()>(fails, ())?.join().unwrap_err();
/// assert!(matches!(&died, ProcessError::Exited { code: 3, .. }));
/// assert!(died.to_string().contains("the mesh is degenerate"));
/// # Ok::<(), multiproc::Error>(())
/// ```
#[derive(Debug, Default)]
#[must_use = "a builder does nothing until `spawn`"]
pub struct ProcessBuilder {
    name: Option<String>,
    settings: Settings,
    /// `None` removes a variable.
    environment: Vec<(OsString, Option<OsString>)>,
    clears_environment: bool,
    current_dir: Option<PathBuf>,
    stdin: Option<Stdio>,
    stdout: Option<Stdio>,
    stderr: Option<Stdio>,
    captures_stderr: bool,
}

impl ProcessBuilder {
    /// Its name, for people; `Process-1`, `Process-2` and so on if not said, and `Process-1:1` for a child of a child.
    ///
    /// ```
    /// # multiproc::test_support!();
    /// let named = multiproc::Process::builder().name("solver");
    /// let process = named.spawn(|| multiproc::current().name().to_owned(), ())?;
    /// assert_eq!(process.name(), "solver");
    /// assert_eq!(process.join()?, "solver");
    /// # Ok::<(), multiproc::Error>(())
    /// ```
    pub fn name(mut self, name: impl Into<String>) -> Self {
        self.name = Some(name.into());
        self
    }

    /// Whether it is terminated, not waited for, when this process exits. It may have no children.
    ///
    /// ```
    /// # multiproc::test_support!();
    /// // It would park for ever; the exit of this process ends it.
    /// let helper = multiproc::Process::builder().daemon(true).spawn(std::thread::park, ())?;
    /// assert!(helper.is_daemon() && helper.is_alive());
    /// # Ok::<(), multiproc::Error>(())
    /// ```
    pub fn daemon(mut self, daemon: bool) -> Self {
        self.settings.is_daemon = daemon;
        self
    }

    /// Sets a variable of its environment.
    ///
    /// ```
    /// # multiproc::test_support!();
    /// let threads = || std::env::var("OMP_NUM_THREADS").ok();
    /// let process = multiproc::Process::builder().env("OMP_NUM_THREADS", "1").spawn(threads, ())?;
    /// assert_eq!(process.join()?.as_deref(), Some("1"));
    /// # Ok::<(), multiproc::Error>(())
    /// ```
    pub fn env(mut self, name: impl AsRef<OsStr>, value: impl AsRef<OsStr>) -> Self {
        self.environment.push((name.as_ref().to_owned(), Some(value.as_ref().to_owned())));
        self
    }

    /// Removes a variable from its environment.
    ///
    /// ```
    /// # multiproc::test_support!();
    /// let path = || std::env::var_os("PATH").is_some();
    /// assert!(path());
    /// assert!(!multiproc::Process::builder().env_remove("PATH").spawn(path, ())?.join()?);
    /// # Ok::<(), multiproc::Error>(())
    /// ```
    pub fn env_remove(mut self, name: impl AsRef<OsStr>) -> Self {
        self.environment.push((name.as_ref().to_owned(), None));
        self
    }

    /// Lets it begin with an empty environment, and what [`env`](Self::env) sets before or after.
    ///
    /// ```
    /// # multiproc::test_support!();
    /// let look = || ["LANG", "PATH"].map(|name| std::env::var(name).ok());
    /// let process = multiproc::Process::builder().env_clear().env("LANG", "C").spawn(look, ())?;
    /// assert_eq!(process.join()?, [Some("C".to_owned()), None]);
    /// # Ok::<(), multiproc::Error>(())
    /// ```
    pub fn env_clear(mut self) -> Self {
        self.clears_environment = true;
        self
    }

    /// Its working directory.
    ///
    /// ```
    /// # multiproc::test_support!();
    /// let here = || std::env::current_dir().unwrap();
    /// let process = multiproc::Process::builder().current_dir("/").spawn(here, ())?;
    /// assert_eq!(process.join()?.to_str(), Some("/"));
    /// # Ok::<(), multiproc::Error>(())
    /// ```
    pub fn current_dir(mut self, directory: impl Into<PathBuf>) -> Self {
        self.current_dir = Some(directory.into());
        self
    }

    /// The processors that it may run on, by their numbers.
    ///
    /// ```
    /// # multiproc::test_support!();
    /// let process = multiproc::Process::builder().affinity([0]).spawn(multiproc::cpu_count, ())?;
    /// assert_eq!(process.join()?, 1);
    /// # Ok::<(), multiproc::Error>(())
    /// ```
    pub fn affinity(mut self, cpus: impl IntoIterator<Item = usize>) -> Self {
        self.settings.affinity = Some(cpus.into_iter().collect());
        self
    }

    /// How many bytes of addresses it may have at the most (`RLIMIT_AS`), mappings of files and shared memory included: an allocation beyond them fails.
    ///
    /// ```
    /// # multiproc::test_support!();
    /// let has_room = || Vec::<u8>::new().try_reserve_exact(4 << 30).is_ok();
    /// let process = multiproc::Process::builder().memory_limit(1 << 30).spawn(has_room, ())?;
    /// assert!(!process.join()?);
    /// # Ok::<(), multiproc::Error>(())
    /// ```
    pub fn memory_limit(mut self, bytes: u64) -> Self {
        self.settings.memory_limit = Some(bytes);
        self
    }

    /// Whether it may dump core. Not if not said: a large dump delays for seconds the moment in which others learn of a crash.
    ///
    /// ```
    /// # multiproc::test_support!();
    /// let limit = || {
    ///     let limits = std::fs::read_to_string("/proc/self/limits").unwrap();
    ///     let line = limits.lines().find(|line| line.starts_with("Max core file size")).unwrap();
    ///     line.split_whitespace().nth(4).unwrap().to_owned()
    /// };
    /// // As large a dump as this process may make.
    /// assert_eq!(multiproc::Process::builder().core_dumps(true).spawn(limit, ())?.join()?, limit());
    /// # Ok::<(), multiproc::Error>(())
    /// ```
    pub fn core_dumps(mut self, core_dumps: bool) -> Self {
        self.settings.core_dumps = core_dumps;
        self
    }

    /// Whether it goes on when this process dies. The session's shared memory works on then, but cannot grow.
    ///
    /// ```
    /// # multiproc::test_support!();
    /// use multiproc::{Atomic, Ordering::SeqCst, Process};
    ///
    /// fn until(state: &Atomic<u32>, wanted: u32) {
    ///     while state.load(SeqCst) != wanted {
    ///         std::thread::yield_now();
    ///     }
    /// }
    ///
    /// let orphan = |state: Atomic<u32>| {
    ///     state.store(1, SeqCst);
    ///     while multiproc::parent().is_some_and(|parent| parent.is_alive()) {
    ///         std::thread::yield_now();
    ///     }
    ///     state.store(2, SeqCst);
    /// };
    /// let parent = move |state: Atomic<u32>| -> () {
    ///     let _child = Process::builder().outlive_parent(true).spawn(orphan, (state.clone(),)).unwrap();
    ///     until(&state, 1);
    ///     std::process::abort();
    /// };
    /// let state = Atomic::new(0)?;
    /// assert!(multiproc::spawn(parent, (state.clone(),))?.join().is_err());
    /// until(&state, 2);
    /// # Ok::<(), multiproc::Error>(())
    /// ```
    pub fn outlive_parent(mut self, outlives: bool) -> Self {
        self.settings.outlives_parent = outlives;
        self
    }

    /// Its standard input; that of this process if not said.
    ///
    /// ```
    /// # multiproc::test_support!();
    /// use std::{io::{self, Write}, process::Stdio};
    ///
    /// let count = || io::stdin().lines().count();
    /// let mut process = multiproc::Process::builder().stdin(Stdio::piped()).spawn(count, ())?;
    /// process.take_stdin().unwrap().write_all(b"one\ntwo\n")?;
    /// assert_eq!(process.join()?, 2);
    /// # Ok::<(), multiproc::Error>(())
    /// ```
    pub fn stdin(mut self, stdin: impl Into<Stdio>) -> Self {
        self.stdin = Some(stdin.into());
        self
    }

    /// Its standard output; that of this process if not said.
    ///
    /// ```
    /// # multiproc::test_support!();
    /// use std::{io, process::Stdio};
    ///
    /// let mut process =
    ///     multiproc::Process::builder().stdout(Stdio::piped()).spawn(|| println!("hello"), ())?;
    /// assert_eq!(io::read_to_string(process.take_stdout().unwrap())?, "hello\n");
    /// process.join()?;
    /// # Ok::<(), multiproc::Error>(())
    /// ```
    pub fn stdout(mut self, stdout: impl Into<Stdio>) -> Self {
        self.stdout = Some(stdout.into());
        self
    }

    /// Its standard error; that of this process if not said.
    ///
    /// ```
    /// # multiproc::test_support!();
    /// use std::{io, process::Stdio};
    ///
    /// let mut process =
    ///     multiproc::Process::builder().stderr(Stdio::piped()).spawn(|| eprintln!("a warning"), ())?;
    /// assert_eq!(io::read_to_string(process.take_stderr().unwrap())?, "a warning\n");
    /// process.join()?;
    /// # Ok::<(), multiproc::Error>(())
    /// ```
    pub fn stderr(mut self, stderr: impl Into<Stdio>) -> Self {
        self.stderr = Some(stderr.into());
        self
    }

    /// Keeps the last lines (8 KiB) of its standard error instead of showing them; they are part of the [`ProcessError`](crate::ProcessError) if it dies. It never
    /// waits for a reader.
    ///
    /// ```
    /// # multiproc::test_support!();
    /// let fails = || -> () {
    ///     eprintln!("the mesh is degenerate");
    ///     std::process::exit(3)
    /// };
    /// let process = multiproc::Process::builder().capture_stderr().spawn(fails, ())?;
    /// assert!(process.join().unwrap_err().to_string().contains("the mesh is degenerate"));
    /// # Ok::<(), multiproc::Error>(())
    /// ```
    pub fn capture_stderr(mut self) -> Self {
        self.captures_stderr = true;
        self
    }

    /// Starts the process, which calls `function` with the arguments of a tuple: see [`spawn`].
    ///
    /// # Errors
    ///
    /// As [`spawn`]; [`ErrorKind::InvalidInput`] for processors that this process may not use, a variable with a name that cannot be, and a
    /// child of a daemonic process; [`ErrorKind::NotFound`] for a directory that is not there.
    pub fn spawn<F, A, R>(self, function: F, args: A) -> Result<Process<R>>
    where
        F: Function<A, Output = R>,
        R: Serialize + DeserializeOwned + 'static,
        A: Serialize + DeserializeOwned + 'static,
    {
        if !worker::is_initialised() {
            return Err(Error::new(
                ErrorKind::NotInitialised,
                "no process was started: write multiproc::init() as the first line of main (or multiproc::test_support!() in a test), \
                 so that the new process can begin its work there instead of running main again",
            ));
        }
        let id = FunctionId::of::<F, A>(function)?;
        let message = encode(&args)?;
        self.start(id, message)
    }

    fn start<R>(mut self, function: FunctionId, args: Message) -> Result<Process<R>> {
        self.check()?;
        let root = segment::session()?;
        let (name, path) = current::name_of_next_child();
        self.settings.name = self.name.take().unwrap_or(name);
        self.settings.path = path;
        self.settings.parent_name = current::current().name().to_owned();
        let settings = encode(&self.settings)?.bytes;
        let call = Call::new(&root, function, &settings, &args)?;
        let errand = Errand {
            session: root.place().clone(),
            nonce: root.nonce(),
            call: call.place(),
            parent: std::process::id(),
        };
        let mut command = Command::new(executable::worker_executable()?);
        if self.clears_environment {
            command.env_clear();
        }
        for (name, value) in &self.environment {
            match value {
                Some(value) => command.env(name, value),
                None => command.env_remove(name),
            };
        }
        command.env(VARIABLE, errand.to_text());
        #[cfg(feature = "tracing")]
        command.env(log::VARIABLE, log::log_level().to_string());
        // The others the call lists, until the worker has them.
        let mut handles = args.handles;
        handles.retain(|block| !Arc::ptr_eq(block.root(), &root));
        let work = Work::Call { call, handles };
        self.run(command, work)
    }

    /// Starts another program: see [`Process::command`].
    pub(super) fn start_command(mut self, command: Command) -> Result<Process<()>> {
        self.check()?;
        self.settings.name = current::name_of_next_child().0;
        self.run(command, Work::Command)
    }

    /// Starts what `command` says, with the builder's streams and directory.
    fn run<R>(self, mut command: Command, work: Work) -> Result<Process<R>> {
        if let Some(directory) = &self.current_dir {
            command.current_dir(directory);
        }
        let stderr = if self.captures_stderr { Some(Stdio::piped()) } else { self.stderr };
        if let Some(stdin) = self.stdin {
            command.stdin(stdin);
        }
        if let Some(stdout) = self.stdout {
            command.stdout(stdout);
        }
        if let Some(stderr) = stderr {
            command.stderr(stderr);
        }
        let mut process = command.spawn().map_err(|error| {
            let program = command.get_program().display();
            Error::os(format_args!("starting {program}"), error)
        })?;
        step!("spawn.started");
        let mut pipes = Pipes {
            stdin: process.stdin.take(),
            stdout: process.stdout.take(),
            stderr: process.stderr.take(),
        };
        let Settings { name, is_daemon, .. } = self.settings;
        let stderr = pipes.stderr.take();
        let child = Child::new(process, name, is_daemon, work)?;
        tell!(DEBUG, name = child.name, pid = child.pid, "process started");
        let pid = child.pid;
        // From here on somebody waits for it, whatever fails.
        let mut process = Process::new(child, pipes);
        match stderr {
            Some(pipe) if self.captures_stderr => process.capture(StderrTail::of(pid, pipe)?),
            pipe => process.put_stderr(pipe),
        }
        Ok(process)
    }

    /// Finds what is wrong before anything is started.
    fn check(&self) -> Result<()> {
        let invalid = |message: String| Err(Error::new(ErrorKind::InvalidInput, message));
        if current::current().is_daemon() {
            return invalid(
                "a daemonic process, as each worker of a pool is one, may have no children, which would outlive it: start them in its parent, give the work to that one's pool, or use threads (`in_process` for a pool)".into(),
            );
        }
        if let Some(cpus) = &self.settings.affinity {
            let allowed = affinity::get()?;
            if cpus.is_empty() || cpus.iter().any(|cpu| !allowed.contains(cpu)) {
                return invalid(format!(
                    "the process cannot run on the processors {cpus:?}: this one may use {allowed:?}"
                ));
            }
        }
        for (name, value) in &self.environment {
            let text = name.as_bytes();
            if text.is_empty()
                || text.contains(&b'=')
                || text.contains(&0)
                || value.as_ref().is_some_and(|value| value.as_bytes().contains(&0))
            {
                return invalid(format!(
                    "{name:?} cannot be set in an environment: a name has no '=' and is not empty, and neither name nor value has a NUL"
                ));
            }
        }
        if let Some(directory) = self.current_dir.as_ref().filter(|path| !path.is_dir()) {
            return Err(Error::new(
                ErrorKind::NotFound,
                format!("the working directory {} is not there", directory.display()),
            ));
        }
        Ok(())
    }
}
