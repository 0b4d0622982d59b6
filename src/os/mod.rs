//! The operating system: the only place that says `libc`.
//!
//! Each file is one family of calls, thin, with the man page named. Everything that is particular to Linux is here.

pub(crate) mod image;
