//! What is told of a row.

use super::{measured::Measured, row::Place};
use serde::Serialize;

/// Times are nanoseconds one way.
#[derive(Debug, Serialize)]
pub(crate) struct Numbers {
    pub(crate) transport: &'static str,
    /// Bytes.
    pub(crate) payload: usize,
    /// Of one that waits for somebody.
    pub(crate) wait: Option<&'static str>,
    pub(crate) is_touched: bool,
    pub(crate) count: u64,
    pub(crate) p50: f64,
    pub(crate) p90: f64,
    pub(crate) p99: f64,
    pub(crate) p99_9: f64,
    pub(crate) max: f64,
    pub(crate) mean: f64,
    /// Of one that can be compared with a floor.
    pub(crate) x_floor: Option<f64>,
}

impl Numbers {
    /// Of one among all, one of which is its floor.
    pub(crate) fn of(one: &Measured, all: &[Measured]) -> Self {
        let row = &one.row;
        let is_alone = row.transport.place() == Place::Alone;
        let floor = all.iter().find(|floor| !is_alone && floor.row.is_floor_of(row));
        Self {
            transport: row.transport.name(),
            payload: row.payload,
            wait: (!is_alone).then(|| row.wait.name()),
            is_touched: row.touched,
            count: one.count(),
            p50: one.quantile(0.5),
            p90: one.quantile(0.9),
            p99: one.quantile(0.99),
            p99_9: one.quantile(0.999),
            max: one.quantile(1.0),
            mean: one.mean(),
            x_floor: floor.map(|floor| one.ratio_to(floor)),
        }
    }
}
