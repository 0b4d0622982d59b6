//! What a name in the directory of shared memory stands for.

use serde::Serialize;

/// What a name in the directory of shared memory stands for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
#[non_exhaustive]
pub enum Kind {
    /// A [`Segment`](crate::Segment), by a name that somebody chose.
    Segment,
    /// The session of a process: what [`Value::new`](crate::Value::new) and the like use.
    Session,
    /// A segment that is being made, or whose maker died before it was done.
    Unfinished,
    /// Bytes under a name that the library chose: see [`SharedMemory`](crate::SharedMemory).
    Bytes,
    /// A part of a segment whose name is gone.
    Leftover,
}
