//! `gc`: what dead programs have left, removed.

use crate::{
    arguments::GcOptions,
    outcome::{Ended, Outcome},
    output::{print, print_json},
    text::plain,
};
use multiproc::{
    Segment,
    inspect::{self, State},
};
use serde::Serialize;

/// The document of `gc --json`.
#[derive(Serialize)]
struct Document {
    dry_run: bool,
    /// What was removed, or would be.
    removed: Vec<String>,
}

pub(crate) fn run(options: GcOptions) -> Ended {
    let dry_run = options.dry_run;
    let removed = if dry_run {
        let segments = inspect::list()?.into_iter();
        let stale = segments.filter(|segment| segment.state == State::Stale);
        stale.map(|segment| segment.name).collect()
    } else {
        Segment::sweep_stale()
    };
    let outcome = Outcome::found(dry_run && !removed.is_empty());
    if options.json {
        print_json(&Document { dry_run, removed })?;
        return Ok(outcome);
    }
    let verb = if dry_run { "would remove" } else { "removed" };
    let lines = removed.iter().map(|name| format!("{verb} {}\n", plain(name)));
    let text: String = lines.collect();
    print(if text.is_empty() { "nothing is left of dead programs\n" } else { &text })?;
    Ok(outcome)
}
