//! On which words the threads of other processes sleep, as the system tells who may ask. Nothing there is stopped or changed.
//!
//! The question needs the right to trace that process (`ptrace(2)`, "Ptrace access mode checking"): the same user's, and where the Yama module restricts it, root's.
//!
//! `proc_pid_syscall(5)`, `proc_pid_mem(5)`, `proc_pid_maps(5)`, `futex(2)`

use super::futex::{FutexWaitv, MAX_WATCHED};
use crate::{Error, Result};
use std::{
    fs::{self, File},
    os::unix::fs::FileExt,
};

/// A place in a mapped file: major and minor number of the device, the inode, and how far from its beginning.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct FilePlace {
    pub(crate) file: (u32, u32, u64),
    pub(crate) offset: u64,
}

/// The words of files at which a thread sleeps.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Sleep {
    pub(crate) words: Vec<FilePlace>,
    /// By how often the thread had given up its processor: if it is asleep again with the same number, it has slept all the time.
    pub(crate) switches: u64,
}

/// A process that is looked at.
#[derive(Debug)]
pub(crate) struct Sleepers {
    pid: u32,
    memory: File,
    ranges: Vec<Range>,
}

#[derive(Debug, PartialEq, Eq)]
struct Range {
    start: u64,
    end: u64,
    place: FilePlace,
}

impl Sleepers {
    /// # Errors
    ///
    /// When the process is gone, or this one may not ask.
    pub(crate) fn of(pid: u32) -> Result<Self> {
        let read = |what: &str, error| Error::os(format_args!("reading /proc/{pid}/{what}"), error);
        let maps = fs::read(format!("/proc/{pid}/maps")).map_err(|error| read("maps", error))?;
        let memory = File::open(format!("/proc/{pid}/mem")).map_err(|error| read("mem", error))?;
        // Some systems keep this to themselves; then nobody sleeps as far as one sees, which must not look like an answer.
        fs::read(format!("/proc/{pid}/syscall")).map_err(|error| read("syscall", error))?;
        // The paths at the ends of the lines may be anything.
        let ranges = String::from_utf8_lossy(&maps).lines().filter_map(range).collect();
        Ok(Self { pid, memory, ranges })
    }

    /// Where the thread sleeps; `None` if it does not, or not at words of files.
    pub(crate) fn sleep(&self, thread: u32) -> Option<Sleep> {
        let switches = switches(self.pid, thread)?;
        let call = self.call(thread)?;
        let words = call.words(&self.memory)?;
        // It may have gone on meanwhile, and what was read may be something else.
        if self.call(thread)? != call || self::switches(self.pid, thread)? != switches {
            return None;
        }
        let words: Vec<_> = words.into_iter().filter_map(|address| self.place(address)).collect();
        (!words.is_empty()).then_some(Sleep { words, switches })
    }

    /// Whether the thread sleeps as it did then, and has not run since. The count alone does not tell: it goes up when a thread stops to run, not when it begins.
    pub(crate) fn sleeps_on(&self, thread: u32, sleep: &Sleep) -> bool {
        self.sleep(thread).as_ref() == Some(sleep)
    }

    fn call(&self, thread: u32) -> Option<Call> {
        let path = format!("/proc/{}/task/{thread}/syscall", self.pid);
        Call::parse(&fs::read_to_string(path).ok()?)
    }

    fn place(&self, address: u64) -> Option<FilePlace> {
        let range = self.ranges.iter().find(|range| (range.start..range.end).contains(&address))?;
        let offset = range.place.offset.checked_add(address - range.start)?;
        Some(FilePlace { offset, ..range.place })
    }
}

/// How often a thread has given up its processor, or lost it.
fn switches(pid: u32, thread: u32) -> Option<u64> {
    let status = fs::read_to_string(format!("/proc/{pid}/task/{thread}/status")).ok()?;
    let count = |line: &str| line.split_once("ctxt_switches:")?.1.trim().parse::<u64>().ok();
    let counts: Vec<_> = status.lines().filter_map(count).collect();
    (!counts.is_empty()).then(|| counts.iter().fold(0, |sum, count| count.wrapping_add(sum)))
}

/// The call of the system in which a thread is: its number, and its first two arguments.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Call {
    number: i64,
    arguments: [u64; 2],
    /// The whole line, with the place on the stack: the same call again differs mostly.
    line: String,
}

impl Call {
    /// From `number 0x… 0x… …`; a thread that runs has no call.
    fn parse(line: &str) -> Option<Self> {
        let mut words = line.split_ascii_whitespace();
        let number = words.next()?.parse().ok()?;
        let mut argument = || u64::from_str_radix(words.next()?.strip_prefix("0x")?, 16).ok();
        Some(Self { number, arguments: [argument()?, argument()?], line: line.to_owned() })
    }

    /// The addresses of the words at which it waits.
    fn words(&self, memory: &File) -> Option<Vec<u64>> {
        const OPERATION: u64 = 0x7f;
        let [first, second] = self.arguments;
        if self.number == libc::SYS_futex {
            let operation = second & OPERATION;
            let waits = [libc::FUTEX_WAIT, libc::FUTEX_WAIT_BITSET];
            return waits.iter().any(|&wait| wait as u64 == operation).then(|| vec![first]);
        }
        if self.number != libc::SYS_futex_waitv || !(1..=MAX_WATCHED as u64).contains(&second) {
            return None;
        }
        let mut bytes = vec![0; second as usize * size_of::<FutexWaitv>()];
        memory.read_exact_at(&mut bytes, first).ok()?;
        Some(bytes.chunks_exact(size_of::<FutexWaitv>()).map(FutexWaitv::address_in).collect())
    }
}

/// Of a line such as `7f00-7f20 rw-s 00001000 00:1a 4711   /dev/shm/a`, if it is of a file.
fn range(line: &str) -> Option<Range> {
    let mut fields = line.split_ascii_whitespace();
    let (start, end) = fields.next()?.split_once('-')?;
    let number = |digits| u64::from_str_radix(digits, 16).ok();
    let (start, end) = (number(start)?, number(end)?);
    let offset = number(fields.nth(1)?)?;
    let (major, minor) = fields.next()?.split_once(':')?;
    let inode = fields.next()?.parse().ok().filter(|&inode| inode != 0)?;
    let file = (number(major)? as u32, number(minor)? as u32, inode);
    Some(Range { start, end, place: FilePlace { file, offset } })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_are_read() {
        let file = (0, 0x1a, 4711);
        assert_eq!(
            range("7f00-7f20 rw-s 00001000 00:1a 4711   /dev/shm/a b (deleted)"),
            Some(Range { start: 0x7f00, end: 0x7f20, place: FilePlace { file, offset: 0x1000 } })
        );
        assert_eq!(range("7f00-7f20 rw-p 00000000 00:00 0"), None);
        assert_eq!(range("nonsense"), None);
        assert_eq!(Call::parse("running"), None);
        assert_eq!(Call::parse("-1 0x7ffd 0x7f42").unwrap().number, -1);
        assert_eq!(Call::parse("202 0x10 0x80 0x0").unwrap().arguments, [0x10, 0x80]);
    }

    #[test]
    fn a_thread_that_runs_sleeps_nowhere() {
        let me = std::process::id();
        let me_too = super::super::identity::thread_id();
        // Where the system does not tell, it is an error.
        assert_eq!(Sleepers::of(me).ok().and_then(|sleepers| sleepers.sleep(me_too)), None);
        assert!(switches(me, me).is_some());
        assert_eq!(switches(u32::MAX, 1), None);
    }
}
