//! How much memory a process has.
//!
//! `proc_pid_statm(5)`

use super::bus_error::page_size;
use std::fs;

/// How many bytes of memory this process has, and how many of them are neither of files nor of shared memory. `None` if it is gone, or the system does not say.
pub(crate) fn of(pid: u32) -> Option<[u64; 2]> {
    let text = fs::read_to_string(format!("/proc/{pid}/statm")).ok()?;
    let mut pages = text.split_ascii_whitespace().skip(1).map(|pages| pages.parse::<u64>().ok());
    let (resident, shared) = (pages.next()??, pages.next()??);
    let page = page_size() as u64;
    Some([resident * page, resident.saturating_sub(shared) * page])
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn this_process_has_some_and_nobody_has_none() {
        let [resident, private] = of(std::process::id()).unwrap();
        assert!(0 < private && private <= resident);
        // More than there can be.
        assert_eq!(of(u32::MAX), None);
    }
}
