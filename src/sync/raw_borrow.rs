//! Many readers or one writer, without data, in any storage.
//!
//! # Protocol
//!
//! `writer` is a [`RawLock`]; each reader has a **cell** with its name. A reader writes its cell, then looks at the writer's word; a writer
//! takes the word, then looks at the cells. Both are sequentially consistent, so at least one of them sees the other
//! (J. Dekker's argument): the reader steps back, and the writer waits.
//!
//! Invariants:
//! 1. A reader reads only while its cell has its name *and* it has seen, after writing the cell, the writer's word free and `writing` zero, and then the cell with
//!    its name still in it: a lender takes the cells of those who have not seen that yet.
//! 2. A writer writes only while it owns the word *and* it has seen no living name in any cell after taking the word.
//! 3. `writing` has the writer's name from before it may change data until the data is whole again and no part is out: a writer that dies without it has spoilt nothing.
//! 4. Who waits for cells sets the **bell** before it looks at them for the last time; who empties a cell looks at the bell
//!    afterwards, clears it and rings. Sequentially consistent again: one of them sees the other. A bell that was rung and set again looks as before: so whoever rings counts the
//!    **rings** first, and who waits has read them before it looks, and does not sleep if there are more.
//!
//! 5. A host's name in its cell is seen by a **guest** after the guest has written its own: see "Guests".
//!
//! Writers come first: while a writer waits for readers, new readers wait for it. A thread that reads and asks for a
//! second read borrow while a writer waits would wait for itself, as with the standard library's lock.
//!
//! # Parts
//!
//! A writer may lend parts of the data, one for each of the first cells. No two hands touch a part. The high half of a cell is the number of the loan, zero for readers:
//!
//! | cell | meaning | next |
//! | --- | --- | --- |
//! | EMPTY | – | a reader's name, while no writer is there; LENT, by the writer |
//! | LENT, loan | a part that nobody has taken | a borrower's name, by one compare-exchange; DONE, by the lender, who calls it back |
//! | a name, loan | a borrower writes the part | DONE, by the borrower; by others once it is dead. Of a seat: LENT, by the borrower; another's name, once it is dead |
//! | a name | a reader reads | EMPTY, by the reader; by others once it is dead; LENT, by a writer that the reader has yet to notice |
//! | DONE, loan | the part is written, called back, or its borrower died | EMPTY, by the lender |
//!
//! No two loans have one number (an array is lent 2^32 - 1 times at the most), so a part of an old one is refused. The lender ends its borrow when no part is lent or held.
//! When it dies before, `writing` still has its name: then whoever takes the word next, reader or writer, waits for the living borrowers, and
//! clears `writing` and the marks, before anybody reads or writes.
//!
//! The borrowers of a loan may also agree among themselves who writes what, by a claim elsewhere. Then its cells are **seats**, as many as may write at the same time: each takes any of them while it writes, and leaves it LENT for the
//! next, who may also take that of a corpse. The lender calls back until all cells are DONE in one look: nobody takes a seat after that, and nobody has one.
//!
//! # Guests
//!
//! A reader may be the **host** of others, who read as long as it does, whether or not a writer waits: a guest that waited for that writer, which waits for the host, which waits for its guests, would wait for ever. A guest writes its name in a
//! cell as every reader does, but looks then whether the host's name is in its own cell, and not at the writer's word; and then whether its own name is still there.
//!
//! The host may die between these looks and those of a writer, which has passed by the guest's cell before and finds the host's empty after. So a host says first that it is one (**hosted**), and a writer that has seen no name, and that word set,
//! looks once more. The name of a host that dies is gone for good when it is gone; the writer has seen it gone in its first look, so every guest that has seen it there has its own name in a cell before the second look begins. When the second
//! look has found nobody, there are no hosts and no guests, and the writer clears the word.
//!
//! A host that lives stays until its guests have gone, or can see only that it has gone: whoever makes it one sees to that.
//!
//! A death at each step: a dead guest is as a dead reader. A dead reader's cell is emptied by the writer that finds it; a dead writer's word is taken over by whoever
//! waits for it, and the borrow is poisoned if invariant 3 says that it had begun; a dead borrower keeps its cell until the lender has seen it, who poisons the borrow.

use super::{
    CELLS,
    party::{Party, Place, Sleep},
    raw_lock::{NotTaken, RawLock, Taken},
};
use crate::{
    atomic::{AtomicU32, AtomicU64, Ordering, fence},
    os::{clock::Deadline, step::step},
    segment::OwnerId,
};

