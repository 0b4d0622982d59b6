//! Processes: a Rust function, named for another process of the same executable, and what becomes of it.

#[allow(dead_code, unused_imports, reason = "used by spawn and the bootstrap")]
mod function;

pub use function::Function;
