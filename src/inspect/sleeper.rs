//! A thread that sleeps for an object.

use serde::Serialize;

/// A thread that sleeps for an object of the segment.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[non_exhaustive]
pub struct Sleeper {
    /// The id of its [`Thread`](super::Thread).
    pub thread: String,
    /// The ids of the objects at whose words it sleeps; one that waits for several things has several.
    pub objects: Vec<String>,
    /// The ids of the living threads that must give something back first; none where anybody could bring the news.
    pub waits_for: Vec<String>,
}
