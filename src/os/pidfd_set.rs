//! Waiting for the end of many processes at once, to which others can be added meanwhile.
//!
//! `epoll(7)`
#![allow(unsafe_code)]

use super::pidfd::PidFd;
use crate::{Error, Result};
use std::{
    io,
    os::fd::{AsFd, AsRawFd, FromRawFd, OwnedFd},
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

    /// Adds a process, also while another thread waits. Its end is told once, by `number`; once more for each time that it is added again.
    pub(crate) fn add(&self, process: &PidFd, number: u64) -> Result<()> {
        let events = (libc::EPOLLIN | libc::EPOLLONESHOT) as u32;
        let mut event = libc::epoll_event { events, u64: number };
        let (set, process) = (self.0.as_raw_fd(), process.as_fd().as_raw_fd());
        let mut control = |what| {
            // SAFETY: two open descriptors, and an event that lives through the call.
            match unsafe { libc::epoll_ctl(set, what, process, &raw mut event) } {
                0 => Ok(()),
                _ => Err(io::Error::last_os_error()),
            }
        };
        let added = match control(libc::EPOLL_CTL_ADD) {
            Err(error) if error.kind() == io::ErrorKind::AlreadyExists => {
                control(libc::EPOLL_CTL_MOD)
            }
            added => added,
        };
        added.map_err(|error| Error::os("epoll_ctl", error))
    }

    /// Waits for the end of some process, and gives its number.
    pub(crate) fn wait(&self) -> Result<u64> {
        let mut event = libc::epoll_event { events: 0, u64: 0 };
        loop {
            // SAFETY: an open descriptor, and room for one event.
            match unsafe { libc::epoll_wait(self.0.as_raw_fd(), &raw mut event, 1, -1) } {
                1.. => return Ok(event.u64),
                0 => {}
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
