//! The counts of all ranges that are done, in shared memory. Whoever dies while adding leaves them as they were before.

use multiproc::{Array, Atomic, LockError, Ordering};
use serde::{Deserialize, Serialize};

/// How often each byte occurs.
pub(crate) type Counts = [u64; 256];

/// There are two copies, and a word that says which is valid. A step makes the other one, and turns the word last.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(crate) struct Totals {
    /// Twice: the counts, and a mark for each range.
    copies: Array<u64>,
    valid: Atomic<u64>,
}

impl Totals {
    pub(crate) fn new(ranges: usize) -> multiproc::Result<Self> {
        Ok(Self { copies: Array::zeroed(2 * (256 + ranges))?, valid: Atomic::new(0)? })
    }

    /// Adds the counts of a range, unless they are there.
    pub(crate) fn add(&self, range: usize, counts: &Counts) -> multiproc::Result<()> {
        let mut copies = match self.copies.write() {
            // The valid copy is whole, whatever the dead one did to the other.
            Err(LockError::OwnerDied(copies) | LockError::Poisoned(copies)) => {
                copies.clear_poison();
                copies
            }
            other => other?,
        };
        let half = copies.len() / 2;
        let (first, second) = copies.split_at_mut(half);
        let valid = self.valid.load(Ordering::Acquire);
        let (now, next) = if valid == 0 { (first, second) } else { (second, first) };
        if now[256 + range] != 0 {
            return Ok(());
        }
        next.copy_from_slice(now);
        next.iter_mut().zip(counts).for_each(|(total, count)| *total += count);
        next[256 + range] = 1;
        // Release: the new copy is whole when it becomes the valid one.
        self.valid.store(1 - valid, Ordering::Release);
        Ok(())
    }

    /// The counts, and the ranges that nobody has added.
    pub(crate) fn get(&self) -> multiproc::Result<(Counts, Vec<usize>)> {
        let copies = match self.copies.read() {
            Err(LockError::OwnerDied(copies) | LockError::Poisoned(copies)) => copies,
            other => other?,
        };
        let half = copies.len() / 2;
        let (first, second) = copies.split_at(half);
        let valid = if self.valid.load(Ordering::Acquire) == 0 { first } else { second };
        let (counts, marks) = valid.split_at(256);
        let missing = (0..marks.len()).filter(|&range| marks[range] == 0).collect();
        Ok((std::array::from_fn(|byte| counts[byte]), missing))
    }
}
