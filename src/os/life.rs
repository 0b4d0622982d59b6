//! The life word: memory in which the kernel itself writes that a thread has ended.
//!
//! It is a robust, process-shared pthread mutex that a thread locks once and never unlocks. Whatever ends the thread
//! (return, exit, a signal, exec of the main thread), the kernel walks the thread's robust list, sets `OWNER_DIED` in the mutex's futex
//! word and wakes one sleeper, before the memory of the process is torn down. So "is it alive" is one load.
//!
//! `pthread_mutexattr_setrobust(3)`, `set_robust_list(2)`. Where in the mutex the futex word lies is a matter
//! of the C library (offset 0 in glibc, 4 in musl); it is found at run time.
#![allow(unsafe_code)]

use crate::{
    Error, ErrorKind, Result,
    atomic::{AtomicU32, Ordering},
};
use std::{cell::UnsafeCell, mem::MaybeUninit, sync::OnceLock};

/// Set by the kernel when the owner ended.
pub(crate) const OWNER_DIED: u32 = 1 << 30;
/// Somebody sleeps on the word, so that the kernel wakes it. Always set here: a sleeper never needs to ask.
pub(crate) const WAITERS: u32 = 1 << 31;
/// The owner's thread id; zero when nobody ever owned it or the owner ended.
pub(crate) const TID: u32 = (1 << 30) - 1;

/// A robust mutex in shared memory of which only the futex word is ever looked at.
#[repr(C, align(8))]
pub(crate) struct LifeWord(UnsafeCell<libc::pthread_mutex_t>);

// SAFETY: a process-shared pthread mutex is made for concurrent use; all access goes through libc's functions and
// through the futex word as an atomic.
unsafe impl Sync for LifeWord {}
// SAFETY: as above; nothing in it is bound to a thread other than the lock itself, which names its thread.
unsafe impl Send for LifeWord {}

const _: () = assert!(size_of::<LifeWord>() == 40);

impl LifeWord {
    /// Makes the mutex. Only the creator of a segment may, before anybody else can see it.
    ///
    /// # Safety
    ///
    /// `at` points to memory for a `LifeWord` that no other thread or process reads or writes during the call.
    pub(crate) unsafe fn init(at: *mut Self) -> Result<()> {
        // SAFETY: the caller's.
        unsafe { init_robust(at.cast(), libc::PTHREAD_MUTEX_DEFAULT) }
    }

    /// The futex word.
    pub(crate) fn word(&self) -> &AtomicU32 {
        let at = self.0.get().cast::<u8>().wrapping_add(word_offset());
        // SAFETY: the offset was found inside a mutex of the same library; libc and the kernel treat the word
        // as an atomic too.
        unsafe { AtomicU32::from_ptr(at.cast()) }
    }

    /// Locks it for the rest of this thread's life. `false` when another living thread has it.
    pub(crate) fn claim(&self) -> Result<bool> {
        // SAFETY: the mutex was initialised by the segment's creator; the mapping stays for the life of the process
        // once a claim succeeded.
        let answer = unsafe { libc::pthread_mutex_trylock(self.0.get()) };
        match answer {
            0 => {}
            libc::EOWNERDEAD => {
                // SAFETY: this thread has just become the owner of the inconsistent mutex.
                check("pthread_mutex_consistent", unsafe {
                    libc::pthread_mutex_consistent(self.0.get())
                })?;
            }
            libc::EBUSY => return Ok(false),
            other => {
                return Err(Error::os(
                    "pthread_mutex_trylock on a life word",
                    std::io::Error::from_raw_os_error(other),
                ));
            }
        }
        // From now on the kernel wakes a sleeper when this thread ends.
        self.word().fetch_or(WAITERS, Ordering::Relaxed);
        Ok(true)
    }

    /// Writes what the kernel forgot: the owner is known to be gone although nothing marked it (exec from a thread
    /// that is not the main one). `seen` is the word as it was read before the process was found to be gone.
    pub(crate) fn mark(&self, seen: u32) -> bool {
        self.word()
            .compare_exchange(seen, OWNER_DIED | WAITERS, Ordering::AcqRel, Ordering::Relaxed)
            .is_ok()
    }
}

