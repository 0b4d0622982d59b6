//! A descriptor for a process, which never comes to mean another process.
//!
//! `pidfd_open(2)`, `pidfd_send_signal(2)`. Linux 5.3; `waitid(2)` by descriptor, Linux 5.4.
#![allow(unsafe_code)]

use std::{
    io,
    mem::MaybeUninit,
    os::fd::{AsFd, AsRawFd, BorrowedFd, FromRawFd, OwnedFd},
    ptr,
    time::Duration,
};

use super::{clock::Deadline, poll::readable};
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
        let deadline = timeout.map_or(Deadline::NEVER, Deadline::after);
        Ok(!readable(&[self.as_fd()], deadline)?.is_empty())
    }

    /// Waits until the pipe has something to read, or its end, or the process has ended. Whether there is something to read.
    pub(crate) fn wait_or_read(&self, pipe: BorrowedFd<'_>) -> Result<bool> {
        Ok(readable(&[pipe, self.as_fd()], Deadline::NEVER)?.contains(&0))
    }

    /// Whether the process has ended; does not wait.
    pub(crate) fn has_exited(&self) -> Result<bool> {
        self.wait(Some(Duration::ZERO))
    }

    /// The signal that has stopped this child, if all of it is stopped now. Who else waits for the child is told the same: nothing is taken away from them.
    pub(crate) fn stopped_by(&self) -> Result<Option<i32>> {
        let mut info = MaybeUninit::<libc::siginfo_t>::zeroed();
        let (descriptor, place) = (self.0.as_raw_fd() as libc::id_t, info.as_mut_ptr());
        let options = libc::WSTOPPED | libc::WNOHANG | libc::WNOWAIT;
        // SAFETY: an open descriptor, and a place for the answer.
        if unsafe { libc::waitid(libc::P_PIDFD, descriptor, place, options) } != 0 {
            return Err(failed(format_args!("waitid")));
        }
        // SAFETY: zeros are a siginfo, and the call has written nothing else into it.
        let info = unsafe { info.assume_init() };
        // SAFETY: what waitid fills in has a pid; where it has found nothing, it is a zero.
        let pid = unsafe { info.si_pid() };
        // SAFETY: as above, and a status.
        let status = unsafe { info.si_status() };
        Ok((pid != 0).then_some(status))
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
    fn a_stopped_child_is_seen_until_it_goes_on() {
        let mut child = cat();
        let process = PidFd::open(child.id()).unwrap();
        assert_eq!(process.stopped_by().unwrap(), None);
        process.send_signal(libc::SIGSTOP).unwrap();
        while process.stopped_by().unwrap().is_none() {
            std::thread::yield_now();
        }
        // Asking takes nothing away.
        assert_eq!(process.stopped_by().unwrap(), Some(libc::SIGSTOP));
        process.send_signal(libc::SIGCONT).unwrap();
        assert_eq!(process.stopped_by().unwrap(), None);
        drop(child.stdin.take());
        assert!(child.wait().unwrap().success());
        assert!(process.stopped_by().is_err());
    }

    #[test]
    fn a_pid_that_nobody_has_is_an_error() {
        let error = PidFd::open(i32::MAX as u32).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::NotFound);
        assert!(error.to_string().contains("pidfd_open of process 2147483647"), "{error}");
    }
}
