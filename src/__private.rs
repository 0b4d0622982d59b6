//! Not for users: what tests and macros need.

/// In builds with debug assertions: this process kills itself when it reaches the named step for the nth time.
#[cfg(debug_assertions)]
pub use crate::os::step::die_at;
