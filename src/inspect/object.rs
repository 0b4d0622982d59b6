//! An object in a segment.

use super::Detail;
use serde::Serialize;

/// An object in a segment.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[non_exhaustive]
pub struct Object {
    /// Where it lies: the segment's part, how many had that place before, and the block in it.
    pub id: String,
    /// Under which it is published; none for most.
    pub names: Vec<String>,
    /// Its type, as who published it calls it.
    pub type_name: Option<String>,
    /// How long it is.
    pub bytes: u64,
    /// The processes that have a handle of it.
    pub processes: Vec<u32>,
    /// What it is.
    #[serde(flatten)]
    pub detail: Detail,
}
