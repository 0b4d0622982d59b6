pub mod parent;

use std::time::Duration;

/// What became of the others when a peer was killed.
#[derive(Clone, Debug)]
pub struct Death {
    /// Who was killed, at what: `the sender`, `the holder of the lock`, `a worker of the pool`.
    pub killed: &'static str,
    pub contender: &'static str,
    /// What the others saw, in a sentence.
    pub seen: String,
    /// Whether all others could go on, and were told of it.
    pub verdict: Verdict,
    /// From the kill until they knew; nothing if they never did, within the limit of the test.
    pub after: Option<Duration>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Verdict {
    /// They were told, and went on.
    GoesOn,
    /// They were told, and what they shared is of no more use.
    Ends,
    /// They were not told, and went on with what may be torn.
    Silent,
    /// They wait for ever.
    Hangs,
}
