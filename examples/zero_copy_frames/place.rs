//! Where bytes lie, so that two processes can compare it: their addresses differ, the shared memory behind them does not.

use serde::{Deserialize, Serialize};
use std::{fs, io};

/// A byte of a file in memory: the file, and how far from its beginning.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub(crate) struct Place {
    device: String,
    inode: u64,
    offset: u64,
}

/// A piece of this process's addresses, as the kernel lists them.
struct Piece {
    start: u64,
    end: u64,
    first: Place,
}

/// The pieces of a process; looked up again when there is a new one.
#[derive(Default)]
pub(crate) struct Places(Vec<Piece>);

impl Places {
    /// Where these bytes lie; an error if they lie in no file, but in memory of this process alone.
    pub(crate) fn of(&mut self, bytes: &[u8]) -> io::Result<Place> {
        let address = bytes.as_ptr().addr() as u64;
        if self.find(address).is_none() {
            let maps = fs::read_to_string("/proc/self/maps")?;
            self.0 = maps.lines().filter_map(piece).collect();
        }
        let place = self.find(address).filter(|place| place.inode != 0);
        place.ok_or_else(|| io::Error::other("the bytes lie in memory of this process alone"))
    }

    fn find(&self, address: u64) -> Option<Place> {
        let piece = self.0.iter().find(|piece| (piece.start..piece.end).contains(&address))?;
        let offset = piece.first.offset + (address - piece.start);
        Some(Place { offset, ..piece.first.clone() })
    }
}

/// `START-END RIGHTS OFFSET DEVICE INODE PATH`
fn piece(line: &str) -> Option<Piece> {
    let hex = |text| u64::from_str_radix(text, 16).ok();
    let mut words = line.split_whitespace();
    let (start, end) = words.next()?.split_once('-')?;
    let offset = hex(words.nth(1)?)?;
    let first =
        Place { offset, device: words.next()?.to_owned(), inode: words.next()?.parse().ok()? };
    Some(Piece { start: hex(start)?, end: hex(end)?, first })
}
