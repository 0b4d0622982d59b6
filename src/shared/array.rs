//! `Array`: many values in shared memory, borrowed across processes.
#![allow(unsafe_code)]
#![allow(private_interfaces, reason = "`Published` is sealed: nobody outside names its methods")]

use super::{
    ArrayBuilder, ArrayParts, Fingerprint, Rows, RowsMut, Segment, names::Published, transport,
};
use crate::{
    Error, ErrorKind, Result,
    atomic::{AtomicU32, AtomicU64, Ordering},
    os::{clock::Deadline, fork},
    segment::{Backing, Block, Root},
    sync::{LockError, RawBorrow, Thread},
};
use bytemuck::Pod;
use serde::{Deserialize, Deserializer, Serialize, Serializer};
use std::{
    any::TypeId,
    fmt,
    hash::{DefaultHasher, Hash, Hasher},
    marker::PhantomData,
    ops::{Deref, DerefMut, Range},
    ptr::NonNull,
    sync::Arc,
    time::Duration,
};

/// What lies before the elements.
#[repr(C)]
pub(super) struct Head {
    borrow: RawBorrow,
    /// Not zero until every page is reserved: see [`Placement::FirstTouch`](super::Placement::FirstTouch).
    pub(super) unreserved: AtomicU32,
    /// While parts are lent: how many, and what their lengths are multiples of.
    pub(super) parts: AtomicU32,
    pub(super) unit: AtomicU64,
}

/// An array of fixed length that processes share. Handles are cheap to clone; all clones are the same array.
///
/// [`read`](Self::read) and [`write`](Self::write) borrow it *across processes*: many readers or one writer, as the borrow checker would have it. Only their
/// guards give slices. Nothing is copied. An array of more than 1 MiB gets shared memory of its own, which is given back when the last process drops it.
///
/// # When a holder dies
///
/// A dead reader is as good as gone. After a dead writer the next borrow tells [`OwnerDied`](LockError::OwnerDied) and later ones
/// [`Poisoned`](LockError::Poisoned), until somebody clears the poison.
///
/// ```
/// use multiproc::Array;
/// # fn main() -> multiproc::Result<()> {
/// let field = Array::<f64>::zeroed(1000)?;
/// field.write()?[10] = 0.5;
/// assert_eq!(field.read()?.iter().sum::<f64>(), 0.5);
/// # Ok(())
/// # }
/// ```
#[doc(alias("RawArray", "ShareableList"))]
pub struct Array<T> {
    pub(super) block: Block,
    len: usize,
    _elements: PhantomData<fn() -> T>,
}

impl<T> Clone for Array<T> {
    fn clone(&self) -> Self {
        Self { block: self.block.clone(), len: self.len, _elements: PhantomData }
    }
}

// SAFETY: the elements are touched only under the borrow in the same block, from whatever thread or process; `T` is plain data (bounds of
// every method), so it does not matter which thread does.
unsafe impl<T> Send for Array<T> {}
// SAFETY: as above.
unsafe impl<T> Sync for Array<T> {}

impl<T: Pod> Array<T> {
    /// Behind the borrow, at the beginning of a cache line.
    const OFFSET: usize = {
        assert!(
            align_of::<T>() <= 64,
            "shared elements can be aligned to 64 bytes at the most: a cache line"
        );
        assert!(size_of::<T>() > 0, "elements without a size cannot be shared");
        size_of::<Head>().next_multiple_of(64)
    };

    /// Of the type within this executable.
    fn fingerprint() -> u64 {
        let mut hasher = DefaultHasher::new();
        ("Array", TypeId::of::<T>(), size_of::<T>()).hash(&mut hasher);
        hasher.finish()
    }

    /// How an array is to be made: for large ones, of which it matters where their memory is.
    pub fn builder(len: usize) -> ArrayBuilder<T> {
        ArrayBuilder::new(len)
    }

    /// A new array of zeros in the session's shared memory. The length may be zero.
    ///
    /// # Errors
    ///
    /// [`ErrorKind::NoSpace`] if there is not that much shared memory: it is reserved here, so that no access fails later.
    /// [`ErrorKind::InvalidInput`] for a length that no address space has.
    pub fn zeroed(len: usize) -> Result<Self> {
        Self::zeroed_in_root(&crate::segment::session()?, len)
    }

