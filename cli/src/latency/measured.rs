//! What was measured of a row, over all rounds.

use crate::latency::{
    median::median,
    play::new_histogram,
    row::{Place, Row},
};
use hdrhistogram::Histogram;

pub(crate) struct Measured {
    pub(crate) row: Row,
    whole: Histogram<u64>,
    /// The p50 of each round.
    rounds: Vec<f64>,
}

impl Measured {
    pub(crate) fn new(row: Row) -> Self {
        Self { row, whole: new_histogram(), rounds: Vec::new() }
    }

    /// One more round.
    pub(crate) fn add(&mut self, recorded: &[(u64, u64)]) {
        let mut round = new_histogram();
        for &(value, count) in recorded {
            round.saturating_record_n(value, count);
        }
        self.rounds.push(self.one_way(round.value_at_quantile(0.5) as f64));
        self.whole.add(round).expect("all have the same bounds");
    }

    /// Half of a round trip, where there was one.
    fn one_way(&self, nanoseconds: f64) -> f64 {
        match self.row.transport.place() {
            Place::Alone => nanoseconds,
            Place::Processes | Place::Threads => nanoseconds / 2.0,
        }
    }

    pub(crate) fn count(&self) -> u64 {
        self.whole.len()
    }

    /// Nanoseconds one way; the quantile 1 is the maximum.
    pub(crate) fn quantile(&self, quantile: f64) -> f64 {
        self.one_way(self.whole.value_at_quantile(quantile) as f64)
    }

    pub(crate) fn mean(&self) -> f64 {
        self.one_way(self.whole.mean())
    }

    pub(crate) fn bytes_per_nanosecond(&self) -> f64 {
        self.row.payload as f64 / self.quantile(0.5)
    }

    /// The median of the rounds' ratios.
    pub(crate) fn ratio_to(&self, floor: &Self) -> f64 {
        let rounds = self.rounds.iter().zip(&floor.rounds);
        median(rounds.map(|(ours, floor)| ours / floor).collect())
    }
}
