//! A lock that somebody holds, or waits for.

/// A lock that somebody holds, for people.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Holding {
    pub(crate) segment: String,
    pub(crate) lock: String,
    pub(crate) holder: String,
    /// Since when the same thread has been seen with it, in seconds, at each look.
    pub(crate) seconds: u64,
    /// Who sleeps for it.
    pub(crate) waiting: usize,
}
