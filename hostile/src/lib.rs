//! The library's protocol files on std atomics, with threads that a test stops at steps, and a kernel without slices: what is asleep here sleeps for ever.
#![cfg(test)]
#![allow(dead_code, unreachable_pub, unused)]
mod atomic {
    pub use std::sync::atomic::{AtomicU32, AtomicU64, Ordering, fence};
}
mod os {
    pub mod clock {
        use std::cell::Cell;
        #[derive(Clone, Copy, Debug, PartialEq, Eq)]
        pub struct Deadline(u8);
        thread_local! { static SLEPT: Cell<bool> = Cell::new(false); }
        impl Deadline {
            pub const NEVER: Self = Self(0);
            pub const NOW: Self = Self(1);
            pub const SOON: Self = Self(2);
            pub fn has_passed(self) -> bool {
                match self { Self::NEVER => false, Self::NOW => true, _ => SLEPT.with(Cell::get) }
            }
            pub fn passes_in_sleep(self) -> bool {
                if self == Self::SOON { SLEPT.with(|s| s.set(true)); }
                self == Self::SOON
            }
        }
    }
    pub mod step {
        macro_rules! step { ($name:literal) => { $crate::world::reached($name) }; }
        pub(crate) use step;
    }
}
#[path = "../../src/segment"]
mod segment {
    mod owner;
    pub(crate) use owner::OwnerId;
}
#[path = "../../src/sync"]
mod sync {
    pub mod party;
    pub mod raw_barrier;
    pub mod raw_event;
    pub mod raw_lock;
    pub mod raw_semaphore;
    mod seats;
    pub(crate) use raw_lock::RawLock;
    pub(crate) use seats::Seats;
}
mod world;
mod barrier;
mod event;
mod semaphore;
