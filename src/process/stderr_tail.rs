//! The last lines that a process wrote to its standard error.

use crate::{Error, Result, os::pidfd::PidFd};
use std::{
    collections::VecDeque,
    io::Read,
    os::fd::AsFd,
    process::ChildStderr,
    sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError},
    thread,
};

/// How much is kept.
const KEPT: usize = 8 << 10;

/// What a thread has read so far from the pipe; the process never waits for a reader.
#[derive(Debug, Default)]
pub(super) struct StderrTail {
    state: Mutex<State>,
    complete: Condvar,
}

#[derive(Debug, Default)]
struct State {
    bytes: VecDeque<u8>,
    /// The process has ended, and all that it wrote was read. Its own children may write on.
    is_complete: bool,
}

impl StderrTail {
    /// Begins to read.
    pub(super) fn of(pid: u32, pipe: ChildStderr) -> Result<Arc<Self>> {
        let descriptor = PidFd::open(pid)?;
        let tail = Arc::new(Self::default());
        let reader = Arc::clone(&tail);
        thread::Builder::new()
            .name("multiproc-stderr".into())
            .stack_size(64 << 10)
            .spawn(move || reader.read(&descriptor, pipe))
            .map_err(|error| Error::os("starting a thread", error))?;
        Ok(tail)
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn read(&self, process: &PidFd, mut pipe: ChildStderr) {
        let mut buffer = [0; 4096];
        loop {
            if !self.state().is_complete && !process.wait_or_read(pipe.as_fd()).unwrap_or(true) {
                self.finish();
            }
            match pipe.read(&mut buffer) {
                Ok(count @ 1..) => {
                    let bytes = &mut self.state().bytes;
                    bytes.extend(&buffer[..count]);
                    let surplus = bytes.len().saturating_sub(KEPT);
                    bytes.drain(..surplus);
                }
                Err(error) if error.kind() == std::io::ErrorKind::Interrupted => {}
                _ => break,
            }
        }
        self.finish();
    }

    fn finish(&self) {
        self.state().is_complete = true;
        self.complete.notify_all();
    }

    /// What is there now.
    pub(super) fn text(&self) -> String {
        let bytes: Vec<u8> = self.state().bytes.iter().copied().collect();
        let whole = if bytes.len() < KEPT {
            &bytes[..]
        } else {
            // The first line is cut.
            bytes.splitn(2, |&byte| byte == b'\n').nth(1).unwrap_or(&bytes)
        };
        String::from_utf8_lossy(whole).trim_end().to_owned()
    }

    /// All of it, once the process has ended.
    pub(super) fn last_words(&self) -> String {
        let state = self
            .complete
            .wait_while(self.state(), |state| !state.is_complete)
            .unwrap_or_else(PoisonError::into_inner);
        drop(state);
        self.text()
    }
}
