//! A robust, recursive pthread mutex in shared memory, for [`compat`](crate::compat) alone.
//!
//! The locks of this crate are words of their own (`sync`); this one has the form that `raw_sync` knows.
//!
//! `pthread_mutexattr_setrobust(3)`, `pthread_mutex_timedlock(3)`
#![allow(unsafe_code)]

use super::{clock::Deadline, futex::SLICE, identity, life};
use crate::{
    Error, ErrorKind, Result,
    atomic::{AtomicU32, Ordering},
};
use std::{cell::UnsafeCell, io};

/// The mutex as libc has it.
#[repr(C, align(8))]
pub(crate) struct RobustMutex(UnsafeCell<libc::pthread_mutex_t>);

// SAFETY: a process-shared pthread mutex is made for concurrent use; all access goes through libc's functions, and through the
// futex word as an atomic.
unsafe impl Sync for RobustMutex {}

/// How it was got.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Got {
    FromNobody,
    /// The last owner died with it.
    FromTheDead,
}

impl RobustMutex {
    /// Makes the mutex, free.
    ///
    /// # Safety
    ///
    /// `at` points to memory for a mutex, aligned to 8, that nobody else uses during the call.
    pub(crate) unsafe fn init(at: *mut Self) -> Result<()> {
        // SAFETY: the caller's.
        unsafe { life::init_robust(at.cast(), libc::PTHREAD_MUTEX_RECURSIVE) }
    }

    /// Whether the calling thread has it.
    fn is_mine(&self) -> bool {
        let at = self.0.get().cast::<u8>().wrapping_add(life::word_offset());
        // SAFETY: the offset was found inside a mutex of the same library, which treats the word as an atomic too.
        let word = unsafe { AtomicU32::from_ptr(at.cast()) };
        // Relaxed: only this thread writes its own id, and takes it away.
        word.load(Ordering::Relaxed) & life::TID == identity::thread_id()
    }

    /// Locks it. That the last owner died is told once, and the mutex is sound again.
    ///
    /// # Errors
    ///
    /// [`ErrorKind::Deadlock`] if this thread has it; [`ErrorKind::TimedOut`].
    pub(crate) fn lock(&self, deadline: Deadline) -> Result<Got> {
        if self.is_mine() {
            return Err(Error::new(
                ErrorKind::Deadlock,
                "this thread has the lock already: drop its guard before",
            ));
        }
        loop {
            match self.lock_for_a_slice(deadline) {
                0 => return Ok(Got::FromNobody),
                libc::EOWNERDEAD => {
                    // SAFETY: this thread has just become the owner of the inconsistent mutex.
                    let answer = unsafe { libc::pthread_mutex_consistent(self.0.get()) };
                    check("pthread_mutex_consistent", answer)?;
                    return Ok(Got::FromTheDead);
                }
                libc::EBUSY | libc::ETIMEDOUT if deadline.has_passed() => {
                    return Err(Error::new(
                        ErrorKind::TimedOut,
                        "another thread has the lock, and the time is up",
                    ));
                }
                libc::ETIMEDOUT => {}
                other => check("pthread_mutex_lock", other)?,
            }
        }
    }

    /// libc waits by the wall clock, which may be set: so for a slice at the most, and the deadline is looked at again.
    fn lock_for_a_slice(&self, deadline: Deadline) -> libc::c_int {
        let mutex = self.0.get();
        let span = match deadline.remaining() {
            // SAFETY: initialised by `init`, as the maker of this reference says.
            None => return unsafe { libc::pthread_mutex_lock(mutex) },
            // SAFETY: as above.
            Some(span) if span.is_zero() => return unsafe { libc::pthread_mutex_trylock(mutex) },
            Some(span) => span.min(SLICE),
        };
        let mut time = libc::timespec { tv_sec: 0, tv_nsec: 0 };
        // SAFETY: a valid place for the answer.
        unsafe { libc::clock_gettime(libc::CLOCK_REALTIME, &raw mut time) };
        let nanoseconds = time.tv_nsec + libc::c_long::from(span.subsec_nanos());
        time.tv_sec += span.as_secs() as libc::time_t + nanoseconds / 1_000_000_000;
        time.tv_nsec = nanoseconds % 1_000_000_000;
        // SAFETY: as above, and a time that lives through the call.
        unsafe { libc::pthread_mutex_timedlock(mutex, &raw const time) }
    }

    /// Unlocks it once.
    ///
    /// # Errors
    ///
    /// If this thread does not have it.
    pub(crate) fn unlock(&self) -> Result<()> {
        // SAFETY: initialised by `init`; a recursive mutex answers EPERM to who does not own it.
        check("pthread_mutex_unlock", unsafe { libc::pthread_mutex_unlock(self.0.get()) })
    }
}

fn check(call: &str, answer: libc::c_int) -> Result<()> {
    if answer == 0 { Ok(()) } else { Err(Error::os(call, io::Error::from_raw_os_error(answer))) }
}
