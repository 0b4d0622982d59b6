//! Processes that share memory: Python's `multiprocessing` for Rust.
#![deny(unsafe_code, missing_docs)]

mod atomic;
mod error;
mod os;

pub use error::{Error, ErrorKind, Result};
