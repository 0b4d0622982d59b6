//! What an object is, and how it stands.

use super::Worker;
use serde::Serialize;

/// What an object is, and how it stands. Threads are named by their [ids](super::Thread::id).
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(tag = "kind", rename_all = "kebab-case", rename_all_fields = "snake_case")]
#[non_exhaustive]
pub enum Detail {
    /// A [`Lock`](crate::Lock), or the lock of the table of names.
    #[non_exhaustive]
    Lock {
        /// Who holds it; who died holding it, until somebody takes it over.
        owner: Option<String>,
        /// A holder died or panicked, and nobody has repaired the data since.
        is_poisoned: bool,
        /// Somebody waits, or has.
        is_awaited: bool,
    },
    /// An [`RLock`](crate::RLock).
    #[non_exhaustive]
    RLock {
        /// As of a lock.
        owner: Option<String>,
        /// As of a lock.
        is_poisoned: bool,
        /// As of a lock.
        is_awaited: bool,
        /// How often its owner has taken it, while there is one.
        depth: u32,
    },
    /// An [`RwLock`](crate::RwLock).
    #[non_exhaustive]
    RwLock {
        /// Who writes, or waits for readers to do so.
        owner: Option<String>,
        /// As of a lock.
        is_poisoned: bool,
        /// As of a lock.
        is_awaited: bool,
        /// Who reads.
        readers: Vec<String>,
    },
    /// A [`Value`](crate::Value), [`Array`](crate::Array), [`Shared`](struct@crate::Shared) or [`OnceValue`](crate::OnceValue) that is published.
    #[non_exhaustive]
    Data {
        /// Who writes, or waits for readers to do so.
        owner: Option<String>,
        /// As of a lock.
        is_poisoned: bool,
        /// As of a lock.
        is_awaited: bool,
        /// Who reads.
        readers: Vec<String>,
    },
    /// An [`Event`](crate::Event).
    #[non_exhaustive]
    Event {
        /// Whether it is set.
        is_set: bool,
    },
    /// A [`Semaphore`](crate::Semaphore) or [`BoundedSemaphore`](crate::BoundedSemaphore).
    #[non_exhaustive]
    Semaphore {
        /// How many permits are free.
        free: u32,
        /// The most that may be free, of a bounded one.
        bound: Option<u32>,
    },
    /// A [`Barrier`](crate::Barrier).
    #[non_exhaustive]
    Barrier {
        /// For how many it waits.
        parties: u32,
        /// How many of them are there.
        waiting: u32,
        /// Whether it is broken.
        is_broken: bool,
    },
    /// A [`Condition`](crate::Condition).
    Condition,
    /// A [`Queue`](crate::Queue), or that of a channel or pipe.
    #[non_exhaustive]
    Queue {
        /// How many items wait for a consumer; `None` if there are too many slots to count.
        depth: Option<u32>,
        /// How many there can be.
        capacity: u32,
        /// How many are being written.
        writing: u32,
        /// How many are being read.
        reading: u32,
        /// Whether it is closed.
        is_closed: bool,
    },
    /// A [`Pool`](crate::Pool).
    #[non_exhaustive]
    Pool {
        /// Its workers, dead ones too until they are replaced.
        workers: Vec<Worker>,
        /// How many tasks and jobs there can be at once.
        slots: u32,
        /// How many tasks nobody has begun.
        offered: u32,
        /// Which threads run a task.
        running: Vec<String>,
        /// How many jobs there are: a [map](crate::Pool::map) is one.
        jobs: u32,
    },
    /// Something else that is published.
    Other,
}

impl Detail {
    /// Whether it is something that one holds.
    #[must_use]
    pub fn is_lock(&self) -> bool {
        matches!(
            self,
            Self::Lock { .. } | Self::RLock { .. } | Self::RwLock { .. } | Self::Data { .. }
        )
    }

    /// Who holds it, if it is something that one holds.
    #[must_use]
    pub fn owner(&self) -> Option<&str> {
        match self {
            Self::Lock { owner, .. }
            | Self::RLock { owner, .. }
            | Self::RwLock { owner, .. }
            | Self::Data { owner, .. } => owner.as_deref(),
            _ => None,
        }
    }
}
