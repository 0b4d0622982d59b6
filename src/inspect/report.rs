//! What is known of one segment.

use super::{Deadlock, Object, Sleeper, Summary, Thread};
use serde::Serialize;

/// What is known of one segment; from [`look`](super::look()).
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[non_exhaustive]
pub struct Report {
    /// In one line.
    pub summary: Summary,
    /// How many living threads can take part at once.
    pub participants: u32,
    /// Those who do, and those whose place nobody has taken since.
    pub threads: Vec<Thread>,
    /// Those that are published, and all of a kind that is known.
    pub objects: Vec<Object>,
    /// How many other objects there are: values and arrays that are not published, messages, and what pools and rings are made of.
    pub other_objects: u64,
    /// Their length together.
    pub other_bytes: u64,
    /// Who sleeps for what.
    pub sleepers: Vec<Sleeper>,
    /// The processes of which the system does not tell whether they sleep.
    pub not_asked: Vec<u32>,
    /// Those who wait for each other.
    pub deadlocks: Vec<Deadlock>,
    /// What could not be read.
    pub problems: Vec<String>,
}

impl Report {
    /// The thread with this id.
    #[must_use]
    pub fn thread(&self, id: &str) -> Option<&Thread> {
        self.threads.iter().find(|thread| thread.id == id)
    }

    /// The object with this id.
    #[must_use]
    pub fn object(&self, id: &str) -> Option<&Object> {
        self.objects.iter().find(|object| object.id == id)
    }
}
