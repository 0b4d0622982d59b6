//! `Value`: one value in shared memory, under a lock of its own.
#![allow(unsafe_code)]
#![allow(private_interfaces, reason = "`Published` is sealed: nobody outside names its methods")]

use super::{Fingerprint, Segment, names::Published, transport};
use crate::{
    Error, ErrorKind, Result,
    os::clock::Deadline,
    segment::{Block, Root},
    sync::{Lock, LockError, LockGuard, RawLock},
};
use bytemuck::{CheckedBitPattern, NoUninit};
use serde::{Deserialize, Deserializer, Serialize, Serializer, de};
use std::{
    any::TypeId,
    fmt,
    hash::{DefaultHasher, Hash, Hasher},
    marker::PhantomData,
    ops::{Deref, DerefMut},
    ptr::NonNull,
    sync::Arc,
    time::Duration,
};

/// One value that processes share, with a lock of its own. Handles are cheap to clone; all clones are the same value.
///
/// Python's `Value`. [`get`](Self::get), [`set`](Self::set) and [`update`](Self::update) each take the lock once; [`lock`](Self::lock) gives
/// a guard with `&mut T`. So `value.set(value.get()? + 1)` is two steps, between which others may change the value, and `value.update(|v| v + 1)` is one.
///
/// # What can be shared
///
/// `T` has no padding and no pointers ([`NoUninit`]), and every read is checked ([`CheckedBitPattern`]): a `bool` in which
/// another process wrote 7 is an error, not undefined behaviour.
///
/// # When a holder dies
///
/// As [`Lock`](crate::Lock): the next access tells [`OwnerDied`](crate::ErrorKind::OwnerDied), and later ones
/// [`Poisoned`](crate::ErrorKind::Poisoned), until the value is repaired under the guard, or overwritten by
/// [`overwrite`](Self::overwrite).
///
/// ```
/// use multiproc::Value;
/// # fn main() -> multiproc::Result<()> {
/// let total = Value::new(40_u64)?;
/// assert_eq!(total.update(|t| t + 2)?, 42);
/// *total.lock()? += 1;
/// assert_eq!(total.get()?, 43);
/// # Ok(())
/// # }
/// ```
#[doc(alias("RawValue", "Synchronized"))]
pub struct Value<T> {
    /// At the beginning of the block.
    lock: Lock,
    _value: PhantomData<fn() -> T>,
}

impl<T> Clone for Value<T> {
    fn clone(&self) -> Self {
        Self { lock: self.lock.clone(), _value: PhantomData }
    }
}

// SAFETY: the value is touched only under the lock in the same block, from whatever thread or process; `T` is plain data (bounds of
// every method), so it does not matter which thread does.
unsafe impl<T> Send for Value<T> {}
// SAFETY: as above.
unsafe impl<T> Sync for Value<T> {}

impl<T: NoUninit + CheckedBitPattern> Value<T> {
    /// Behind the lock, where `T` is aligned.
    const OFFSET: usize = {
        assert!(
            align_of::<T>() <= 64,
            "a shared value can be aligned to 64 bytes at the most: a cache line"
        );
        if align_of::<T>() > size_of::<RawLock>() { align_of::<T>() } else { size_of::<RawLock>() }
    };
    const BYTES: usize = Self::OFFSET + size_of::<T>();

    /// Of the type within this executable.
    fn fingerprint() -> u64 {
        let mut hasher = DefaultHasher::new();
        ("Value", TypeId::of::<T>(), Self::BYTES).hash(&mut hasher);
        hasher.finish()
    }

    /// A new value in the session's shared memory.
    ///
    /// # Errors
    ///
    /// When the shared memory cannot be made or grown: [`ErrorKind::NoSpace`] and the like.
    pub fn new(value: T) -> Result<Self> {
        Self::new_in_root(&crate::segment::session()?, value)
    }

    /// A new value in a segment, where it can be [published](Segment::publish).
    ///
    /// # Errors
    ///
    /// As [`new`](Self::new).
    pub fn new_in(segment: &Segment, value: T) -> Result<Self> {
        Self::new_in_root(segment.root(), value)
    }

