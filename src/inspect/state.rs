//! Whether anybody has a segment.

use serde::Serialize;

/// Whether anybody has a segment.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
#[non_exhaustive]
pub enum State {
    /// Somebody is attached.
    InUse,
    /// Nobody is: the next program of its user that makes a session removes it, or [`Segment::sweep_stale`](crate::Segment::sweep_stale).
    Stale,
    /// Nobody is, and it is to stay: see [`SegmentBuilder::keep`](crate::SegmentBuilder::keep); or it is damaged, and does not say.
    Kept,
    /// Another user's, or one that others may touch: nobody attaches it, and it is not swept.
    Foreign,
    /// The system does not tell.
    Unknown,
}