    /// A new array of zeros in a segment, where it can be [published](Segment::publish).
    ///
    /// # Errors
    ///
    /// As [`zeroed`](Self::zeroed).
    pub fn zeroed_in(segment: &Segment, len: usize) -> Result<Self> {
        Self::zeroed_in_root(segment.root(), len)
    }

    /// A new array with a copy of these elements in the session's shared memory.
    ///
    /// # Errors
    ///
    /// As [`zeroed`](Self::zeroed).
    pub fn from_slice(elements: &[T]) -> Result<Self> {
        let array = Self::zeroed(elements.len())?;
        array.write()?.copy_from_slice(elements);
        Ok(array)
    }

    fn zeroed_in_root(root: &Arc<Root>, len: usize) -> Result<Self> {
        Self::of_block(root.allocate(Self::bytes(len)?, Self::fingerprint())?)
    }

    pub(super) fn zeroed_as(root: &Arc<Root>, len: usize, backing: &Backing) -> Result<Self> {
        let block = root.allocate_own(Self::bytes(len)?, Self::fingerprint(), backing)?;
        let array = Self::of_block(block)?;
        array.head().unreserved.store(u32::from(backing.later), Ordering::Relaxed);
        Ok(array)
    }

    /// What an array of this length takes.
    fn bytes(len: usize) -> Result<usize> {
        let bytes =
            len.checked_mul(size_of::<T>()).and_then(|bytes| bytes.checked_add(Self::OFFSET));
        bytes.filter(|&bytes| bytes <= isize::MAX as usize / 2).ok_or_else(|| {
            Error::new(
                ErrorKind::InvalidInput,
                format!(
                    "{len} elements of {} bytes are more than an address space has",
                    size_of::<T>()
                ),
            )
        })
    }

    /// For a block that is known to hold an array of this type.
    fn of_block(block: Block) -> Result<Self> {
        let (_, length) = block.contents();
        let bytes =
            usize::try_from(length).ok().filter(|&bytes| bytes <= block.member().block_bytes());
        let bytes = bytes
            .and_then(|bytes| bytes.checked_sub(Self::OFFSET))
            .filter(|bytes| bytes.is_multiple_of(size_of::<T>()));
        let bytes = bytes.ok_or_else(|| {
            Error::new(
                ErrorKind::WrongType,
                format!("{length} bytes are no array of {}", std::any::type_name::<T>()),
            )
        })?;
        Ok(Self { block, len: bytes / size_of::<T>(), _elements: PhantomData })
    }

    pub(super) fn head(&self) -> &Head {
        // SAFETY: every block of this type begins with a head, zero at first, and lives as long as its pin.
        unsafe { self.block.as_ptr().cast().as_ref() }
    }

    pub(super) fn raw(&self) -> &RawBorrow {
        &self.head().borrow
    }

    /// Takes the memory of these elements from the system now, on behalf of this thread: on its memory node, as a rule. Contents stay. It needs no borrow.
    ///
    /// It is for arrays with [`Placement::FirstTouch`](super::Placement::FirstTouch), whose workers reserve a part each; for others, it maps the pages
    /// into this process.
    ///
    /// # Errors
    ///
    /// [`ErrorKind::NoSpace`]; [`ErrorKind::InvalidInput`] for a range that ends beyond the end.
    pub fn reserve(&self, elements: Range<usize>) -> Result<()> {
        if elements.start > elements.end || elements.end > self.len {
            return Err(self.beyond(elements.end));
        }
        let byte = |index| Self::OFFSET + index * size_of::<T>();
        self.block.reserve(byte(elements.start)..byte(elements.end))
    }

    /// Maps all pages into this process now, instead of one by one at the first accesses.
    ///
    /// # Errors
    ///
    /// When the system refuses.
    pub fn prefault(&self) -> Result<()> {
        self.reserve(0..self.len)
    }

