//! The lock in memory of the program's own, and the waiting for it.
//!
//! # Protocol
//!
//! | word | contents |
//! | --- | --- |
//! | `mutex` | a robust, recursive pthread mutex; its futex word has the owner's thread id, `WAITERS` and `OWNER_DIED` |
//! | `magic` | [`MAGIC`], written last |
//! | `place` | where in the mutex the futex word is: other C libraries have it elsewhere, and cannot share the lock |
//! | `deaths` | how many dead owners were found; changed by who has the lock |
//! | `sleepers` | how many wait; too many after a waiter was killed |
//!
//! Taking and giving back are libc's, also for the guards of `raw_sync`, which unlock by themselves. Its word has the form that the kernel knows, which marks it when the owner dies. libc's
//! own rules leave a hole: a thread that finds the lock free takes it without `WAITERS`, and if the sleeper that was woken is killed then, nothing says that there are more: the next
//! sleeper waits for ever. So:
//!
//! 1. Who is going to sleep counts itself in `sleepers`, and then looks at the word (in libc); who has taken the lock looks at `sleepers`, and sets `WAITERS` if there is another. One sees the other: a
//!    fence on each side. libc sets `WAITERS` before it sleeps, too. *So while somebody sleeps, the bit is set in every holding, and every end of one wakes a sleeper.*
//! 2. From the beginning of a call to its end libc names the mutex in the pending field of the thread's robust list. *So if the one that was woken dies while the lock is free, the kernel wakes the next; if it dies
//!    while somebody has the lock, see 1.*
//! 3. One that has slept takes the lock with `WAITERS` set, in one step (libc). *So if it dies at once, the kernel marks the word and wakes the next, as after the death of any owner.*
//! 4. libc is told to wait for a slice at the most, again and again. *Nothing depends on a wake-up.*
//!
//! By 1 to 3 no single death needs a slice. What needs one are two deaths at one time: of the woken one and of another that has taken the lock and not yet looked at `sleepers`; on kernels before 6.2, of the owner and
//! the woken one. With musl it is the second sentence of 2 alone that holds, and 3 not always.
//!
//! Rejected: to sleep on the word here, with its name in the pending field, and to try in between. A try takes the lock without `WAITERS`, so one that was woken and dies between that and setting the bit takes its
//! ring with it; and it cannot be set before.
//!
//! | it dies | and | then |
//! | --- | --- | --- |
//! | after it counted itself | before it sleeps, or asleep | `sleepers` stays too high: each end of a holding makes one more call of the kernel |
//! | woken | the lock is free | the kernel wakes the next (2) |
//! | woken | another has the lock | that one wakes the next (1) |
//! | with the lock, after it slept | before or after it looked at `sleepers` | the kernel wakes the next (3), who counts the death before it gives the lock back |
//! | with the lock, without sleep | before it looked at `sleepers` | whoever was woken for the lock is alive, and finds the word marked |
//! | with the lock of a dead one | before or after it counted | the kernel marks the word again: the next counts |
//!
//! Not noticed is an owner whose process calls `exec` from another thread than its first: the kernel marks nothing then.
//!
//! Source: `futex(2)`, the kernel's `Documentation/locking/robust-futexes.rst`, and glibc's `nptl/pthread_mutex_{trylock,timedlock,unlock}.c`.
#![allow(unsafe_code)]

use crate::{
    Error, ErrorKind, Result,
    atomic::{AtomicU32, Ordering, fence},
    os::{
        clock::Deadline,
        life,
        robust_mutex::{Got, RobustMutex},
        step::step,
    },
};

const MAGIC: u32 = 0x6d70_6d78;

/// The words. All of them are atomics, or changed by libc as such.
#[repr(C)]
pub(super) struct RobustLock {
    mutex: RobustMutex,
    magic: AtomicU32,
    place: AtomicU32,
    deaths: AtomicU32,
    sleepers: AtomicU32,
}

// `raw_sync` finds the mutex where the lock is.
const _: () =
    assert!(std::mem::offset_of!(RobustLock, mutex) == 0 && align_of::<RobustLock>() == 8);

