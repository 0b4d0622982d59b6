//! What the protocols ask of the system. The random explorer uses this file too.

pub mod clock {
    /// A moment: never, now, or after one sleep.
    #[derive(Clone, Copy, Debug, PartialEq, Eq)]
    pub struct Deadline(u8);

    impl Deadline {
        pub const NEVER: Self = Self(0);
        pub const NOW: Self = Self(1);
        /// Passes while this thread sleeps for the first time.
        pub const SOON: Self = Self(2);

        pub fn has_passed(self) -> bool {
            match self {
                Self::NEVER => false,
                Self::NOW => true,
                _ => crate::world::has_slept(),
            }
        }

        /// Nobody is impatient here.
        pub fn within(self, _: std::time::Duration) -> Self {
            self
        }
    }
}

pub mod step {
    macro_rules! step {
        ($name:literal) => {
            $crate::world::reached($name)
        };
    }
    pub(crate) use step;
}

/// The kernel's fence for both is a fence of each here: that is what it promises.
pub mod membarrier {
    use super::clock::Deadline;
    use crate::atomic::{Ordering, fence};
    use crate::world::broken;

    pub fn register() -> bool {
        true
    }

    pub fn light() {
        if !broken("light") {
            fence(Ordering::SeqCst);
        }
    }

    pub fn heavy() -> bool {
        fence(Ordering::SeqCst);
        true
    }

    /// All are reached at once.
    #[derive(Default)]
    pub struct Settling;

    impl Settling {
        pub fn armed(&mut self, _: u32, reached: bool) {
            assert!(reached);
        }

        pub fn limit(&self, deadline: Deadline) -> Deadline {
            deadline
        }
    }
}
