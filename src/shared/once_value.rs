//! `OnceValue`: a value that one process makes, and all see.
//!
//! # Protocol
//!
//! A lock, a word that says DONE, and the value behind them. Who wants the value and sees no DONE takes the lock, looks again, makes the value, writes it, and then stores DONE: from there on nobody
//! writes. Those who wait sleep in the lock. If the maker dies or panics before DONE, the next in the lock makes it anew; what a half-made value's bytes are does not matter.
#![allow(unsafe_code)]
#![allow(private_interfaces, reason = "`Published` is sealed: nobody outside names its methods")]

use super::{Fingerprint, Segment, names::Published, transport};
use crate::{
    Error, ErrorKind, Result,
    atomic::{AtomicU32, Ordering},
    os::{clock::Deadline, fork, step::step},
    segment::{Block, Root},
    sync::{Lock, LockError, RawLock, Taken},
};
use bytemuck::{CheckedBitPattern, NoUninit};
use serde::{Deserialize, Deserializer, Serialize, Serializer, de};
use std::{
    any::TypeId,
    fmt,
    hash::{DefaultHasher, Hash, Hasher},
    marker::PhantomData,
    mem::offset_of,
    ptr::NonNull,
    sync::Arc,
};

const DONE: u32 = 1;

/// How the block begins.
#[repr(C)]
struct Head {
    lock: RawLock,
    done: AtomicU32,
}

const _: () = assert!(offset_of!(Head, lock) == 0);

/// A value that whoever needs it first makes, once for all processes. Handles are cheap to clone; all clones are the same value.
///
/// The standard library's `OnceLock`, across processes: [`get_or_init`](Self::get_or_init) runs its function in one of those who ask; the others wait for it. From then on the value never changes, and to get it costs a load.
///
/// # When a process dies
///
/// One that dies, or panics, while it makes the value has made none: one of those who wait makes it.
///
/// ```
/// use multiproc::OnceValue;
/// # fn main() -> multiproc::Result<()> {
/// let seed = OnceValue::<u64>::new()?;
/// assert_eq!(seed.get()?, None);
/// assert_eq!(*seed.get_or_init(|| 42)?, 42);
/// assert_eq!(*seed.get_or_init(|| unreachable!())?, 42);
/// # Ok(())
/// # }
/// ```
#[doc(alias("OnceLock", "OnceCell", "call_once"))]
pub struct OnceValue<T> {
    /// At the beginning of the block.
    lock: Lock,
    _value: PhantomData<fn() -> T>,
}

impl<T> Clone for OnceValue<T> {
    fn clone(&self) -> Self {
        Self { lock: self.lock.clone(), _value: PhantomData }
    }
}

// SAFETY: the value is written under the lock in the same block before it is DONE, and only read afterwards; `T` is plain data, so it does not matter on which thread.
unsafe impl<T> Send for OnceValue<T> {}
// SAFETY: as above.
unsafe impl<T> Sync for OnceValue<T> {}

impl<T: NoUninit + CheckedBitPattern> OnceValue<T> {
    /// Behind the head, where `T` is aligned.
    const OFFSET: usize = {
        assert!(
            align_of::<T>() <= 64,
            "a shared value can be aligned to 64 bytes at the most: a cache line"
        );
        if align_of::<T>() > size_of::<Head>() { align_of::<T>() } else { size_of::<Head>() }
    };
    const BYTES: usize = Self::OFFSET + size_of::<T>();

    /// Of the type within this executable.
    fn fingerprint() -> u64 {
        let mut hasher = DefaultHasher::new();
        ("OnceValue", TypeId::of::<T>(), Self::BYTES).hash(&mut hasher);
        hasher.finish()
    }

    /// A new value in the session's shared memory, that nobody has made yet.
    ///
    /// # Errors
    ///
    /// When the shared memory cannot be made or grown: [`ErrorKind::NoSpace`] and the like.
    pub fn new() -> Result<Self> {
        Self::new_in_root(&crate::segment::session()?)
    }

    /// A new value in a segment, where it can be [published](Segment::publish).
    ///
    /// # Errors
    ///
    /// As [`new`](Self::new).
    pub fn new_in(segment: &Segment) -> Result<Self> {
        Self::new_in_root(segment.root())
    }

    fn new_in_root(root: &Arc<Root>) -> Result<Self> {
        // Zeros are a free lock, and not DONE.
        root.allocate(Self::BYTES, Self::fingerprint()).map(Self::of_block)
    }

    /// For a block that is known to hold a value of this type.
    fn of_block(block: Block) -> Self {
        Self { lock: Lock::of_block(block), _value: PhantomData }
    }

    fn head(&self) -> &Head {
        // SAFETY: the block begins with a head, zeros at first, made of atomics, and lives as long as its pin.
        unsafe { self.lock.start().cast().as_ref() }
    }

    fn place(&self) -> NonNull<T> {
        // SAFETY: the block has `BYTES` bytes: `new_in_root` asked for them, and who opens one checks it.
        unsafe { self.lock.start().add(Self::OFFSET) }.cast()
    }

