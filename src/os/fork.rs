//! Finding out that this process was made by a raw `fork()`.
//!
//! A forked child has the parent's memory, and with it the parent's idea of which slots and pins are its own; but the
//! parent holds them. So the child must hold nothing. A page that the kernel wipes in a forked child
//! (`MADV_WIPEONFORK`, Linux 4.14) tells, at the price of a load, and without hooks that a raw system call passes by.
//!
//! `madvise(2)`
#![allow(unsafe_code)]

use crate::{
    Error, ErrorKind, Result,
    atomic::{AtomicPtr, AtomicU32, Ordering},
};
use std::{ptr, sync::Once};

/// Until there is a page: so that a look is two loads and no more.
static UNWATCHED: AtomicU32 = AtomicU32::new(WHOLE);
static PAGE: AtomicPtr<u32> = AtomicPtr::new(UNWATCHED.as_ptr());
const WHOLE: u32 = 1;
const PAGE_BYTES: usize = 4096;

/// From now on [`is_forked`] tells. Called before anything is claimed.
pub(crate) fn watch() {
    static ONCE: Once = Once::new();
    ONCE.call_once(|| {
        // SAFETY: an anonymous mapping at an address of the kernel's choice.
        let page = unsafe {
            libc::mmap(
                ptr::null_mut(),
                PAGE_BYTES,
                libc::PROT_READ | libc::PROT_WRITE,
                libc::MAP_PRIVATE | libc::MAP_ANONYMOUS,
                -1,
                0,
            )
        };
        if page == libc::MAP_FAILED {
            return;
        }
        // SAFETY: the page was mapped above and is ours.
        if unsafe { libc::madvise(page, PAGE_BYTES, libc::MADV_WIPEONFORK) } != 0 {
            // An old kernel or an emulator: the hook of libc's fork at least.
            // SAFETY: the handler only stores to the page, which is never unmapped.
            unsafe { libc::pthread_atfork(None, None, Some(wipe)) };
        }
        word(page.cast()).store(WHOLE, Ordering::Relaxed);
        PAGE.store(page.cast(), Ordering::Release);
    });
}

extern "C" fn wipe() {
    word(PAGE.load(Ordering::Relaxed)).store(0, Ordering::Relaxed);
}

fn word(page: *mut u32) -> &'static AtomicU32 {
    // SAFETY: the page is mapped for the rest of the process's life, or is a static, and only used as this atomic.
    unsafe { AtomicU32::from_ptr(page) }
}

/// Whether this process was forked, without exec, from one that watches. Two loads.
#[inline]
pub(crate) fn is_forked() -> bool {
    word(PAGE.load(Ordering::Relaxed)).load(Ordering::Relaxed) != WHOLE
}

/// An error in a forked child.
pub(crate) fn refuse_if_forked() -> Result<()> {
    if is_forked() {
        return Err(Error::new(
            ErrorKind::Forked,
            "this process was made by a raw fork() and holds nothing of what its parent attached; start processes with multiproc::spawn, \
             or exec a program that attaches by itself",
        ));
    }
    Ok(())
}
