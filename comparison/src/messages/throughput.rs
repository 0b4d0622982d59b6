//! What goes through from one sender to one receiver.

use super::{cases::new_case, work::Kind};
use crate::{case::Case, options::Options, part::Part, unit::Unit};

pub fn cases(options: &Options) -> Vec<Case> {
    let messages = (8, "8 B", Unit::PerSecond, Kind::Messages { pairs: 1 });
    let large = |bytes, name| (bytes, name, Unit::BytesPerSecond, Kind::Bytes);
    let case = |(bytes, name, unit, kind)| {
        new_case(Part::Throughput, name, bytes as f64, unit, kind, bytes, options)
    };
    [messages, large(64 << 10, "64 KiB"), large(1 << 20, "1 MiB")]
        .into_iter()
        .filter_map(case)
        .collect()
}
