//! Processes that are not ours to wait for, such as workers of a killed parent.

use anyhow::Context;
use rustix::{
    event::{PollFd, PollFlags, Timespec, poll},
    io::Errno,
    process::{
        Pid, PidfdFlags, Signal, WaitId, WaitIdOptions, WaitIdStatus, kill_process_group,
        pidfd_open, pidfd_send_signal, waitid,
    },
};
use std::{fs, io, os::fd::OwnedFd, process::Child, time::Duration};

fn pid(number: u32) -> Option<Pid> {
    Pid::from_raw(i32::try_from(number).ok()?)
}

/// Kills a process that we started as the leader of a group, and have not waited for yet, with all of its group.
pub fn kill_group(leader: u32) {
    if let Some(leader) = pid(leader) {
        let _ = kill_process_group(leader, Signal::KILL);
    }
}

/// How a child ends, which stays to be waited for.
pub fn exit_of(child: &Child) -> anyhow::Result<WaitIdStatus> {
    let pid = pid(child.id()).context("a process id")?;
    let options = WaitIdOptions::EXITED | WaitIdOptions::NOWAIT;
    waitid(WaitId::Pid(pid), options)?.context("nobody ended")
}

/// The process ids of its children, and of theirs.
pub fn descendants(pid: u32) -> io::Result<Vec<u32>> {
    let mut found = Vec::new();
    for task in fs::read_dir(format!("/proc/{pid}/task"))?.flatten() {
        let children = fs::read_to_string(task.path().join("children"))?;
        for child in children.split_whitespace().filter_map(|child| child.parse().ok()) {
            found.push(child);
            found.extend(descendants(child)?);
        }
    }
    Ok(found)
}

/// Somebody's process, surely that one: not another one that got its number later.
pub struct Peer {
    pub pid: u32,
    descriptor: OwnedFd,
}

impl Peer {
    /// Nothing if it has ended.
    pub fn find(number: u32) -> Option<Self> {
        let descriptor = pidfd_open(pid(number)?, PidfdFlags::empty()).ok()?;
        Some(Self { pid: number, descriptor })
    }

    pub fn kill(&self) {
        let _ = pidfd_send_signal(&self.descriptor, Signal::KILL);
    }

    /// Whether it ended within that time.
    pub fn ends_within(&self, limit: Duration) -> bool {
        let limit = Timespec {
            tv_sec: i64::try_from(limit.as_secs()).unwrap_or(i64::MAX),
            tv_nsec: i64::from(limit.subsec_nanos()),
        };
        loop {
            let mut descriptors = [PollFd::new(&self.descriptor, PollFlags::IN)];
            match poll(&mut descriptors, Some(&limit)) {
                Err(Errno::INTR) => {}
                other => return other.is_ok_and(|ready| ready > 0),
            }
        }
    }
}
