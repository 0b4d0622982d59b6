//! How much memory this process has for itself, and how often the system ended one for want of memory.
//!
//! `proc(5)`, and the kernel's guides to control groups.

use super::bus_error::page_size;
use std::{fs, path::Path};

/// The bytes in memory that this process shares with nobody: of pages of files and of shared memory there are none among them. `None` if the system does not say.
pub(crate) fn private_bytes() -> Option<u64> {
    let text = fs::read_to_string("/proc/self/statm").ok()?;
    let pages: Vec<u64> = text.split_whitespace().map_while(|word| word.parse().ok()).collect();
    let (resident, shared) = (pages.get(1)?, pages.get(2)?);
    Some(resident.saturating_sub(*shared) * page_size() as u64)
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
