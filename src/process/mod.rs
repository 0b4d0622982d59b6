//! Processes: a Rust function, named for another process of the same executable, and what becomes of it.

mod builder;
mod call;
mod child;
mod children;
mod command;
mod current;
mod error;
pub(crate) mod function;
mod grip;
pub(crate) mod log;
pub(crate) mod panic;
mod parent;
#[allow(clippy::module_inception)]
mod process;
mod settings;
mod stderr_tail;
mod worker;

pub use builder::{ProcessBuilder, spawn};
pub use current::{ActiveChild, CurrentProcess, ParentProcess, active_children, current, parent};
pub use error::ProcessError;
pub use function::Function;
pub(crate) use grip::Grip;
#[cfg(feature = "tracing")]
pub use log::{log_level, set_log_level};
pub use panic::PanicReport;
pub use process::Process;
pub use worker::init;
pub(crate) use worker::init_before_main;
