//! Messages of 64 bytes from several senders to as many receivers, each message to one of them.

use super::{cases::new_case, work::Kind};
use crate::{case::Case, options::Options, part::Part, unit::Unit};

pub fn cases(options: &Options) -> Vec<Case> {
    let case = |(pairs, name): (usize, _)| {
        let kind = Kind::Messages { pairs };
        new_case(Part::Mpmc, name, pairs as f64, Unit::PerSecond, kind, 64, options)
    };
    [(1, "1 × 1"), (2, "2 × 2")].into_iter().filter_map(case).collect()
}