/// Whose name a cell has, if it has one: generation 0 is never given.
pub(super) fn holder(cell: u64) -> Option<OwnerId> {
    OwnerId::from_bits(cell as u32).filter(|id| id.generation() != 0)
}

/// The cell at which a thread begins: each slot elsewhere, so that readers rarely meet.
#[inline]
pub(super) fn first_cell(id: OwnerId) -> usize {
    id.slot() as usize % CELLS
}

/// A reader's name in a cell.
pub(super) fn read_by(id: OwnerId) -> u64 {
    u64::from(id.bits())
}

/// What was heard before the cells were looked at.
#[derive(Clone, Copy, Debug)]
pub(super) struct Listening {
    rings: u32,
    bell: u32,
}

/// Set in the bell: somebody waits for cells. The bits of a thread id stay zero, as in a gate.
const SET: u32 = 1 << 31;

/// The words.
#[repr(C)]
#[derive(Debug)]
pub(crate) struct RawBorrow {
    pub(super) writer: RawLock,
    writing: AtomicU32,
    /// The number of the last loan.
    pub(super) loan: AtomicU32,
    bell: AtomicU32,
    /// How often the bell was rung.
    rings: AtomicU32,
    /// Not zero: there may be hosts, or guests of one that died.
    pub(super) hosted: AtomicU32,
    pub(super) cells: [AtomicU64; CELLS],
}

impl RawBorrow {
    #[cfg(all(test, feature = "models"))]
    pub(crate) fn new() -> Self {
        Self {
            writer: RawLock::new(),
            writing: AtomicU32::new(0),
            loan: AtomicU32::new(0),
            bell: AtomicU32::new(0),
            rings: AtomicU32::new(0),
            hosted: AtomicU32::new(0),
            cells: std::array::from_fn(|_| AtomicU64::new(0)),
        }
    }

    /// The writer's lock: its owner and poison.
    pub(crate) fn writer(&self) -> &RawLock {
        &self.writer
    }

    /// How many cells have a name, dead or alive, at this moment.
    pub(crate) fn readers(&self) -> usize {
        self.cells.iter().filter(|cell| holder(cell.load(Ordering::Relaxed)).is_some()).count()
    }

    /// Borrows for reading; the cell must be given back to [`Self::end_read`].
    #[inline]
    pub(crate) fn read<P: Party>(
        &self,
        party: &P,
        deadline: Deadline,
    ) -> Result<(usize, Taken), NotTaken> {
        // Nobody else here: the cell at which this thread begins is empty.
        let cell = first_cell(party.id());
        if self.may_read() && self.claim(party, cell, 0) {
            if self.has_claimed(party, cell) {
                return Ok((cell, self.taken()));
            }
            self.empty(party, cell);
        }
        self.read_contended(party, deadline)
    }

    /// The rest of [`Self::read`].
    #[cold]
    fn read_contended<P: Party>(
        &self,
        party: &P,
        deadline: Deadline,
    ) -> Result<(usize, Taken), NotTaken> {
        let mut heir = None;
        loop {
            if self.may_read()
                && let Some(cell) = self.take_cell(party, deadline)?
            {
                if self.has_claimed(party, cell) {
                    return Ok((cell, heir.unwrap_or_else(|| self.taken())));
                }
                self.empty(party, cell);
            }
            // Wait for the writer by queueing at its lock, and bury it if it is dead.
            let taken = self.lock_word(party, deadline)?;
            if taken == Taken::OwnerDied {
                heir = Some(taken);
            }
            let settled = self.settle(party, deadline);
            self.writer.unlock(party, false);
            settled?;
        }
    }

    /// Writes a reader's name in a cell where this was seen.
    #[inline]
    pub(super) fn claim<P: Party>(&self, party: &P, cell: usize, seen: u64) -> bool {
        // SeqCst: before the look at the writer's word.
        self.cells[cell]
            .compare_exchange(seen, read_by(party.id()), Ordering::SeqCst, Ordering::Relaxed)
            .is_ok()
    }

    /// Whether a reader whose name is in a cell may read.
    #[inline]
    fn has_claimed<P: Party>(&self, party: &P, cell: usize) -> bool {
        step!("borrow.read.cell");
        // After the cell; a writer takes the word before it looks at the cells. Then the cell: a lender may have come and gone meanwhile, and taken it.
        self.may_read() && self.cells[cell].load(Ordering::SeqCst) == read_by(party.id())
    }

