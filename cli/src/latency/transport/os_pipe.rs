//! Two pipes of the system.

use super::{Side, bytes::Way};
use crate::latency::row::{Row, Wait};
use rustix::fs::OFlags;
use serde::{Deserialize, Serialize};
use std::{
    fs::{File, OpenOptions},
    io,
    os::{fd::IntoRawFd, unix::fs::OpenOptionsExt},
    process,
};

/// Where the kernel shows them: the process that made them keeps their descriptors until it ends.
#[derive(Clone, Serialize, Deserialize)]
pub(crate) struct Wiring([String; 2]);

fn new_pipe() -> io::Result<String> {
    let (reader, writer) = io::pipe()?;
    let _kept = writer.into_raw_fd();
    Ok(format!("/proc/{}/fd/{}", process::id(), reader.into_raw_fd()))
}

impl Wiring {
    pub(super) fn new() -> io::Result<Self> {
        Ok(Self([new_pipe()?, new_pipe()?]))
    }

    pub(super) fn open(self, row: &Row, side: Side) -> io::Result<Way> {
        let (out, back) = side.order(self.0);
        let mut options = OpenOptions::new();
        if row.wait == Wait::Spin {
            options.custom_flags(OFlags::NONBLOCK.bits() as i32);
        }
        let out: File = options.clone().write(true).open(out)?;
        let back: File = options.clone().read(true).open(back)?;
        Ok(Way::new(out, back, row.payload, row.touched))
    }
}
