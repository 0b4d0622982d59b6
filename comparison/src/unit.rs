use std::fmt;

/// What a number counts.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Unit {
    /// Less is better.
    Nanoseconds,
    /// More is better.
    PerSecond,
    /// More is better.
    BytesPerSecond,
}

impl Unit {
    pub fn less_is_better(self) -> bool {
        self == Self::Nanoseconds
    }
}

impl fmt::Display for Unit {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(match self {
            Self::Nanoseconds => "ns",
            Self::PerSecond => "per second",
            Self::BytesPerSecond => "bytes per second",
        })
    }
}
