//! Processes that share memory: Python's `multiprocessing` for Rust.
//!
//! Functions run in processes of their own, which find locks, values and arrays in shared memory and work in it without copying. Any process may be killed at
//! any instruction: the others go on, nothing is torn or leaked, and whoever comes next is told what was lost.
//!
//! This page is the short form. [`guide`] goes from the beginning to a whole program, and has chapters for those who [come from Python](guide::from_python), on
//! [what holds when a process dies](guide::deaths), and on [deployment](guide::deployment).
//!
//! # Hello, world
//!
//! ```
//! use multiproc::{Lock, Value};
//!
//! fn worker(counter: Value<i32>, lock: Lock, id: u32) -> multiproc::Result<()> {
//!     for _ in 0..5 {
//!         let _held = lock.lock()?; // Err if the last holder died inside; the error holds the guard
//!         counter.set(counter.get()? + 1)?;
//!         println!("worker {id}: {}", counter.get()?);
//!     }
//!     Ok(())
//! }
//!
//! fn main() -> multiproc::Result<()> {
//!     multiproc::init(); // a worker serves here and never returns; in the parent: nothing
//!     let (counter, lock) = (Value::new(0)?, Lock::new()?);
//!     let workers: Vec<_> = (0..3)
//!         .map(|id| multiproc::spawn(worker, (counter.clone(), lock.clone(), id)))
//!         .collect::<Result<_, _>>()?;
//!     for worker in workers {
//!         worker.join()??; // the process's fate, then the function's own result
//!     }
//!     assert_eq!(counter.get()?, 15);
//!     Ok(())
//! }
//! ```
//!
//! # What there is
//!
//! | for | there is | in Python |
//! | --- | --- | --- |
//! | a function in another process | [`spawn`], [`Process`], [`Process::builder`] | `Process` |
//! | another program | [`Process::command`], [`Segment::from_env`] | – |
//! | many tasks for a few processes, which survive the tasks | [`Pool`] | the same |
//! | who is who | [`current`], [`parent`], [`active_children`] | the same |
//! | mutual exclusion | [`Lock`]; with re-entry: [`RLock`]; many readers or one writer: [`RwLock`] | `Lock`, `RLock` |
//! | waiting until another says so | with a lock: [`Condition`]; without: [`Event`] | the same |
//! | waiting for several things at once | [`wait`]; in loops over descriptors, asynchronous ones say: [`Readiness`] | `connection.wait` |
//! | waiting for each other, turn after turn | [`Barrier`] | `Barrier` |
//! | a number of permits | [`Semaphore`]; never more than at first: [`BoundedSemaphore`] | the same |
//! | one value under its own lock | [`Value`]; a struct: [`Shared`](struct@Shared) | `Value`, `Structure` |
//! | one number without a lock | [`Atomic`]; many: [`AtomicArray`]; one a worker, which survives it: [`Tally`] | – |
//! | one value that the first who needs it makes | [`OnceValue`] | – |
//! | many values, borrowed as a slice | [`Array`]; its parts, one for each worker: [`ArrayParts`] | `Array` |
//! | items from one thread to one other, fast | [`Ring`] | – |
//! | messages of any type between two processes | [`Pipe`], two [`Connection`]s | `Pipe` |
//! | an existing file as an array | [`FileArray`] | `mmap` |
//! | objects by name, for other programs | [`Segment`] | – |
//! | bytes by name, for programs in any language | [`SharedMemory`] | `shared_memory` |
//! | programs written for `raw_sync` | [`compat`] | – |
//!
//! # Choosing
//!
//! - A count that must survive the death of workers: [`Tally`]. A count that many change at once: [`Atomic`].
//! - So many at a time: [`Semaphore`]. All together, turn after turn: [`Barrier`].
//! - A flag that others wait for: [`Event`]. A state that others wait for, under a lock: [`Condition`]. A value that is made once: [`OnceValue`].
//! - Something outside shared memory, a file or a device, that one may use at a time: [`Lock`]; [`RLock`] if the same thread comes in twice; [`RwLock`] if many only look.
//! - A few numbers that belong together: [`Value`] of an array or a plain struct, or [`Shared`](struct@Shared).
//! - A field that workers read and one writes: [`Array`], with [`read`](Array::read) and [`write`](Array::write). One that all write at once, each its part:
//!   [`split`](ArrayWriteGuard::split). One in which everybody touches single elements at any time: [`AtomicArray`].
//! - Where data outlives the programs: a segment in a file, [`SegmentBuilder::create_file`] with [`keep`](SegmentBuilder::keep).
//!
//! What each costs, and what it promises when somebody dies, is in [`guide::choosing`].
//!
//! # What can be shared
//!
//! Plain data without pointers and padding, by the traits of the crate `bytemuck`: [`Value`] takes `NoUninit + CheckedBitPattern` (numbers, `bool`, `char`, your own enums and structs that
//! derive them), [`Array`] and [`FileArray`] take `Pod`. References exist only inside guards. What another process wrote is checked before anybody gets a reference to it.
//!
//! Handles ([`Value`], [`Lock`], …) are cheap to clone and travel as arguments and results of [`spawn`], anywhere inside them. Outside these transports serialising a handle is an error, because
//! nothing would keep its object alive.
//!
//! # When a process dies
//!
//! - If it is a worker of a [`Pool`], the task that it had fails with a [`TaskError`], or is tried again; another worker takes its place.
//! - Its result is a [`ProcessError`]: panic, signal, or exit code, with its last words if they were captured.
//! - A lock that it held is taken over at once by somebody who waits, with [`LockError::OwnerDied`]: the guard is inside, so that the data can be repaired. Until somebody
//!   says so by `clear_poison`, later ones get [`LockError::Poisoned`].
//! - Those that wait with it at a [`Barrier`] are told at once: it is broken until somebody resets it.
//! - What it was reading is free again; what it was writing is told like a lock. What it allocated is freed when somebody needs room.
//! - Its children die with it, unless they were [asked not to](ProcessBuilder::outlive_parent), and the last one removes the shared memory.
//!
//! A process that is stopped (SIGSTOP) but alive holds on to what it has; the forms with a time-out help. [`guide::deaths`] says it for each primitive and step, with the limits.
//!
//! # Environment
//!
//! | variable | |
//! | --- | --- |
//! | `MULTIPROC_PARTICIPANTS` | how many living threads can take part in a session: 1,024 if not set, 16,384 at the most |
//! | `MULTIPROC_LOG` | the level of log messages, with the feature `tracing` |
//! | `MULTIPROC_NO_MEMBARRIER` | if set, sleepers do without `membarrier`, as where a sandbox refuses it |
//! | `MULTIPROC_NO_WAITV` | if set, sleepers do without `futex_waitv`, as on Linux before 5.16 |
//! | `MULTIPROC_WORKER`, `MULTIPROC_SEGMENT` | set by the library for the processes that it starts |
//!
//! What the unsafe code relies on, and who repairs what, is in [`safety`].
#![deny(unsafe_code, missing_docs)]
#![cfg_attr(docsrs, feature(doc_cfg))]

