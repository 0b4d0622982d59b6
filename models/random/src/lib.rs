//! The protocols of multiproc under chance: any thread may go on, and any may die, at any access to an atomic. And schedules by hand, which once were defects.
//!
//! `loom`'s models, beside this crate, explore all orders of a few threads with a few preemptions, and deaths at steps. Here are more threads, longer plays, deaths between any two accesses and in any sleep,
//! slots that have a next thread, and a kernel that wakes urgent ones first; but only some orders of them, and every access is sequentially consistent.
//!
//! The files of the protocols are the library's own, included by path; the threads are coroutines, one of which runs at a time ([`world`]). There are no slices: a sleep without a ring is for ever.
//!
//! `RANDOM_RUNS=100000 cargo test --release` plays each play so often. A failure names its seed and prints what happened in order; `RANDOM_SEED=7 RANDOM_RUNS=1` plays that one again.
//! `MODEL_BROKEN` is as in `loom`'s models.
#![cfg(test)]
#![allow(dead_code, unreachable_pub, reason = "the library uses more of these files")]

mod atomic;
#[path = "../../src/kernel.rs"]
mod kernel;
#[path = "../../src/os.rs"]
mod os;
#[path = "../../src/segment.rs"]
mod segment;
#[path = "../../src/sync.rs"]
mod sync;
#[path = "../../src/watch.rs"]
mod watch;

mod chance;
mod party;
mod pool;
mod queue;
mod stage;
mod world;

mod plays;
mod schedules;
