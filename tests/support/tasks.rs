//! What pools are given to do.
#![allow(dead_code, reason = "each test executable uses some of it")]

use multiproc::Event;
use std::thread;

pub(crate) fn square(x: u64) -> u64 {
    x * x
}

pub(crate) fn after(event: Event, x: u32) -> u32 {
    event.wait().unwrap();
    x
}

/// Never returns.
pub(crate) fn park() -> u32 {
    loop {
        thread::park();
    }
}

/// Never returns, and tells when it is at work.
pub(crate) fn begin_and_park(begun: Event) -> u32 {
    begun.set().unwrap();
    park()
}
