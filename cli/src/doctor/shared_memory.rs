//! Where shared memory is.

use super::check::{Check, Level};
use crate::text::bytes;
use rustix::fs::{Access, access, statfs, statvfs};

const DIRECTORY: &str = "/dev/shm";
/// `TMPFS_MAGIC` of `statfs(2)`.
const TMPFS: u64 = 0x0102_1994;
/// What a container has unless it is told otherwise.
const CONTAINERS: u64 = 64 << 20;

pub(crate) fn checks() -> Vec<Check> {
    let Ok(numbers) = statvfs(DIRECTORY) else {
        let advice = "mount a tmpfs there: mount -t tmpfs -o mode=1777 tmpfs /dev/shm";
        return vec![Check::with("shared memory", Level::Problem, "there is no /dev/shm", advice)];
    };
    let unit = numbers.f_frsize;
    let [all, free] = [numbers.f_blocks, numbers.f_bavail].map(|count| count.saturating_mul(unit));
    let is_tmpfs = statfs(DIRECTORY).is_ok_and(|data| data.f_type as u64 == TMPFS);
    let may_write = access(DIRECTORY, Access::READ_OK | Access::WRITE_OK | Access::EXEC_OK).is_ok();
    let mut checks = vec![
        Check::of(
            "shared memory",
            if is_tmpfs { "/dev/shm is a tmpfs" } else { "/dev/shm is no tmpfs" },
            is_tmpfs,
            Level::Warning,
            "what is written there may go to a disk: mount a tmpfs there",
        ),
        Check::of(
            "shared memory, right to write",
            if may_write { "/dev/shm can be written" } else { "/dev/shm cannot be written" },
            may_write,
            Level::Problem,
            "its mode is to be 1777, and the mount not read-only",
        ),
        Check::of(
            "shared memory, size",
            format!("{} of {} are free", bytes(free), bytes(all)),
            all > CONTAINERS && free > CONTAINERS && free >= all / 20,
            Level::Warning,
            "make it larger (mount -o remount,size=… /dev/shm; containers: --shm-size), remove what is stale (multiproc gc), or use segments in files",
        ),
    ];
    // A file system without such a limit says zero.
    if numbers.f_files > 0 {
        checks.push(Check::of(
            "shared memory, files",
            format!("{} of {} are free", numbers.f_favail, numbers.f_files),
            numbers.f_favail >= 1000,
            Level::Warning,
            "large arrays and messages are files there: mount -o remount,nr_inodes=… /dev/shm",
        ));
    }
    checks
}