    /// Before a borrow: no access to the elements may fail.
    pub(super) fn reserve_rest(&self) -> Result<()> {
        // Acquire pairs with the Release below.
        if self.head().unreserved.load(Ordering::Acquire) != 0 {
            self.prefault()?;
            self.head().unreserved.store(0, Ordering::Release);
        }
        Ok(())
    }

    /// How many elements; it never changes.
    #[must_use]
    pub fn len(&self) -> usize {
        self.len
    }

    /// Whether there is no element.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.len == 0
    }

    pub(super) fn elements(&self) -> NonNull<[T]> {
        // SAFETY: `of_block` found room for the elements behind the offset.
        let first = unsafe { self.block.as_ptr().add(Self::OFFSET) };
        NonNull::slice_from_raw_parts(first.cast(), self.len)
    }

    fn read_by(
        &self,
        deadline: Deadline,
    ) -> Result<ArrayReadGuard<'_, T>, LockError<ArrayReadGuard<'_, T>>> {
        self.reserve_rest()?;
        let thread = Thread::current(self.block.root())?;
        let (cell, taken) = self
            .raw()
            .read(&thread, deadline)
            .map_err(|why| not_borrowed(LockError::not_taken(why, deadline)))?;
        LockError::judge(
            taken,
            ArrayReadGuard {
                array: self,
                raw: self.raw(),
                thread,
                cell,
                elements: self.elements(),
            },
        )
    }

    fn write_by(
        &self,
        deadline: Deadline,
    ) -> Result<ArrayWriteGuard<'_, T>, LockError<ArrayWriteGuard<'_, T>>> {
        self.reserve_rest()?;
        self.write_unreserved(deadline)
    }

    /// A write borrow of memory that may not be reserved yet: its elements are not to be touched.
    pub(super) fn write_unreserved(
        &self,
        deadline: Deadline,
    ) -> Result<ArrayWriteGuard<'_, T>, LockError<ArrayWriteGuard<'_, T>>> {
        let thread = Thread::current(self.block.root())?;
        let taken = self
            .raw()
            .write(&thread, deadline)
            .map_err(|why| not_borrowed(LockError::not_taken(why, deadline)))?;
        let panicking = std::thread::panicking();
        LockError::judge(
            taken,
            ArrayWriteGuard {
                array: self,
                raw: self.raw(),
                thread,
                panicking,
                elements: self.elements(),
            },
        )
    }

    /// Borrows for reading, together with other readers; waits while somebody writes or waits to write.
    ///
    /// # Errors
    ///
    /// [`LockError::OwnerDied`] and [`LockError::Poisoned`] hold the guard; [`LockError::Failed`] if this thread has a write borrow.
    pub fn read(&self) -> Result<ArrayReadGuard<'_, T>, LockError<ArrayReadGuard<'_, T>>> {
        self.read_by(Deadline::NEVER)
    }

    /// Borrows for reading if it need not wait.
    ///
    /// # Errors
    ///
    /// As [`read`](Self::read), and [`LockError::WouldBlock`].
    pub fn try_read(&self) -> Result<ArrayReadGuard<'_, T>, LockError<ArrayReadGuard<'_, T>>> {
        self.read_by(Deadline::NOW)
    }

    /// Borrows for reading; waits for this time at the most. Zero means try.
    ///
    /// # Errors
    ///
    /// As [`read`](Self::read), and [`LockError::TimedOut`].
    pub fn read_timeout(
        &self,
        timeout: Duration,
    ) -> Result<ArrayReadGuard<'_, T>, LockError<ArrayReadGuard<'_, T>>> {
        self.read_by(Deadline::after(timeout))
    }

    /// Borrows for writing, alone; waits for readers and other writers. New readers wait meanwhile.
    ///
    /// # Errors
    ///
    /// [`LockError::OwnerDied`] and [`LockError::Poisoned`] hold the guard; [`LockError::Failed`] if this thread has a borrow already.
    pub fn write(&self) -> Result<ArrayWriteGuard<'_, T>, LockError<ArrayWriteGuard<'_, T>>> {
        self.write_by(Deadline::NEVER)
    }

    /// Borrows for writing if it need not wait.
    ///
    /// # Errors
    ///
    /// As [`write`](Self::write), and [`LockError::WouldBlock`].
    pub fn try_write(&self) -> Result<ArrayWriteGuard<'_, T>, LockError<ArrayWriteGuard<'_, T>>> {
        self.write_by(Deadline::NOW)
    }

    /// Borrows for writing; waits for this time at the most. Zero means try.
    ///
    /// # Errors
    ///
    /// As [`write`](Self::write), and [`LockError::TimedOut`].
    pub fn write_timeout(
        &self,
        timeout: Duration,
    ) -> Result<ArrayWriteGuard<'_, T>, LockError<ArrayWriteGuard<'_, T>>> {
        self.write_by(Deadline::after(timeout))
    }

    /// A copy of one element, under a read borrow.
    ///
    /// # Errors
    ///
    /// [`ErrorKind::InvalidInput`] beyond the end; else as [`read`](Self::read), a poisoned array included.
    pub fn get(&self, index: usize) -> Result<T> {
        self.read()?.get(index).copied().ok_or_else(|| self.beyond(index))
    }

    /// Replaces one element, under a write borrow.
    ///
    /// # Errors
    ///
    /// [`ErrorKind::InvalidInput`] beyond the end; else as [`write`](Self::write), a poisoned array included.
    pub fn set(&self, index: usize, element: T) -> Result<()> {
        *self.write()?.get_mut(index).ok_or_else(|| self.beyond(index))? = element;
        Ok(())
    }

    fn beyond(&self, index: usize) -> Error {
        Error::new(
            ErrorKind::InvalidInput,
            format!("the index is {index}, but the array has {} elements", self.len),
        )
    }

    /// Borrows for writing and lends parts of almost equal length to other threads and processes: see [`ArrayParts`]. Unlike
    /// [`write`](Self::write) with [`split`](ArrayWriteGuard::split) it reserves nothing of an array with [`Placement::FirstTouch`](super::Placement::FirstTouch):
    /// who writes a part reserves it.
    ///
    /// # Errors
    ///
    /// As [`write`](Self::write), a poisoned array included; [`ErrorKind::InvalidInput`] unless there are 1 to 60 parts.
    ///
    /// ```
    /// use multiproc::Array;
    /// # fn main() -> multiproc::Result<()> {
    /// let field = Array::<u64>::zeroed(1000)?;
    /// let mut parts = field.split(4)?;
    /// std::thread::scope(|scope| {
    ///     for mut part in parts.by_ref() {
    ///         // To another process it goes as an argument of `spawn`.
    ///         scope.spawn(move || {
    ///             let number = part.index() as u64;
    ///             part.write().unwrap().fill(number);
    ///         });
    ///     }
    /// });
    /// let whole = parts.finish()?;
    /// assert_eq!((whole[0], whole[250], whole[999]), (0, 1, 3));
    /// # Ok(())
    /// # }
    /// ```
    pub fn split(&self, parts: usize) -> Result<ArrayParts<'_, T>> {
        ArrayParts::lend(self.write_unreserved(Deadline::NEVER)?, parts, 1)
    }

    /// Whether a writer died or panicked and nobody has cleared the poison since.
    #[must_use]
    pub fn is_poisoned(&self) -> bool {
        self.raw().writer().is_poisoned()
    }

    /// Says that the elements are whole again.
    pub fn clear_poison(&self) {
        self.raw().writer().set_poison(false);
    }
}

