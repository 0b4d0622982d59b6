//! Taking a variable out of the environment.
//!
//! `unsetenv(3)`
#![allow(unsafe_code)]

/// Removes a variable, at the beginning of a worker.
pub(crate) fn remove(name: &str) {
    // SAFETY: called by a worker before it has started any thread, or from its main thread before any code of the user ran.
    unsafe { std::env::remove_var(name) };
}