impl RobustLock {
    /// Makes the lock, free.
    ///
    /// # Safety
    ///
    /// `at` points to memory for a lock, aligned to 8, that nobody else uses during the call.
    pub(super) unsafe fn init(at: *mut Self) -> Result<()> {
        // SAFETY: the caller's; the mutex is at the beginning.
        unsafe { RobustMutex::init(at.cast()) }?;
        // SAFETY: the caller's; the words beside the mutex may have any contents.
        let lock = unsafe { &*at };
        lock.deaths.store(0, Ordering::Relaxed);
        lock.sleepers.store(0, Ordering::Relaxed);
        lock.place.store(life::word_offset() as u32, Ordering::Relaxed);
        // Release pairs with the Acquire of `check`.
        lock.magic.store(MAGIC, Ordering::Release);
        Ok(())
    }

    /// Whether it is a lock, and of this C library.
    pub(super) fn check(&self) -> Result<()> {
        let magic = self.magic.load(Ordering::Acquire);
        let place = self.place.load(Ordering::Relaxed);
        if magic == MAGIC && place == life::word_offset() as u32 {
            return Ok(());
        }
        Err(match magic {
            MAGIC => Error::new(
                ErrorKind::Incompatible,
                format!(
                    "the lock was made with another C library: its word is at {place}, and at {} here",
                    life::word_offset()
                ),
            ),
            0 => Error::new(
                ErrorKind::InvalidSegment,
                "there is no lock of multiproc at that address: found zeros; its maker has not called `new` yet",
            ),
            other => Error::new(
                ErrorKind::InvalidSegment,
                format!(
                    "there is no lock of multiproc at that address: found {other:#x}; one of `raw_sync`'s own cannot be used as ours"
                ),
            ),
        })
    }

    /// How many owners died with it, as far as is known. Who has the lock sees all.
    pub(super) fn deaths(&self) -> u32 {
        self.deaths.load(Ordering::Relaxed)
    }

    /// Locks it, whoever had it before.
    ///
    /// # Errors
    ///
    /// [`ErrorKind::Deadlock`] if this thread has it; [`ErrorKind::TimedOut`].
    pub(super) fn lock(&self, deadline: Deadline) -> Result<()> {
        if self.mutex.is_mine() {
            return Err(Error::new(
                ErrorKind::Deadlock,
                "this thread has the lock already: drop its guard before",
            ));
        }
        if self.try_lock(0)? || self.wait(deadline)? {
            return Ok(());
        }
        Err(Error::new(ErrorKind::TimedOut, "another thread has the lock, and the time is up"))
    }

    /// Unlocks it once.
    ///
    /// # Errors
    ///
    /// If this thread does not have it.
    pub(super) fn unlock(&self) -> Result<()> {
        self.mutex.unlock()
    }

    fn try_lock(&self, own: u32) -> Result<bool> {
        let got = self.mutex.try_lock()?;
        Ok(got.is_some_and(|got| self.settle(got, own)))
    }

    /// What remains to be done with the lock in hand. `own`: how many of the sleepers are this thread.
    fn settle(&self, got: Got, own: u32) -> bool {
        step!("mutex.taken");
        if got == Got::FromTheDead {
            // Relaxed: the lock orders it.
            self.deaths.fetch_add(1, Ordering::Relaxed);
        }
        // SeqCst pairs with the fence of `wait`: either this sees the sleeper, or the sleeper sees the word with this thread's id.
        fence(Ordering::SeqCst);
        if self.sleepers.load(Ordering::Relaxed) > own {
            // Relaxed: it is a message to the kernel and to libc, and says nothing of other memory.
            self.mutex.word().fetch_or(life::WAITERS, Ordering::Relaxed);
        }
        step!("mutex.marked");
        true
    }

    /// Whether it was got in time.
    #[cold]
    fn wait(&self, deadline: Deadline) -> Result<bool> {
        if deadline.has_passed() {
            return Ok(false);
        }
        self.sleepers.fetch_add(1, Ordering::Relaxed);
        // SeqCst pairs with the fence of `settle`.
        fence(Ordering::SeqCst);
        step!("mutex.sleep");
        let got = loop {
            match self.mutex.lock_for_a_slice(deadline) {
                Ok(Some(got)) => break Ok(self.settle(got, 1)),
                // After a time-out glibc leaves the pending field as it was; a try empties it.
                Ok(None) if deadline.has_passed() => break self.try_lock(1),
                Ok(None) => {}
                Err(error) => break Err(error),
            }
        };
        self.sleepers.fetch_sub(1, Ordering::Relaxed);
        got
    }
}
