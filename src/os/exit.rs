//! Work to do when the process exits in an orderly way, and an end without it.
//!
//! `atexit(3)`, `_exit(2)`
#![allow(unsafe_code)]

/// Runs the function at `exit` and at the return of `main`; not at a signal or `_exit`.
pub(crate) fn at_exit(function: extern "C" fn()) {
    // SAFETY: the function lives as long as the program; it is run once, on the exiting thread.
    unsafe { libc::atexit(function) };
}

/// Ends the process here and now, and nothing else is done.
pub(crate) fn at_once() -> ! {
    // SAFETY: it only ends the process.
    unsafe { libc::_exit(0) }
}
