//! Work to do when the process exits in an orderly way.
//!
//! `atexit(3)`
#![allow(unsafe_code)]

/// Runs the function at `exit` and at the return of `main`; not at a signal or `_exit`.
pub(crate) fn at_exit(function: extern "C" fn()) {
    // SAFETY: the function lives as long as the program; it is run once, on the exiting thread.
    unsafe { libc::atexit(function) };
}
