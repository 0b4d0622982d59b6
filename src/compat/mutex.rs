//! `Mutex`: a robust lock behind the traits of `raw_sync`.
//!
//! A guard of `raw_sync` can only be made by a lock of `raw_sync`. So the mutex is recursive: it is locked here first, which finds the dead and keeps
//! the time; then by `raw_sync`'s own lock on the same memory, which makes the guard and cannot wait; and unlocked once, so that the guard holds what is left.
//!
//! # Protocol
//!
//! That of `robust_lock`, and the telling of deaths. The guard has no place for a flag, and what `raw_sync` hands out no method to take one back, so there is no poison. Instead the lock counts
//! the dead, and each lock object remembers the count that it was told. One that has the lock and finds another count gives it back, and says `OwnerDied`, once. So nobody who
//! was there before comes to the data without having heard of it, whoever comes first. Who opens the lock after the death was found is not told: it is not known here whether the data was repaired.
#![allow(unsafe_code)]

use super::robust_lock::RobustLock;
use crate::{
    Error, ErrorKind,
    os::{clock::Deadline, step::step},
};
use raw_sync::{
    Timeout,
    locks::{LockGuard, LockImpl, LockInit},
};
use std::{cell::Cell, error, ffi, fmt};

type Result<T> = std::result::Result<T, Box<dyn error::Error>>;

/// A lock in memory of the program's own, by the traits of [`raw_sync::locks`]: exclusive, robust, not recursive.
///
/// See the [module](super) for what differs from `raw_sync::locks::Mutex`.
pub struct Mutex {
    lock: *const RobustLock,
    /// The lock of `raw_sync` on the same memory; it makes the guards.
    guards: Box<dyn LockImpl>,
    /// Of how many deaths this object has told.
    told: Cell<u32>,
}

impl Mutex {
    /// Where the lock is in that memory, and how many bytes are used up to its end.
    fn place(mem: *mut u8) -> (*mut RobustLock, usize) {
        let padding = mem.align_offset(align_of::<RobustLock>());
        (mem.wrapping_add(padding).cast(), padding + size_of::<RobustLock>())
    }

    /// # Safety
    ///
    /// As [`LockInit::from_existing`].
    unsafe fn open(mem: *mut u8, data: *mut u8) -> Result<(Box<dyn LockImpl>, usize)> {
        let (lock, used) = Self::place(mem);
        // SAFETY: the caller's: there is room for a lock, and whoever uses it does so by atomic operations.
        let words = unsafe { &*lock };
        words.check()?;
        let told = Cell::new(words.deaths());
        // SAFETY: a mutex is there, at the beginning of the lock. `raw_sync` aligns as `place` does; it only keeps the address.
        let (guards, _) = unsafe { raw_sync::locks::Mutex::from_existing(lock.cast(), data) }?;
        Ok((Box::new(Self { lock, guards, told }), used))
    }

    fn words(&self) -> &RobustLock {
        // SAFETY: whoever made this promised that a lock is there as long as this lives.
        unsafe { &*self.lock }
    }

    fn lock_by(&self, deadline: Deadline) -> Result<LockGuard<'_>> {
        let lock = self.words();
        lock.lock(deadline)?;
        let deaths = lock.deaths();
        if self.told.replace(deaths) != deaths {
            step!("mutex.told");
            lock.unlock()?;
            return Err(Box::new(Error::new(
                ErrorKind::OwnerDied,
                "an owner of the lock died with it: the data may be half changed; lock again and repair it",
            )));
        }
        // This thread has it: this cannot wait.
        let guard = self.guards.lock();
        lock.unlock()?;
        guard
    }
}

impl LockInit for Mutex {
    fn size_of(addr: Option<*mut u8>) -> usize {
        addr.map_or(size_of::<RobustLock>(), |mem| Self::place(mem).1)
    }

    /// # Safety
    ///
    /// From `mem` on there are [`size_of`](LockInit::size_of) bytes, which nobody else uses during the call, and which stay as long as the answer lives; nobody unmaps them
    /// while a thread holds the lock.
    #[allow(clippy::new_ret_no_self, reason = "the trait's")]
    unsafe fn new(mem: *mut u8, data: *mut u8) -> Result<(Box<dyn LockImpl>, usize)> {
        // SAFETY: the caller's.
        unsafe { RobustLock::init(Self::place(mem).0) }?;
        // SAFETY: initialised just now.
        unsafe { Self::open(mem, data) }
    }

    /// Memory that holds no lock of this type is an error, [`ErrorKind::InvalidSegment`]: zeros, a lock of `raw_sync`'s own, anything else. So is a lock that was
    /// made with another C library, [`ErrorKind::Incompatible`].
    ///
    /// # Safety
    ///
    /// As [`new`](LockInit::new), but others may use the memory as a lock. It was made at `mem`, at the same alignment.
    unsafe fn from_existing(mem: *mut u8, data: *mut u8) -> Result<(Box<dyn LockImpl>, usize)> {
        // SAFETY: the caller's.
        unsafe { Self::open(mem, data) }
    }
}

impl LockImpl for Mutex {
    fn as_raw(&self) -> *mut ffi::c_void {
        self.lock.cast_mut().cast()
    }

    fn lock(&self) -> Result<LockGuard<'_>> {
        self.lock_by(Deadline::NEVER)
    }

    fn try_lock(&self, timeout: Timeout) -> Result<LockGuard<'_>> {
        self.lock_by(super::deadline(timeout))
    }

    fn release(&self) -> Result<()> {
        Ok(self.words().unlock()?)
    }

    unsafe fn get_inner(&self) -> &mut *mut u8 {
        // SAFETY: the caller's.
        unsafe { self.guards.get_inner() }
    }
}

impl fmt::Debug for Mutex {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Mutex").field("at", &self.lock).finish_non_exhaustive()
    }
}
