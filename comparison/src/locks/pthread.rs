//! The C library's mutex in shared memory.

use super::{Adds, Guarded, ours};
use anyhow::bail;
use multiproc::{Atomic, Ordering, SharedMemory};
use serde::{Deserialize, Serialize};
use std::{io, mem::MaybeUninit};

#[derive(Clone, Copy, PartialEq, Eq)]
pub enum Robustness {
    /// The next one has it after its holder died, and is told.
    Robust,
    None,
}

#[derive(Clone, Serialize, Deserialize)]
pub struct SharedMutex {
    /// It begins with the mutex.
    memory: SharedMemory,
    counter: Atomic<u64>,
}

fn checked(code: i32) -> io::Result<()> {
    if code == 0 { Ok(()) } else { Err(io::Error::from_raw_os_error(code)) }
}

impl SharedMutex {
    pub fn new(robustness: Robustness) -> anyhow::Result<Self> {
        let memory = SharedMemory::create_unnamed(size_of::<libc::pthread_mutex_t>())?;
        let mutex = Self { memory, counter: Atomic::new(0)? };
        let mut attributes = MaybeUninit::uninit();
        // SAFETY: the attributes are ours, and not initialised yet.
        checked(unsafe { libc::pthread_mutexattr_init(attributes.as_mut_ptr()) })?;
        let attributes = attributes.as_mut_ptr();
        // SAFETY: they are initialised, here and below.
        checked(unsafe {
            libc::pthread_mutexattr_setpshared(attributes, libc::PTHREAD_PROCESS_SHARED)
        })?;
        if robustness == Robustness::Robust {
            // SAFETY: as above.
            checked(unsafe {
                libc::pthread_mutexattr_setrobust(attributes, libc::PTHREAD_MUTEX_ROBUST)
            })?;
        }
        // SAFETY: the memory is fresh, large enough, aligned to a page, and nobody else knows it yet.
        checked(unsafe { libc::pthread_mutex_init(mutex.raw(), attributes) })?;
        Ok(mutex)
    }

    fn raw(&self) -> *mut libc::pthread_mutex_t {
        self.memory.as_ptr().cast()
    }

    /// Whether the last holder died; the caller holds it either way.
    pub fn lock(&self) -> anyhow::Result<bool> {
        // SAFETY: `new` made it, and the memory is mapped as long as `self` is there.
        match unsafe { libc::pthread_mutex_lock(self.raw()) } {
            0 => Ok(false),
            libc::EOWNERDEAD => Ok(true),
            other => bail!(io::Error::from_raw_os_error(other)),
        }
    }

    /// What it guards is repaired. By the holder.
    pub fn repaired(&self) -> anyhow::Result<()> {
        // SAFETY: as in `lock`.
        checked(unsafe { libc::pthread_mutex_consistent(self.raw()) })?;
        Ok(())
    }

    /// By the holder.
    pub fn unlock(&self) -> anyhow::Result<()> {
        // SAFETY: as in `lock`.
        checked(unsafe { libc::pthread_mutex_unlock(self.raw()) })?;
        Ok(())
    }
}

impl Guarded for SharedMutex {
    type Opened = Self;

    fn open(&self) -> anyhow::Result<Self> {
        Ok(self.clone())
    }

    fn total(&self) -> anyhow::Result<u64> {
        Ok(self.counter.load(Ordering::Relaxed))
    }
}

impl Adds for SharedMutex {
    fn add(&self) -> anyhow::Result<()> {
        if self.lock()? {
            bail!("nobody has died");
        }
        ours::add(&self.counter);
        self.unlock()
    }
}
