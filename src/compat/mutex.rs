//! `Mutex`: a robust lock behind the traits of `raw_sync`.
//!
//! A guard of `raw_sync` can only be made by a lock of `raw_sync`. So the mutex is recursive: it is locked here first, which finds the dead and keeps
//! the time; then by `raw_sync`'s own lock on the same memory, which makes the guard and cannot wait; and unlocked once, so that the guard holds what is left.
#![allow(unsafe_code)]

use crate::{
    Error, ErrorKind,
    os::{
        clock::Deadline,
        robust_mutex::{Got, RobustMutex},
    },
};
use raw_sync::{
    Timeout,
    locks::{LockGuard, LockImpl, LockInit},
};
use std::{error, ffi, fmt};

type Result<T> = std::result::Result<T, Box<dyn error::Error>>;

/// A lock in memory of the program's own, by the traits of [`raw_sync::locks`]: exclusive, robust, not recursive.
///
/// See the [module](super) for what differs from `raw_sync::locks::Mutex`.
pub struct Mutex {
    mutex: *const RobustMutex,
    /// The lock of `raw_sync` on the same memory; it makes the guards.
    guards: Box<dyn LockImpl>,
}

impl Mutex {
    /// Where the mutex is in that memory, and how many bytes are used up to its end.
    fn place(mem: *mut u8) -> (*mut RobustMutex, usize) {
        let padding = mem.align_offset(align_of::<RobustMutex>());
        (mem.wrapping_add(padding).cast(), padding + size_of::<RobustMutex>())
    }

    /// # Safety
    ///
    /// As [`LockInit::from_existing`].
    unsafe fn open(mem: *mut u8, data: *mut u8) -> Result<(Box<dyn LockImpl>, usize)> {
        let (mutex, used) = Self::place(mem);
        // SAFETY: the caller's: a mutex is there. `raw_sync` aligns as `place` does; it only keeps the address.
        let (guards, _) = unsafe { raw_sync::locks::Mutex::from_existing(mutex.cast(), data) }?;
        Ok((Box::new(Self { mutex, guards }), used))
    }

    fn mutex(&self) -> &RobustMutex {
        // SAFETY: whoever made this promised that a mutex is there as long as this lives.
        unsafe { &*self.mutex }
    }

    fn lock_by(&self, deadline: Deadline) -> Result<LockGuard<'_>> {
        let got = self.mutex().lock(deadline)?;
        if got == Got::FromTheDead {
            self.mutex().unlock()?;
            return Err(Box::new(Error::new(
                ErrorKind::OwnerDied,
                "the last owner of the lock died with it: the data may be half changed; lock again and repair it",
            )));
        }
        // This thread has it: this cannot wait.
        let guard = self.guards.lock();
        self.mutex().unlock()?;
        guard
    }
}

impl LockInit for Mutex {
    fn size_of(addr: Option<*mut u8>) -> usize {
        addr.map_or(size_of::<RobustMutex>(), |mem| Self::place(mem).1)
    }

    /// # Safety
    ///
    /// From `mem` on there are [`size_of`](LockInit::size_of) bytes, which nobody else uses during the call, and which stay as long as the answer lives; nobody unmaps them
    /// while a thread holds the lock.
    #[allow(clippy::new_ret_no_self, reason = "the trait's")]
    unsafe fn new(mem: *mut u8, data: *mut u8) -> Result<(Box<dyn LockImpl>, usize)> {
        // SAFETY: the caller's.
        unsafe { RobustMutex::init(Self::place(mem).0) }?;
        // SAFETY: initialised just now.
        unsafe { Self::open(mem, data) }
    }

    /// # Safety
    ///
    /// As [`new`](LockInit::new), and a lock of this type was made at `mem`, at the same alignment.
    unsafe fn from_existing(mem: *mut u8, data: *mut u8) -> Result<(Box<dyn LockImpl>, usize)> {
        // SAFETY: the caller's.
        unsafe { Self::open(mem, data) }
    }
}

impl LockImpl for Mutex {
    fn as_raw(&self) -> *mut ffi::c_void {
        self.mutex.cast_mut().cast()
    }

    fn lock(&self) -> Result<LockGuard<'_>> {
        self.lock_by(Deadline::NEVER)
    }

    fn try_lock(&self, timeout: Timeout) -> Result<LockGuard<'_>> {
        self.lock_by(super::deadline(timeout))
    }

    fn release(&self) -> Result<()> {
        Ok(self.mutex().unlock()?)
    }

    unsafe fn get_inner(&self) -> &mut *mut u8 {
        // SAFETY: the caller's.
        unsafe { self.guards.get_inner() }
    }
}

impl fmt::Debug for Mutex {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Mutex").field("at", &self.mutex).finish_non_exhaustive()
    }
}
