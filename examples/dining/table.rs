//! The table: forks, and how a philosopher eats with two of them.

use multiproc::{Atomic, Event, Lock, LockError, LockGuard, Ordering, Tally};
use serde::{Deserialize, Serialize};
use std::{hint::black_box, time::Duration};

/// So long nobody waits for a fork, on any machine, if all is well.
const TOO_LONG: Duration = Duration::from_secs(60);

/// How long a meal is.
const BITES: u32 = 1000;

/// Handles of all that is shared.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(crate) struct Table {
    forks: Vec<Lock>,
    /// A meal is counted by one store, or not at all if its eater is killed before; a replacement goes on from there.
    pub(crate) meals: Tally,
    stuck: Atomic<u32>,
    wiped: Atomic<u32>,
}

/// What a philosopher does before the meals are over.
#[derive(Debug, Serialize, Deserialize)]
pub(crate) struct Plan {
    pub(crate) rounds: u64,
    /// In which meal it eats until it is killed, and what it sets as soon as it does.
    pub(crate) last: Option<(u64, Event)>,
}

impl Table {
    pub(crate) fn new(seats: usize) -> multiproc::Result<Self> {
        Ok(Self {
            forks: (0..seats).map(|_| Lock::new()).collect::<multiproc::Result<_>>()?,
            meals: Tally::new(seats)?,
            stuck: Atomic::new(0)?,
            wiped: Atomic::new(0)?,
        })
    }

    pub(crate) fn stuck(&self) -> u32 {
        self.stuck.load(Ordering::Relaxed)
    }

    pub(crate) fn wiped(&self) -> u32 {
        self.wiped.load(Ordering::Relaxed)
    }

    /// `None` if it does not come.
    fn take(&self, fork: usize) -> multiproc::Result<Option<LockGuard<'_>>> {
        match self.forks[fork].lock_timeout(TOO_LONG) {
            Ok(fork) => Ok(Some(fork)),
            Err(LockError::OwnerDied(fork)) => {
                self.wiped.fetch_add(1, Ordering::Relaxed);
                fork.clear_poison();
                Ok(Some(fork))
            }
            Err(LockError::TimedOut) => {
                self.stuck.fetch_add(1, Ordering::Relaxed);
                Ok(None)
            }
            Err(error) => Err(error.into()),
        }
    }
}

/// A philosopher: eats at a seat until it has had all its meals.
pub(crate) fn dine(table: Table, seat: usize, plan: Plan) -> multiproc::Result<()> {
    let mut meals = table.meals.cell(seat)?;
    let next = (seat + 1) % table.forks.len();
    while meals.count() < plan.rounds {
        // The lower one first.
        let Some(_first) = table.take(seat.min(next))? else { return Ok(()) };
        let Some(_second) = table.take(seat.max(next))? else { return Ok(()) };
        if let Some((last, dying)) = &plan.last
            && *last == meals.count()
        {
            dying.set()?;
            loop {
                eat();
            }
        }
        eat();
        meals.add(1);
    }
    Ok(())
}

fn eat() {
    for bite in 0..BITES {
        black_box(bite);
    }
}
