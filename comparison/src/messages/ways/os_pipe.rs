//! A pipe of the system, as large as a message if that is more than it is by itself.

use super::descriptor::Descriptor;
use crate::messages::{
    shape::{Shape, Waits},
    way::Way,
};
use rustix::pipe::fcntl_setpipe_size;
use serde::{Deserialize, Serialize};
use std::{
    fs::{File, OpenOptions},
    io::{self, PipeReader, PipeWriter},
    os::{fd::AsRawFd, unix::fs::OpenOptionsExt},
    process,
    sync::Arc,
};

const BY_ITSELF: usize = 64 << 10;

/// Where who makes it has it open.
#[derive(Clone, Serialize, Deserialize)]
pub struct OsPipeWay {
    path: String,
    shape: Shape,
    #[serde(skip)]
    _kept: Option<Arc<(PipeReader, PipeWriter)>>,
}

impl OsPipeWay {
    fn options(&self) -> OpenOptions {
        let mut options = File::options();
        if self.shape.waits == Waits::Spinning {
            options.custom_flags(rustix::fs::OFlags::NONBLOCK.bits() as i32);
        }
        options
    }
}

impl Way for OsPipeWay {
    type Outlet = Descriptor<File>;
    type Inlet = Descriptor<File>;
    /// What is not larger than `PIPE_BUF` is written in one piece, and pieces of one size are read in one piece.
    const MANY: bool = true;

    fn new(shape: Shape) -> anyhow::Result<Self> {
        let ends = io::pipe()?;
        if shape.bytes > BY_ITSELF {
            // Without privileges it is 1 MiB at the most; a smaller one does it too.
            let _as_it_is = fcntl_setpipe_size(&ends.1, shape.bytes);
        }
        let path = format!("/proc/{}/fd/{}", process::id(), ends.0.as_raw_fd());
        Ok(Self { path, shape, _kept: Some(Arc::new(ends)) })
    }

    fn outlet(&self) -> anyhow::Result<Descriptor<File>> {
        let file = self.options().write(true).open(&self.path)?;
        Ok(Descriptor::new(file, self.shape.words()))
    }

    fn inlet(&self) -> anyhow::Result<Descriptor<File>> {
        let file = self.options().read(true).open(&self.path)?;
        Ok(Descriptor::new(file, self.shape.words()))
    }
}
