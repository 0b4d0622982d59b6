//! `Shared`: a struct in shared memory, its plain fields under a lock of its own, its atomic fields without.
#![allow(unsafe_code)]
#![allow(private_interfaces, reason = "`Published` is sealed: nobody outside names its methods")]

use super::{Segment, names::Published, transport};
use crate::{
    Error, ErrorKind, Result,
    os::clock::Deadline,
    segment::{Block, Root},
    sync::{Lock, LockError, LockGuard, RawLock},
};
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

/// A struct whose fields can be shared. Implemented by `#[derive(Shared)]`.
///
/// # Safety
///
/// `FINGERPRINT` says where which fields lie; `fields` refers to plain fields only, `atomics` to atomic ones only; `check` looks at every plain field.
pub unsafe trait SharedFields: Sized + 'static {
    /// Of names, types and places of the fields, compared between programs.
    const FINGERPRINT: u64;
    /// The struct's name.
    const NAME: &'static str;
    /// References to the plain fields.
    type Fields<'a>;
    /// References to the atomic fields.
    type Atomics<'a>;

    /// Whether the bits of every plain field are a value of its type; else the field's name.
    ///
    /// # Errors
    ///
    /// The name of the first field that is not.
    ///
    /// # Safety
    ///
    /// A struct of this layout is at `at`, of whatever bits, and nobody writes its plain fields.
    unsafe fn check(at: NonNull<Self>) -> Result<(), &'static str>;

    /// The plain fields.
    ///
    /// # Safety
    ///
    /// The struct is at `at` as long as the answer lives, `check` has passed, and nobody else touches its plain fields.
    unsafe fn fields<'a>(at: NonNull<Self>) -> Self::Fields<'a>;

    /// The atomic fields.
    ///
    /// # Safety
    ///
    /// The struct is at `at` as long as the answer lives, and its atomic fields are touched by atomic operations only.
    unsafe fn atomics<'a>(at: NonNull<Self>) -> Self::Atomics<'a>;

    /// Puts a value there, field by field; atomic ones atomically.
    ///
    /// # Safety
    ///
    /// As `fields`, but the bits may be anything.
    unsafe fn store(at: NonNull<Self>, value: Self);
}

/// A struct that processes share. Handles are cheap to clone; all clones are the same struct.
///
/// Plain fields are reached under the struct's lock, as those of a [`Value`](crate::Value); fields of the type [`AtomicCell`](crate::AtomicCell) at any time, without it.
/// Two programs that share a struct by name compare the names, types and places of its fields.
///
/// ```
/// use multiproc::{AtomicCell, Ordering, Shared};
///
/// #[derive(Shared)]
/// #[repr(C)]
/// struct Solver {
///     residual: f64,
///     converged: bool,
///     steps: AtomicCell<u64>,
/// }
///
/// # fn main() -> multiproc::Result<()> {
/// let solver =
///     Shared::new(Solver { residual: 1.0, converged: false, steps: AtomicCell::new(0) })?;
/// solver.atomics().steps.fetch_add(1, Ordering::Relaxed);
/// let mut fields = solver.lock()?;
/// *fields.residual /= 2.0;
/// *fields.converged = *fields.residual < 0.75;
/// drop(fields);
/// assert!(*solver.lock()?.converged);
/// # Ok(())
/// # }
/// ```
///
/// A struct without `repr(C)`, or with a field that is neither plain data nor an `AtomicCell`, does not compile:
///
/// ```compile_fail
/// #[derive(multiproc::Shared)]
/// struct Layout { number: u32 }
/// ```
///
/// ```compile_fail
/// #[derive(multiproc::Shared)]
/// #[repr(C)]
/// struct Pointer { text: String }
/// ```
///
/// ```compile_fail
/// #[derive(multiproc::Shared)]
/// #[repr(C)]
/// struct Parameter<T> { value: T }
/// ```
///
/// # When a holder dies
///
/// As [`Value`](crate::Value): the guard is in the error.
#[doc(alias("Structure", "ctypes"))]
pub struct Shared<S> {
    /// At the beginning of the block.
    lock: Lock,
    _value: PhantomData<fn() -> S>,
}

impl<S> Clone for Shared<S> {
    fn clone(&self) -> Self {
        Self { lock: self.lock.clone(), _value: PhantomData }
    }
}

// SAFETY: plain fields are touched only under the lock in the same block, atomic ones by atomic operations, from whatever thread or process.
unsafe impl<S> Send for Shared<S> {}
// SAFETY: as above.
unsafe impl<S> Sync for Shared<S> {}

impl<S: SharedFields> Shared<S> {
    /// Behind the lock, where `S` is aligned.
    const OFFSET: usize = {
        assert!(
            align_of::<S>() <= 64,
            "a shared struct can be aligned to a cache line at the most"
        );
        if align_of::<S>() > size_of::<RawLock>() { align_of::<S>() } else { size_of::<RawLock>() }
    };
    const BYTES: usize = Self::OFFSET + size_of::<S>();

    /// Of the type within this executable.
    fn handle() -> u64 {
        let mut hasher = DefaultHasher::new();
        ("Shared", TypeId::of::<S>(), Self::BYTES).hash(&mut hasher);
        hasher.finish()
    }

    /// A new struct in the session's shared memory.
    ///
    /// # Errors
    ///
    /// When the shared memory cannot be made or grown.
    pub fn new(value: S) -> Result<Self> {
        Self::new_in_root(&crate::segment::session()?, value)
    }

    /// A new struct in a segment, where it can be [published](Segment::publish).
    ///
    /// # Errors
    ///
    /// As [`new`](Self::new).
    pub fn new_in(segment: &Segment, value: S) -> Result<Self> {
        Self::new_in_root(segment.root(), value)
    }

