//! Moments of the monotonic clock, as futexes take them.
//!
//! A time-out becomes one absolute moment when a call begins, so it is total: it does not start again after a
//! spurious wake-up, and a step of the wall clock does not touch it.
//!
//! `clock_gettime(2)`
#![allow(unsafe_code)]

use std::time::Duration;

/// The moment at which a wait gives up. `NEVER` is later than everything.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Deadline(u64);

impl Deadline {
    pub(crate) const NEVER: Self = Self(u64::MAX);
    /// Already over: the call is a `try`.
    pub(crate) const NOW: Self = Self(0);

    /// A span from now; one too long for the clock means never.
    pub(crate) fn after(span: Duration) -> Self {
        let span = u64::try_from(span.as_nanos()).unwrap_or(u64::MAX);
        if span == 0 { Self::NOW } else { Self(now().saturating_add(span)) }
    }

    pub(crate) fn has_passed(self) -> bool {
        match self {
            Self::NEVER => false,
            Self::NOW => true,
            Self(at) => now() >= at,
        }
    }

    /// The earlier of this moment and `span` from now.
    pub(crate) fn within(self, span: Duration) -> Self {
        self.min(Self::after(span))
    }

    /// How long it is from now, `None` for never.
    pub(crate) fn remaining(self) -> Option<Duration> {
        match self {
            Self::NEVER => None,
            Self(at) => Some(Duration::from_nanos(at.saturating_sub(now()))),
        }
    }

    /// As an absolute time for the kernel; `None` for never.
    pub(crate) fn timespec(self) -> Option<libc::timespec> {
        (self != Self::NEVER).then_some(libc::timespec {
            tv_sec: (self.0 / 1_000_000_000) as libc::time_t,
            tv_nsec: (self.0 % 1_000_000_000) as libc::c_long,
        })
    }
}

/// Nanoseconds of `CLOCK_MONOTONIC`, the same for all processes of the machine.
pub(crate) fn now() -> u64 {
    read(libc::CLOCK_MONOTONIC)
}

/// The same to some milliseconds, for a quarter of the price.
pub(crate) fn about_now() -> u64 {
    read(libc::CLOCK_MONOTONIC_COARSE)
}

fn read(clock: libc::clockid_t) -> u64 {
    let mut time = libc::timespec { tv_sec: 0, tv_nsec: 0 };
    // SAFETY: `time` is a valid place for the answer; these clocks exist on every Linux.
    unsafe { libc::clock_gettime(clock, &raw mut time) };
    time.tv_sec as u64 * 1_000_000_000 + time.tv_nsec as u64
}
