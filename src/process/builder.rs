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
    pub fn name(mut self, name: impl Into<String>) -> Self {
        self.name = Some(name.into());
        self
    }

    /// Whether it is terminated, not waited for, when this process exits. It may have no children.
    pub fn daemon(mut self, daemon: bool) -> Self {
        self.settings.is_daemon = daemon;
        self
    }

    /// Sets a variable of its environment.
    pub fn env(mut self, name: impl AsRef<OsStr>, value: impl AsRef<OsStr>) -> Self {
        self.environment.push((name.as_ref().to_owned(), Some(value.as_ref().to_owned())));
        self
    }

    /// Removes a variable from its environment.
    pub fn env_remove(mut self, name: impl AsRef<OsStr>) -> Self {
        self.environment.push((name.as_ref().to_owned(), None));
        self
    }

    /// Lets it begin with an empty environment, and what [`env`](Self::env) sets before or after.
    pub fn env_clear(mut self) -> Self {
        self.clears_environment = true;
        self
    }

    /// Its working directory.
    pub fn current_dir(mut self, directory: impl Into<PathBuf>) -> Self {
        self.current_dir = Some(directory.into());
        self
    }

    /// The processors that it may run on, by their numbers.
    pub fn affinity(mut self, cpus: impl IntoIterator<Item = usize>) -> Self {
        self.settings.affinity = Some(cpus.into_iter().collect());
        self
    }

    /// How many bytes of addresses it may have at the most (`RLIMIT_AS`), mappings of files and shared memory included: an allocation beyond them fails.
    pub fn memory_limit(mut self, bytes: u64) -> Self {
        self.settings.memory_limit = Some(bytes);
        self
    }

    /// Whether it may dump core. Not if not said: a large dump delays for seconds the moment in which others learn of a crash.
    pub fn core_dumps(mut self, core_dumps: bool) -> Self {
        self.settings.core_dumps = core_dumps;
        self
    }

    /// Whether it goes on when this process dies. The session's shared memory works on then, but cannot grow.
    pub fn outlive_parent(mut self, outlives: bool) -> Self {
        self.settings.outlives_parent = outlives;
        self
    }

    /// Its standard input; that of this process if not said.
    pub fn stdin(mut self, stdin: impl Into<Stdio>) -> Self {
        self.stdin = Some(stdin.into());
        self
    }

    /// Its standard output; that of this process if not said.
    pub fn stdout(mut self, stdout: impl Into<Stdio>) -> Self {
        self.stdout = Some(stdout.into());
        self
    }

    /// Its standard error; that of this process if not said.
    pub fn stderr(mut self, stderr: impl Into<Stdio>) -> Self {
        self.stderr = Some(stderr.into());
        self
    }

    /// Keeps the last lines (8 KiB) of its standard error instead of showing them; they are part of the [`ProcessError`](crate::ProcessError) if it dies. It never
    /// waits for a reader.
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
        let call = Call::new(&root, function, &settings, &args.bytes)?;
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
        let work = Work::Call { call, _handles: args.handles };
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
        let child = Child::new(process, name, is_daemon, work)?;
        tell!(DEBUG, name = child.name, pid = child.pid, "process started");
        let tail = match pipes.stderr.take() {
            Some(pipe) if self.captures_stderr => Some(StderrTail::of(child.pid, pipe)?),
            pipe => {
                pipes.stderr = pipe;
                None
            }
        };
        Ok(Process::new(child, tail, pipes))
    }

    /// Finds what is wrong before anything is started.
    fn check(&self) -> Result<()> {
        let invalid = |message: String| Err(Error::new(ErrorKind::InvalidInput, message));
        if current::current().is_daemon() {
            return invalid(
                "a daemonic process may have no children: they would outlive it".into(),
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
