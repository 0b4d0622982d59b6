//! What a pool costs that has nothing to do: memory and the processor's time.

use super::{trivial, value};
use crate::common::{now, report};
use multiproc::Pool;
use std::{fs, thread, time::Duration};

const WHILE: Duration = Duration::from_secs(3);
const WORKERS: usize = 4;

/// MiB that only this process has.
fn private_mib(pid: u32) -> f64 {
    let all = fs::read_to_string(format!("/proc/{pid}/smaps_rollup")).unwrap();
    let kib = |line: &str| line.split_whitespace().nth(1).unwrap().parse::<f64>().unwrap();
    let private = all.lines().filter(|line| line.starts_with("Private_")).map(kib);
    private.sum::<f64>() / 1024.0
}

/// Nanoseconds for which the process has had a processor.
fn used(pid: u32) -> u64 {
    let threads = fs::read_dir(format!("/proc/{pid}/task")).unwrap();
    let used = threads.map(|thread| {
        let all = fs::read_to_string(thread.unwrap().path().join("schedstat")).unwrap();
        all.split_whitespace().next().unwrap().parse::<u64>().unwrap()
    });
    used.sum()
}

pub(crate) fn all() {
    let pool = Pool::new(WORKERS).unwrap();
    assert_eq!(pool.map(trivial, 0..1000).unwrap()[7], trivial(7));
    // They have fallen asleep by then.
    thread::sleep(Duration::from_millis(100));
    let pids = pool.pids();
    let memory: Vec<f64> = pids.iter().map(|&pid| private_mib(pid)).collect();
    value("idle_worker_mib", memory.iter().copied().fold(0.0, f64::max), "<= 1.5");
    let all = || pids.iter().map(|&pid| used(pid)).sum::<u64>() + used(std::process::id());
    let (used_before, start) = (all(), now());
    thread::sleep(WHILE);
    let (used, passed) = (all() - used_before, now() - start);
    // Of all workers and the process that has the pool.
    report("idle_cpu_percent", 100.0 * used as f64 / passed as f64, "<= 0.1");
}
