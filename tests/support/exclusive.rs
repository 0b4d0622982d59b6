//! What one process has at a time, by any of the primitives: so that a schedule is written once.
#![allow(dead_code, reason = "each test executable uses some of it")]

use multiproc::{Atomic, LockError, OnceValue, Ordering, RLock, RwLock};
use serde::{Deserialize, Serialize};
use std::thread;

#[derive(Clone, Debug, Serialize, Deserialize)]
pub(crate) enum Exclusive {
    Recursive(RLock),
    /// Who waits writes.
    Writers(RwLock),
    /// Who waits reads.
    Readers(RwLock),
    /// Who has it makes it.
    Once(OnceValue<u64>),
}

impl Exclusive {
    pub(crate) fn all() -> [Self; 4] {
        [
            Self::Recursive(RLock::new().unwrap()),
            Self::Writers(RwLock::new().unwrap()),
            Self::Readers(RwLock::new().unwrap()),
            Self::Once(OnceValue::new().unwrap()),
        ]
    }

    /// Takes it from whomever, alone, and gives it back after the body. A value is made: if it was made before, nothing is taken.
    pub(crate) fn hold(&self, body: impl FnOnce()) {
        match self {
            Self::Recursive(lock) => {
                let outer = lock.lock().or_else(LockError::into_guard).unwrap();
                outer.clear_poison();
                let _deeper = [lock.lock().unwrap(), lock.lock().unwrap()];
                assert_eq!(lock.depth(), 3);
                body();
            }
            Self::Writers(lock) | Self::Readers(lock) => {
                let guard = lock.write().or_else(LockError::into_guard).unwrap();
                guard.clear_poison();
                body();
            }
            Self::Once(value) => {
                let make = || {
                    body();
                    7
                };
                assert_eq!(*value.get_or_init(make).unwrap(), 7);
            }
        }
    }

    /// Waits for it as those do who are to survive, and gives it back.
    pub(crate) fn pass(&self) {
        match self {
            Self::Readers(lock) => {
                let guard = lock.read().or_else(LockError::into_guard).unwrap();
                lock.clear_poison();
                drop(guard);
            }
            other => other.hold(|| {}),
        }
    }

    /// Takes it from whomever, says so, and keeps it until it is killed.
    pub(crate) fn keep(&self, inside: &Atomic<u32>) {
        self.hold(|| {
            inside.fetch_add(1, Ordering::SeqCst);
            loop {
                thread::park();
            }
        });
    }
}
