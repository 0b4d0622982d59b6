//! How many processors this process may use: its affinity, and the quota of its control groups.
//!
//! `cgroups(7)`, `proc_pid_mountinfo(5)`; the kernel's `cgroup-v2` (`cpu.max`) and `sched-bwc` (`cpu.cfs_quota_us`).
//! The standard library's `available_parallelism` looks at the same, and rounds a quota of 1.5 down.

use std::{
    fs,
    path::{Component, Path, PathBuf},
};

use super::affinity;

/// How many processors can be busy at the same time on behalf of this process, at least 1.
///
/// ```
/// assert!(multiproc::cpu_count() >= 1);
/// ```
#[doc(alias = "available_parallelism")]
#[must_use]
pub fn cpu_count() -> usize {
    // Where even the affinity is unknown (a sandbox), the standard library has further ways to guess.
    let allowed = affinity::get()
        .map(|cpus| cpus.len())
        .or_else(|_| std::thread::available_parallelism().map(std::num::NonZero::get));
    let quota = quota().unwrap_or(usize::MAX);
    allowed.unwrap_or(1).min(quota).max(1)
}

/// The quota of the tightest control group around this process, in processors, rounded up.
fn quota() -> Option<usize> {
    let groups = fs::read_to_string("/proc/self/cgroup").ok()?;
    let mounts = fs::read_to_string("/proc/self/mountinfo").ok()?;
    let read = |path: PathBuf| fs::read_to_string(path).ok();
    let unified = group_directories(&groups, &mounts, Version::Two)
        .filter_map(|group| parse_cpu_max(&read(group.join("cpu.max"))?));
    let legacy = group_directories(&groups, &mounts, Version::One).filter_map(|group| {
        let quota = read(group.join("cpu.cfs_quota_us"))?;
        parse_cfs_quota(&quota, &read(group.join("cpu.cfs_period_us"))?)
    });
    unified.chain(legacy).min()
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Version {
    One,
    Two,
}

/// The directories of the group that limits this process's processor time, and of the groups around it.
fn group_directories(
    groups: &str,
    mounts: &str,
    version: Version,
) -> impl Iterator<Item = PathBuf> {
    let found = parse_group(groups, version).and_then(|group| {
        let (root, mount) = parse_mount(mounts, version)?;
        // A group that is not below the mounted one shows as another path, or as one with `..`: the mounted one counts.
        let inner = Path::new(group).strip_prefix(&root).unwrap_or(Path::new(""));
        let below = inner.components().all(|part| matches!(part, Component::Normal(_)));
        let inner = if below { inner.to_owned() } else { PathBuf::new() };
        Some((mount, inner))
    });
    found.into_iter().flat_map(|(mount, inner)| {
        let groups: Vec<_> = inner.ancestors().map(|group| mount.join(group)).collect();
        groups
    })
}

/// This process's group, from `/proc/self/cgroup`: lines of `id:controllers:path`.
fn parse_group(groups: &str, version: Version) -> Option<&str> {
    groups.lines().find_map(|line| {
        let mut fields = line.splitn(3, ':');
        let (id, controllers, path) = (fields.next()?, fields.next()?, fields.next()?);
        let matches = match version {
            Version::One => controllers.split(',').any(|controller| controller == "cpu"),
            Version::Two => id == "0" && controllers.is_empty(),
        };
        matches.then_some(path)
    })
}

/// Which group is mounted where, from `/proc/self/mountinfo`: lines of
/// `id parent device root mount options [fields] - type source super-options`.
fn parse_mount(mounts: &str, version: Version) -> Option<(PathBuf, PathBuf)> {
    mounts.lines().find_map(|line| {
        let (mount, system) = line.split_once(" - ")?;
        let (mut mount, mut system) = (mount.split(' ').skip(3), system.split(' '));
        let matches = match (version, system.next()?) {
            (Version::Two, "cgroup2") => true,
            (Version::One, "cgroup") => system.nth(1)?.split(',').any(|option| option == "cpu"),
            _ => false,
        };
        matches.then_some((unescape(mount.next()?), unescape(mount.next()?)))
    })
}

/// A path of `mountinfo`, in which blanks and backslashes are octal.
fn unescape(path: &str) -> PathBuf {
    let escapes = [("\\040", " "), ("\\011", "\t"), ("\\012", "\n"), ("\\134", "\\")];
    let path = escapes.iter().fold(path.to_owned(), |path, (code, text)| path.replace(code, text));
    path.into()
}

/// The contents of `cpu.max`: quota or `max`, and period.
fn parse_cpu_max(text: &str) -> Option<usize> {
    let (quota, period) = text.trim().split_once(' ')?;
    processors(quota.parse().ok()?, period.parse().ok()?)
}

/// The contents of `cpu.cfs_quota_us` (-1 for none) and `cpu.cfs_period_us`.
fn parse_cfs_quota(quota: &str, period: &str) -> Option<usize> {
    processors(quota.trim().parse().ok()?, period.trim().parse().ok()?)
}

/// How many processors it takes to use up a quota.
fn processors(quota: u64, period: u64) -> Option<usize> {
    (period > 0).then(|| usize::try_from(quota.div_ceil(period)).unwrap_or(usize::MAX).max(1))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_quota_is_rounded_up_and_at_least_one() {
        assert_eq!(parse_cpu_max("150000 100000\n"), Some(2));
        assert_eq!(parse_cpu_max("200000 100000"), Some(2));
        assert_eq!(parse_cpu_max("1000 100000"), Some(1));
        assert_eq!(parse_cpu_max("max 100000\n"), None);
        assert_eq!(parse_cpu_max(""), None);
        assert_eq!(parse_cpu_max("100000 0"), None);
        assert_eq!(parse_cfs_quota("350000\n", "100000\n"), Some(4));
        assert_eq!(parse_cfs_quota("-1\n", "100000\n"), None);
    }

    #[test]
    fn the_group_is_found_in_both_hierarchies() {
        let groups = "12:memory:/m\n4:cpu,cpuacct:/jobs/7\n3:cpuset:/c\n0::/user.slice/a:b\n";
        assert_eq!(parse_group(groups, Version::One), Some("/jobs/7"));
        assert_eq!(parse_group(groups, Version::Two), Some("/user.slice/a:b"));
        assert_eq!(parse_group("3:cpuset:/c\n", Version::One), None);
        assert_eq!(parse_group("", Version::Two), None);
    }

    const MOUNTS: &str = "\
22 27 0:21 / /proc rw,nosuid - proc proc rw
30 25 0:26 / /sys/fs/cgroup/unified rw shared:4 - cgroup2 cgroup2 rw,nsdelegate
31 25 0:27 / /sys/fs/cgroup/cpuset rw - cgroup cgroup rw,cpuset
32 25 0:28 /jobs /sys/fs/my\\040groups rw shared:9 master:1 - cgroup cgroup rw,cpu,cpuacct
";

    fn directories(groups: &str, version: Version) -> Vec<PathBuf> {
        group_directories(groups, MOUNTS, version).collect()
    }

    #[test]
    fn each_group_around_the_process_is_asked() {
        let unified =
            ["/sys/fs/cgroup/unified/a/b", "/sys/fs/cgroup/unified/a", "/sys/fs/cgroup/unified/"];
        assert_eq!(directories("0::/a/b\n", Version::Two), unified.map(PathBuf::from));
        let legacy = ["/sys/fs/my groups/7", "/sys/fs/my groups/"].map(PathBuf::from);
        assert_eq!(directories("4:cpu,cpuacct:/jobs/7\n", Version::One), legacy);
        assert_eq!(directories("4:memory:/jobs/7\n", Version::One), Vec::<PathBuf>::new());
    }

    #[test]
    fn for_a_group_outside_the_mount_the_mounted_one_counts() {
        let unified = [PathBuf::from("/sys/fs/cgroup/unified/")];
        assert_eq!(directories("0::/../../etc\n", Version::Two), unified);
        let legacy = [PathBuf::from("/sys/fs/my groups/")];
        assert_eq!(directories("4:cpu:/elsewhere\n", Version::One), legacy);
    }

    #[test]
    fn there_is_a_processor_and_no_more_than_the_affinity_says() {
        let count = cpu_count();
        assert!((1..=affinity::get().unwrap().len()).contains(&count), "{count}");
    }
}
