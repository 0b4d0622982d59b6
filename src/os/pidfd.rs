//! A descriptor for a process, which never comes to mean another process.
//!
//! `pidfd_open(2)`, `pidfd_send_signal(2)`, `poll(2)`. Linux 5.3.
#![allow(unsafe_code)]

use std::{
    io,
    os::fd::{AsFd, AsRawFd, BorrowedFd, FromRawFd, OwnedFd},
    ptr,
    time::{Duration, Instant},
};

use crate::{Error, ErrorKind, Result};

/// A process, by descriptor. It is readable once the process has ended, before and after it was waited for.
#[derive(Debug)]
pub(crate) struct PidFd(OwnedFd);

impl PidFd {
    /// The process that has the pid `pid` now. For a child that nobody has waited for that is always the child.
    ///
    /// # Errors
    ///
    /// [`ErrorKind::NotFound`] if there is no such process, [`ErrorKind::Unsupported`] before Linux 5.3.
    pub(crate) fn open(pid: u32) -> Result<Self> {
        // SAFETY: pidfd_open takes two integers and touches no memory.
        let fd = unsafe { libc::syscall(libc::SYS_pidfd_open, libc::c_long::from(pid), 0) };
        if fd < 0 {
            return Err(failed(format_args!("pidfd_open of process {pid}")));
        }
        // SAFETY: the call just made this descriptor, and nobody else knows it. It fits: descriptors are `int`s.
        Ok(Self(unsafe { OwnedFd::from_raw_fd(fd as i32) }))
    }

    /// Waits until the process has ended, or for `timeout` (`None`: as long as it takes). Tells whether it has.
    pub(crate) fn wait(&self, timeout: Option<Duration>) -> Result<bool> {
        // A time-out beyond the end of the clock is none.
        let deadline = timeout.and_then(|timeout| Instant::now().checked_add(timeout));
        loop {
            let left = deadline.map(|deadline| deadline.saturating_duration_since(Instant::now()));
            let mut poll =
                libc::pollfd { fd: self.0.as_raw_fd(), events: libc::POLLIN, revents: 0 };
            let left = left.map(|left| libc::timespec {
                tv_sec: left.as_secs().try_into().unwrap_or(libc::time_t::MAX),
                tv_nsec: left.subsec_nanos().into(),
            });
            let left = left.as_ref().map_or(ptr::null(), ptr::from_ref);
            // SAFETY: one pollfd, and a timespec or null, both alive during the call; no signal mask.
            match unsafe { libc::ppoll(&raw mut poll, 1, left, ptr::null()) } {
                0 => return Ok(false),
                1.. => return Ok(true),
                _ => {
                    let error = io::Error::last_os_error();
                    if error.kind() != io::ErrorKind::Interrupted {
                        return Err(Error::os("poll of a pidfd", error));
                    }
                }
            }
        }
    }

    /// Waits until the pipe has something to read, or its end, or the process has ended. Whether there is something to read.
    pub(crate) fn wait_or_read(&self, pipe: BorrowedFd<'_>) -> Result<bool> {
        let watch = |fd| libc::pollfd { fd, events: libc::POLLIN, revents: 0 };
        let mut polls = [watch(pipe.as_raw_fd()), watch(self.0.as_raw_fd())];
        loop {
            // SAFETY: two pollfds that live through the call.
            if unsafe { libc::poll(polls.as_mut_ptr(), 2, -1) } > 0 {
                return Ok(polls[0].revents != 0);
            }
            let error = io::Error::last_os_error();
            if error.kind() != io::ErrorKind::Interrupted {
                return Err(Error::os("poll", error));
            }
        }
    }

    /// Whether the process has ended; does not wait.
    pub(crate) fn has_exited(&self) -> Result<bool> {
        self.wait(Some(Duration::ZERO))
    }

    /// Sends a signal.
    ///
    /// # Errors
    ///
    /// [`ErrorKind::NotFound`] if the process has ended and was waited for.
    pub(crate) fn send_signal(&self, signal: i32) -> Result<()> {
        let (fd, none) = (self.0.as_raw_fd(), ptr::null::<libc::siginfo_t>());
        // SAFETY: an open descriptor, a number, no siginfo (the kernel fills in what kill(2) would), no flags.
        let rc = unsafe { libc::syscall(libc::SYS_pidfd_send_signal, fd, signal, none, 0) };
        if rc == 0 { Ok(()) } else { Err(failed(format_args!("pidfd_send_signal of {signal}"))) }
    }
}

impl AsFd for PidFd {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.0.as_fd()
    }
}

/// The error of the last call: for processes "no such" is ESRCH.
fn failed(call: std::fmt::Arguments<'_>) -> Error {
    let source = io::Error::last_os_error();
    if source.raw_os_error() == Some(libc::ESRCH) {
        let message = format!("{call} failed: there is no such process (any more)");
        return Error::new(ErrorKind::NotFound, message).with_source(source);
    }
    Error::os(call, source)
}

/// Whether a wait failed because there is no such child: somebody else has waited for it.
pub(crate) fn is_no_child(error: &io::Error) -> bool {
    error.raw_os_error() == Some(libc::ECHILD)
}

#[cfg(test)]
mod tests {
    use std::{
        os::unix::process::ExitStatusExt,
        process::{Child, Command, Stdio},
    };

    use super::*;

    /// A process that ends when its standard input is closed.
    fn cat() -> Child {
        Command::new("cat").stdin(Stdio::piped()).stdout(Stdio::null()).spawn().unwrap()
    }

    #[test]
    fn a_process_is_alive_until_it_ends() {
        let mut child = cat();
        let process = PidFd::open(child.id()).unwrap();
        assert!(!process.has_exited().unwrap());
        assert!(!process.wait(Some(Duration::from_millis(20))).unwrap());
        drop(child.stdin.take());
        assert!(process.wait(None).unwrap());
        assert!(process.has_exited().unwrap(), "a zombie has ended");
        assert!(child.wait().unwrap().success());
        assert!(process.wait(Some(Duration::MAX)).unwrap());
    }

    #[test]
    fn a_signal_reaches_the_process_and_none_after_its_end() {
        let mut child = cat();
        let process = PidFd::open(child.id()).unwrap();
        process.send_signal(libc::SIGKILL).unwrap();
        assert!(process.wait(None).unwrap());
        assert_eq!(child.wait().unwrap().signal(), Some(libc::SIGKILL));
        assert_eq!(process.send_signal(libc::SIGKILL).unwrap_err().kind(), ErrorKind::NotFound);
    }

    #[test]
    fn a_pid_that_nobody_has_is_an_error() {
        let error = PidFd::open(i32::MAX as u32).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::NotFound);
        assert!(error.to_string().contains("pidfd_open of process 2147483647"), "{error}");
    }
}
