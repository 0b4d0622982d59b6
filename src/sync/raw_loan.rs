//! Parts of a write borrow, lent to other threads, and seats at one: see "Parts" in `raw_borrow`.

use super::{
    CELLS, RawBorrow,
    party::Party,
    raw_borrow::{first_cell, holder},
    raw_lock::NotTaken,
};
use crate::{
    atomic::{AtomicU64, Ordering},
    os::{clock::Deadline, step::step},
    segment::OwnerId,
};

// In the low half of a cell; no thread has such a name, as generation 0 is never given.
const LENT: u32 = 1;
const DONE: u32 = 2;

/// In a cell of this loan: a mark, or a borrower's name.
fn cell(loan: u32, low: u32) -> u64 {
    u64::from(loan) << 32 | u64::from(low)
}

fn lent(loan: u32) -> u64 {
    cell(loan, LENT)
}

fn borrowed(loan: u32, by: OwnerId) -> u64 {
    cell(loan, by.bits())
}

impl RawBorrow {
    /// Lends the first `parts` cells, as the writer; the answer is the loan's number, which each part carries. `None` when all numbers are used up.
    pub(crate) fn lend(&self, parts: usize) -> Option<u32> {
        let loan = self.loan.load(Ordering::Relaxed).checked_add(1)?;
        // Relaxed: only the writer reads it.
        self.loan.store(loan, Ordering::Relaxed);
        for cell in &self.cells[..parts] {
            // Release, with the data. A reader that has yet to notice the writer may have its name there: it notices that it is gone.
            cell.store(lent(loan), Ordering::SeqCst);
            step!("borrow.lent");
        }
        Some(loan)
    }

    /// Takes a lent part: the caller may write it. `false` when it was taken or called back, or is of another loan.
    ///
    /// The lender itself may not: it would wait for itself when it ends its borrow.
    pub(crate) fn borrow_part<P: Party>(
        &self,
        party: &P,
        part: usize,
        loan: u32,
    ) -> Result<bool, NotTaken> {
        let Some(cell) = self.cells.get(part) else { return Ok(false) };
        if self.writer.owner() == Some(party.id()) {
            return Err(NotTaken::Recursive);
        }
        let mine = borrowed(loan, party.id());
        // Acquire pairs with the store in `lend`.
        let taken =
            cell.compare_exchange(lent(loan), mine, Ordering::SeqCst, Ordering::Relaxed).is_ok();
        step!("borrow.part.taken");
        Ok(taken)
    }

    /// Gives a part back. `poison` when it may be half changed.
    pub(crate) fn return_part<P: Party>(&self, party: &P, part: usize, loan: u32, poison: bool) {
        if poison {
            self.writer.set_poison(true);
        }
        step!("borrow.part.ending");
        self.leave(party, part, borrowed(loan, party.id()), cell(loan, DONE));
    }

    /// Takes any seat of a loan whose borrowers agree among themselves who writes what, also that of one who died; waits for one. `None` when the loan was called back, or is another.
    ///
    /// As with a part, the lender itself may not.
    pub(crate) fn take_seat<P: Party>(
        &self,
        party: &P,
        seats: usize,
        loan: u32,
        deadline: Deadline,
    ) -> Result<Option<usize>, NotTaken> {
        if self.writer.owner() == Some(party.id()) {
            return Err(NotTaken::Recursive);
        }
        let seats = seats.min(CELLS);
        let mine = borrowed(loan, party.id());
        let first = first_cell(party.id()) % seats.max(1);
        loop {
            // As in `drain`.
            let heard = self.listen();
            let (mut living, mut raced) = (Vec::new(), false);
            for seat in (first..seats).chain(0..first) {
                let cell = &self.cells[seat];
                let seen = cell.load(Ordering::SeqCst);
                let dead = match holder(seen) {
                    None if seen == lent(loan) => None,
                    Some(holder) if seen == borrowed(loan, holder) => {
                        if !party.is_dead(holder) {
                            living.push(holder);
                            continue;
                        }
                        Some(holder)
                    }
                    // Called back, or another loan's.
                    _ => continue,
                };
                // Acquire pairs with the store in `lend`, and with what the one before left.
                if cell.compare_exchange(seen, mine, Ordering::SeqCst, Ordering::Relaxed).is_ok() {
                    step!("borrow.seat.taken");
                    dead.into_iter().for_each(|dead| party.ring_life(dead));
                    return Ok(Some(seat));
                }
                raced = true;
            }
            if raced {
                continue;
            }
            if living.is_empty() {
                return Ok(None);
            }
            self.wait_for_cells(party, heard, &living, deadline)?;
        }
    }

    /// Leaves a seat, for the next.
    pub(crate) fn leave_seat<P: Party>(&self, party: &P, seat: usize, loan: u32) {
        step!("borrow.seat.ending");
        self.leave(party, seat, borrowed(loan, party.id()), lent(loan));
    }

    /// How many parts of this loan nobody has taken at this moment.
    pub(crate) fn untaken(&self, parts: usize, loan: u32) -> usize {
        let is_lent = |cell: &&AtomicU64| cell.load(Ordering::Relaxed) == lent(loan);
        self.cells[..parts].iter().filter(is_lent).count()
    }

    /// Calls back what was never taken and waits for the rest, as the lender. Tells how many borrowers died.
    pub(crate) fn call_back<P: Party>(
        &self,
        party: &P,
        parts: usize,
        loan: u32,
        deadline: Deadline,
    ) -> Result<usize, NotTaken> {
        let cells = &self.cells[..parts];
        let done = cell(loan, DONE);
        let mut died = 0;
        for cell in cells {
            let _ = cell.compare_exchange(lent(loan), done, Ordering::SeqCst, Ordering::Relaxed);
            step!("borrow.part.called");
        }
        loop {
            // As in `drain`.
            let heard = self.listen();
            let (mut living, mut again) = (Vec::new(), false);
            for cell in cells {
                let mut seen = cell.load(Ordering::SeqCst);
                if seen == lent(loan) {
                    // A seat that was left meanwhile.
                    let called =
                        cell.compare_exchange(seen, done, Ordering::SeqCst, Ordering::SeqCst);
                    let Err(taken) = called else { continue };
                    seen = taken;
                }
                let Some(borrower) = holder(seen) else { continue };
                if !party.is_dead(borrower) {
                    living.push(borrower);
                } else if cell
                    .compare_exchange(seen, done, Ordering::AcqRel, Ordering::Relaxed)
                    .is_ok()
                {
                    died += 1;
                    // A death of this thread from here on must not make it forgotten.
                    self.writer.set_poison(true);
                    party.ring_life(borrower);
                } else {
                    // Another has its seat now.
                    again = true;
                }
            }
            if again {
                continue;
            }
            if living.is_empty() {
                break;
            }
            self.wait_for_cells(party, heard, &living, deadline)?;
        }
        for cell in cells {
            cell.store(0, Ordering::SeqCst);
            step!("borrow.part.cleared");
        }
        self.look_at_bell(party);
        Ok(died)
    }
}
