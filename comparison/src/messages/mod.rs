//! Messages from one process to another, or from many to many: how long one takes, and how many go through.
//!
//! A contender is a [`Way`](way::Way): what goes in at its outlets comes out at its inlets. All contenders do the same work with it: who sends writes all of a message, and who receives reads
//! all of it; who plays (`player`) is a process, or a thread where the contender has no processes, and does so on a processor of its own.

#[macro_use]
mod sized;
mod cases;
mod contenders;
mod list;
mod payload;
mod player;
mod players;
mod python;
mod shape;
mod way;
mod ways;
mod work;

pub mod latency;
pub mod mpmc;
pub mod throughput;
