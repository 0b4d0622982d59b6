//! Parts of a borrowed array, each written by another thread or process.
#![allow(unsafe_code)]

use super::{Array, ArrayWriteGuard};
use crate::{
    Error, ErrorKind, Result,
    atomic::{AtomicBool, Ordering},
    os::{clock::Deadline, fork},
    sync::{CELLS, LockError, Thread},
};
use bytemuck::Pod;
use serde::{Deserialize, Deserializer, Serialize, Serializer, ser};
use std::{
    fmt,
    ops::{Deref, DerefMut, Range},
    ptr::NonNull,
};

/// The parts of an array that is borrowed for writing: disjoint, and each written by who takes it, without further locking. From
/// [`split`](ArrayWriteGuard::split) and [`split_rows`](ArrayWriteGuard::split_rows) of a guard, and from [`Array::split`].
///
/// It gives one [`ArrayPart`] after the other, to be sent to other processes as an argument, or used by other threads of this one. The borrow ends with
/// [`finish`](Self::finish), or when this is dropped: both wait for who writes a part, and call back the parts that nobody has taken.
///
/// ```
/// # multiproc::test_support!();
/// use multiproc::{Array, ArrayPart};
///
/// fn fill(mut part: ArrayPart<u64>) -> multiproc::Result<()> {
///     let first = part.range().start as u64;
///     for (number, element) in (first..).zip(part.write()?.iter_mut()) {
///         *element = number;
///     }
///     Ok(())
/// }
///
/// # fn main() -> multiproc::Result<()> {
/// let field = Array::<u64>::zeroed(1000)?;
/// let mut parts = field.write()?.split(3)?;
/// let workers: Vec<_> =
///     parts.by_ref().map(|part| multiproc::spawn(fill, (part,))).collect::<Result<_, _>>()?;
/// for worker in workers {
///     worker.join()??;
/// }
/// let field = parts.finish()?;
/// assert!(field.iter().copied().eq(0..1000));
/// # Ok(())
/// # }
/// ```
///
/// # When somebody dies
///
/// After a borrower of a part, [`finish`](Self::finish) tells [`OwnerDied`](LockError::OwnerDied) with the guard. After the lender, whoever wants the array next waits
/// for the living borrowers, and is told of the death.
#[must_use = "the borrow ends when this is dropped"]
pub struct ArrayParts<'a, T: Pod> {
    /// There until the borrow is finished.
    guard: Option<ArrayWriteGuard<'a, T>>,
    loan: u32,
    parts: usize,
    /// How many were given out here.
    given: usize,
}

impl<'a, T: Pod> ArrayParts<'a, T> {
    /// Lends `parts` parts, each of a multiple of `unit` elements.
    pub(super) fn lend(guard: ArrayWriteGuard<'a, T>, parts: usize, unit: usize) -> Result<Self> {
        if !(1..=CELLS).contains(&parts) {
            return Err(Error::new(
                ErrorKind::InvalidInput,
                format!("an array is lent in 1 to {CELLS} parts, not {parts}"),
            ));
        }
        let head = guard.array.head();
        head.parts.store(parts as u32, Ordering::Relaxed);
        head.unit.store(unit as u64, Ordering::Relaxed);
        // After these: who takes a part has seen its mark.
        let loan = guard.raw.lend(parts).ok_or_else(|| {
            Error::new(ErrorKind::TooMany, "the array was lent 2^32 - 1 times; make a new one")
        })?;
        Ok(Self { guard: Some(guard), loan, parts, given: 0 })
    }

    /// How many parts have not been taken by anybody at this moment.
    #[must_use]
    pub fn untaken(&self) -> usize {
        self.guard.as_ref().map_or(0, |guard| guard.raw.untaken(self.parts, self.loan))
    }

