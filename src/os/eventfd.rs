//! A descriptor that this process makes readable by itself.
//!
//! `eventfd(2)`
#![allow(unsafe_code)]

use crate::{Error, Result};
use std::{
    fs::File,
    io::{Read, Write},
    os::fd::{AsFd, BorrowedFd, FromRawFd, OwnedFd},
};

/// A number that is readable while it is not zero.
#[derive(Debug)]
pub(crate) struct EventFd(File);

impl EventFd {
    pub(crate) fn new() -> Result<Self> {
        // SAFETY: the call takes numbers only.
        let descriptor = unsafe { libc::eventfd(0, libc::EFD_CLOEXEC | libc::EFD_NONBLOCK) };
        if descriptor < 0 {
            return Err(Error::last_os("eventfd"));
        }
        // SAFETY: the call just made this descriptor, and nobody else knows it.
        Ok(Self(unsafe { OwnedFd::from_raw_fd(descriptor) }.into()))
    }

    /// Makes it readable; for who waits for changes, each time anew.
    pub(crate) fn signal(&self) {
        // It fails only when the number is as high as it can be: then it is readable.
        let _ = (&self.0).write_all(&1_u64.to_ne_bytes());
    }

    /// It is not readable any more.
    pub(crate) fn drain(&self) {
        // It fails only when there is nothing to drain.
        let _ = (&self.0).read_exact(&mut [0; 8]);
    }
}

impl AsFd for EventFd {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.0.as_fd()
    }
}
