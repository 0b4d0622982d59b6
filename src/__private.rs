//! Not for users: what tests and macros need.

/// In builds with debug assertions: this process kills itself when it reaches the named step for the nth time.
#[cfg(debug_assertions)]
pub use crate::os::step::die_at;

/// What [`test_support!`](crate::test_support) runs before `main`.
pub extern "C" fn init_before_main() {
    crate::process::init_before_main();
}