    /// Calls back the parts that nobody has taken, waits for the others, and gives the guard of the whole array again.
    ///
    /// # Errors
    ///
    /// [`LockError::OwnerDied`] and [`LockError::Poisoned`] hold the guard: a borrower of a part died or panicked.
    pub fn finish(mut self) -> Result<ArrayWriteGuard<'a, T>, LockError<ArrayWriteGuard<'a, T>>> {
        let Some((guard, died)) = self.call_back()? else {
            return Err(LockError::Failed(Error::new(ErrorKind::InvalidInput, "finished already")));
        };
        guard.array.reserve_rest()?;
        if died > 0 {
            return Err(LockError::OwnerDied(guard));
        }
        if guard.raw.writer().is_poisoned() { Err(LockError::Poisoned(guard)) } else { Ok(guard) }
    }

    /// The guard, and how many borrowers died.
    fn call_back(&mut self) -> Result<Option<(ArrayWriteGuard<'a, T>, usize)>> {
        let Some(guard) = self.guard.take() else { return Ok(None) };
        match guard.raw.call_back(&guard.thread, self.parts, self.loan, Deadline::NEVER) {
            Ok(died) => Ok(Some((guard, died))),
            Err(why) => {
                // Without an end of the wait, and the lender never borrows. Parts may be out: the borrow must not end.
                std::mem::forget(guard);
                Err(LockError::<()>::not_taken(why, Deadline::NEVER).into())
            }
        }
    }
}

impl<T: Pod> Iterator for ArrayParts<'_, T> {
    type Item = ArrayPart<T>;

    fn next(&mut self) -> Option<ArrayPart<T>> {
        let array = self.guard.as_ref().filter(|_| self.given < self.parts)?.array;
        let part = self.given as u32;
        self.given += 1;
        Some(ArrayPart {
            array: array.clone(),
            part,
            loan: self.loan,
            sent: AtomicBool::new(false),
        })
    }

    fn size_hint(&self) -> (usize, Option<usize>) {
        let left = self.parts - self.given;
        (left, Some(left))
    }
}

impl<T: Pod> ExactSizeIterator for ArrayParts<'_, T> {}

impl<T: Pod> Drop for ArrayParts<'_, T> {
    fn drop(&mut self) {
        // The guard ends the borrow. What went wrong is told by the poison. A forked child has a copy, but not the loan.
        if !fork::is_forked_holder() {
            let _ = self.call_back();
        }
    }
}

impl<T: Pod> fmt::Debug for ArrayParts<'_, T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ArrayParts")
            .field("parts", &self.parts)
            .field("untaken", &self.untaken())
            .finish_non_exhaustive()
    }
}

/// One part of an array that somebody has borrowed for writing; from [`ArrayParts`]. It can be sent to another process, once, or given to another thread.
pub struct ArrayPart<T> {
    array: Array<T>,
    part: u32,
    loan: u32,
    /// Somebody else has it now.
    sent: AtomicBool,
}

impl<T: Pod> ArrayPart<T> {
    /// Which of the parts it is, from 0 on.
    #[must_use]
    pub fn index(&self) -> usize {
        self.part as usize
    }

    /// Which elements of the array it has, as long as it is not called back.
    #[must_use]
    pub fn range(&self) -> Range<usize> {
        let head = self.array.head();
        let parts = (head.parts.load(Ordering::Relaxed) as usize).max(1);
        let unit = (head.unit.load(Ordering::Relaxed) as usize).max(1);
        let rows = self.array.len() / unit;
        let at = |part: usize| (rows * part.min(parts) / parts * unit).min(self.array.len());
        at(self.index())..at(self.index() + 1)
    }

    /// How many elements it has; as [`range`](Self::range).
    #[must_use]
    pub fn len(&self) -> usize {
        self.range().len()
    }

