//! A segment in one line.

use super::{Kind, State};
use serde::Serialize;
use std::path::PathBuf;

/// A segment in one line; from [`list`](super::list) and [`look`](super::look()).
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[non_exhaustive]
pub struct Summary {
    /// By which it is attached, or the path of its file.
    pub name: String,
    /// Where it lies.
    pub path: PathBuf,
    /// What it is.
    pub kind: Kind,
    /// Whether anybody has it.
    pub state: State,
    /// The id of the user to whom it belongs.
    pub user: u32,
    /// The process that made it; `None` where that cannot be read.
    pub creator: Option<u32>,
    /// How large it is, with all parts by which it has grown. Pages that were never touched need no memory.
    pub bytes: u64,
    /// By how many parts it has grown.
    pub parts: usize,
    /// The ids of the processes that are attached, in its pid namespace.
    pub processes: Vec<u32>,
    /// When it was made, in seconds since 1970; `None` where the file system does not say.
    pub created: Option<u64>,
    /// Why it cannot be looked into, if so.
    pub problem: Option<String>,
}
