//! How long a message takes one way: half of a round trip.

use super::{cases::new_case, work::Kind};
use crate::{case::Case, options::Options, part::Part, unit::Unit};

const SIZES: [(usize, &str); 5] =
    [(8, "8 B"), (64, "64 B"), (1 << 10, "1 KiB"), (64 << 10, "64 KiB"), (1 << 20, "1 MiB")];

pub fn cases(options: &Options) -> Vec<Case> {
    let case = |(bytes, name)| {
        let at = bytes as f64;
        new_case(Part::Latency, name, at, Unit::Nanoseconds, Kind::Echo, bytes, options)
    };
    SIZES.into_iter().filter_map(case).collect()
}
