//! Processes that share memory: Python's `multiprocessing` for Rust.
#![deny(unsafe_code, missing_docs)]

mod atomic;
mod error;
mod os;
mod process;

pub use error::{Error, ErrorKind, Result};
pub use process::{Function, PanicReport};