mod atomic;
#[cfg(feature = "raw-sync")]
pub mod compat;
mod error;
pub mod inspect;
mod os;
mod pool;
mod process;
mod queue;
mod segment;
mod shared;
mod sync;

#[doc(hidden)]
pub mod __private;

#[cfg(doc)]
#[doc = include_str!("../SAFETY.md")]
pub mod safety {}

#[cfg(doc)]
pub mod guide;

/// The examples of the README are tried with those of the documentation.
#[cfg(doctest)]
#[doc = include_str!("../README.md")]
struct Readme;

pub use atomic::Ordering;
pub use error::{Error, ErrorKind, Result};
pub use multiproc_macros::Shared;
pub use os::cpus::cpu_count;
pub use pool::{
    AsCompleted, AsyncResult, DeathHint, Imap, Mapping, Pool, PoolBuilder, PoolKind, PoolResult,
    PoolScope, PoolStatistics, PoolWorker, RangeIndex, Stateful, Stateless, Task, TaskBuilder,
    TaskError, WaitFor, WorkerStatistics, as_completed, wait_results,
};
pub use process::{
    ActiveChild, CurrentProcess, Function, PanicReport, ParentProcess, Process, ProcessBuilder,
    ProcessError, active_children, current, init, parent, spawn,
};
#[cfg(feature = "tracing")]
pub use process::{log_level, set_log_level};
pub use queue::{
    CanRecv, CanSend, Connection, Direction, Duplex, Encoded, Format, InPlace, Incoming,
    JoinableQueue, Lease, Loan, Outgoing, Pipe, PipeBuilder, Queue, QueueBuilder, Received,
    Receiver, RecvIntoError, Ring, RingConsumer, RingError, RingItems, RingProducer, RingReadChunk,
    RingReceiver, RingSender, RingWriteChunk, SendError, Sender, channel, channel_in_place,
};
pub use shared::{
    Array, ArrayBuilder, ArrayPart, ArrayPartGuard, ArrayParts, ArrayReadGuard, ArrayWriteGuard,
    Atomic, AtomicArray, AtomicBits, AtomicCell, AtomicNumber, AtomicValue, AtomicView, FileArray,
    FileArrayBuilder, Fingerprint, OnceValue, Placement, Published, Rows, RowsMut, Segment,
    SegmentBuilder, SegmentView, Shared, SharedFields, SharedGuard, SharedMemory, Tally, TallyCell,
    Value, ValueGuard,
};
pub use sync::{
    Barrier, BarrierBuilder, BarrierError, BoundedSemaphore, Condition, ConditionLock, Event, Lock,
    LockError, LockGuard, Permit, RLock, RLockGuard, Readable, Readiness, RwLock, RwLockReadGuard,
    RwLockWriteGuard, Semaphore, Waitable, wait,
};

/// Makes a test, doctest or bench executable serve as worker, without a call of [`init`] in a `main` that one cannot write.
///
/// Once in the executable, anywhere at module level. It runs before `main`, where the Rust runtime is not all there yet: a worker's main thread
/// has no name, for example. Programs with a `main` of their own call [`init`] there instead.
///
/// ```
/// multiproc::test_support!();
/// # fn main() {}
/// ```
#[macro_export]
macro_rules! test_support {
    () => {
        const _: () = {
            #[used]
            #[unsafe(link_section = ".init_array")]
            static HOOK: extern "C" fn() = $crate::__private::init_before_main;
        };
    };
}
