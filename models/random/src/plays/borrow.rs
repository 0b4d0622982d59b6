//! Readers, a writer, borrowers of parts: nobody beside whom it may not meet, and nobody left asleep.

use super::{Inside, patience};
use crate::{
    chance::{Chance, Play, all_awake, runs, stay},
    os::clock::Deadline,
    party::Model,
    sync::{CELLS, RawBorrow, raw_lock::Taken},
};
use std::{cell::Cell, rc::Rc};

const PARTS: usize = CELLS;

struct Shared {
    borrow: RawBorrow,
    readers: Cell<u32>,
    writers: Cell<u32>,
    borrowers: [Cell<u32>; PARTS],
    /// The number of the last loan, which travels to the borrowers.
    loan: Cell<u32>,
    /// Somebody is in the middle of a change, or died there.
    is_torn: Cell<bool>,
}

#[derive(Clone, Copy)]
enum Role {
    Reader,
    Writer,
    Lender,
    Borrower,
}

impl Shared {
    /// Nobody writes beside the caller.
    fn no_writers(&self) {
        assert_eq!(self.writers.get(), 0, "a writer is here");
        assert!(self.borrowers.iter().all(|count| count.get() == 0), "a borrower is here");
    }

    fn noticed(&self, taken: Taken) {
        assert!(taken != Taken::Clean || !self.is_torn.get(), "a death was not noticed");
    }

    fn act(&self, party: &Model, role: Role, deadline: Deadline) {
        let borrow = &self.borrow;
        match role {
            Role::Reader => {
                let Ok((cell, taken)) = borrow.read(party, deadline) else { return };
                let inside = Inside::enter(&self.readers);
                self.no_writers();
                self.noticed(taken);
                stay();
                self.no_writers();
                drop(inside);
                borrow.end_read(party, cell);
            }
            Role::Writer | Role::Lender => {
                let Ok(taken) = borrow.write(party, deadline) else { return };
                self.no_writers();
                self.noticed(taken);
                let inside = Inside::enter(&self.writers);
                assert_eq!(self.readers.get(), 0, "a reader is here");
                let was_torn = self.is_torn.replace(true);
                stay();
                if matches!(role, Role::Lender) {
                    self.lend(party);
                }
                assert_eq!((self.writers.get(), self.readers.get()), (1, 0));
                // A borrower died.
                self.is_torn.set(was_torn || borrow.writer().is_poisoned());
                drop(inside);
                borrow.end_write(party, false);
            }
            Role::Borrower => {
                for part in 0..PARTS {
                    let loan = self.loan.get();
                    if loan == 0 || borrow.borrow_part(party, part, loan) != Ok(true) {
                        stay();
                        continue;
                    }
                    let inside = Inside::enter(&self.borrowers[part]);
                    assert_eq!((self.borrowers[part].get(), self.readers.get()), (1, 0));
                    stay();
                    drop(inside);
                    borrow.return_part(party, part, loan, false);
                }
            }
        }
    }

    fn lend(&self, party: &Model) {
        let loan = self.borrow.lend(PARTS).unwrap();
        self.loan.set(loan);
        stay();
        let _ = self.borrow.call_back(party, PARTS, loan, Deadline::NEVER).unwrap();
        assert!(self.borrowers.iter().all(|count| count.get() == 0), "a borrower is here still");
    }
}

fn borrow(chance: &mut Chance) -> Play {
    let shared = Rc::new(Shared {
        borrow: RawBorrow::new(),
        readers: Cell::new(0),
        writers: Cell::new(0),
        borrowers: [const { Cell::new(0) }; PARTS],
        loan: Cell::new(0),
        is_torn: Cell::new(false),
    });
    let mut play = Play::new(all_awake);
    for _ in 0..3 + chance.below(4) {
        let shared = Rc::clone(&shared);
        let role =
            chance.of(&[Role::Reader, Role::Reader, Role::Writer, Role::Lender, Role::Borrower]);
        let (turns, deadline) = (1 + chance.below(2), patience(chance));
        play.enter(chance, 90, move |party| {
            (0..turns).for_each(|_| shared.act(party, role, deadline))
        });
    }
    play
}

#[test]
fn random_borrow() {
    runs(200_000, borrow);
}
