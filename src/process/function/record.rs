//! The constant that stands for a function: who it is, and how to enter it.
#![allow(unsafe_code)]

use std::{
    any::{TypeId, type_name},
    fmt,
    hash::{DefaultHasher, Hash, Hasher},
    marker::PhantomData,
    ptr::NonNull,
};

use serde::{Serialize, de::DeserializeOwned};

use super::callable::{Function, assert_captures_nothing};
use crate::{
    Error, Result,
    os::step::step,
    shared::{Message, decode, encode},
};

/// The first words of a record. Drawn by lot, so that other constants do not begin like it.
pub(super) const MAGIC: [u64; 2] = [0x6d70_f7a3_91c4_5e2b, 0xb8d2_0c6e_47f9_13a5];

/// Decodes the arguments, calls the function, encodes its result.
type Enter = fn(&[u8], &dyn Fn()) -> Result<Message, EntryError>;

/// What the compiler promotes to a constant for each function and its arguments.
#[derive(Debug)]
#[repr(C)]
pub(super) struct Record {
    pub(super) magic: [u64; 2],
    // A function, because `TypeId::of` is no constant before Rust 1.91.
    type_id: fn() -> TypeId,
    type_name: fn() -> &'static str,
    enter: Enter,
}

/// A [`Record`] of unknown origin: its pointers may not be used as functions yet.
#[derive(Clone, Copy, Debug)]
#[repr(C)]
pub(super) struct RawRecord {
    pub(super) magic: [u64; 2],
    pub(super) pointers: [*const (); 3],
}

const _: () = assert!(
    size_of::<Record>() == size_of::<RawRecord>()
        && align_of::<Record>() == align_of::<RawRecord>()
);

impl Record {
    /// The record of `F` called with `A`. The value shows that `F` has values: no record is made without one.
    pub(super) fn of<F, A>(_function: F) -> &'static Self
    where
        F: Function<A, Output: Serialize + 'static>,
        A: DeserializeOwned + 'static,
    {
        Of::<F, A>::RECORD
    }

    /// A hash of the types, the same in each process that runs this executable.
    pub(super) fn type_hash(&self) -> u64 {
        let mut hasher = DefaultHasher::new();
        (self.type_id)().hash(&mut hasher);
        hasher.finish()
    }

    /// The function's name, for messages.
    pub(super) fn type_name(&self) -> &'static str {
        (self.type_name)()
    }
}

/// Carries the types of one record.
struct Of<F, A>(PhantomData<(F, A)>);

impl<F, A> Of<F, A>
where
    F: Function<A, Output: Serialize + 'static>,
    A: DeserializeOwned + 'static,
{
    const RECORD: &'static Record = &Record {
        magic: MAGIC,
        type_id: TypeId::of::<(F, A, F::Output)>,
        type_name: type_name::<F>,
        enter: enter::<F, A>,
    };
}

/// The entry point of `F` called with `A`.
fn enter<F, A>(args: &[u8], arrived: &dyn Fn()) -> Result<Message, EntryError>
where
    F: Function<A, Output: Serialize>,
    A: DeserializeOwned,
{
    const { assert_captures_nothing::<F>() };
    let args: Result<A> = decode(args);
    step!("call.decoded");
    arrived();
    let args = args.map_err(EntryError::Decode)?;
    // SAFETY: reading no bytes needs an aligned pointer and no memory, and F has no bytes (checked above). It is Copy,
    // Send and Sync, so that another value of it may exist on any thread, and it has values at all: `Record::of`
    // was given one. `Function` is sealed, so F is a function item or a closure, not a type with rules of its own.
    let function = unsafe { NonNull::<F>::dangling().read() };
    encode(&function.call(args)).map_err(EntryError::Encode)
}

/// A function of another process that was found here, checked and ready to be called.
#[derive(Clone, Copy)]
pub(crate) struct Entry(pub(super) &'static Record);

impl Entry {
    /// Decodes the arguments, says that they have arrived, calls the function and encodes what it returned.
    ///
    /// # Errors
    ///
    /// [`EntryError::Decode`] before the call, [`EntryError::Encode`] after it.
    ///
    /// # Panics
    ///
    /// If the function panics.
    pub(crate) fn call(self, args: &[u8], arrived: &dyn Fn()) -> Result<Message, EntryError> {
        (self.0.enter)(args, arrived)
    }

    /// The function's name, for messages.
    pub(crate) fn type_name(self) -> &'static str {
        self.0.type_name()
    }
}

impl fmt::Debug for Entry {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Entry").field(&self.type_name()).finish()
    }
}

/// Why a function was not called, or has no result to show.
#[derive(Debug, thiserror::Error)]
pub(crate) enum EntryError {
    /// The arguments could not be decoded; the function was not called.
    #[error("the function was not called: {0}")]
    Decode(Error),
    /// The function returned, and its result could not be encoded.
    #[error("the function returned: {0}")]
    Encode(Error),
}
