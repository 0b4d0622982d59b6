//! Messages through descriptors of the system: the bytes go in and come out by `write(2)` and `read(2)`.

use super::End;
use crate::latency::payload;
use std::{
    fs::File,
    hint::spin_loop,
    io::{ErrorKind, Read, Write},
};

/// Descriptors that do not block are tried until all is through.
pub(super) struct Way {
    out: File,
    back: File,
    message: Vec<u64>,
    touched: bool,
}

impl Way {
    pub(super) fn new(out: File, back: File, payload: usize, touched: bool) -> Self {
        Self { out, back, message: vec![0; payload / 8], touched }
    }
}

/// All of a message, in as many pieces as it takes.
fn whole(len: usize, mut some: impl FnMut(usize) -> std::io::Result<usize>) {
    let mut done = 0;
    while done < len {
        match some(done) {
            Ok(0) => panic!("the other side is gone"),
            Ok(count) => done += count,
            Err(error) if error.kind() == ErrorKind::WouldBlock => spin_loop(),
            Err(error) => panic!("{error}"),
        }
    }
}

impl End for Way {
    fn send(&mut self, word: u64) {
        payload::write(&mut self.message, word, self.touched);
        let bytes: &[u8] = bytemuck::cast_slice(&self.message);
        whole(bytes.len(), |done| self.out.write(&bytes[done..]));
    }

    fn receive(&mut self) -> u64 {
        let bytes: &mut [u8] = bytemuck::cast_slice_mut(&mut self.message);
        whole(bytes.len(), |done| self.back.read(&mut bytes[done..]));
        payload::read(&self.message, self.touched)
    }
}
