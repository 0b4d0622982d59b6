//! The word that the kernel rings when this thread dies.
//!
//! Each thread has a robust-list head, registered by libc. Its `list_op_pending` field names one futex that the
//! thread was about to handle. When the thread ends, the kernel looks at that word: if its TID part (bits 0–29) is
//! zero, it wakes one sleeper of the word and changes nothing. A gate (see `sync`) keeps its TID part zero, so a
//! thread that depends on being woken at a gate, or that took a wake-up and has not passed it on, names the
//! gate here; if it dies, the wake-up goes to the next sleeper instead of being lost.
//!
//! `get_robust_list(2)`, and `handle_futex_death` of the kernel for the TID-zero case.
#![allow(unsafe_code)]

use crate::atomic::{AtomicPtr, Ordering, compiler_fence};
use std::{cell::Cell, ptr};

/// `struct robust_list_head` of the kernel.
#[repr(C)]
struct Head {
    list: *mut u8,
    futex_offset: isize,
    list_op_pending: AtomicPtr<u8>,
}

thread_local! {
    static HEAD: Cell<*const Head> = const { Cell::new(ptr::null()) };
}

#[inline]
fn head() -> Option<&'static Head> {
    let known = HEAD.get();
    let known = if known.is_null() { find_head() } else { known };
    // SAFETY: libc registered this head for the calling thread; it lives as long as the thread, and only this thread
    // writes to it (the kernel reads it when the thread ends).
    unsafe { known.as_ref() }
}

/// Null where the system has none.
#[cold]
fn find_head() -> *const Head {
    let mut head: *const Head = ptr::null();
    let mut length = 0_usize;
    // SAFETY: both places are valid for the answers; 0 names the calling thread.
    let answer =
        unsafe { libc::syscall(libc::SYS_get_robust_list, 0, &raw mut head, &raw mut length) };
    if answer != 0 || length != size_of::<Head>() {
        return ptr::null();
    }
    HEAD.set(head);
    head
}

/// While this lives, the kernel wakes one sleeper of the gate when the thread dies.
///
/// One at a time for each thread: a second one takes the place of the first, and gives it back.
#[derive(Debug)]
pub(crate) struct RingAtDeath {
    before: *mut u8,
    set: bool,
}

impl RingAtDeath {
    /// Names `gate`. Where the system has no robust list, nothing is named and sleepers depend on their slices.
    #[inline]
    pub(crate) fn name(gate: *const u32) -> Self {
        let Some(head) = head() else {
            return Self { before: ptr::null_mut(), set: false };
        };
        let entry = gate.cast_mut().cast::<u8>().wrapping_offset(-head.futex_offset);
        let before = head.list_op_pending.load(Ordering::Relaxed);
        // Release: only this thread and the kernel, which reads when the thread has ended, know the field; no exchange is needed. What the thread
        // does afterwards, it does after this in the order of its instructions: whatever it did before it died, the kernel finds the name.
        head.list_op_pending.store(entry, Ordering::Release);
        compiler_fence(Ordering::SeqCst);
        Self { before, set: true }
    }
}

impl Drop for RingAtDeath {
    #[inline]
    fn drop(&mut self) {
        if let (true, Some(head)) = (self.set, head()) {
            // What the thread did with the wake-up comes first.
            compiler_fence(Ordering::SeqCst);
            head.list_op_pending.store(self.before, Ordering::Release);
        }
    }
}
