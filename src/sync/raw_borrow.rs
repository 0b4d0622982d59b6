//! Many readers or one writer, without data, in any storage.
//!
//! # Protocol
//!
//! `writer` is a [`RawLock`]; each reader has a **cell** with its name. A reader writes its cell, then looks at the writer's word; a writer
//! takes the word, then looks at the cells. Both are sequentially consistent, so at least one of them sees the other
//! (J. Dekker's argument): the reader steps back, and the writer waits.
//!
//! Invariants:
//! 1. A reader reads only while its cell has its name *and* it has seen the writer's word free after writing the cell.
//! 2. A writer writes only while it owns the word *and* it has seen every cell empty, dead or lent (below) after taking the word.
//! 3. `writing` has the writer's name exactly while it may have changed data: a writer that dies before that has spoilt nothing.
//! 4. A cell that the writer marked **lent** belongs to one part of the data: one thread may put its name there instead and write that
//!    part. The writer's borrow ends when no cell is lent or held.
//! 5. Who waits for cells sets the **bell** before it looks at them for the last time; who empties a cell looks at the bell
//!    afterwards, clears it and rings. Sequentially consistent again: one of them sees the other.
//!
//! Writers come first: while a writer waits for readers, new readers wait for it. A thread that reads and asks for a
//! second read borrow while a writer waits would wait for itself, as with the standard library's lock.
//!
//! A death at each step: a dead reader's cell is emptied by the writer that finds it; a dead writer's word is taken over by whoever
//! waits for it, reader or writer, and the borrow is poisoned if invariant 3 says that it had begun; a dead borrower of a part
//! keeps its cell until the writer has seen it, who poisons the borrow.

use super::{
    party::{Party, Place, Sleep},
    raw_lock::{NotTaken, RawLock, Taken},
};
use crate::{
    atomic::{AtomicU32, Ordering},
    os::{clock::Deadline, step::step},
    segment::OwnerId,
};

/// How many readers, or parts of a writer, there can be at once: whoever waits for them watches each one's life,
/// and the kernel takes 128 words.
pub(crate) const CELLS: usize = 60;

/// A cell that waits for the borrower of its part: no thread has this name, as generation 0 is never given.
const LENT: u32 = OwnerId::MAX_SLOTS - 1;

/// Set in the bell: somebody waits for cells. The bits of a thread id stay zero, as in a gate.
const SET: u32 = 1 << 31;

/// The words.
#[repr(C)]
#[derive(Debug)]
pub(crate) struct RawBorrow {
    writer: RawLock,
    writing: AtomicU32,
    /// Grows with each loan, so that a part of an old one is refused.
    epoch: AtomicU32,
    bell: AtomicU32,
    cells: [AtomicU32; CELLS],
    _reserved: u32,
}

/// Why a wait for cells ended early.
type Drained<T> = Result<T, NotTaken>;

impl RawBorrow {
    /// The writer's lock: its owner and poison.
    pub(crate) fn writer(&self) -> &RawLock {
        &self.writer
    }

    /// How many cells have a name, dead or alive, at this moment.
    pub(crate) fn readers(&self) -> usize {
        self.cells.iter().filter(|cell| !matches!(cell.load(Ordering::Relaxed), 0 | LENT)).count()
    }

    /// Borrows for reading; the cell must be given back to [`Self::end_read`].
    pub(crate) fn read<P: Party>(
        &self,
        party: &P,
        deadline: Deadline,
    ) -> Result<(usize, Taken), NotTaken> {
        let mut heir = None;
        loop {
            let cell = self.take_cell(party, deadline)?;
            step!("borrow.read.cell");
            // SeqCst: after the cell; a writer takes the word before it looks at the cells.
            let word = self.writer.word().load(Ordering::SeqCst);
            if (word >> 32) == 0 {
                let taken = match heir {
                    Some(taken) => taken,
                    None if self.writer.is_poisoned() => Taken::Poisoned,
                    None => Taken::Clean,
                };
                return Ok((cell, taken));
            }
            self.empty(party, cell);
            // Wait for the writer by queueing at its lock, and bury it if it is dead.
            let taken = self.judge(self.writer.lock(party, deadline)?);
            if let Taken::OwnerDied { .. } = taken {
                heir = Some(taken);
            }
            self.writer.unlock(party, false);
        }
    }

    /// Ends a read borrow.
    #[inline]
    pub(crate) fn end_read<P: Party>(&self, party: &P, cell: usize) {
        self.empty(party, cell);
    }

    /// Borrows for writing.
    pub(crate) fn write<P: Party>(&self, party: &P, deadline: Deadline) -> Result<Taken, NotTaken> {
        let taken = self.judge(self.writer.lock(party, deadline)?);
        step!("borrow.write.word");
        match self.drain(party, deadline) {
            Ok(_) => {
                // Before any change of the data, and ordered before it: see invariant 3.
                self.writing.swap(party.id().bits(), Ordering::SeqCst);
                step!("borrow.write.begun");
                Ok(taken)
            }
            Err(error) => {
                self.writer.unlock(party, false);
                Err(error)
            }
        }
    }

