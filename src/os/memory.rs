//! How much memory a process has, and how often the system ended one for want of memory.
//!
//! `proc_pid_statm(5)`, and the kernel's guides to control groups.

use super::bus_error::page_size;
use std::{fs, path::Path};

/// The bytes in memory that this process shares with nobody: of pages of files and of shared memory there are none among them. `None` if the system does not say.
pub(crate) fn private_bytes() -> Option<u64> {
    read("/proc/self/statm").map(|[_, private]| private)
}

/// How many bytes of memory a process has, and how many of them are neither of files nor of shared memory. `None` if it is gone, or the system does not say.
pub(crate) fn of(pid: u32) -> Option<[u64; 2]> {
    read(&format!("/proc/{pid}/statm"))
}

fn read(file: &str) -> Option<[u64; 2]> {
    let text = fs::read_to_string(file).ok()?;
    let mut pages = text.split_ascii_whitespace().skip(1).map(|pages| pages.parse::<u64>().ok());
    let (resident, shared) = (pages.next()??, pages.next()??);
    let page = page_size() as u64;
    Some([resident * page, resident.saturating_sub(shared) * page])
}

/// How many processes of this control group were ended for want of memory until now; of the whole system, where there are no such groups.
pub(crate) fn oom_kills() -> Option<u64> {
    let groups = fs::read_to_string("/proc/self/cgroup").unwrap_or_default();
    let of_group = groups.lines().find_map(|line| {
        let (_, line) = line.split_once(':')?;
        let (controllers, group) = line.split_once(':')?;
        let group = group.trim_start_matches('/');
        if controllers.is_empty() {
            count(&Path::new("/sys/fs/cgroup").join(group).join("memory.events"))
        } else if controllers.split(',').any(|controller| controller == "memory") {
            count(&Path::new("/sys/fs/cgroup/memory").join(group).join("memory.oom_control"))
        } else {
            None
        }
    });
    of_group.or_else(|| count(Path::new("/proc/vmstat")))
}

fn count(file: &Path) -> Option<u64> {
    let text = fs::read_to_string(file).ok()?;
    text.lines().find_map(|line| line.strip_prefix("oom_kill ")?.trim().parse().ok())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_a_process_fills_is_its_own() {
        const MORE: usize = 64 << 20;
        let before = private_bytes().unwrap();
        let filled = std::hint::black_box(vec![1_u8; MORE]);
        let after = private_bytes().unwrap();
        // Other tests of this process give some back meanwhile.
        assert!(after > before + MORE as u64 / 2, "{before} {after}");
        drop(filled);
    }

    #[test]
    fn this_process_has_some_and_nobody_has_none() {
        let [resident, private] = of(std::process::id()).unwrap();
        assert!(0 < private && private <= resident);
        // More than there can be.
        assert_eq!(of(u32::MAX), None);
    }

    #[test]
    fn the_count_is_found_in_a_file_of_several() {
        let directory = std::env::temp_dir().join(format!("mp-test-oom-{}", std::process::id()));
        fs::write(&directory, "oom 7\noom_kill 3\noom_group_kill 0\n").unwrap();
        assert_eq!(count(&directory), Some(3));
        fs::write(&directory, "oom_kill_disable 0\nunder_oom 0\n").unwrap();
        assert_eq!(count(&directory), None);
        fs::remove_file(&directory).unwrap();
        assert_eq!(count(&directory), None);
    }
}
