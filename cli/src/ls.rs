//! `ls`: the segments of this machine.

use crate::{
    arguments::ListOptions,
    outcome::{Ended, Outcome},
    output::{print, print_json},
    table::Table,
    text::{age, bytes, numbers},
};
use multiproc::inspect::{self, Kind, State, Summary};
use serde::Serialize;

/// The document of `ls --json`.
#[derive(Serialize)]
struct Document {
    segments: Vec<Summary>,
}

pub(crate) fn run(options: ListOptions) -> Ended {
    let segments = inspect::list()?;
    if options.json {
        print_json(&Document { segments })?;
        return Ok(Outcome::Done);
    }
    let mut table = Table::new(["NAME", "KIND", "STATE", "USER", "SIZE", "AGE", "PROCESSES"]);
    for segment in &segments {
        table.add([
            segment.name.clone(),
            kind(segment.kind).into(),
            state(segment.state).into(),
            segment.user.to_string(),
            bytes(segment.bytes),
            age(segment.created),
            segment.problem.clone().unwrap_or_else(|| numbers(&segment.processes)),
        ]);
    }
    print(&table.to_string())?;
    Ok(Outcome::Done)
}

pub(crate) fn kind(kind: Kind) -> &'static str {
    match kind {
        Kind::Segment => "segment",
        Kind::Session => "session",
        Kind::Unfinished => "unfinished",
        Kind::Bytes => "bytes",
        Kind::Leftover => "leftover",
        _ => "other",
    }
}

pub(crate) fn state(state: State) -> &'static str {
    match state {
        State::InUse => "in use",
        State::Stale => "stale",
        State::Kept => "kept",
        State::Foreign => "foreign",
        _ => "unknown",
    }
}
