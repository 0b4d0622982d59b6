//! Descriptors that one thread waits for, to which others can be added meanwhile.
//!
//! `epoll(7)`. Closing a descriptor takes it out, and nothing is kept open for the sake of a wait, as `poll` would.
#![allow(unsafe_code)]

use crate::{Error, Result};
use std::{
    io,
    os::fd::{AsFd, AsRawFd, BorrowedFd, FromRawFd, OwnedFd},
};

const ONCE: libc::c_int = libc::EPOLLIN | libc::EPOLLONESHOT;

/// Descriptors, each with a number of the caller's. It is readable itself when one of them is.
#[derive(Debug)]
pub(crate) struct DescriptorSet(OwnedFd);

impl DescriptorSet {
    pub(crate) fn new() -> Result<Self> {
        // SAFETY: no pointers.
        let descriptor = unsafe { libc::epoll_create1(libc::EPOLL_CLOEXEC) };
        if descriptor < 0 {
            return Err(Error::last_os("epoll_create1"));
        }
        // SAFETY: the call just made this descriptor, and nobody else knows it.
        Ok(Self(unsafe { OwnedFd::from_raw_fd(descriptor) }))
    }

    fn control(
        &self,
        what: libc::c_int,
        descriptor: BorrowedFd<'_>,
        events: libc::c_int,
        number: u64,
    ) -> io::Result<()> {
        let mut event = libc::epoll_event { events: events as u32, u64: number };
        let (set, descriptor) = (self.0.as_raw_fd(), descriptor.as_raw_fd());
        // SAFETY: an event that lives through the call; what is not open, or not in the set, is an error code.
        match unsafe { libc::epoll_ctl(set, what, descriptor, &raw mut event) } {
            0 => Ok(()),
            _ => Err(io::Error::last_os_error()),
        }
    }

    /// Adds a descriptor, also while another thread waits. That it is readable, or at its end, is told once, by `number`; once more for each time that it is added again.
    pub(crate) fn add(&self, descriptor: BorrowedFd<'_>, number: u64) -> Result<()> {
        let added = match self.control(libc::EPOLL_CTL_ADD, descriptor, ONCE, number) {
            Err(error) if error.kind() == io::ErrorKind::AlreadyExists => {
                self.control(libc::EPOLL_CTL_MOD, descriptor, ONCE, number)
            }
            added => added,
        };
        added.map_err(|error| failed(error, descriptor))
    }

    /// Adds a descriptor of which is told as often as it is asked.
    pub(crate) fn add_for_good(&self, descriptor: BorrowedFd<'_>) -> Result<()> {
        self.control(libc::EPOLL_CTL_ADD, descriptor, libc::EPOLLIN, 0)
            .map_err(|error| failed(error, descriptor))
    }

    /// Takes a descriptor out. What was told of it may still be on its way.
    pub(crate) fn remove(&self, descriptor: BorrowedFd<'_>) -> Result<()> {
        self.control(libc::EPOLL_CTL_DEL, descriptor, 0, 0)
            .map_err(|error| failed(error, descriptor))
    }

    /// Waits for some descriptor, and gives its number.
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

fn failed(error: io::Error, descriptor: BorrowedFd<'_>) -> Error {
    Error::os(format_args!("epoll_ctl of descriptor {}", descriptor.as_raw_fd()), error)
}

impl AsFd for DescriptorSet {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.0.as_fd()
    }
}