    /// Whether it has no element: then there are more parts than elements.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Takes the part, to write it. It belongs to this thread until the answer is dropped, and is done then: it cannot be taken again.
    ///
    /// # Errors
    ///
    /// [`ErrorKind::StaleHandle`] if the part was written, taken by another, sent away, or called back;
    /// [`ErrorKind::Deadlock`] on the thread that lent it, which would wait for itself; [`ErrorKind::NoSpace`] for memory that is not reserved.
    pub fn write(&mut self) -> Result<ArrayPartGuard<'_, T>> {
        let gone = || {
            Error::new(
                ErrorKind::StaleHandle,
                format!(
                    "part {} of the array was written already, taken by another, sent away, or called back",
                    self.part
                ),
            )
        };
        if self.sent.load(Ordering::Relaxed) {
            return Err(gone());
        }
        let thread = Thread::current(self.array.block.root())?;
        match self.array.raw().borrow_part(&thread, self.index(), self.loan) {
            Ok(true) => {}
            Ok(false) => return Err(gone()),
            Err(_) => {
                return Err(Error::new(
                    ErrorKind::Deadlock,
                    "the thread that lent a part cannot take it: it would wait for itself",
                ));
            }
        }
        let range = self.range();
        let elements = self.array.elements().cast::<T>();
        // SAFETY: the range is inside the array.
        let first = unsafe { elements.add(range.start) };
        let elements = NonNull::slice_from_raw_parts(first, range.len());
        let panicking = std::thread::panicking();
        let guard = ArrayPartGuard { part: self, thread, panicking, elements };
        if self.array.head().unreserved.load(Ordering::Acquire) != 0 {
            self.array.reserve(range)?;
        }
        Ok(guard)
    }
}

impl<T: Pod> fmt::Debug for ArrayPart<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ArrayPart")
            .field("index", &self.part)
            .field("range", &self.range())
            .finish_non_exhaustive()
    }
}

/// Inside this crate's transports only, and once.
impl<T: Pod> Serialize for ArrayPart<T> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let sent = (&self.array, self.part, self.loan).serialize(serializer)?;
        if self.sent.swap(true, Ordering::Relaxed) {
            return Err(ser::Error::custom(format!(
                "part {} of an array was sent before",
                self.part
            )));
        }
        Ok(sent)
    }
}

/// Inside this crate's transports only. Of two that arrive with the same part, one can take it.
impl<'de, T: Pod> Deserialize<'de> for ArrayPart<T> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let (array, part, loan) = Deserialize::deserialize(deserializer)?;
        Ok(Self { array, part, loan, sent: AtomicBool::new(false) })
    }
}

/// A part of an array, which this thread writes while this lives.
///
/// ```compile_fail
/// fn is_send<T: Send>() {}
/// is_send::<multiproc::ArrayPartGuard<'static, f64>>();
/// ```
#[must_use = "the part is done when the guard is dropped"]
pub struct ArrayPartGuard<'a, T: Pod> {
    part: &'a ArrayPart<T>,
    thread: Thread<'a>,
    panicking: bool,
    /// A raw pointer: the guard is not `Send`, as the thread's name is on the part.
    elements: NonNull<[T]>,
}

impl<T: Pod> Deref for ArrayPartGuard<'_, T> {
    type Target = [T];

    fn deref(&self) -> &[T] {
        // SAFETY: nobody else reads or writes the part while its cell has this thread's name (`sync::raw_borrow`); all bytes are elements.
        unsafe { self.elements.as_ref() }
    }
}

impl<T: Pod> DerefMut for ArrayPartGuard<'_, T> {
    fn deref_mut(&mut self) -> &mut [T] {
        // SAFETY: as in `deref`, and the guard is borrowed exclusively.
        unsafe { self.elements.as_mut() }
    }
}

impl<T: Pod> Drop for ArrayPartGuard<'_, T> {
    fn drop(&mut self) {
        // A forked child has a copy of the guard, but not the part.
        if fork::is_forked_holder() {
            return;
        }
        // A panic that began while it was held: the elements may be half changed.
        let poison = !self.panicking && std::thread::panicking();
        self.part.array.raw().return_part(&self.thread, self.part.index(), self.part.loan, poison);
    }
}

impl<T: Pod + fmt::Debug> fmt::Debug for ArrayPartGuard<'_, T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        (**self).fmt(f)
    }
}
