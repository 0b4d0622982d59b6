use super::tried::tried;
use crate::messages::{
    payload,
    way::{Inlet, Outlet},
};
use anyhow::bail;
use std::io::{self, ErrorKind, Read, Write};

/// One end of a way through a descriptor: bytes go in and come out by `write(2)` and `read(2)`. One that does not block is tried again and again.
pub struct Descriptor<D> {
    descriptor: D,
    message: Vec<u64>,
}

impl<D> Descriptor<D> {
    pub fn new(descriptor: D, words: usize) -> Self {
        Self { descriptor, message: vec![0; words] }
    }
}

/// All of a message, in as many pieces as it takes.
fn whole(len: usize, mut some: impl FnMut(usize) -> io::Result<usize>) -> anyhow::Result<()> {
    let mut done = 0;
    while done < len {
        done += tried(|| match some(done) {
            Ok(0) => bail!("the other one is gone"),
            Ok(count) => Ok(Some(count)),
            Err(error) if error.kind() == ErrorKind::WouldBlock => Ok(None),
            Err(error) => Err(error.into()),
        })?;
    }
    Ok(())
}

impl<D: Write> Outlet for Descriptor<D> {
    fn send(&mut self, word: u64) -> anyhow::Result<()> {
        self.message.fill(word);
        let bytes: &[u8] = bytemuck::cast_slice(&self.message);
        whole(bytes.len(), |done| self.descriptor.write(&bytes[done..]))
    }
}

impl<D: Read> Inlet for Descriptor<D> {
    fn receive(&mut self) -> anyhow::Result<u64> {
        let bytes: &mut [u8] = bytemuck::cast_slice_mut(&mut self.message);
        whole(bytes.len(), |done| self.descriptor.read(&mut bytes[done..]))?;
        payload::read(&self.message)
    }
}
