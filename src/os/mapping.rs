//! A shared mapping of an object, as raw memory.
//!
//! `memmap2`'s `MmapRaw` makes no claim about aliasing: no slice of the whole ever exists.
//!
//! `mmap(2)`
#![allow(unsafe_code)]

use super::object::{Access, Object};
use crate::{Error, ErrorKind, Result};
use std::{io, ops::Range, ptr::NonNull};

/// Memory that other processes have too.
#[derive(Debug)]
pub(crate) struct Mapping(memmap2::MmapRaw);

impl Mapping {
    /// Maps the first `len` bytes, which the object has.
    pub(crate) fn new(object: &Object, len: usize, access: Access) -> Result<Self> {
        let mut options = memmap2::MmapOptions::new();
        options.len(len);
        let mapped = match access {
            Access::ReadWrite => options.map_raw(object.file()),
            Access::ReadOnly => options.map_raw_read_only(object.file()),
        };
        mapped.map(Self).map_err(|error| Error::os(format_args!("mapping {len} bytes"), error))
    }

    /// Its beginning: the start of a page.
    pub(crate) fn as_ptr(&self) -> NonNull<u8> {
        // SAFETY: a mapping is never at address zero.
        unsafe { NonNull::new_unchecked(self.0.as_mut_ptr()) }
    }

    pub(crate) fn len(&self) -> usize {
        self.0.len()
    }

    /// Asks for huge pages where the system has them; where it has none, nothing is lost but speed.
    pub(crate) fn advise_huge(&self) {
        // SAFETY: the range is the mapping itself; the advice changes no contents.
        unsafe { libc::madvise(self.0.as_mut_ptr().cast(), self.len(), libc::MADV_HUGEPAGE) };
    }

    /// Takes the pages of these bytes now, as a write by this thread would, and maps them; contents stay. `false` where the kernel cannot (before Linux 5.14).
    pub(crate) fn populate(&self, bytes: Range<usize>) -> Result<bool> {
        let start = bytes.start / 4096 * 4096;
        let end = bytes.end.min(self.len());
        if start >= end {
            return Ok(true);
        }
        loop {
            // SAFETY: the range is inside the mapping; the call changes no contents.
            let answer = unsafe {
                libc::madvise(
                    self.0.as_mut_ptr().wrapping_add(start).cast(),
                    end - start,
                    libc::MADV_POPULATE_WRITE,
                )
            };
            if answer == 0 {
                return Ok(true);
            }
            let error = io::Error::last_os_error();
            match error.raw_os_error() {
                Some(libc::EINTR | libc::EAGAIN) => {}
                Some(libc::EINVAL) => return Ok(false),
                // What would have been a SIGBUS, or no memory at all.
                Some(libc::EFAULT | libc::ENOMEM) => {
                    return Err(Error::new(
                        ErrorKind::NoSpace,
                        format!(
                            "no room for {} bytes of shared memory: make /dev/shm larger (--shm-size of a container), \
                             or remove what is not needed",
                            end - start
                        ),
                    )
                    .with_source(error));
                }
                _ => return Err(Error::os("madvise(MADV_POPULATE_WRITE)", error)),
            }
        }
    }

    /// Gives the pages of these bytes, which begin with one, back to the system, for everybody who has the object mapped: what is there is lost. Where the file system cannot, nothing happens.
    pub(crate) fn remove(&self, pages: Range<usize>) {
        let end = pages.end.min(self.len());
        if pages.start.is_multiple_of(4096) && pages.start < end {
            let start = self.0.as_mut_ptr().wrapping_add(pages.start).cast();
            // SAFETY: the range is inside the mapping, in which nobody has references to bytes that matter, says the caller.
            unsafe { libc::madvise(start, end - pages.start, libc::MADV_REMOVE) };
        }
    }

    /// Keeps the page of this place in memory, where the limit allows it: a dying thread's list is walked when page faults
    /// may not be served any more.
    pub(crate) fn lock_page(&self, offset: usize) {
        if offset < self.len() {
            let page = offset / 4096 * 4096;
            // SAFETY: the page is inside the mapping; mlock reads and writes nothing.
            unsafe { libc::mlock(self.0.as_ptr().wrapping_add(page).cast(), 1) };
        }
    }
}