    fn new_in_root(root: &Arc<Root>, value: T) -> Result<Self> {
        let new = Self::of_block(root.allocate(Self::BYTES, Self::fingerprint())?);
        // SAFETY: the block has room for the value there, aligned, and nobody else has a handle yet. Zeros before it are a free lock.
        unsafe { new.place().write(value) };
        Ok(new)
    }

    /// For a block that is known to hold a value of this type.
    fn of_block(block: Block) -> Self {
        Self { lock: Lock::of_block(block), _value: PhantomData }
    }

    #[inline]
    fn place(&self) -> NonNull<T> {
        // SAFETY: the block has `BYTES` bytes: `new_in_root` asked for them, and who opens a published one checks it.
        unsafe { self.lock.start().add(Self::OFFSET) }.cast()
    }

    #[inline(always)]
    fn lock_by(
        &self,
        deadline: Deadline,
    ) -> Result<ValueGuard<'_, T>, LockError<ValueGuard<'_, T>>> {
        let (taken, held) = self.lock.take(deadline)?;
        // SAFETY: under the lock nobody writes; `Bits` has the size of `T` and accepts all bytes.
        let bits = unsafe { self.place().cast::<T::Bits>().read() };
        if !T::is_valid_bit_pattern(&bits) {
            return Err(LockError::Failed(self.invalid()));
        }
        LockError::judge(taken, ValueGuard { held, place: self.place(), _value: PhantomData })
    }

    /// Under the lock: the bytes are not a `T`.
    #[cold]
    fn invalid(&self) -> Error {
        Error::new(
            ErrorKind::InvalidValue,
            format!(
                "the bytes in shared memory are no {}: {bits:?}; Value::overwrite puts a valid one there",
                std::any::type_name::<T>(),
                bits = ByteList(self.place().cast(), size_of::<T>())
            ),
        )
    }

    /// Takes the lock; waits as long as it takes.
    ///
    /// # Errors
    ///
    /// [`LockError::OwnerDied`] and [`LockError::Poisoned`] hold the guard. [`LockError::Failed`] if this thread has the lock already, or
    /// the bytes are not a `T` ([`ErrorKind::InvalidValue`]).
    #[inline]
    pub fn lock(&self) -> Result<ValueGuard<'_, T>, LockError<ValueGuard<'_, T>>> {
        self.lock_by(Deadline::NEVER)
    }

    /// Takes the lock if nobody living has it.
    ///
    /// # Errors
    ///
    /// As [`lock`](Self::lock), and [`LockError::WouldBlock`].
    pub fn try_lock(&self) -> Result<ValueGuard<'_, T>, LockError<ValueGuard<'_, T>>> {
        self.lock_by(Deadline::NOW)
    }

    /// Takes the lock; waits for this time at the most. Zero means try.
    ///
    /// # Errors
    ///
    /// As [`lock`](Self::lock), and [`LockError::TimedOut`].
    pub fn lock_timeout(
        &self,
        timeout: Duration,
    ) -> Result<ValueGuard<'_, T>, LockError<ValueGuard<'_, T>>> {
        self.lock_by(Deadline::after(timeout))
    }

    /// A copy of the value.
    ///
    /// # Errors
    ///
    /// As [`lock`](Self::lock); a poisoned value is an error too.
    pub fn get(&self) -> Result<T> {
        Ok(*self.lock()?)
    }

    /// Puts another value there.
    ///
    /// # Errors
    ///
    /// As [`lock`](Self::lock); a poisoned value is an error too, and stays as it is.
    pub fn set(&self, value: T) -> Result<()> {
        *self.lock()? = value;
        Ok(())
    }

    /// Replaces the value by what `change` makes of it, under the lock, and gives that.
    ///
    /// # Errors
    ///
    /// As [`lock`](Self::lock); a poisoned value is an error too, and stays as it is.
    ///
    /// # Panics
    ///
    /// If `change` does; then the value is poisoned.
    pub fn update(&self, change: impl FnOnce(T) -> T) -> Result<T> {
        let mut guard = self.lock()?;
        *guard = change(*guard);
        Ok(*guard)
    }

    /// Puts a value there without looking at what was there, and clears the poison: the way back from bytes
    /// that are not a `T`.
    ///
    /// # Errors
    ///
    /// When the lock cannot be taken.
    pub fn overwrite(&self, value: T) -> Result<()> {
        let (_, held) = self.lock.take::<()>(Deadline::NEVER)?;
        // SAFETY: under the lock nobody else reads or writes; the place is aligned and has room.
        unsafe { self.place().write(value) };
        held.clear_poison();
        Ok(())
    }