    fn new_in_root(root: &Arc<Root>, value: S) -> Result<Self> {
        let new = Self::of_block(root.allocate(Self::BYTES, Self::handle())?);
        // SAFETY: the block has room for the struct there, aligned, and nobody else has a handle yet.
        unsafe { S::store(new.place(), value) };
        Ok(new)
    }

    /// For a block that is known to hold a struct of this type.
    fn of_block(block: Block) -> Self {
        Self { lock: Lock::of_block(block), _value: PhantomData }
    }

    fn place(&self) -> NonNull<S> {
        // SAFETY: the block has `BYTES` bytes: `new_in_root` asked for them, and who opens a published one checks it.
        unsafe { self.lock.start().add(Self::OFFSET) }.cast()
    }

    /// The atomic fields, to be touched at any time.
    #[must_use]
    pub fn atomics(&self) -> S::Atomics<'_> {
        // SAFETY: the struct is there as long as the block's pin, which `self` has; only atomic operations touch these fields.
        unsafe { S::atomics(self.place()) }
    }

    fn lock_by(
        &self,
        deadline: Deadline,
    ) -> Result<SharedGuard<'_, S>, LockError<SharedGuard<'_, S>>> {
        let (taken, held) = self.lock.take(deadline)?;
        // SAFETY: under the lock nobody writes the plain fields.
        if let Err(field) = unsafe { S::check(self.place()) } {
            return Err(LockError::Failed(Error::new(
                ErrorKind::InvalidValue,
                format!(
                    "the bytes of the field {field} in shared memory are not a value of its type; Shared::overwrite puts a valid {} there",
                    S::NAME
                ),
            )));
        }
        // SAFETY: checked just now; under the lock the plain fields are this thread's, as long as `held` lives.
        let fields = unsafe { S::fields(self.place()) };
        LockError::judge(taken, SharedGuard { fields, held })
    }

    /// Takes the lock; waits as long as it takes.
    ///
    /// # Errors
    ///
    /// [`LockError::OwnerDied`] and [`LockError::Poisoned`] hold the guard. [`LockError::Failed`] if this thread has the lock already, or a field has bytes that are not of
    /// its type ([`ErrorKind::InvalidValue`]).
    pub fn lock(&self) -> Result<SharedGuard<'_, S>, LockError<SharedGuard<'_, S>>> {
        self.lock_by(Deadline::NEVER)
    }

    /// Takes the lock if nobody living has it.
    ///
    /// # Errors
    ///
    /// As [`lock`](Self::lock), and [`LockError::WouldBlock`].
    pub fn try_lock(&self) -> Result<SharedGuard<'_, S>, LockError<SharedGuard<'_, S>>> {
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
    ) -> Result<SharedGuard<'_, S>, LockError<SharedGuard<'_, S>>> {
        self.lock_by(Deadline::after(timeout))
    }

    /// Puts a struct there without looking at what was there, and clears the poison.
    ///
    /// # Errors
    ///
    /// When the lock cannot be taken.
    pub fn overwrite(&self, value: S) -> Result<()> {
        let (_, held) = self.lock.take::<()>(Deadline::NEVER)?;
        // SAFETY: under the lock the plain fields are this thread's.
        unsafe { S::store(self.place(), value) };
        held.clear_poison();
        Ok(())
    }

    /// Whether a holder died or panicked and nobody has cleared the poison since.
    #[must_use]
    pub fn is_poisoned(&self) -> bool {
        self.lock.is_poisoned()
    }

    /// Says that the fields are whole again.
    pub fn clear_poison(&self) {
        self.lock.clear_poison();
    }
}

impl<S: SharedFields> fmt::Debug for Shared<S> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Shared")
            .field("struct", &S::NAME)
            .field("owner", &self.lock.describe_owner())
            .field("poisoned", &self.is_poisoned())
            .finish()
    }
}

/// Inside this crate's transports only: see [`spawn`](crate::spawn).
impl<S: SharedFields> Serialize for Shared<S> {
    fn serialize<Z: Serializer>(&self, serializer: Z) -> Result<Z::Ok, Z::Error> {
        transport::send(self.lock.as_block(), serializer)
    }
}

/// Inside this crate's transports only; a stale or forged handle is an error.
impl<'de, S: SharedFields> Deserialize<'de> for Shared<S> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let block =
            transport::receive(deserializer, Self::handle(), std::any::type_name::<Self>())?;
        block.check_room(Self::BYTES).map_err(de::Error::custom)?;
        Ok(Self::of_block(block))
    }
}

impl<S: SharedFields> Published for Shared<S> {
    const FINGERPRINT: u64 = S::FINGERPRINT.rotate_left(1) ^ 5;

    fn type_name() -> String {
        format!("Shared<{}>", S::NAME)
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

/// The struct is locked while this lives; it gives references to its plain fields.
#[must_use = "the lock is given back when the guard is dropped"]
pub struct SharedGuard<'a, S: SharedFields> {
    fields: S::Fields<'a>,
    held: LockGuard<'a>,
}

impl<S: SharedFields> SharedGuard<'_, S> {
    /// Says that the fields are whole again.
    pub fn clear_poison(&self) {
        self.held.clear_poison();
    }
}

impl<'a, S: SharedFields> Deref for SharedGuard<'a, S> {
    type Target = S::Fields<'a>;

    fn deref(&self) -> &S::Fields<'a> {
        &self.fields
    }
}

impl<'a, S: SharedFields> DerefMut for SharedGuard<'a, S> {
    fn deref_mut(&mut self) -> &mut S::Fields<'a> {
        &mut self.fields
    }
}

impl<'a, S: SharedFields<Fields<'a>: fmt::Debug>> fmt::Debug for SharedGuard<'a, S> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.fields.fmt(f)
    }
}