/// The lock's error, in the words of a borrow.
#[cold]
fn not_borrowed<G>(error: LockError<G>) -> LockError<G> {
    match error {
        LockError::Failed(error) if error.kind() == ErrorKind::Deadlock => {
            LockError::Failed(Error::new(
                ErrorKind::Deadlock,
                "this thread has borrowed the array already and would wait for itself; drop the first guard before",
            ))
        }
        other => other,
    }
}

impl<T: Pod> fmt::Debug for Array<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let writer = self
            .raw()
            .writer()
            .owner()
            .map(|owner| self.block.root().participants().describe(owner));
        f.debug_struct("Array")
            .field("len", &self.len)
            .field("writer", &writer)
            .field("readers", &self.raw().readers())
            .field("poisoned", &self.is_poisoned())
            .finish()
    }
}

/// Inside this crate's transports only: see [`spawn`](crate::spawn).
impl<T: Pod> Serialize for Array<T> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        transport::send(&self.block, serializer)
    }
}

/// Inside this crate's transports only; a stale or forged handle is an error.
impl<'de, T: Pod> Deserialize<'de> for Array<T> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let block =
            transport::receive(deserializer, Self::fingerprint(), std::any::type_name::<Self>())?;
        Self::of_block(block).map_err(serde::de::Error::custom)
    }
}

