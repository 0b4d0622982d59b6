//! Items for which consumers wait with a condition.
#![allow(dead_code, reason = "each test executable uses some of it")]

use super::watching::{is_gone, sleeps, until};
use multiproc::{AtomicArray, Condition, Event, LockError, Ordering, Process, RLockGuard, spawn};

/// Items that are there, and taken once: by its number each.
#[derive(Clone, Debug, serde::Serialize, serde::Deserialize)]
pub(crate) struct Shop {
    pub(crate) condition: Condition,
    pub(crate) items: AtomicArray<u32>,
}

pub(crate) const ABSENT: u32 = 0;
const THERE: u32 = u32::MAX;

impl Shop {
    pub(crate) fn new() -> Self {
        Self { condition: Condition::new().unwrap(), items: AtomicArray::zeroed(4).unwrap() }
    }

    /// The condition's lock, from whomever.
    pub(crate) fn enter(&self) -> RLockGuard<'_> {
        let guard = self.condition.lock().or_else(LockError::into_guard).unwrap();
        guard.clear_poison();
        guard
    }

    fn take(&self, number: u32) -> bool {
        (0..4).any(|at| {
            let item = &self.items[at];
            item.compare_exchange(THERE, number, Ordering::SeqCst, Ordering::SeqCst).is_ok()
        })
    }

    pub(crate) fn has_taken(&self, number: u32) -> bool {
        (0..4).any(|at| self.items[at].load(Ordering::SeqCst) == number)
    }

    /// Waits for one item and takes it. It looks only when it is told.
    pub(crate) fn consume(&self, number: u32) {
        let mut guard = self.enter();
        while !self.take(number) {
            match self.condition.wait(&mut guard) {
                Ok(()) => {}
                Err(LockError::OwnerDied(()) | LockError::Poisoned(())) => guard.clear_poison(),
                Err(error) => panic!("{error}"),
            }
        }
    }

    /// A process that waits for an item, asleep.
    ///
    /// In builds with debug assertions it dies when it comes to the step, if there is one; one that dies before it waits is gone then.
    pub(crate) fn consumer(&self, number: u32, step: Option<&str>) -> Process<()> {
        let begun = Event::new().unwrap();
        let consume = |shop: Self, number: u32, step: Option<String>, begun: Event| {
            // The first registration is over before anything is armed.
            begun.set().unwrap();
            #[cfg(debug_assertions)]
            if let Some(step) = &step {
                multiproc::__private::die_at(step, 1);
            }
            shop.consume(number);
        };
        let before = self.condition.n_waiting();
        let args = (self.clone(), number, step.map(str::to_owned), begun.clone());
        let process = spawn(consume, args).unwrap();
        let is_gone = || is_gone(&process);
        until(|| {
            begun.is_set() && (self.condition.n_waiting() > before && sleeps(&process) || is_gone())
        });
        process
    }

    /// Puts an item there, and tells nobody.
    pub(crate) fn lay(&self, item: usize) {
        self.items[item].store(THERE, Ordering::SeqCst);
    }

    /// Puts one item there and tells one.
    pub(crate) fn put(&self) {
        let _guard = self.enter();
        let free = (0..4).find(|&at| self.items[at].load(Ordering::SeqCst) == ABSENT);
        self.items[free.unwrap()].store(THERE, Ordering::SeqCst);
        self.condition.notify(1).unwrap();
    }
}
