//! Waiting for a name to appear in a directory, without looking again and again.
//!
//! `inotify(7)`, `poll(2)`
#![allow(unsafe_code)]

use super::clock::Deadline;
use crate::{Error, Result};
use std::{
    ffi::CString,
    fs::File,
    io::Read,
    os::{
        fd::{AsRawFd, FromRawFd},
        unix::ffi::OsStrExt,
    },
    path::Path,
};

/// A watch for new names in one directory. Names that appear after its making are not missed.
#[derive(Debug)]
pub(crate) struct DirectoryWatch(File);

impl DirectoryWatch {
    pub(crate) fn new(directory: &Path) -> Result<Self> {
        // SAFETY: no pointers.
        let watch = unsafe { libc::inotify_init1(libc::IN_CLOEXEC | libc::IN_NONBLOCK) };
        if watch < 0 {
            return Err(Error::last_os("inotify_init1"));
        }
        // SAFETY: the descriptor is new, and nobody else has it.
        let watch = unsafe { File::from_raw_fd(watch) };
        let path = CString::new(directory.as_os_str().as_bytes()).map_err(|error| {
            Error::new(crate::ErrorKind::InvalidName, "a path has a NUL character")
                .with_source(error)
        })?;
        // SAFETY: the path is NUL-terminated and lives through the call.
        let added = unsafe {
            libc::inotify_add_watch(
                watch.as_raw_fd(),
                path.as_ptr(),
                libc::IN_CREATE | libc::IN_MOVED_TO,
            )
        };
        if added < 0 {
            return Err(Error::last_os(format_args!(
                "inotify_add_watch on {}",
                directory.display()
            )));
        }
        Ok(Self(watch))
    }

    /// Waits until a name has appeared, any name, or the deadline has passed.
    pub(crate) fn wait(&self, deadline: Deadline) -> Result<()> {
        let mut poll = libc::pollfd { fd: self.0.as_raw_fd(), events: libc::POLLIN, revents: 0 };
        let millis = deadline.remaining().map_or(-1, |left| {
            libc::c_int::try_from(left.as_nanos().div_ceil(1_000_000)).unwrap_or(libc::c_int::MAX)
        });
        // SAFETY: one pollfd, valid through the call.
        let ready = unsafe { libc::poll(&raw mut poll, 1, millis) };
        if ready > 0 {
            // What they are called does not matter: the caller looks for its own.
            let mut events = [0; 4096];
            let _ = (&self.0).read(&mut events);
        }
        Ok(())
    }
}
