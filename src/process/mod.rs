//! Processes: a Rust function, named for another process of the same executable, and what becomes of it.

pub(crate) mod function;
pub(crate) mod panic;

pub use function::Function;
pub use panic::PanicReport;