    /// The value, if somebody has made it.
    ///
    /// # Errors
    ///
    /// [`ErrorKind::InvalidValue`] if its bytes are not a `T`: another program scribbled over it.
    #[inline]
    pub fn get(&self) -> Result<Option<&T>> {
        // Acquire pairs with the Release of `make`.
        if self.head().done.load(Ordering::Acquire) != DONE {
            return Ok(None);
        }
        // SAFETY: DONE says that it was written and is not written any more; `Bits` has the size of `T` and accepts all bytes.
        let bits = unsafe { self.place().cast::<T::Bits>().read() };
        if !T::is_valid_bit_pattern(&bits) {
            return Err(Error::new(
                ErrorKind::InvalidValue,
                format!("the bytes in shared memory are not a {}", std::any::type_name::<T>()),
            ));
        }
        // SAFETY: as above, and the bytes are a `T`; it lives as long as the block's pin.
        Ok(Some(unsafe { self.place().as_ref() }))
    }

    /// The value; made by `make`, in this process, if nobody has made it. While somebody makes it, the others wait.
    ///
    /// # Errors
    ///
    /// As [`get`](Self::get); [`ErrorKind::Deadlock`] if `make` asks for this value itself.
    ///
    /// # Panics
    ///
    /// If `make` panics; then the value is made by the next who asks.
    pub fn get_or_init(&self, make: impl FnOnce() -> T) -> Result<&T> {
        self.get_or_try_init(|| Ok(make()))
    }

    /// As [`get_or_init`](Self::get_or_init), with a function that may fail; then the value is made by the next who asks.
    ///
    /// # Errors
    ///
    /// As [`get_or_init`](Self::get_or_init), and the function's.
    pub fn get_or_try_init<E: From<Error>>(
        &self,
        make: impl FnOnce() -> std::result::Result<T, E>,
    ) -> std::result::Result<&T, E> {
        if let Some(value) = self.get()? {
            return Ok(value);
        }
        let (taken, held) =
            self.lock.take(Deadline::NEVER).map_err(|error: LockError<()>| Error::from(error))?;
        if taken != Taken::Clean {
            // The last one died or panicked here: nothing is half made, as nothing was DONE.
            held.clear_poison();
        }
        if self.get()?.is_none() {
            let value = make()?;
            // A process that `make` has forked comes here too, and has nothing of the lock.
            fork::refuse_if_forked()?;
            // SAFETY: the block has room for the value there, aligned; under the lock nobody else writes, and before DONE nobody reads.
            unsafe { self.place().write(value) };
            step!("once.written");
            // Release: with the value.
            self.head().done.store(DONE, Ordering::Release);
            step!("once.done");
        }
        drop(held);
        self.get()?.ok_or_else(|| {
            Error::new(
                ErrorKind::InvalidSegment,
                "a value that was made is not there: the segment was scribbled over",
            )
            .into()
        })
    }

    /// Makes the value, if nobody has; gives it back if somebody has.
    ///
    /// # Errors
    ///
    /// As [`get_or_init`](Self::get_or_init).
    pub fn set(&self, value: T) -> Result<std::result::Result<(), T>> {
        let mut is_mine = false;
        self.get_or_init(|| {
            is_mine = true;
            value
        })?;
        Ok(if is_mine { Ok(()) } else { Err(value) })
    }

    /// Whether somebody has made it; once that is so, it stays so.
    #[must_use]
    pub fn is_set(&self) -> bool {
        self.head().done.load(Ordering::Acquire) == DONE
    }
}

impl<T: NoUninit + CheckedBitPattern + fmt::Debug> fmt::Debug for OnceValue<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut debug = f.debug_struct("OnceValue");
        match self.get() {
            Ok(value) => debug.field("value", &value),
            Err(error) => debug.field("value", &error),
        };
        debug.field("maker", &self.lock.describe_owner()).finish()
    }
}

/// Inside this crate's transports only: see [`spawn`](crate::spawn).
impl<T: NoUninit + CheckedBitPattern> Serialize for OnceValue<T> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        transport::send(self.lock.as_block(), serializer)
    }
}

/// Inside this crate's transports only; a stale or forged handle is an error.
impl<'de, T: NoUninit + CheckedBitPattern> Deserialize<'de> for OnceValue<T> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let block =
            transport::receive(deserializer, Self::fingerprint(), std::any::type_name::<Self>())?;
        block.check_room(Self::BYTES).map_err(de::Error::custom)?;
        Ok(Self::of_block(block))
    }
}

impl<T: NoUninit + CheckedBitPattern + Fingerprint> Published for OnceValue<T> {
    const FINGERPRINT: u64 = T::FINGERPRINT.rotate_left(1) ^ 7;

    fn type_name() -> String {
        format!("OnceValue<{}>", T::type_name())
    }

    fn block(&self) -> &Block {
        self.lock.as_block()
    }

    fn from_block(block: Block) -> Result<Self> {
        block.check_room(Self::BYTES)?;
        Ok(Self::of_block(block))
    }
}