    /// Whether a holder died or panicked and nobody has cleared the poison since.
    #[must_use]
    pub fn is_poisoned(&self) -> bool {
        self.lock.is_poisoned()
    }

    /// Says that the value is whole again.
    pub fn clear_poison(&self) {
        self.lock.clear_poison();
    }
}

/// Bytes for a message. Read under the lock.
struct ByteList(NonNull<u8>, usize);

impl fmt::Debug for ByteList {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        // SAFETY: made by `lock_by` from a value's place and size, under its lock.
        let bytes = unsafe { NonNull::slice_from_raw_parts(self.0, self.1.min(16)).as_ref() };
        bytes.fmt(f)
    }
}

impl<T: NoUninit + CheckedBitPattern + fmt::Debug> fmt::Debug for Value<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut out = f.debug_struct("Value");
        match self.try_lock() {
            Ok(guard) => out.field("value", &*guard),
            Err(LockError::OwnerDied(guard) | LockError::Poisoned(guard)) => {
                out.field("value", &*guard).field("poisoned", &true)
            }
            Err(LockError::WouldBlock) => out.field("value", &format_args!("<locked>")),
            Err(error) => out.field("value", &format_args!("<{error}>")),
        };
        out.finish()
    }
}

/// Inside this crate's transports only: see [`spawn`](crate::spawn).
impl<T: NoUninit + CheckedBitPattern> Serialize for Value<T> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        transport::send(self.lock.as_block(), serializer)
    }
}

/// Inside this crate's transports only; a stale or forged handle is an error.
impl<'de, T: NoUninit + CheckedBitPattern> Deserialize<'de> for Value<T> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let block =
            transport::receive(deserializer, Self::fingerprint(), std::any::type_name::<Self>())?;
        block.check_room(Self::BYTES).map_err(de::Error::custom)?;
        Ok(Self::of_block(block))
    }
}

/// The value is locked while this lives; it gives `&T` and `&mut T`.
///
/// ```
/// use multiproc::Value;
/// # fn main() -> multiproc::Result<()> {
/// let range = Value::new([0.0, 1.0])?;
/// let mut guard = range.lock()?;
/// guard[1] = 2.0 * guard[1];
/// drop(guard);
/// assert_eq!(range.get()?, [0.0, 2.0]);
/// # Ok(())
/// # }
/// ```
#[must_use = "the lock is given back when the guard is dropped"]
pub struct ValueGuard<'a, T> {
    held: LockGuard<'a>,
    place: NonNull<T>,
    _value: PhantomData<&'a mut T>,
}

impl<T> ValueGuard<'_, T> {
    /// Says that the value is whole again.
    pub fn clear_poison(&self) {
        self.held.clear_poison();
    }
}

impl<T> Deref for ValueGuard<'_, T> {
    type Target = T;

    #[inline]
    fn deref(&self) -> &T {
        // SAFETY: the bits were checked when the guard was made, and under the lock nobody else writes.
        unsafe { self.place.as_ref() }
    }
}

impl<T> DerefMut for ValueGuard<'_, T> {
    #[inline]
    fn deref_mut(&mut self) -> &mut T {
        // SAFETY: as in `deref`; nobody else reads either.
        unsafe { self.place.as_mut() }
    }
}

impl<T: fmt::Debug> fmt::Debug for ValueGuard<'_, T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        (**self).fmt(f)
    }
}

impl<T: NoUninit + CheckedBitPattern + Fingerprint> Published for Value<T> {
    const FINGERPRINT: u64 = T::FINGERPRINT.rotate_left(1) ^ 1;

    fn type_name() -> String {
        format!("Value<{}>", T::type_name())
    }

    fn block(&self) -> &Block {
        self.lock.as_block()
    }

    fn from_block(block: Block) -> Result<Self> {
        let (_, length) = block.contents();
        if length != Self::BYTES as u64 {
            return Err(Error::new(
                ErrorKind::WrongType,
                format!("{} has {} bytes, but {length} are there", Self::type_name(), Self::BYTES),
            ));
        }
        block.check_room(Self::BYTES)?;
        Ok(Self::of_block(block))
    }
}
