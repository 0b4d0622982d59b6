//! Waiting for the end of many processes at once, to which others can be added meanwhile.
//!
//! `epoll(7)`
#![allow(unsafe_code)]

use super::{clock::Deadline, event_fd::EventFd, pidfd::PidFd};
use crate::{Error, Result};
use std::{
    io,
    os::fd::{AsFd, AsRawFd, BorrowedFd, FromRawFd, OwnedFd},
    time::Duration,
};

/// Processes whose ends are waited for, each with a number of the caller's.
#[derive(Debug)]
pub(crate) struct PidFdSet(OwnedFd);

impl PidFdSet {
    pub(crate) fn new() -> Result<Self> {
        // SAFETY: no pointers.
        let descriptor = unsafe { libc::epoll_create1(libc::EPOLL_CLOEXEC) };
        if descriptor < 0 {
            return Err(Error::last_os("epoll_create1"));
        }
        // SAFETY: the call just made this descriptor, and nobody else knows it.
        Ok(Self(unsafe { OwnedFd::from_raw_fd(descriptor) }))
    }

    /// Adds a process, also while another thread waits. Its end is told once, by `number`.
    pub(crate) fn add(&self, process: &PidFd, number: u64) -> Result<()> {
        self.add_descriptor(process.as_fd(), libc::EPOLLIN | libc::EPOLLONESHOT, number)
    }

    /// Adds something else to wait for. It is told, by `number`, as long as it is set.
    pub(crate) fn add_event(&self, event: &EventFd, number: u64) -> Result<()> {
        self.add_descriptor(event.as_fd(), libc::EPOLLIN, number)
    }

    fn add_descriptor(&self, added: BorrowedFd<'_>, events: i32, number: u64) -> Result<()> {
        let mut event = libc::epoll_event { events: events as u32, u64: number };
        let (set, added) = (self.0.as_raw_fd(), added.as_raw_fd());
        // SAFETY: two open descriptors, and an event that lives through the call.
        match unsafe { libc::epoll_ctl(set, libc::EPOLL_CTL_ADD, added, &raw mut event) } {
            0 => Ok(()),
            _ => Err(Error::last_os("epoll_ctl")),
        }
    }

    /// Waits for the end of some process, and gives its number.
    pub(crate) fn wait(&self) -> Result<u64> {
        loop {
            if let Some(number) = self.wait_until(Deadline::NEVER)? {
                return Ok(number);
            }
        }
    }

    /// The same until the deadline; then `None`, at the earliest.
    pub(crate) fn wait_until(&self, deadline: Deadline) -> Result<Option<u64>> {
        let mut event = libc::epoll_event { events: 0, u64: 0 };
        loop {
            // Rounded up: it does not turn round and round for the last part of a millisecond.
            let up = |left: Duration| i32::try_from(left.as_micros().div_ceil(1000));
            let left = deadline.remaining().map_or(-1, |left| up(left).unwrap_or(i32::MAX));
            // SAFETY: an open descriptor, and room for one event.
            match unsafe { libc::epoll_wait(self.0.as_raw_fd(), &raw mut event, 1, left) } {
                1.. => return Ok(Some(event.u64)),
                0 => return Ok(None),
                _ => {
                    let error = io::Error::last_os_error();
                    if error.kind() != io::ErrorKind::Interrupted {
                        return Err(Error::os("epoll_wait", error));
                    }
                }
            }
        }
    }
}
