//! A robust, recursive pthread mutex in shared memory, for [`compat`](crate::compat) alone.
//!
//! The locks of this crate are words of their own (`sync`); this one has the form that `raw_sync` knows. libc waits for a slice at the most: see `compat::robust_lock` for what else it takes.
//!
//! `pthread_mutexattr_setrobust(3)`, `pthread_mutex_trylock(3)`, `pthread_mutex_clocklock` of glibc 2.30, `pthread_mutex_timedlock(3)`, `pthread_mutex_consistent(3)`
#![allow(unsafe_code)]

use super::{clock::Deadline, futex, identity, life};
use crate::{
    Error, Result,
    atomic::{AtomicU32, Ordering},
};
use std::{cell::UnsafeCell, io, mem, sync::OnceLock};

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

    /// The futex word: owner, and the bits [`life::WAITERS`] and [`life::OWNER_DIED`].
    pub(crate) fn word(&self) -> &AtomicU32 {
        let at = self.0.get().cast::<u8>().wrapping_add(life::word_offset());
        // SAFETY: the offset was found inside a mutex of the same library, which treats the word as an atomic too.
        unsafe { AtomicU32::from_ptr(at.cast()) }
    }

    /// Whether the calling thread has it.
    pub(crate) fn is_mine(&self) -> bool {
        // Relaxed: only this thread writes its own id, and takes it away.
        self.word().load(Ordering::Relaxed) & life::TID == identity::thread_id()
    }

    /// Locks it if no living thread has it, and makes it sound again if a dead one had; `None` if one has it.
    pub(crate) fn try_lock(&self) -> Result<Option<Got>> {
        // SAFETY: initialised by `init`, as the maker of this reference says.
        let answer = unsafe { libc::pthread_mutex_trylock(self.0.get()) };
        self.settle("pthread_mutex_trylock", answer)
    }

    /// Locks it as [`try_lock`](Self::try_lock) does, and waits for it until the deadline or for a slice. Whoever it was that libc slept for, `None` means nothing but that it was not got.
    pub(crate) fn lock_for_a_slice(&self, deadline: Deadline) -> Result<Option<Got>> {
        let end = deadline.within(futex::slice());
        let (Some(clocklock), Some(time)) = (clocklock(), end.timespec()) else {
            return self.lock_by_the_wall(end);
        };
        // SAFETY: as in `try_lock`, and a time that lives through the call.
        let answer = unsafe { clocklock(self.0.get(), libc::CLOCK_MONOTONIC, &raw const time) };
        self.settle("pthread_mutex_clocklock", answer)
    }

    /// Where libc waits by no other clock.
    fn lock_by_the_wall(&self, end: Deadline) -> Result<Option<Got>> {
        let time = by_the_wall(end);
        // SAFETY: as in `try_lock`, and a time that lives through the call.
        let answer = unsafe { libc::pthread_mutex_timedlock(self.0.get(), &raw const time) };
        self.settle("pthread_mutex_timedlock", answer)
    }

    fn settle(&self, call: &str, answer: libc::c_int) -> Result<Option<Got>> {
        match answer {
            0 => Ok(Some(Got::FromNobody)),
            libc::EBUSY | libc::ETIMEDOUT => Ok(None),
            libc::EOWNERDEAD => {
                // SAFETY: this thread has just become the owner of the inconsistent mutex.
                let answer = unsafe { libc::pthread_mutex_consistent(self.0.get()) };
                check("pthread_mutex_consistent", answer)?;
                Ok(Some(Got::FromTheDead))
            }
            other => Err(failed(call, other)),
        }
    }

    /// Unlocks it once. Who does so for the last time wakes one sleeper of the word, if the bit for waiters is set.
    ///
    /// # Errors
    ///
    /// If this thread does not have it.
    pub(crate) fn unlock(&self) -> Result<()> {
        // SAFETY: initialised by `init`; a recursive mutex answers EPERM to who does not own it.
        check("pthread_mutex_unlock", unsafe { libc::pthread_mutex_unlock(self.0.get()) })
    }
}

type Clocklock = unsafe extern "C" fn(
    *mut libc::pthread_mutex_t,
    libc::clockid_t,
    *const libc::timespec,
) -> libc::c_int;

/// The wait by a clock that nobody sets, where the C library has it: musl and old ones have none.
fn clocklock() -> Option<Clocklock> {
    static FOUND: OnceLock<Option<Clocklock>> = OnceLock::new();
    *FOUND.get_or_init(|| {
        // SAFETY: the name is NUL-terminated.
        let found = unsafe { libc::dlsym(libc::RTLD_DEFAULT, c"pthread_mutex_clocklock".as_ptr()) };
        // SAFETY: the function of that name has this type, and the library of the mutexes stays loaded.
        (!found.is_null()).then(|| unsafe { mem::transmute::<*mut libc::c_void, Clocklock>(found) })
    })
}

/// The same moment by the wall clock, if nobody sets it meanwhile: then the slice is longer or shorter, once.
fn by_the_wall(end: Deadline) -> libc::timespec {
    let span = end.remaining().unwrap_or(futex::SLICE);
    let mut time = libc::timespec { tv_sec: 0, tv_nsec: 0 };
    // SAFETY: a valid place for the answer.
    unsafe { libc::clock_gettime(libc::CLOCK_REALTIME, &raw mut time) };
    let nanoseconds = time.tv_nsec + libc::c_long::from(span.subsec_nanos());
    time.tv_sec += span.as_secs() as libc::time_t + nanoseconds / 1_000_000_000;
    time.tv_nsec = nanoseconds % 1_000_000_000;
    time
}

fn check(call: &str, answer: libc::c_int) -> Result<()> {
    if answer == 0 { Ok(()) } else { Err(failed(call, answer)) }
}

fn failed(call: &str, answer: libc::c_int) -> Error {
    Error::os(call, io::Error::from_raw_os_error(answer))
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::{mem::MaybeUninit, time::Duration};

    #[test]
    fn both_clocks_end_the_wait_and_take_what_is_free_or_a_dead_ones() {
        let mut memory = Box::new(MaybeUninit::<RobustMutex>::zeroed());
        // SAFETY: the box is ours alone.
        unsafe { RobustMutex::init(memory.as_mut_ptr()) }.unwrap();
        // SAFETY: initialised just now.
        let mutex = unsafe { Box::leak(memory).assume_init_ref() };
        let waits = [RobustMutex::lock_for_a_slice, RobustMutex::lock_by_the_wall];
        for wait in waits {
            assert_eq!(mutex.try_lock().unwrap(), Some(Got::FromNobody));
            let end = Deadline::after(Duration::from_millis(30));
            let late = std::thread::spawn(move || {
                loop {
                    let got = wait(mutex, end).unwrap();
                    assert_eq!(got, None);
                    if end.has_passed() {
                        break;
                    }
                }
            });
            late.join().unwrap();
            mutex.unlock().unwrap();
            assert!(mutex.unlock().is_err() && !mutex.is_mine());
            // A thread ends with it.
            let taken = std::thread::spawn(move || wait(mutex, end)).join().unwrap().unwrap();
            assert_eq!(taken, Some(Got::FromNobody));
            let far = Deadline::after(Duration::from_secs(60));
            let heir = loop {
                if let Some(got) = wait(mutex, far).unwrap() {
                    break got;
                }
            };
            assert_eq!(heir, Got::FromTheDead);
            mutex.unlock().unwrap();
        }
    }
}
