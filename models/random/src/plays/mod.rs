//! Plays under chance.

mod barrier;
mod borrow;
mod condition;
mod event;
mod lock;
mod pool;
mod queue;
mod semaphore;

use crate::{
    atomic::AtomicU64,
    chance::{Chance, SLOTS},
    os::clock::Deadline,
};
use std::cell::Cell;

/// How long a thread waits.
fn patience(chance: &mut Chance) -> Deadline {
    chance.of(&[Deadline::NEVER, Deadline::NEVER, Deadline::SOON, Deadline::NOW])
}

fn seats() -> [AtomicU64; SLOTS] {
    std::array::from_fn(|_| AtomicU64::new(0))
}

/// Somebody is inside: until this is dropped, which it is too when the thread dies.
struct Inside<'a>(&'a Cell<u32>);

impl<'a> Inside<'a> {
    fn enter(count: &'a Cell<u32>) -> Self {
        count.set(count.get() + 1);
        Self(count)
    }
}

impl Drop for Inside<'_> {
    fn drop(&mut self) {
        self.0.set(self.0.get() - 1);
    }
}
