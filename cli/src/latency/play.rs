//! A turn of one row, as each side plays it.

use crate::latency::{payload::STOP, transport::End};
use hdrhistogram::Histogram;
use serde::{Deserialize, Serialize};
use std::{
    hint::{black_box, spin_loop},
    time::{Duration, Instant},
};

/// How long before each message of a row that blocks: several times as long as anybody stays awake.
const PAUSE: Duration = Duration::from_micros(200);
/// Of a turn, before it counts.
const WARM_UP: f64 = 0.2;
/// A turn of slow messages has some nevertheless.
const AT_LEAST: u64 = 3;

#[derive(Clone, Copy, Serialize, Deserialize)]
pub(crate) struct Turn {
    pub(crate) length: Duration,
    /// The receiver is to sleep before each message.
    pub(crate) pauses: bool,
}

/// One side of a row.
pub(crate) trait Play {
    /// Plays a turn and measures each round trip in nanoseconds.
    fn measure(&mut self, turn: Turn) -> Histogram<u64>;

    /// Answers until the turn is over.
    fn serve(&mut self);
}

pub(crate) fn new_histogram() -> Histogram<u64> {
    Histogram::new_with_bounds(1, 100_000_000_000, 3).expect("the bounds are good")
}

/// Does something again and again until the turn is over, and measures each time.
pub(crate) fn repeat(turn: Turn, mut body: impl FnMut(u64)) -> Histogram<u64> {
    let mut histogram = new_histogram();
    let begin = Instant::now();
    let counts = begin + turn.length.mul_f64(WARM_UP);
    let (mut number, mut counted) = (0, 0);
    loop {
        if turn.pauses {
            let until = Instant::now() + PAUSE;
            while Instant::now() < until {
                spin_loop();
            }
        }
        number += 1;
        let start = Instant::now();
        body(number);
        let end = Instant::now();
        if start >= counts {
            histogram.saturating_record((end - start).as_nanos() as u64);
            counted += 1;
        }
        if end >= begin + turn.length && counted >= AT_LEAST {
            return histogram;
        }
    }
}

/// A row with somebody at the other end.
pub(crate) struct Linked<E>(pub(crate) E);

impl<E: End> Play for Linked<E> {
    fn measure(&mut self, turn: Turn) -> Histogram<u64> {
        let histogram = repeat(turn, |number| {
            self.0.send(number);
            let answer = self.0.receive();
            assert_eq!(answer, number, "a message is lost");
        });
        self.0.send(STOP);
        assert_eq!(self.0.receive(), STOP);
        histogram
    }

    fn serve(&mut self) {
        loop {
            let word = self.0.receive();
            self.0.send(word);
            if word == STOP {
                break;
            }
        }
    }
}

/// What the clock itself takes: there is one reading of it in each round trip.
pub(crate) struct Clock;

impl Play for Clock {
    fn measure(&mut self, turn: Turn) -> Histogram<u64> {
        repeat(turn, |_| ())
    }

    fn serve(&mut self) {}
}

pub(crate) struct Memcpy {
    from: Vec<u8>,
    to: Vec<u8>,
}

impl Memcpy {
    pub(crate) fn new(payload: usize) -> Self {
        Self { from: vec![1; payload], to: vec![0; payload] }
    }
}

impl Play for Memcpy {
    fn measure(&mut self, turn: Turn) -> Histogram<u64> {
        let Self { from, to } = self;
        repeat(turn, |_| black_box(&mut *to).copy_from_slice(black_box(from)))
    }

    fn serve(&mut self) {}
}
