//! Processes that are not ours to wait for, such as workers of a killed parent.

use rustix::{
    event::{PollFd, PollFlags, Timespec, poll},
    io::Errno,
    process::{Pid, PidfdFlags, Signal, kill_process_group, pidfd_open, pidfd_send_signal},
};
use std::{os::fd::OwnedFd, time::Duration};

fn pid(number: u32) -> Option<Pid> {
    Pid::from_raw(i32::try_from(number).ok()?)
}

/// Kills a process that we started as the leader of a group, and have not waited for yet, with all of its group.
pub fn kill_group(leader: u32) {
    if let Some(leader) = pid(leader) {
        let _ = kill_process_group(leader, Signal::KILL);
    }
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
