//! What the kernel offers.

use super::check::{Check, Level};
use multiproc::inspect::system;
use std::{fs, path::Path};

pub(crate) fn checks() -> Vec<Check> {
    let read = |path: &str| fs::read_to_string(path).map(|text| text.trim().to_owned());
    let release = read("/proc/sys/kernel/osrelease").unwrap_or_else(|_| "unknown".into());
    let system = system();
    let is_there = |has: bool| if has { "there" } else { "not there" };
    let mut checks = vec![
        Check::ok("kernel", format!("Linux {release}")),
        Check::of(
            "futex_waitv",
            is_there(system.has_futex_waitv),
            system.has_futex_waitv,
            Level::Warning,
            "deaths and news are noticed up to 20 ms later: use Linux 5.16 or later, or allow the call in the sandbox",
        ),
        Check::of(
            "membarrier",
            is_there(system.has_membarrier),
            system.has_membarrier,
            Level::Warning,
            "those who wait for a ring look again after a millisecond: allow the call in the sandbox",
        ),
        Check::of(
            "/proc",
            is_there(Path::new("/proc/self/maps").exists()),
            Path::new("/proc/self/maps").exists(),
            Level::Problem,
            "the library finds processes there: mount -t proc proc /proc",
        ),
    ];
    let scope = read("/proc/sys/kernel/yama/ptrace_scope").unwrap_or_else(|_| "0".into());
    checks.push(Check::of(
        "ptrace_scope",
        scope.clone(),
        scope == "0" || rustix::process::geteuid().is_root() && scope != "3",
        Level::Note,
        "inspect and top cannot see who sleeps for what, nor deadlocks, unless they run as root, or with sysctl kernel.yama.ptrace_scope=0",
    ));
    checks
}