    #[inline]
    fn taken(&self) -> Taken {
        if self.writer.is_poisoned() { Taken::Poisoned } else { Taken::Clean }
    }

    /// Whether there is no writer, and none has left parts behind.
    #[inline]
    fn may_read(&self) -> bool {
        // SeqCst: see invariant 1. `writing` after the word: whoever frees the word has written it before.
        self.writer.word().load(Ordering::SeqCst) >> 32 == 0
            && self.writing.load(Ordering::SeqCst) == 0
    }

    /// As the owner of the word: waits for the borrowers of a writer that died, if it has left any.
    fn settle<P: Party>(&self, party: &P, deadline: Deadline) -> Result<(), NotTaken> {
        if self.writing.load(Ordering::Acquire) != 0 {
            self.drain(party, deadline)?;
            step!("borrow.settled");
            self.writing.store(0, Ordering::Release);
        }
        Ok(())
    }

    /// Ends a read borrow.
    #[inline]
    pub(crate) fn end_read<P: Party>(&self, party: &P, cell: usize) {
        self.empty(party, cell);
    }

    /// Borrows for writing.
    pub(crate) fn write<P: Party>(&self, party: &P, deadline: Deadline) -> Result<Taken, NotTaken> {
        let taken = self.lock_word(party, deadline)?;
        step!("borrow.write.word");
        match self.drain(party, deadline) {
            Ok(()) => {
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
        if poison {
            // Before the next line says that a death spoils nothing.
            self.writer.set_poison(true);
        }
        // Release: after the data, which is whole, or poisoned.
        self.writing.store(0, Ordering::Release);
        step!("borrow.write.ended");
        self.writer.unlock(party, poison);
    }

    /// Takes the word; a dead owner that had not begun to write has spoilt nothing.
    fn lock_word<P: Party>(&self, party: &P, deadline: Deadline) -> Result<Taken, NotTaken> {
        // Only the word's owner changes `writing`, so the answer stays. Acquire pairs with the Release of `end_write`.
        let has_begun = |dead: OwnerId| self.writing.load(Ordering::Acquire) == dead.bits();
        self.writer.lock_judged(party, deadline, has_begun)
    }

    /// What a wait for cells begins with, before the cells are looked at.
    pub(super) fn listen(&self) -> Listening {
        // The rings first: who rings counts before it clears the bell.
        let rings = self.rings.load(Ordering::SeqCst);
        Listening { rings, bell: self.bell.load(Ordering::SeqCst) }
    }

    /// Waits, as the owner of the word, until no cell has a living name, and empties those of the dead and the marks of a dead writer's loan.
    fn drain<P: Party>(&self, party: &P, deadline: Deadline) -> Result<(), NotTaken> {
        // The word was taken by an exchange that only acquires; this orders it before the look at the cells (invariant 2).
        fence(Ordering::SeqCst);
        let mut is_second = false;
        loop {
            // Before the look at the cells (invariant 4), which comes after the word was taken (invariant 2).
            let heard = self.listen();
            let mut living = Vec::new();
            let mut again = false;
            for cell in &self.cells {
                let seen = cell.load(Ordering::SeqCst);
                match holder(seen) {
                    None if seen == 0 => continue,
                    Some(holder) if holder == party.id() => return Err(NotTaken::Recursive),
                    Some(holder) if !party.is_dead(holder) => {
                        living.push(holder);
                        continue;
                    }
                    dead_or_mark => {
                        let emptied =
                            cell.compare_exchange(seen, 0, Ordering::AcqRel, Ordering::Relaxed);
                        again |= emptied.is_err();
                        if let (Ok(_), Some(dead)) = (emptied, dead_or_mark) {
                            // It may have been a borrower of a dead lender's part, which it left half written.
                            if self.writing.load(Ordering::Relaxed) != 0 {
                                self.writer.set_poison(true);
                            }
                            party.ring_life(dead);
                        }
                    }
                }
            }
            if again {
                continue;
            }
            if living.is_empty() {
                if self.hosted.load(Ordering::SeqCst) == 0 {
                    return Ok(());
                }
                if is_second {
                    // Relaxed: only a host that comes after this writer sets it again.
                    self.hosted.store(0, Ordering::Relaxed);
                    return Ok(());
                }
                // Guests may have come behind this look, while their host was there.
                step!("borrow.write.second");
                // What was seen of hosts in the first look comes before what is seen of guests in the second.
                fence(Ordering::SeqCst);
                is_second = true;
                continue;
            }
            is_second = false;
            self.wait_for_cells(party, heard, &living, deadline)?;
        }
    }

    /// Finds an empty cell, or a corpse's, and writes the caller's name in it; `None` when a writer came meanwhile.
    fn take_cell<P: Party>(
        &self,
        party: &P,
        deadline: Deadline,
    ) -> Result<Option<usize>, NotTaken> {
        let first = first_cell(party.id());
        loop {
            let heard = self.listen();
            let mut living = Vec::new();
            let mut raced = false;
            for index in (first..CELLS).chain(0..first) {
                let cell = &self.cells[index];
                let seen = cell.load(Ordering::SeqCst);
                match holder(seen) {
                    None if seen == 0 => {}
                    // A loan is the writer's to see, and a corpse that may have had a part of it. (Whether one may read is asked after the cell: while a corpse
                    // of the present loan may have a part, one may not.) The writer may go without a word to us: look again, do not wait for the cell.
                    None if !self.may_read() => {
                        raced = true;
                        continue;
                    }
                    // A mark without a writer is none of this protocol's: scribbled over, and as good as empty.
                    None => {}
                    Some(holder) if !party.is_dead(holder) => {
                        living.push(holder);
                        continue;
                    }
                    Some(_) if !self.may_read() => {
                        raced = true;
                        continue;
                    }
                    Some(_) => {}
                }
                if self.claim(party, index, seen) {
                    return Ok(Some(index));
                }
                raced = true;
            }
            if !self.may_read() {
                return Ok(None);
            }
            if !raced {
                self.wait_for_cells(party, heard, &living, deadline)?;
            }
        }
    }

    /// Waits for a moment in which it pays to look at the cells again.
    pub(super) fn wait_for_cells<P: Party>(
        &self,
        party: &P,
        Listening { rings, bell }: Listening,
        living: &[OwnerId],
        deadline: Deadline,
    ) -> Result<(), NotTaken> {
        if deadline.has_passed() {
            return Err(NotTaken::Late);
        }
        if bell != SET {
            // Whoever empties a cell from now on rings; look once more, for those who emptied one before.
            self.bell.swap(SET, Ordering::SeqCst);
            return Ok(());
        }
        let rung = || (self.rings.load(Ordering::Relaxed) != rings).then_some(());
        if party.spin(rung).is_none() {
            // The kernel wakes one watcher of a dead holder. If it was this thread, and it dies too, the next one wakes.
            let dependence = party.depend_on_bell(&self.bell);
            step!("borrow.cells.sleep");
            party.sleep(&Sleep {
                places: &[Place::Bell(&self.bell, SET), Place::Bell(&self.rings, rings)],
                owners: living,
                deadline,
            });
            step!("borrow.cells.woken");
            for &holder in living {
                if party.is_dead(holder) {
                    party.ring_life(holder);
                }
            }
            drop(dependence);
        }
        Ok(())
    }

    /// Empties a reader's cell that has the caller's name, and wakes who waits for cells.
    #[inline]
    pub(super) fn empty<P: Party>(&self, party: &P, cell: usize) {
        self.leave(party, cell, read_by(party.id()), 0);
    }

    /// Puts something in the place of what the caller wrote, and wakes who waits for cells.
    #[inline]
    pub(super) fn leave<P: Party>(&self, party: &P, cell: usize, mine: u64, next: u64) {
        // SeqCst: before the look at the bell; the accesses to the data come before it (Release).
        let _ = self.cells[cell].compare_exchange(mine, next, Ordering::SeqCst, Ordering::Relaxed);
        self.look_at_bell(party);
    }

    #[inline]
    pub(super) fn look_at_bell<P: Party>(&self, party: &P) {
        if self.bell.load(Ordering::SeqCst) == SET {
            self.ring_for_cells(party);
        }
    }

    #[cold]
    fn ring_for_cells<P: Party>(&self, party: &P) {
        // If this thread dies between the two effects, the kernel rings.
        let dependence = party.depend_on_bell(&self.bell);
        self.rings.fetch_add(1, Ordering::SeqCst);
        step!("borrow.cells.counted");
        self.bell.swap(0, Ordering::SeqCst);
        step!("borrow.cells.cleared");
        party.ring_bell(&self.bell);
        drop(dependence);
    }
}
