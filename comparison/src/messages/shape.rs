use serde::{Deserialize, Serialize};

/// What is asked of a way.
#[derive(Clone, Copy, Debug, Serialize, Deserialize)]
pub struct Shape {
    /// Of a message; a multiple of eight.
    pub bytes: usize,
    /// How many messages have room, where it can be said.
    pub places: usize,
    pub waits: Waits,
}

impl Shape {
    pub fn words(&self) -> usize {
        self.bytes / 8
    }
}

/// What who waits for a message does.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Waits {
    /// It tries again and again, by calls that do not wait.
    Spinning,
    /// It calls what waits, which sleeps sooner or later.
    Asleep,
}
