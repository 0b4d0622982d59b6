//! Finding out that this process was made by a raw `fork()`.
//!
//! A forked child has the parent's memory, and with it the parent's idea of which slots and pins are its own; but the
//! parent holds them. So the child must hold nothing. A page that the kernel wipes in a forked child
//! (`MADV_WIPEONFORK`, Linux 4.14) tells, at the price of a load, and without hooks that a raw system call passes by.
//!
//! The page is a static, so that the look is one load from a place that the linker knows. It is zero at first, hence in memory that no file is behind,
//! which is what the kernel wipes.
//!
//! `madvise(2)`
#![allow(unsafe_code)]

use crate::{
    Error, ErrorKind, Result,
    atomic::{AtomicU32, Ordering},
};
use std::sync::Once;

const PAGE_BYTES: usize = 4096;

/// Nothing else is in this page.
#[repr(C, align(4096))]
struct Page {
    word: AtomicU32,
    _rest: [u8; PAGE_BYTES - size_of::<u32>()],
}

static PAGE: Page = Page { word: AtomicU32::new(0), _rest: [0; PAGE_BYTES - size_of::<u32>()] };
const _: () = assert!(size_of::<Page>() == PAGE_BYTES);
/// In the word, from the first [`watch`] on; the kernel's zero takes its place in a forked child.
const WHOLE: u32 = 1;

static WATCHED: Once = Once::new();

/// From now on [`is_forked`] tells. Called before anything is claimed.
pub(crate) fn watch() {
    WATCHED.call_once(|| {
        let page = (&raw const PAGE).cast_mut().cast();
        // SAFETY: the page is this static alone, aligned to a page; advice changes nothing in this process.
        if unsafe { libc::madvise(page, PAGE_BYTES, libc::MADV_WIPEONFORK) } != 0 {
            // An old kernel or an emulator: the hook of libc's fork at least.
            // SAFETY: the handler only stores to the word.
            unsafe { libc::pthread_atfork(None, None, Some(wipe)) };
        }
        PAGE.word.store(WHOLE, Ordering::Relaxed);
    });
}

extern "C" fn wipe() {
    PAGE.word.store(0, Ordering::Relaxed);
}

/// Whether this process was forked, without exec, from one that watches.
#[inline]
pub(crate) fn is_forked() -> bool {
    is_forked_holder() && WATCHED.is_completed()
}

/// The same for who knows that somebody watches, because there is something to hold: one load.
#[inline]
pub(crate) fn is_forked_holder() -> bool {
    PAGE.word.load(Ordering::Relaxed) != WHOLE
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
