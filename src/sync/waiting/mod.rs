//! Waiting for several things at once, and the way back: a descriptor that other programs' loops can wait for.

mod descriptor_bridge;
mod readable;
mod readiness;
mod readiness_bridge;
mod spots;
mod wait;
mod waitable;

pub use readable::Readable;
pub use readiness::Readiness;
pub(crate) use spots::{Slept, Spots};
pub use wait::wait;
pub use waitable::Waitable;
pub(crate) use waitable::{Watch, Watchable, Watching};
