//! The ways from one process to the other, each with what both sides need to find each other, and its two ends.

#[macro_use]
mod sized;
mod bytes;
mod crossbeam;
mod floor;
mod futex;
mod os_pipe;
mod pipe;
mod queue;
mod queue_encoded;
mod ring;
mod unix_socket;
mod words;

use crate::latency::{
    play::{Clock, Linked, Memcpy, Play},
    row::{Row, Transport},
    two_words::TwoWords,
};
use multiproc::Barrier;
use serde::{Deserialize, Serialize};
use std::error::Error;
use words::Words;

/// One end of a way there and back.
pub(crate) trait End {
    /// Sends a message with that word at its beginning, or everywhere if it is touched.
    fn send(&mut self, word: u64);

    /// Receives a message, and says its word.
    fn receive(&mut self) -> u64;
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) enum Side {
    Client,
    Server,
}

impl Side {
    /// Of two ways, the one out and the one in.
    fn order<T>(self, [there, back]: [T; 2]) -> (T, T) {
        match self {
            Self::Client => (there, back),
            Self::Server => (back, there),
        }
    }
}

/// Smaller payloads are sent by value, as one would; others are written and read where they lie, where there is a place.
const BY_VALUE: usize = 64;

/// What a way needs before it has ends: it travels to both processes.
#[derive(Serialize, Deserialize)]
pub(crate) enum Wiring {
    Alone,
    Floor(TwoWords),
    Futex(TwoWords),
    Ring(ring::AnySize),
    Queue(queue::AnySize),
    QueueEncoded(queue_encoded::Wiring),
    Pipe(Box<pipe::Wiring>),
    UnixSocket(unix_socket::Wiring),
    OsPipe(os_pipe::Wiring),
    Threads,
}

impl Wiring {
    pub(crate) fn new(row: &Row) -> Result<Self, Box<dyn Error>> {
        Ok(match row.transport {
            Transport::Clock | Transport::Memcpy => Self::Alone,
            Transport::Crossbeam => Self::Threads,
            Transport::Floor => Self::Floor(TwoWords::new()?),
            Transport::Futex => Self::Futex(TwoWords::new()?),
            Transport::Ring => Self::Ring(ring::AnySize::new(row.payload)?),
            Transport::Queue => Self::Queue(queue::AnySize::new(row.payload)?),
            Transport::QueueEncoded => Self::QueueEncoded(queue_encoded::Wiring::new()?),
            Transport::Pipe => Self::Pipe(Box::new(pipe::Wiring::new()?)),
            Transport::UnixSocket => Self::UnixSocket(unix_socket::Wiring::new(row)),
            Transport::OsPipe => Self::OsPipe(os_pipe::Wiring::new()?),
        })
    }

    /// What one side gets of it.
    pub(crate) fn share(&mut self, side: Side) -> Self {
        match self {
            Self::Alone => Self::Alone,
            Self::Floor(words) => Self::Floor(words.clone()),
            Self::Futex(words) => Self::Futex(words.clone()),
            Self::Ring(wiring) => Self::Ring(wiring.clone()),
            Self::Queue(wiring) => Self::Queue(wiring.clone()),
            Self::QueueEncoded(wiring) => Self::QueueEncoded(wiring.clone()),
            Self::Pipe(wiring) => Self::Pipe(Box::new(wiring.take(side))),
            Self::UnixSocket(wiring) => Self::UnixSocket(wiring.clone()),
            Self::OsPipe(wiring) => Self::OsPipe(wiring.clone()),
            Self::Threads => Self::Threads,
        }
    }

    /// This side's end. Both sides open all of theirs in the same order; where one must come first, they meet at the barrier.
    pub(crate) fn open(
        self,
        row: &Row,
        side: Side,
        cpus: [usize; 2],
        both: &Barrier,
    ) -> Result<Box<dyn Play>, Box<dyn Error>> {
        Ok(match self {
            Self::Alone if row.transport == Transport::Clock => Box::new(Clock),
            Self::Alone => Box::new(Memcpy::new(row.payload)),
            Self::Threads => Box::new(crossbeam::Threads::new(row, cpus[1])),
            Self::Floor(words) => Box::new(Linked(floor::Way(Words::new(words, side)))),
            Self::Futex(words) => Box::new(Linked(futex::Way(Words::new(words, side)))),
            Self::Ring(wiring) => wiring.open(row, side)?,
            Self::Queue(wiring) => wiring.open(row, side)?,
            Self::QueueEncoded(wiring) => Box::new(Linked(wiring.open(row, side))),
            Self::Pipe(wiring) => Box::new(Linked(wiring.open(row, side))),
            Self::UnixSocket(wiring) => Box::new(Linked(wiring.open(row, side, both)?)),
            Self::OsPipe(wiring) => Box::new(Linked(wiring.open(row, side)?)),
        })
    }
}
