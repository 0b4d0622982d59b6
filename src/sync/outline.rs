//! What the copied words of an object of this layer say, for those who look from outside.

use super::{
    Barrier, BoundedSemaphore, CELLS, Condition, Event, Lock, RLock, RawLock, RwLock, Semaphore,
    raw_barrier::{BARRIER_WORDS, BROKEN, turn_of},
    raw_borrow::{RawBorrow, holder},
    raw_event, raw_lock,
    raw_semaphore::{self, RawSemaphore},
    rlock::{RecursiveWords, levels},
};
use crate::segment::{Copied, OwnerId};
use std::mem::offset_of;

/// A lock's word.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct LockOutline {
    pub(crate) owner: Option<OwnerId>,
    pub(crate) is_poisoned: bool,
    /// Somebody sleeps, or has slept.
    pub(crate) is_awaited: bool,
}

impl LockOutline {
    pub(crate) fn of(word: u64) -> Self {
        Self {
            owner: RawLock::owner_in(word),
            is_poisoned: word & raw_lock::POISON != 0,
            is_awaited: word & raw_lock::WAITERS != 0,
        }
    }
}

/// An object.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum SyncOutline {
    Lock(LockOutline),
    RLock { lock: LockOutline, depth: u32 },
    RwLock(BorrowOutline),
    Event { is_set: bool },
    Semaphore { free: u32, bound: Option<u32> },
    Barrier { parties: u32, waiting: u32, is_broken: bool },
    Condition,
}

/// The words before data that is borrowed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct BorrowOutline {
    pub(crate) writer: LockOutline,
    pub(crate) readers: Vec<OwnerId>,
}

impl BorrowOutline {
    /// How many bytes it is read from.
    pub(crate) const BYTES: usize = size_of::<RawBorrow>();

    pub(crate) fn of(words: Copied<'_>) -> Self {
        let cell = |index| words.u64(offset_of!(RawBorrow, cells) + index * size_of::<u64>());
        Self {
            writer: LockOutline::of(words.u64(offset_of!(RawBorrow, writer))),
            readers: (0..CELLS).filter_map(|index| holder(cell(index))).collect(),
        }
    }
}

impl SyncOutline {
    /// How many bytes are enough for all kinds.
    pub(crate) const BYTES: usize = 1024;

    /// From the first bytes of an object; `None` for one of another layer.
    pub(crate) fn of(fingerprint: u64, words: Copied<'_>) -> Option<Self> {
        const { assert!(BorrowOutline::BYTES <= Self::BYTES) };
        let semaphore = |is_bounded: bool| Self::Semaphore {
            free: raw_semaphore::value_in(words.u64(offset_of!(RawSemaphore, state))),
            bound: is_bounded.then(|| words.u32(offset_of!(RawSemaphore, bound))),
        };
        Some(match fingerprint {
            Lock::HANDLE => Self::Lock(LockOutline::of(words.u64(0))),
            RLock::HANDLE => Self::RLock {
                lock: LockOutline::of(words.u64(offset_of!(RecursiveWords, lock))),
                depth: levels(words.u32(offset_of!(RecursiveWords, depth))),
            },
            RwLock::HANDLE => Self::RwLock(BorrowOutline::of(words)),
            Event::HANDLE => Self::Event { is_set: words.u64(0) & raw_event::SET != 0 },
            Semaphore::HANDLE => semaphore(false),
            BoundedSemaphore::HANDLE => semaphore(true),
            Barrier::HANDLE => {
                let [parties, arrived, turn] = BARRIER_WORDS;
                let (arrived, turn) = (words.u64(arrived), words.u64(turn));
                let is_now = turn & BROKEN == 0 && turn_of(arrived) == turn_of(turn);
                Self::Barrier {
                    parties: words.u32(parties),
                    waiting: if is_now { arrived as u32 } else { 0 },
                    is_broken: turn & BROKEN != 0,
                }
            }
            Condition::<RLock>::HANDLE => Self::Condition,
            _ => return None,
        })
    }
}
