//! Limits of the control group, which is what a container has.

use super::check::{Check, Level};
use crate::text::bytes;
use std::{fs, path::PathBuf};

pub(crate) fn checks() -> Vec<Check> {
    let Some(group) = path() else {
        return vec![Check::ok("control group", "none of version 2")];
    };
    let memory = least(&group, "memory.max");
    let tasks = least(&group, "pids.max");
    vec![
        Check::of(
            "control group, memory",
            memory.map_or_else(|| "no limit".into(), |most| format!("at most {}", bytes(most))),
            memory.is_none_or(|most| most >= 256 << 20),
            Level::Warning,
            "shared memory counts for whoever touches it first, and the kernel kills beyond the limit",
        ),
        Check::of(
            "control group, processes",
            tasks.map_or_else(|| "no limit".into(), |most| format!("at most {most}")),
            tasks.is_none_or(|most| most >= 256),
            Level::Warning,
            "threads count too: containers have --pids-limit",
        ),
    ]
}

/// The directory of this process's group.
fn path() -> Option<PathBuf> {
    let groups = fs::read_to_string("/proc/self/cgroup").ok()?;
    let inside = groups.lines().find_map(|line| line.strip_prefix("0::/"))?;
    let group = PathBuf::from("/sys/fs/cgroup").join(inside);
    group.join("cgroup.controllers").exists().then_some(group)
}

/// The smallest of a limit in a group and those around it.
fn least(group: &std::path::Path, file: &str) -> Option<u64> {
    let around = group.ancestors().take_while(|group| group.starts_with("/sys/fs/cgroup"));
    around.filter_map(|group| fs::read_to_string(group.join(file)).ok()?.trim().parse().ok()).min()
}
