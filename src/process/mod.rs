//! Processes: a Rust function, named for another process of the same executable, and what becomes of it.

mod call;
mod error;
pub(crate) mod function;
pub(crate) mod panic;
mod parent;
#[allow(clippy::module_inception)]
mod process;
mod worker;

pub use error::ProcessError;
pub use function::Function;
pub use panic::PanicReport;
pub use process::{Process, spawn};
pub use worker::init;
pub(crate) use worker::init_before_main;
