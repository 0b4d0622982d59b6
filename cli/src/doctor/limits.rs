//! Limits of processes that are started from here.

use super::check::{Check, Level};
use crate::text::bytes;
use rustix::process::{Resource, getrlimit};

pub(crate) fn checks() -> Vec<Check> {
    let limit = |resource| getrlimit(resource).current;
    let count = |limit: Option<u64>| {
        limit.map_or_else(|| "no limit".into(), |most| format!("at most {most}"))
    };
    let size = |limit: Option<u64>| {
        limit.map_or_else(|| "no limit".into(), |most| format!("at most {}", bytes(most)))
    };
    let (files, processes) = (limit(Resource::Nofile), limit(Resource::Nproc));
    let (space, file) = (limit(Resource::As), limit(Resource::Fsize));
    vec![
        Check::of(
            "open files",
            count(files),
            files.is_none_or(|most| most >= 1024),
            Level::Warning,
            "a parent needs some for each child, and each segment one: ulimit -n 4096",
        ),
        Check::of(
            "processes of this user",
            count(processes),
            processes.is_none_or(|most| most >= 1024),
            Level::Warning,
            "threads count too: ulimit -u",
        ),
        Check::of(
            "address space",
            size(space),
            space.is_none(),
            Level::Note,
            "shared memory counts in each process that maps it: ulimit -v unlimited",
        ),
        Check::of(
            "file size",
            size(file),
            file.is_none(),
            Level::Warning,
            "segments are files, and growing beyond the limit kills: ulimit -f unlimited",
        ),
    ]
}
