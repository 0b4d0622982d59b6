//! A descriptor that another thread makes readable: for a thread that waits for descriptors.
//!
//! `eventfd(2)`
#![allow(unsafe_code)]

use crate::{Error, Result};
use std::os::fd::{AsFd, AsRawFd, BorrowedFd, FromRawFd, OwnedFd};

/// A counter. It is readable while it is not zero.
#[derive(Debug)]
pub(crate) struct EventFd(OwnedFd);

impl EventFd {
    pub(crate) fn new() -> Result<Self> {
        // SAFETY: no pointers.
        let descriptor = unsafe { libc::eventfd(0, libc::EFD_CLOEXEC | libc::EFD_NONBLOCK) };
        if descriptor < 0 {
            return Err(Error::last_os("eventfd"));
        }
        // SAFETY: the call just made this descriptor, and nobody else knows it.
        Ok(Self(unsafe { OwnedFd::from_raw_fd(descriptor) }))
    }

    /// Makes it readable. It cannot fail but where it is readable anyhow.
    pub(crate) fn set(&self) {
        let one = 1_u64;
        // SAFETY: an open descriptor, and eight bytes that live through the call.
        let _ = unsafe { libc::write(self.0.as_raw_fd(), (&raw const one).cast(), 8) };
    }

    /// Makes it unreadable.
    pub(crate) fn clear(&self) {
        let mut count = 0_u64;
        // SAFETY: as above.
        let _ = unsafe { libc::read(self.0.as_raw_fd(), (&raw mut count).cast(), 8) };
    }
}

impl AsFd for EventFd {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.0.as_fd()
    }
}