impl<T: Pod + Fingerprint> Published for Array<T> {
    const FINGERPRINT: u64 = T::FINGERPRINT.rotate_left(1) ^ 2;

    fn type_name() -> String {
        format!("Array<{}>", T::type_name())
    }

    fn block(&self) -> &Block {
        &self.block
    }

    fn from_block(block: Block) -> Result<Self> {
        Self::of_block(block)
    }
}

/// The elements, borrowed for reading while this lives.
///
/// ```
/// use multiproc::Array;
/// # fn main() -> multiproc::Result<()> {
/// let field = Array::from_slice(&[1, 2, 3])?;
/// let (one, other) = (field.read()?, field.read()?);
/// assert_eq!((one.len(), other[2], one.iter().sum::<i32>()), (3, 3, 6));
/// # Ok(())
/// # }
/// ```
#[must_use = "the borrow ends when the guard is dropped"]
pub struct ArrayReadGuard<'a, T> {
    pub(super) array: &'a Array<T>,
    pub(super) raw: &'a RawBorrow,
    pub(super) thread: Thread<'a>,
    pub(super) cell: usize,
    /// A raw pointer: the guard is not `Send`, as the thread's name is on the cell.
    pub(super) elements: NonNull<[T]>,
}

impl<T> ArrayReadGuard<'_, T> {
    /// The elements as rows of this many columns.
    ///
    /// # Errors
    ///
    /// [`ErrorKind::InvalidInput`] unless the length is a multiple of it.
    ///
    /// ```
    /// # fn main() -> multiproc::Result<()> {
    /// let field = multiproc::Array::from_slice(&[1, 2, 3, 4, 5, 6])?;
    /// let guard = field.read()?;
    /// let rows = guard.rows(3)?;
    /// assert_eq!((rows.row(1), rows[(0, 2)]), (&[4, 5, 6][..], 3));
    /// # Ok(())
    /// # }
    /// ```
    pub fn rows(&self, columns: usize) -> Result<Rows<'_, T>> {
        Rows::new(self, columns)
    }
}

impl<T> Deref for ArrayReadGuard<'_, T> {
    type Target = [T];

    fn deref(&self) -> &[T] {
        // SAFETY: nobody writes while the borrow is held, and all bytes are elements (`T: Pod` where guards are made).
        unsafe { self.elements.as_ref() }
    }
}

impl<T> Drop for ArrayReadGuard<'_, T> {
    fn drop(&mut self) {
        // A forked child has a copy of the guard, but not the borrow.
        if !fork::is_forked_holder() {
            self.raw.end_read(&self.thread, self.cell);
        }
    }
}

impl<T: fmt::Debug> fmt::Debug for ArrayReadGuard<'_, T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        (**self).fmt(f)
    }
}

/// The elements, borrowed for writing while this lives.
///
/// ```
/// use multiproc::Array;
/// # fn main() -> multiproc::Result<()> {
/// let field = Array::from_slice(&[3, 1, 2])?;
/// let mut guard = field.write()?;
/// guard.sort_unstable();
/// drop(guard);
/// assert_eq!(*field.read()?, [1, 2, 3]);
/// # Ok(())
/// # }
/// ```
#[must_use = "the borrow ends when the guard is dropped"]
pub struct ArrayWriteGuard<'a, T> {
    pub(super) array: &'a Array<T>,
    pub(super) raw: &'a RawBorrow,
    pub(super) thread: Thread<'a>,
    panicking: bool,
    /// A raw pointer: the guard is not `Send`, as the thread's name is on the word.
    elements: NonNull<[T]>,
}

