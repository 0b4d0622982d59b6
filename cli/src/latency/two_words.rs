//! What the floors are made of: bare words that two processes share, and the calls by which they sleep at them.
#![allow(unsafe_code, reason = "what is compared with them must not be a part of them")]

use multiproc::SharedMemory;
use rustix::thread::futex::{self, Flags};
use serde::{Deserialize, Serialize};
use std::sync::atomic::AtomicU32;

/// A cache line, and what the processor fetches along with it.
const LINE: usize = 128;

/// The words at the beginnings of two lines.
#[derive(Clone, Serialize, Deserialize)]
pub(crate) struct TwoWords(SharedMemory);

impl TwoWords {
    pub(crate) fn new() -> multiproc::Result<Self> {
        SharedMemory::create_unnamed(2 * LINE).map(Self)
    }

    pub(crate) fn word(&self, side: u32) -> &AtomicU32 {
        let place = self.0.as_ptr().wrapping_add((side % 2) as usize * LINE);
        // SAFETY: the memory has two lines and lives as long as the handle; all use it by atomic operations.
        unsafe { AtomicU32::from_ptr(place.cast()) }
    }
}

pub(crate) fn futex_wake(word: &AtomicU32) {
    futex::wake(word, Flags::empty(), 1).unwrap();
}

/// Sleeps while the word has the value; it may return at any time.
pub(crate) fn futex_wait(word: &AtomicU32, value: u32) {
    let _ = futex::wait(word, Flags::empty(), value, None);
}
