//! How a command ended, for its exit code.

use std::error::Error;

/// How a command ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Outcome {
    /// Exit code 0.
    Done,
    /// It found something that one may want to do something about: exit code 1.
    Found,
}

impl Outcome {
    pub(crate) fn found(something: bool) -> Self {
        if something { Self::Found } else { Self::Done }
    }
}

/// An error is exit code 2.
pub(crate) type Ended = Result<Outcome, Box<dyn Error>>;
