//! The segments that are there.

use super::check::{Check, Level};
use multiproc::inspect::{self, State};

pub(crate) fn checks() -> Vec<Check> {
    let segments = match inspect::list() {
        Ok(segments) => segments,
        Err(error) => {
            let advice = "they are listed by reading /dev/shm";
            return vec![Check::with("segments", Level::Problem, error.to_string(), advice)];
        }
    };
    let stale = segments.iter().filter(|segment| segment.state == State::Stale).count();
    let mut checks = vec![Check::of(
        "segments",
        format!("{} in /dev/shm, {stale} of them stale", segments.len()),
        stale == 0,
        Level::Warning,
        "multiproc gc removes what dead programs have left",
    )];
    // Other users' are none of this one's, and no fault.
    let own = segments.into_iter().filter(|segment| segment.state != State::Foreign);
    for segment in own {
        if let Some(problem) = segment.problem {
            checks.push(Check::with(
                "segment",
                Level::Warning,
                format!("{}: {problem}", segment.name),
                "if no program uses it, remove its file in /dev/shm",
            ));
        }
    }
    checks
}
