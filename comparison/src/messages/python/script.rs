use crate::python;
use anyhow::{Context, ensure};
use rustix::{
    event::{PollFd, PollFlags, Timespec, poll},
    process::{Pid, Signal, kill_process_group},
};
use std::{
    env, fs,
    io::{BufRead, BufReader, Write},
    os::unix::process::CommandExt,
    path::PathBuf,
    process::{self, Child, ChildStdin, ChildStdout, Command, Stdio},
    sync::atomic::{AtomicU32, Ordering},
    time::Duration,
};

const SCRIPT: &str = include_str!("../../../python/messages.py");
/// Who has not answered by then never will; its start is longer than a turn.
const DEADLINE: Timespec = Timespec { tv_sec: 15, tv_nsec: 0 };
/// How long it may take to end.
const END: Timespec = Timespec { tv_sec: 3, tv_nsec: 0 };

/// The script at work.
pub struct Script {
    child: Child,
    /// Nothing when it is to end.
    orders: Option<ChildStdin>,
    answers: BufReader<ChildStdout>,
    _file: File,
}

/// The script as a file, because its processes read it too.
struct File(PathBuf);

impl File {
    fn new() -> anyhow::Result<Self> {
        static MADE: AtomicU32 = AtomicU32::new(0);
        let number = MADE.fetch_add(1, Ordering::Relaxed);
        let name = format!("multiproc-comparison-{}-{number}.py", process::id());
        let path = env::temp_dir().join(name);
        fs::File::create_new(&path)?.write_all(SCRIPT.as_bytes())?;
        Ok(Self(path))
    }
}

impl Drop for File {
    fn drop(&mut self) {
        if let Err(error) = fs::remove_file(&self.0) {
            eprintln!("{} is left behind: {error}", self.0.display());
        }
    }
}

impl Script {
    pub fn start(arguments: &[String]) -> anyhow::Result<Self> {
        python::is_there()?;
        let file = File::new()?;
        let mut child = Command::new("python3")
            // Nothing is written beside the script.
            .arg("-B")
            .arg(&file.0)
            .args(arguments)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            // One group, so that none of its processes is left behind.
            .process_group(0)
            .spawn()
            .context("python3")?;
        let orders = child.stdin.take();
        let answers = BufReader::new(child.stdout.take().context("it has an output")?);
        let mut script = Self { child, orders, answers, _file: file };
        // The first turn waits for all of its processes.
        script.turn(Duration::from_millis(1))?;
        Ok(script)
    }

    pub fn turn(&mut self, length: Duration) -> anyhow::Result<f64> {
        let orders = self.orders.as_mut().context("it has no input")?;
        writeln!(orders, "{}", length.as_secs_f64() * 1e3)?;
        let mut answer = [PollFd::new(self.answers.get_ref(), PollFlags::IN)];
        ensure!(poll(&mut answer, Some(&DEADLINE))? > 0, "it does not answer");
        let mut line = String::new();
        self.answers.read_line(&mut line)?;
        ensure!(!line.is_empty(), "it has ended");
        Ok(line.trim().parse()?)
    }
}

impl Drop for Script {
    fn drop(&mut self) {
        // It ends with its input, and is the last to have its output open.
        drop(self.orders.take());
        let mut end = [PollFd::new(self.answers.get_ref(), PollFlags::empty())];
        let ended = poll(&mut end, Some(&END)).is_ok_and(|count| count > 0);
        if let (false, Some(group)) = (ended, Pid::from_raw(self.child.id() as i32)) {
            // The one of its processes that removes its semaphores stands this, and does so when the others are gone.
            let _killed = kill_process_group(group, Signal::TERM);
        }
        if let Err(error) = self.child.wait() {
            eprintln!("python3 cannot be waited for: {error}");
        }
    }
}
