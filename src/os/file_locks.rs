//! Who has locked which file, without touching the lock: a question by `flock(2)` itself would be a lock for a moment, and an answer to others.
//!
//! `proc_locks(5)`

use super::object::Facts;
use std::{collections::HashSet, fs};

/// The files that somebody holds a `flock(2)` on, at one moment.
#[derive(Debug)]
pub(crate) struct FileLocks(Option<HashSet<Key>>);

/// Major and minor number of the device, and the inode.
type Key = (u32, u32, u64);

impl FileLocks {
    /// As the system tells. Locks of processes outside this pid namespace are not told of.
    pub(crate) fn read() -> Self {
        Self(
            fs::read_to_string("/proc/locks")
                .ok()
                .map(|text| text.lines().filter_map(key).collect()),
        )
    }

    /// Whether somebody has that object locked; `None` where the system does not say.
    pub(crate) fn has(&self, facts: &Facts) -> Option<bool> {
        self.0.as_ref().map(|locked| locked.contains(&facts.device_and_inode()))
    }
}

/// Of a line such as `1: FLOCK  ADVISORY  READ 4711 00:1a:42 0 EOF`.
fn key(line: &str) -> Option<Key> {
    let mut words = line.split_ascii_whitespace().skip(1);
    if words.next()? != "FLOCK" {
        return None;
    }
    let mut numbers = words.nth(3)?.split(':');
    let mut hexadecimal = || u32::from_str_radix(numbers.next()?, 16).ok();
    let device = (hexadecimal()?, hexadecimal()?);
    Some((device.0, device.1, numbers.next()?.parse().ok()?))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::os::object::{self, Access, Object};
    use std::path::Path;

    #[test]
    fn lines_are_read() {
        assert_eq!(key("7: FLOCK  ADVISORY  READ 4711 00:1a:42 0 EOF"), Some((0, 0x1a, 42)));
        // Waits for that one.
        assert_eq!(key("7: -> FLOCK  ADVISORY  READ 4711 00:1a:42 0 EOF"), None);
        assert_eq!(key("8: OFDLCK ADVISORY  WRITE -1 00:1a:42 0 EOF"), None);
        assert_eq!(key("nonsense"), None);
    }

    #[test]
    fn a_lock_is_seen_as_long_as_it_is_held() {
        let name = format!("multiproc-test-{}-locks", std::process::id());
        let object = Object::create_shm(&name, 4096).unwrap();
        object.lock_shared().unwrap();
        let path = Path::new("/dev/shm").join(name);
        let other = Object::open(&path, Access::ReadOnly).unwrap();
        object::unlink(&path).unwrap();
        let facts = other.facts().unwrap();
        assert_ne!(FileLocks::read().has(&facts), Some(false));
        drop(object);
        assert_ne!(FileLocks::read().has(&facts), Some(true));
    }
}
