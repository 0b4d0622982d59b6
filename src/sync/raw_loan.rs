//! Parts of a write borrow, lent to other threads: see "Parts" in `raw_borrow`.

use super::{
    RawBorrow,
    party::Party,
    raw_borrow::{DONE, holder},
    raw_lock::NotTaken,
};
use crate::{
    atomic::{AtomicU32, Ordering},
    os::{clock::Deadline, step::step},
};

/// In a cell: lent, in this epoch.
fn lent(epoch: u32) -> u32 {
    1 + epoch % (DONE - 1)
}

impl RawBorrow {
    /// Lends the first `parts` cells, as the writer; the answer is the loan's epoch, which each part carries.
    pub(crate) fn lend(&self, parts: usize) -> u32 {
        let epoch = self.epoch.load(Ordering::Relaxed).wrapping_add(1);
        self.epoch.store(epoch, Ordering::SeqCst);
        for cell in &self.cells[..parts] {
            // Release, with the data. A reader that is about to step back may have its name there: it finds another.
            cell.store(lent(epoch), Ordering::SeqCst);
            step!("borrow.lent");
        }
        epoch
    }

    /// Takes a lent part: the caller may write it. `false` when it was taken or called back, or is of another loan.
    ///
    /// The lender itself may not: it would wait for itself when it ends its borrow.
    pub(crate) fn borrow_part<P: Party>(
        &self,
        party: &P,
        part: usize,
        epoch: u32,
    ) -> Result<bool, NotTaken> {
        let Some(cell) = self.cells.get(part) else { return Ok(false) };
        if self.writer.owner() == Some(party.id()) {
            return Err(NotTaken::Recursive);
        }
        let mine = party.id().bits();
        // Acquire pairs with the store in `lend`.
        if self.epoch.load(Ordering::SeqCst) != epoch
            || cell
                .compare_exchange(lent(epoch), mine, Ordering::SeqCst, Ordering::Relaxed)
                .is_err()
        {
            return Ok(false);
        }
        step!("borrow.part.taken");
        if self.epoch.load(Ordering::SeqCst) == epoch {
            return Ok(true);
        }
        // The mark was of a loan many loans later, which has the same mark.
        let _ = cell.compare_exchange(mine, lent(epoch), Ordering::SeqCst, Ordering::Relaxed);
        Ok(false)
    }

    /// Gives a part back. `poison` when it may be half changed.
    pub(crate) fn return_part<P: Party>(&self, party: &P, part: usize, poison: bool) {
        if poison {
            self.writer.set_poison(true);
        }
        step!("borrow.part.ending");
        self.leave(party, part, DONE);
    }

    /// How many parts of this loan nobody has taken at this moment.
    pub(crate) fn untaken(&self, parts: usize, epoch: u32) -> usize {
        let is_lent = |cell: &&AtomicU32| cell.load(Ordering::Relaxed) == lent(epoch);
        self.cells[..parts].iter().filter(is_lent).count()
    }

    /// Calls back what was never taken and waits for the rest, as the lender. Tells how many borrowers died.
    pub(crate) fn call_back<P: Party>(
        &self,
        party: &P,
        parts: usize,
        epoch: u32,
        deadline: Deadline,
    ) -> Result<usize, NotTaken> {
        let cells = &self.cells[..parts];
        let mut died = 0;
        for cell in cells {
            let _ = cell.compare_exchange(lent(epoch), DONE, Ordering::SeqCst, Ordering::Relaxed);
            step!("borrow.part.called");
        }
        loop {
            // As in `drain`.
            let bell = self.bell.load(Ordering::SeqCst);
            let mut living = Vec::new();
            for cell in cells {
                let seen = cell.load(Ordering::SeqCst);
                let Some(borrower) = holder(seen) else { continue };
                if !party.is_dead(borrower) {
                    living.push(borrower);
                } else if cell
                    .compare_exchange(seen, DONE, Ordering::AcqRel, Ordering::Relaxed)
                    .is_ok()
                {
                    died += 1;
                    // A death of this thread from here on must not make it forgotten.
                    self.writer.set_poison(true);
                    party.ring_life(borrower);
                }
            }
            if living.is_empty() {
                break;
            }
            self.wait_for_cells(party, bell, &living, deadline)?;
        }
        for cell in cells {
            cell.store(0, Ordering::SeqCst);
            step!("borrow.part.cleared");
        }
        self.look_at_bell(party);
        Ok(died)
    }
}