impl<T> ArrayWriteGuard<'_, T> {
    /// The elements as rows of this many columns.
    ///
    /// # Errors
    ///
    /// [`ErrorKind::InvalidInput`] unless the length is a multiple of it.
    pub fn rows(&self, columns: usize) -> Result<Rows<'_, T>> {
        Rows::new(self, columns)
    }

    /// The elements as rows of this many columns, to be changed.
    ///
    /// # Errors
    ///
    /// [`ErrorKind::InvalidInput`] unless the length is a multiple of it.
    ///
    /// ```
    /// # fn main() -> multiproc::Result<()> {
    /// let field = multiproc::Array::<f64>::zeroed(6)?;
    /// field.write()?.rows_mut(3)?[(1, 2)] = 0.5;
    /// assert_eq!(field.get(5)?, 0.5);
    /// # Ok(())
    /// # }
    /// ```
    pub fn rows_mut(&mut self, columns: usize) -> Result<RowsMut<'_, T>> {
        RowsMut::new(self, columns)
    }

    /// Says that the elements are whole again.
    pub fn clear_poison(&self) {
        self.raw.writer().set_poison(false);
    }
}

impl<'a, T: Pod> ArrayWriteGuard<'a, T> {
    /// Lends parts of almost equal length to other threads and processes: see [`ArrayParts`].
    ///
    /// # Errors
    ///
    /// [`ErrorKind::InvalidInput`] unless there are 1 to 60 parts; the borrow is over then.
    ///
    /// ```
    /// use multiproc::Array;
    /// # fn main() -> multiproc::Result<()> {
    /// let field = Array::<u8>::zeroed(10)?;
    /// let lengths: Vec<_> = field.write()?.split(3)?.map(|part| part.range().len()).collect();
    /// assert_eq!(lengths, [3, 3, 4]);
    /// # Ok(())
    /// # }
    /// ```
    pub fn split(self, parts: usize) -> Result<ArrayParts<'a, T>> {
        ArrayParts::lend(self, parts, 1)
    }

    /// As [`split`](Self::split), but parts have whole rows of this many columns.
    ///
    /// # Errors
    ///
    /// As [`split`](Self::split); [`ErrorKind::InvalidInput`] unless the length is a multiple of `columns`.
    ///
    /// ```
    /// use multiproc::Array;
    /// # fn main() -> multiproc::Result<()> {
    /// // Three rows of four.
    /// let field = Array::<u8>::zeroed(12)?;
    /// let ranges: Vec<_> = field.write()?.split_rows(2, 4)?.map(|part| part.range()).collect();
    /// assert_eq!(ranges, [0..4, 4..12]);
    /// # Ok(())
    /// # }
    /// ```
    pub fn split_rows(self, parts: usize, columns: usize) -> Result<ArrayParts<'a, T>> {
        Rows::new(&self, columns)?;
        ArrayParts::lend(self, parts, columns)
    }
}

impl<T> Deref for ArrayWriteGuard<'_, T> {
    type Target = [T];

    fn deref(&self) -> &[T] {
        // SAFETY: nobody else reads or writes while the borrow is held; all bytes are elements.
        unsafe { self.elements.as_ref() }
    }
}

impl<T> DerefMut for ArrayWriteGuard<'_, T> {
    fn deref_mut(&mut self) -> &mut [T] {
        // SAFETY: as in `deref`, and the guard is borrowed exclusively.
        unsafe { self.elements.as_mut() }
    }
}

impl<T> Drop for ArrayWriteGuard<'_, T> {
    fn drop(&mut self) {
        // As above.
        if fork::is_forked_holder() {
            return;
        }
        // A panic that began while it was held: the elements may be half changed.
        let poison = !self.panicking && std::thread::panicking();
        self.raw.end_write(&self.thread, poison);
    }
}

impl<T: fmt::Debug> fmt::Debug for ArrayWriteGuard<'_, T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        (**self).fmt(f)
    }
}
