//! The five counters, and how a worker counts in each.

use crate::journal::Journal;
use multiproc::{Atomic, Lock, LockError, Ordering, Tally, Value};
use serde::{Deserialize, Serialize};

/// Handles of all that is shared.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(crate) struct Counters {
    pub(crate) tally: Tally,
    value: Value<u64>,
    value_journal: Journal,
    lock: Lock,
    locked: Value<u64>,
    lock_journal: Journal,
    atomic: Atomic<u64>,
    /// What was counted in `atomic` for certain.
    acknowledged: Tally,
    racy: Atomic<u64>,
    racy_steps: Tally,
    /// How often somebody found a dead owner of a lock.
    owner_deaths: Atomic<u64>,
}

impl Counters {
    pub(crate) fn new(workers: usize) -> multiproc::Result<Self> {
        Ok(Self {
            tally: Tally::new(workers)?,
            value: Value::new(0)?,
            value_journal: Journal::new(workers)?,
            lock: Lock::new()?,
            locked: Value::new(0)?,
            lock_journal: Journal::new(workers)?,
            atomic: Atomic::new(0)?,
            acknowledged: Tally::new(workers)?,
            racy: Atomic::new(0)?,
            racy_steps: Tally::new(workers)?,
            owner_deaths: Atomic::new(0)?,
        })
    }

    /// Counts in each until this worker, and those whose place it took, have done `steps` steps.
    pub(crate) fn count_to(&self, worker: usize, steps: u64) -> multiproc::Result<()> {
        let mut tally = self.tally.cell(worker)?;
        let mut acknowledged = self.acknowledged.cell(worker)?;
        let mut racy_steps = self.racy_steps.cell(worker)?;
        loop {
            let mut done = true;
            if tally.count() < steps {
                tally.add(1);
                done = false;
            }
            done &= !self.step_value(worker, steps)?;
            done &= !self.step_locked(worker, steps)?;
            if acknowledged.count() < steps {
                self.atomic.fetch_add(1, Ordering::Relaxed);
                acknowledged.add(1);
                done = false;
            }
            if done {
                break;
            }
        }
        while racy_steps.count() < steps {
            // Two instructions, between which others come.
            self.racy.store(self.racy.load(Ordering::Relaxed) + 1, Ordering::Relaxed);
            racy_steps.add(1);
        }
        Ok(())
    }

    /// A step of the value under its own lock; `false` when there is none left.
    fn step_value(&self, worker: usize, steps: u64) -> multiproc::Result<bool> {
        let mut number = match self.value.lock() {
            Ok(number) => number,
            Err(error) => {
                self.met_the_dead(&error);
                let mut number = error.into_guard()?;
                if let Some(wanted) = self.value_journal.unfinished() {
                    *number = wanted;
                    self.value_journal.end();
                }
                number.clear_poison();
                number
            }
        };
        if self.value_journal.progress(worker) >= steps {
            return Ok(false);
        }
        self.value_journal.begin(worker, *number + 1);
        *number += 1;
        self.value_journal.end();
        Ok(true)
    }

    /// A step of the value under the separate lock; `false` when there is none left.
    fn step_locked(&self, worker: usize, steps: u64) -> multiproc::Result<bool> {
        let _held = match self.lock.lock() {
            Ok(held) => held,
            Err(error) => {
                self.met_the_dead(&error);
                let held = error.into_guard()?;
                // The dead one may have had the value's own lock too.
                self.locked.lock().or_else(LockError::into_guard)?.clear_poison();
                if let Some(wanted) = self.lock_journal.unfinished() {
                    self.locked.set(wanted)?;
                    self.lock_journal.end();
                }
                held.clear_poison();
                held
            }
        };
        if self.lock_journal.progress(worker) >= steps {
            return Ok(false);
        }
        let number = self.locked.get()? + 1;
        self.lock_journal.begin(worker, number);
        self.locked.set(number)?;
        self.lock_journal.end();
        Ok(true)
    }

    fn met_the_dead<G>(&self, error: &LockError<G>) {
        if let LockError::OwnerDied(_) = error {
            self.owner_deaths.fetch_add(1, Ordering::Relaxed);
        }
    }

    /// Prints what was counted, once all workers have ended; `false` if something was lost or counted twice.
    pub(crate) fn report(&self, expected: u64, kills: u32) -> multiproc::Result<bool> {
        // The last one may have died after its work was done by others.
        let value = *self.value.lock().or_else(LockError::into_guard)?;
        let locked = *self.locked.lock().or_else(LockError::into_guard)?;
        let (tally, acknowledged) = (self.tally.sum(), self.acknowledged.sum());
        let atomic = self.atomic.load(Ordering::Relaxed);
        let lost = self.racy_steps.sum().saturating_sub(self.racy.load(Ordering::Relaxed));
        println!("tally expected {expected} got {tally}");
        println!("value expected {expected} got {value}");
        println!("lock expected {expected} got {locked}");
        println!("atomic acknowledged {acknowledged} got {atomic}");
        println!("racy lost {lost}");
        if kills > 0 {
            println!("kills {kills}");
            println!("owner deaths {}", self.owner_deaths.load(Ordering::Relaxed));
        }
        let exact = [tally, value, locked].iter().all(|&got| got == expected);
        Ok(exact && (acknowledged..=acknowledged + u64::from(kills)).contains(&atomic))
    }
}
