//! The block of a queue or a ring, found in shared memory from outside: what a program that knows nothing of the protocol could scribble over.
#![allow(dead_code, reason = "each user uses some of it")]

use std::{
    fs::{self, File, OpenOptions},
    os::unix::fs::FileExt,
};

/// Where the first item of a queue of small `Pod` items is, behind the words, the shape and the slot's word.
pub(crate) const QUEUE_ITEM: u64 = QUEUE_SLOTS + 8;
/// Where the first slot of a queue begins.
pub(crate) const QUEUE_SLOTS: u64 = 320;
/// Where a queue says for how many items it has room.
pub(crate) const QUEUE_SHAPE: u64 = 256;
/// Where the first item of a ring is, behind the words and the cell's word.
pub(crate) const RING_ITEM: u64 = RING_CELLS + 8;
/// Where the first cell of a ring begins.
pub(crate) const RING_CELLS: u64 = 256;
/// Where a ring says how many items it has room for, behind the words of its ends.
pub(crate) const RING_CAPACITY: u64 = 16;

/// Whether a process that uses what was scribbled over comes to its end; one that hangs is killed.
pub(crate) fn ends_well(mut process: multiproc::Process<()>) -> bool {
    match process.join_timeout(std::time::Duration::from_secs(3)) {
        Some(Ok(())) => true,
        Some(Err(error)) => {
            println!("{error}");
            false
        }
        None => {
            process.kill().unwrap();
            drop(process.join());
            false
        }
    }
}

/// A block, as its file has it.
pub(crate) struct Words {
    file: File,
    block: u64,
}

impl Words {
    /// The block of the session in which these bytes, which are nowhere else, lie so far from its beginning.
    pub(crate) fn with(bytes: &[u8], at: u64) -> Self {
        let session = multiproc::Segment::session().unwrap().name().to_owned();
        for entry in fs::read_dir("/dev/shm").unwrap() {
            let path = entry.unwrap().path();
            let name = path.file_name().unwrap().to_str().unwrap_or_default();
            if !name.starts_with(&session) {
                continue;
            }
            let Ok(contents) = fs::read(&path) else { continue };
            // What is written there lies at whole words, or a few bytes behind one.
            let found = contents.chunks_exact(8).enumerate().find_map(|(word, eight)| {
                let first = eight.iter().position(|byte| *byte == bytes[0])?;
                (first..8)
                    .map(|offset| word * 8 + offset)
                    .find(|&place| contents[place..].starts_with(bytes))
            });
            if let Some(found) = found {
                let file = OpenOptions::new().read(true).write(true).open(path).unwrap();
                return Self { file, block: found as u64 - at };
            }
        }
        panic!("the block was not found");
    }

    /// The block of a queue of which this is the first item, of eight bytes, in place.
    pub(crate) fn of_queue(first: u64, capacity: usize) -> Self {
        let words = Self::with(&first.to_ne_bytes(), QUEUE_ITEM);
        assert_eq!(words.load(QUEUE_SLOTS), 2 << 62, "the slot's word, before the item, says FULL");
        assert_eq!(words.load(QUEUE_SHAPE) as u32, capacity as u32);
        words
    }

    /// The block of a ring of which this is the first item, of eight bytes.
    pub(crate) fn of_ring(first: u64, capacity: usize) -> Self {
        let words = Self::with(&first.to_ne_bytes(), RING_ITEM);
        assert_eq!(
            words.load(RING_CELLS),
            1,
            "the cell's word, before the item, says that one is put"
        );
        assert_eq!(words.load(RING_CAPACITY), capacity as u64);
        words
    }

    pub(crate) fn load(&self, at: u64) -> u64 {
        let mut bytes = [0; 8];
        self.file.read_exact_at(&mut bytes, self.block + at).unwrap();
        u64::from_ne_bytes(bytes)
    }

    pub(crate) fn store(&self, at: u64, word: u64) {
        self.file.write_all_at(&word.to_ne_bytes(), self.block + at).unwrap();
    }

    /// So many bytes from the block's beginning on, to be put back.
    pub(crate) fn bytes(&self, count: usize) -> Vec<u8> {
        let mut bytes = vec![0; count];
        self.file.read_exact_at(&mut bytes, self.block).unwrap();
        bytes
    }

    /// Puts them back.
    pub(crate) fn put_back(&self, bytes: &[u8]) {
        self.file.write_all_at(bytes, self.block).unwrap();
    }
}
