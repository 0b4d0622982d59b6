//! A Unix socket, a stream.

use super::descriptor::Descriptor;
use crate::messages::{
    shape::{Shape, Waits},
    way::Way,
};
use multiproc::Queue;
use serde::{Deserialize, Serialize};
use std::{
    os::{
        linux::net::SocketAddrExt,
        unix::net::{SocketAddr, UnixListener, UnixStream},
    },
    process,
    sync::atomic::{AtomicU32, Ordering},
};

/// Who receives listens, at a name that goes with its process, and says it.
#[derive(Clone, Serialize, Deserialize)]
pub struct UnixSocketWay {
    names: Queue<String>,
    shape: Shape,
}

impl UnixSocketWay {
    fn end(&self, stream: UnixStream) -> anyhow::Result<Descriptor<UnixStream>> {
        stream.set_nonblocking(self.shape.waits == Waits::Spinning)?;
        Ok(Descriptor::new(stream, self.shape.words()))
    }
}

impl Way for UnixSocketWay {
    type Outlet = Descriptor<UnixStream>;
    type Inlet = Descriptor<UnixStream>;

    fn new(shape: Shape) -> anyhow::Result<Self> {
        Ok(Self { names: Queue::new(1)?, shape })
    }

    fn outlet(&self) -> anyhow::Result<Descriptor<UnixStream>> {
        let address = SocketAddr::from_abstract_name(self.names.recv()?)?;
        self.end(UnixStream::connect_addr(&address)?)
    }

    fn inlet(&self) -> anyhow::Result<Descriptor<UnixStream>> {
        static MADE: AtomicU32 = AtomicU32::new(0);
        let number = MADE.fetch_add(1, Ordering::Relaxed);
        let name = format!("multiproc-comparison-{}-{number}", process::id());
        let listener = UnixListener::bind_addr(&SocketAddr::from_abstract_name(&name)?)?;
        self.names.send(name)?;
        self.end(listener.accept()?.0)
    }
}
