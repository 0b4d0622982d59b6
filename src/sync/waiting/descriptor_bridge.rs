//! The thread that waits for descriptors on behalf of those who sleep in shared memory.

use super::spots::LocalBell;
use crate::{
    Error, Result,
    atomic::{AtomicU64, Ordering},
    os::{descriptor_set::DescriptorSet, fork},
};
use std::{
    collections::{HashMap, HashSet},
    os::fd::{AsFd, AsRawFd, BorrowedFd},
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    thread,
};

/// One for the whole process, from the first need on.
#[derive(Debug)]
struct Bridge {
    /// Sets of descriptors, each of one wait.
    waits: DescriptorSet,
    bells: Mutex<HashMap<u64, Arc<LocalBell>>>,
}

impl Bridge {
    fn bells(&self) -> MutexGuard<'_, HashMap<u64, Arc<LocalBell>>> {
        self.bells.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn the() -> Result<Arc<Self>> {
        static BRIDGE: Mutex<Option<Arc<Bridge>>> = Mutex::new(None);
        // The thread is none of a forked process.
        fork::watch();
        fork::refuse_if_forked()?;
        let mut bridge = BRIDGE.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(bridge) = &*bridge {
            return Ok(Arc::clone(bridge));
        }
        let new = Arc::new(Self { waits: DescriptorSet::new()?, bells: Mutex::default() });
        let its = Arc::clone(&new);
        thread::Builder::new()
            .name("multiproc-descriptors".into())
            .stack_size(64 << 10)
            .spawn(move || {
                while let Ok(number) = its.waits.wait() {
                    // Perhaps that wait is over.
                    if let Some(bell) = its.bells().get(&number) {
                        bell.ring();
                    }
                }
            })
            .map_err(|error| Error::os("starting a thread", error))?;
        Ok(Arc::clone(bridge.insert(new)))
    }
}

/// The descriptors of one wait, as the bridge has them; until it is dropped.
#[derive(Debug)]
pub(super) struct Crossing {
    bridge: Arc<Bridge>,
    set: DescriptorSet,
    number: u64,
}

impl Crossing {
    /// The bell rings, once, when one of the descriptors is readable.
    pub(super) fn begin(descriptors: &[BorrowedFd<'_>], bell: &Arc<LocalBell>) -> Result<Self> {
        static NUMBER: AtomicU64 = AtomicU64::new(0);
        let bridge = Bridge::the()?;
        let set = DescriptorSet::new()?;
        // Somebody may have named one twice.
        let mut known = HashSet::new();
        for descriptor in descriptors {
            if known.insert(descriptor.as_raw_fd()) {
                set.add_for_good(*descriptor)?;
            }
        }
        let number = NUMBER.fetch_add(1, Ordering::Relaxed);
        bridge.bells().insert(number, Arc::clone(bell));
        let crossing = Self { bridge, set, number };
        crossing.bridge.waits.add(crossing.set.as_fd(), number)?;
        Ok(crossing)
    }

    /// It rings once more.
    pub(super) fn again(&self) -> Result<()> {
        self.bridge.waits.add(self.set.as_fd(), self.number)
    }
}

impl Drop for Crossing {
    fn drop(&mut self) {
        // It may not have been added.
        let _ = self.bridge.waits.remove(self.set.as_fd());
        self.bridge.bells().remove(&self.number);
    }
}
