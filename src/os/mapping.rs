//! A shared mapping of an object, as raw memory.
//!
//! `memmap2`'s `MmapRaw` makes no claim about aliasing: no slice of the whole ever exists.
//!
//! `mmap(2)`
#![allow(unsafe_code)]

use super::object::{Access, Object};
use crate::{Error, Result};
use std::ptr::NonNull;

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
