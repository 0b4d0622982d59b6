//! Naming a Rust function for another process of the same executable.
//!
//! # Protocol
//!
//! An address means nothing in another process, and a registry of functions would have to be filled by
//! hand. So the compiler makes one constant [`Record`](record::Record) for each function and its argument
//! types, with the entry point in it, and what travels is the record's distance from the load base of the
//! main image ([`FunctionId`]). The receiver runs the same build, so the same record lies at the same
//! distance, wherever the image is loaded.
//!
//! Nothing of a `FunctionId` is believed. [`FunctionId::resolve`] checks, in this order, that
//!
//! 1. the image is the same build (the linker's build id, or a hash of the image),
//! 2. the record lies wholly inside read-only memory of the main image, and is aligned,
//! 3. it begins with the magic number, and each of its pointers leads into code of the main image,
//! 4. the hash of its types is the hash that was sent,
//!
//! and only then is the function called. The record is data: its address goes through a `black_box`, and
//! no arithmetic is ever done on a function's own address, which optimisers take liberties with.

mod callable;
mod id;
mod image;
mod record;

pub use callable::Function;

pub(crate) use id::FunctionId;
pub(crate) use record::{Entry, EntryError};
