//! What this thread was told, by conditions, under locks that it still has. Who gives such a lock back says that it had the time (`raw_condition`, HOLDING).
//!
//! It is kept with the thread and not in a guard: an `RLock` has a guard for each level, and the one that is dropped last need not be the one with which the thread waited. A guard, or the depth
//! of an `RLock`, only says that there is something here, so that a lock without a condition costs nothing more.
//!
//! A guard that is forgotten leaves its lock held, and this as it is. The same happens where a guard is dropped after this memory of a thread that ends: then its end counts as a death with the lock,
//! and one more is told without need.

use super::{RawLock, Thread, placed::Placed, raw_condition::RawCondition};
use crate::segment::Block;
use std::{cell::RefCell, ptr};

/// One condition in which this thread's seat is HOLDING.
struct Told {
    lock: *const RawLock,
    /// The lock stays where it is until this is settled, so its address says which it is.
    _pinned: Block,
    /// The condition's handles may be gone before the guard is.
    condition: Placed<RawCondition>,
}

thread_local! {
    static TOLD: RefCell<Vec<Told>> = const { RefCell::new(Vec::new()) };
}

/// This thread has the lock, and was told by the condition. `block` is the one that the lock lies in.
pub(super) fn remember(lock: &RawLock, block: &Block, condition: &Placed<RawCondition>) {
    let told = Told { lock, _pinned: block.clone(), condition: condition.clone() };
    // A thread that is ending may have lost that memory: its end is near, and counts as a death.
    let _ = TOLD.try_with(|all| all.borrow_mut().push(told));
}

/// This thread has given the lock back; or it panics in it, which is as good as a death: then the next is told.
pub(super) fn settle(lock: &RawLock, thread: &Thread<'_>, panicked: bool) {
    // One by one: the last handle of a condition may be dropped here, and that may drop others.
    while let Some(told) = take(lock) {
        told.condition.words().settle(told.condition.chairs(), thread, panicked);
    }
}

fn take(lock: &RawLock) -> Option<Told> {
    let take = |all: &RefCell<Vec<Told>>| {
        let mut all = all.borrow_mut();
        let at = all.iter().position(|told| ptr::eq(told.lock, lock))?;
        Some(all.swap_remove(at))
    };
    TOLD.try_with(take).ok().flatten()
}
