//! The operating system: the only place that says `libc`.
//!
//! Each file is one family of calls, thin, with the man page named. Everything that is particular to Linux is here.

#[allow(dead_code, reason = "for the builder of processes, which comes next")]
pub(crate) mod affinity;
pub(crate) mod asleep;
pub(crate) mod auxv;
pub(crate) mod bus_error;
pub(crate) mod clock;
pub(crate) mod cpus;
pub(crate) mod descriptor_set;
pub(crate) mod directory_watch;
pub(crate) mod environment;
pub(crate) mod eventfd;
pub(crate) mod executable;
pub(crate) mod exit;
pub(crate) mod file_locks;
pub(crate) mod file_mapping;
pub(crate) mod fork;
pub(crate) mod futex;
pub(crate) mod identity;
pub(crate) mod image;
pub(crate) mod life;
#[allow(dead_code, reason = "for the builder of processes, which comes next")]
pub(crate) mod limits;
pub(crate) mod mapping;
pub(crate) mod maps;
pub(crate) mod membarrier;
pub(crate) mod memory;
pub(crate) mod numa;
pub(crate) mod object;
pub(crate) mod pidfd;
pub(crate) mod poll;
pub(crate) mod prefetch;
#[cfg(test)]
pub(crate) mod rerun;
pub(crate) mod robust_list;
#[cfg(feature = "raw-sync")]
pub(crate) mod robust_mutex;
pub(crate) mod signals;
pub(crate) mod spin;
pub(crate) mod step;