/// Makes a robust mutex that processes share, of this kind (`pthread_mutexattr_settype(3)`).
///
/// # Safety
///
/// `at` points to memory for a mutex that no other thread or process reads or writes during the call.
pub(super) unsafe fn init_robust(at: *mut libc::pthread_mutex_t, kind: libc::c_int) -> Result<()> {
    let mut attributes = MaybeUninit::<libc::pthread_mutexattr_t>::uninit();
    let attributes = attributes.as_mut_ptr();
    // SAFETY: the place is valid and uninitialised.
    check("pthread_mutexattr_init", unsafe { libc::pthread_mutexattr_init(attributes) })?;
    // SAFETY: initialised above.
    check("pthread_mutexattr_setpshared", unsafe {
        libc::pthread_mutexattr_setpshared(attributes, libc::PTHREAD_PROCESS_SHARED)
    })?;
    // SAFETY: initialised above.
    check("pthread_mutexattr_setrobust", unsafe {
        libc::pthread_mutexattr_setrobust(attributes, libc::PTHREAD_MUTEX_ROBUST)
    })?;
    // SAFETY: initialised above.
    check("pthread_mutexattr_settype", unsafe {
        libc::pthread_mutexattr_settype(attributes, kind)
    })?;
    // SAFETY: the caller owns the memory at `at`; the attributes are initialised.
    check("pthread_mutex_init", unsafe { libc::pthread_mutex_init(at, attributes) })?;
    // SAFETY: initialised above and not used any more.
    unsafe { libc::pthread_mutexattr_destroy(attributes) };
    Ok(())
}

/// Where the futex word lies in the mutex of this C library: part of the layout that attachers compare.
pub(crate) fn word_offset() -> usize {
    static OFFSET: OnceLock<usize> = OnceLock::new();
    *OFFSET.get_or_init(|| find_word_offset().unwrap_or(0))
}

/// Locks a mutex of this library on a thread of its own and looks for the thread id in it.
fn find_word_offset() -> Result<usize> {
    let mut mutex = Box::new(LifeWord(UnsafeCell::new(libc::PTHREAD_MUTEX_INITIALIZER)));
    // SAFETY: the box is ours alone.
    unsafe { LifeWord::init(&raw mut *mutex) }?;
    let at = mutex.0.get();
    // SAFETY: initialised above.
    check("pthread_mutex_lock", unsafe { libc::pthread_mutex_lock(at) })?;
    let tid = super::identity::thread_id();
    let words = at.cast::<u32>();
    let found = [0, 4].into_iter().find(|&offset| {
        let word = words.wrapping_byte_add(offset);
        // SAFETY: the offset is inside the mutex; no other thread knows it.
        unsafe { word.read() & TID == tid }
    });
    // SAFETY: this thread owns it.
    unsafe { libc::pthread_mutex_unlock(at) };
    found.ok_or_else(|| {
        Error::new(
            ErrorKind::Unsupported,
            "the C library's mutex does not hold the thread id where expected",
        )
    })
}

fn check(call: &str, answer: libc::c_int) -> Result<()> {
    if answer == 0 {
        Ok(())
    } else {
        Err(Error::os(call, std::io::Error::from_raw_os_error(answer)))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn word() -> &'static LifeWord {
        let mut word = Box::new(MaybeUninit::<LifeWord>::zeroed());
        // SAFETY: the box is ours alone.
        unsafe { LifeWord::init(word.as_mut_ptr()) }.unwrap();
        // SAFETY: initialised just now.
        unsafe { Box::leak(word).assume_init_ref() }
    }

    #[test]
    fn the_kernel_marks_a_thread_that_ended() {
        let life = word();
        std::thread::spawn(|| {
            assert!(life.claim().unwrap());
            assert_eq!(life.word().load(Ordering::Acquire) & OWNER_DIED, 0);
            assert_ne!(life.word().load(Ordering::Acquire) & TID, 0);
        })
        .join()
        .unwrap();
        // The join may return a moment before the kernel walks the list: sleep on the word.
        loop {
            let seen = life.word().load(Ordering::Acquire);
            if seen & OWNER_DIED != 0 {
                break;
            }
            super::super::futex::wait(life.word(), seen, super::super::clock::Deadline::NEVER);
        }
        assert!(life.claim().unwrap(), "the next thread takes it over");
        assert_eq!(life.word().load(Ordering::Acquire) & OWNER_DIED, 0);
        let other = std::thread::spawn(|| life.claim().unwrap()).join().unwrap();
        assert!(!other, "a living owner keeps it");
    }
}
