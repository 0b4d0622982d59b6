//! The protocols of multiproc, explored by `loom`: every order in which threads can meet, up to a number of preemptions.
//!
//! The files of the protocols are the library's own, included by path. What they stand on is modelled here: atomics by `loom` ([`atomic`]), the kernel's futexes and its answer
//! to a thread's death by [`world`], and deaths by steps at which a thread stops ([`os::step`]). A sleep lasts until it is woken, however long that is: the slices that end every sleep in the
//! library would hide a lost wake-up, which here is a deadlock that `loom` reports.
//!
//! `MODEL_BROKEN=watch cargo test --release` (and the other names in [`world`]) takes a part of the protocol away: the models must fail then.
#![cfg(test)]
#![allow(dead_code, unreachable_pub, reason = "the library uses more of these files")]

mod atomic;
mod kernel;
mod os;
mod pool;
mod queue;
mod segment;
mod sync;
mod watch;
mod world;

mod barrier_model;
mod borrow_model;
mod condition_model;
mod event_model;
mod lock_model;
mod parcel_model;
mod pins_model;
mod play;
mod pool_model;
mod queue_model;
mod ring_model;
mod semaphore_model;
mod spares_model;
mod unlisted;
mod warden_model;
