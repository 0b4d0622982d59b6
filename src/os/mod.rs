//! The operating system: the only place that says `libc`.
//!
//! Each file is one family of calls, thin, with the man page named. Everything that is particular to Linux is here.

pub(crate) mod affinity;
pub(crate) mod auxv;
pub(crate) mod cpus;
pub(crate) mod executable;
pub(crate) mod image;
pub(crate) mod limits;
pub(crate) mod pidfd;
#[cfg(test)]
pub(crate) mod rerun;
pub(crate) mod signals;
