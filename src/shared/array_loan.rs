//! A borrowed array that other processes write, who agree among themselves which of them has which elements.
#![allow(unsafe_code)]

use super::{Array, ArrayWriteGuard};
use crate::{
    Error, ErrorKind, Result,
    os::{clock::Deadline, fork},
    sync::{CELLS, LockError, Thread},
};
use bytemuck::Pod;
use serde::{Deserialize, Deserializer, Serialize, Serializer};
use std::{ops::Range, ptr::NonNull};

/// An array that is lent by seats: see "Parts" in `sync::raw_borrow`. When this is dropped, nobody writes it any more; it is poisoned if borrowers [began](Self::begins) and it was not said that [it is whole](Self::is_whole).
#[derive(Debug)]
pub(crate) struct ArrayLoan<'g, 'a, T: Pod> {
    guard: &'g mut ArrayWriteGuard<'a, T>,
    loan: u32,
    seats: usize,
    spoils: bool,
}

impl<'g, 'a, T: Pod> ArrayLoan<'g, 'a, T> {
    /// Lends to so many, of whom not all can write at the same time if they are more than there are cells.
    pub(crate) fn new(guard: &'g mut ArrayWriteGuard<'a, T>, borrowers: usize) -> Result<Self> {
        let seats = borrowers.clamp(1, CELLS);
        let loan = guard.raw.lend(seats).ok_or_else(|| {
            Error::new(ErrorKind::TooMany, "the array was lent 2^32 - 1 times; make a new one")
        })?;
        Ok(Self { guard, loan, seats, spoils: false })
    }

    /// For the borrowers.
    pub(crate) fn seats(&self) -> ArraySeats<T> {
        ArraySeats { array: self.guard.array.clone(), loan: self.loan, seats: self.seats }
    }

    /// From now on something may be half written.
    pub(crate) fn begins(&mut self) {
        self.spoils = true;
    }

    /// Whoever died or failed has left nothing half written.
    pub(crate) fn is_whole(&mut self) {
        self.spoils = false;
    }
}

impl<T: Pod> Drop for ArrayLoan<'_, '_, T> {
    fn drop(&mut self) {
        // A forked child has a copy, but not the loan.
        if fork::is_forked_holder() {
            return;
        }
        let ArrayWriteGuard { raw, thread, .. } = &*self.guard;
        let was_poisoned = raw.writer().is_poisoned();
        // Without an end of the wait, and the lender never borrows: it does not fail. If it did, some would still write.
        while raw.call_back(thread, self.seats, self.loan, Deadline::NEVER).is_err() {}
        // A borrower that died has poisoned it, but it may have been done again.
        raw.writer().set_poison(was_poisoned || self.spoils);
    }
}

/// Where borrowers find their seats.
#[derive(Debug)]
pub(crate) struct ArraySeats<T: Pod> {
    array: Array<T>,
    loan: u32,
    seats: usize,
}

impl<T: Pod> ArraySeats<T> {
    /// Takes a seat, waiting for one; `None` when the array was called back.
    pub(crate) fn take(&self) -> Result<Option<ArraySeat<'_, T>>> {
        let thread = Thread::current(self.array.block.root())?;
        let taken = self
            .array
            .raw()
            .take_seat(&thread, self.seats, self.loan, Deadline::NEVER)
            .map_err(|why| LockError::<()>::not_taken(why, Deadline::NEVER))?;
        Ok(taken.map(|seat| ArraySeat { of: self, thread, seat }))
    }
}

/// Inside this crate's transports only.
impl<T: Pod> Serialize for ArraySeats<T> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        (&self.array, self.loan, self.seats).serialize(serializer)
    }
}

/// Inside this crate's transports only.
impl<'de, T: Pod> Deserialize<'de> for ArraySeats<T> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let (array, loan, seats) = Deserialize::deserialize(deserializer)?;
        Ok(Self { array, loan, seats })
    }
}

/// A seat: as long as this thread has it, the array is not called back.
#[derive(Debug)]
pub(crate) struct ArraySeat<'a, T: Pod> {
    of: &'a ArraySeats<T>,
    thread: Thread<'a>,
    seat: usize,
}

impl<T: Pod> ArraySeat<'_, T> {
    /// Some elements, to be written.
    ///
    /// # Safety
    ///
    /// No other borrower of this loan has any of them, and the caller has no other slice of them.
    ///
    /// # Panics
    ///
    /// Beyond the end.
    #[allow(clippy::mut_from_ref, reason = "the caller answers for it")]
    pub(crate) unsafe fn elements(&self, range: Range<usize>) -> &mut [T] {
        let elements = self.of.array.elements();
        assert!(range.start <= range.end && range.end <= elements.len());
        // SAFETY: inside the array.
        let first = unsafe { elements.cast::<T>().add(range.start) };
        let mut elements = NonNull::slice_from_raw_parts(first, range.len());
        // SAFETY: all bytes are elements. While a seat has this thread's name, only borrowers of the loan touch the array (`sync::raw_borrow`), and these elements only the caller.
        unsafe { elements.as_mut() }
    }
}

impl<T: Pod> Drop for ArraySeat<'_, T> {
    fn drop(&mut self) {
        // A forked child has a copy, but not the seat.
        if !fork::is_forked_holder() {
            self.of.array.raw().leave_seat(&self.thread, self.seat, self.of.loan);
        }
    }
}