    /// Ends a write borrow that has no parts out.
    pub(crate) fn end_write<P: Party>(&self, party: &P, poison: bool) {
        if !poison {
            // The data is whole; a death from here on spoils nothing. Release: after the data.
            self.writing.store(0, Ordering::Release);
        }
        step!("borrow.write.ended");
        self.writer.unlock(party, poison);
    }

    /// Whether a dead writer had begun; if not, the poison that its heir set is taken back.
    fn judge(&self, taken: Taken) -> Taken {
        match taken {
            Taken::OwnerDied { dead, was_poisoned }
                if self.writing.load(Ordering::Acquire) != dead.bits() =>
            {
                if was_poisoned {
                    return Taken::Poisoned;
                }
                self.writer.set_poison(false);
                Taken::Clean
            }
            taken => taken,
        }
    }

    /// Waits, as the owner of the word, until no cell has a living name. Tells how many had a dead one.
    fn drain<P: Party>(&self, party: &P, deadline: Deadline) -> Drained<usize> {
        let mut died = 0;
        loop {
            // SeqCst: before the look at the cells (invariant 5), which comes after the word was taken (invariant 2).
            let bell = self.bell.load(Ordering::SeqCst);
            let mut held = Vec::new();
            for cell in &self.cells {
                let seen = cell.load(Ordering::SeqCst);
                match OwnerId::from_bits(seen) {
                    None => {}
                    Some(holder) if holder == party.id() => return Err(NotTaken::Recursive),
                    Some(holder) if seen != LENT && !party.is_dead(holder) => held.push(holder),
                    Some(holder) => {
                        // A corpse's, or lent by a dead writer and never taken.
                        if cell
                            .compare_exchange(seen, 0, Ordering::AcqRel, Ordering::Relaxed)
                            .is_err()
                        {
                            held.push(holder);
                        } else if seen != LENT {
                            died += 1;
                            party.ring_life(holder);
                        }
                    }
                }
            }
            if held.is_empty() {
                return Ok(died);
            }
            self.wait_for_cells(party, bell, &held, deadline)?;
        }
    }

    /// Finds an empty cell, or a corpse's, and writes the caller's name in it.
    fn take_cell<P: Party>(&self, party: &P, deadline: Deadline) -> Result<usize, NotTaken> {
        let me = party.id();
        // Each slot begins elsewhere, so that readers rarely meet.
        let first = me.slot() as usize % CELLS;
        loop {
            let bell = self.bell.load(Ordering::SeqCst);
            let mut held = Vec::new();
            for index in (first..CELLS).chain(0..first) {
                let cell = &self.cells[index];
                let seen = cell.load(Ordering::SeqCst);
                if let Some(holder) = OwnerId::from_bits(seen) {
                    // A loan, and a corpse that may have had a part of it, are the writer's to see. (The owner is read after
                    // the cell: a corpse of the present loan implies a present writer.)
                    if seen == LENT || !party.is_dead(holder) || self.writer.owner().is_some() {
                        held.push(holder);
                        continue;
                    }
                }
                // SeqCst: before the look at the writer's word.
                if cell
                    .compare_exchange(seen, me.bits(), Ordering::SeqCst, Ordering::Relaxed)
                    .is_ok()
                {
                    return Ok(index);
                }
            }
            if held.len() == CELLS {
                self.wait_for_cells(party, bell, &held, deadline)?;
            }
        }
    }

    /// Waits for a moment in which it pays to look at the cells again.
    fn wait_for_cells<P: Party>(
        &self,
        party: &P,
        bell: u32,
        held: &[OwnerId],
        deadline: Deadline,
    ) -> Drained<()> {
        if deadline.has_passed() {
            return Err(NotTaken::Late);
        }
        if bell != SET {
            // Whoever empties a cell from now on rings; look once more, for those who emptied one before.
            self.bell.swap(SET, Ordering::SeqCst);
            return Ok(());
        }
        let rung = || (self.bell.load(Ordering::Relaxed) != SET).then_some(());
        if party.spin(rung).is_none() {
            step!("borrow.cells.sleep");
            // A mark of a loan is nobody whose life could be watched.
            let living: Vec<_> =
                held.iter().copied().filter(|holder| holder.bits() != LENT).collect();
            party.sleep(&Sleep { place: Place::Bell(&self.bell, SET), owners: &living, deadline });
            step!("borrow.cells.woken");
            for &holder in &living {
                if party.is_dead(holder) {
                    party.ring_life(holder);
                }
            }
        }
        Ok(())
    }

    /// Empties a cell that has the caller's name, and wakes who waits for cells.
    #[inline]
    fn empty<P: Party>(&self, party: &P, cell: usize) {
        // SeqCst: before the look at the bell; the accesses to the data come before it (Release).
        let _ = self.cells[cell].compare_exchange(
            party.id().bits(),
            0,
            Ordering::SeqCst,
            Ordering::Relaxed,
        );
        if self.bell.load(Ordering::SeqCst) == SET {
            self.ring_for_cells(party);
        }
    }

    #[cold]
    fn ring_for_cells<P: Party>(&self, party: &P) {
        // If this thread dies between the two effects, the kernel rings.
        let dependence = party.depend_on_bell(&self.bell);
        self.bell.swap(0, Ordering::SeqCst);
        step!("borrow.cells.cleared");
        party.ring_bell(&self.bell);
        drop(dependence);
    }
}
