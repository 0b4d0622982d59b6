//! A Unix socket, a stream.

use super::{Side, bytes::Way};
use crate::latency::row::{Row, Wait};
use multiproc::Barrier;
use serde::{Deserialize, Serialize};
use std::{
    error::Error,
    fs::File,
    os::{
        fd::OwnedFd,
        linux::net::SocketAddrExt,
        unix::net::{SocketAddr, UnixListener, UnixStream},
    },
    process,
};

/// A name that goes with the process that listens.
#[derive(Clone, Serialize, Deserialize)]
pub(crate) struct Wiring(String);

impl Wiring {
    pub(super) fn new(row: &Row) -> Self {
        Self(format!("multiproc-ipc-latency-{}-{row}", process::id()))
    }

    pub(super) fn open(self, row: &Row, side: Side, both: &Barrier) -> Result<Way, Box<dyn Error>> {
        let address = SocketAddr::from_abstract_name(&self.0)?;
        let stream = match side {
            Side::Server => {
                let listener = UnixListener::bind_addr(&address)?;
                both.wait()?;
                listener.accept()?.0
            }
            Side::Client => {
                both.wait()?;
                UnixStream::connect_addr(&address)?
            }
        };
        stream.set_nonblocking(row.wait == Wait::Spin)?;
        let back = File::from(OwnedFd::from(stream.try_clone()?));
        Ok(Way::new(File::from(OwnedFd::from(stream)), back, row.payload, row.touched))
    }
}
