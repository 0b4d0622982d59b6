//! Pieces of files: what one worker counts at a time.

use crate::counter::{Counter, word_length};
use serde::{Deserialize, Serialize};
use std::{
    ffi::OsString,
    fs::{self, File, OpenOptions},
    io,
    ops::Range,
    os::unix::fs::{FileExt, OpenOptionsExt},
    path::{Path, PathBuf},
};
use walkdir::WalkDir;

/// A file, or a range of its bytes. A word belongs to the piece in which it begins.
#[derive(Clone, Serialize, Deserialize)]
pub(crate) struct Piece {
    // Not a `PathBuf`, which is serialised only if it is UTF-8.
    path: OsString,
    range: Range<u64>,
}

impl Piece {
    /// Counts its words; in an error, which file it is about.
    pub(crate) fn count(&self, counter: &mut Counter) -> Result<(), String> {
        let counted = self.read(counter);
        counter.end_word();
        counted.map_err(|error| format!("{}: {error}", Path::new(&self.path).display()))
    }

    fn read(&self, counter: &mut Counter) -> io::Result<()> {
        let file = self.open()?;
        let mut buffer = vec![0; 128 << 10];
        let Range { start, end } = self.range;
        // Whether a word that began before goes on is seen from the byte before.
        let (mut at, mut is_in_earlier_word) = (start.saturating_sub(1), start > 0);
        loop {
            let wanted = match end.checked_sub(at) {
                Some(left @ 1..) => left.min(buffer.len() as u64) as usize,
                // The last word goes on behind the end.
                _ if counter.is_in_word() => 4096,
                _ => return Ok(()),
            };
            let mut bytes = match file.read_at(&mut buffer[..wanted], at) {
                Ok(0) => return Ok(()),
                Ok(length) => &mut buffer[..length],
                Err(error) if error.kind() == io::ErrorKind::Interrupted => continue,
                Err(error) => return Err(error),
            };
            let is_behind_end = at >= end;
            at += bytes.len() as u64;
            if is_in_earlier_word {
                let length = word_length(bytes);
                is_in_earlier_word = length == bytes.len();
                bytes = &mut bytes[length..];
            }
            if is_behind_end {
                let length = word_length(bytes);
                let is_end = length < bytes.len();
                counter.feed(&mut bytes[..length]);
                if is_end {
                    return Ok(());
                }
            } else {
                counter.feed(bytes);
            }
        }
    }

    /// Opens it, unless it has become something else meanwhile, such as a pipe to wait for.
    fn open(&self) -> io::Result<File> {
        let file = OpenOptions::new().read(true).custom_flags(libc::O_NONBLOCK).open(&self.path)?;
        if file.metadata()?.is_file() {
            Ok(file)
        } else {
            Err(io::Error::other("is no regular file any more"))
        }
    }
}

/// The regular files below a directory, in pieces, each with about how much work it is, in bytes; and what cannot be looked at.
#[derive(Default)]
pub(crate) struct Pieces {
    pub(crate) all: Vec<(Piece, u64)>,
    pub(crate) failures: Vec<String>,
}

impl Pieces {
    /// Pieces of so many bytes at the most.
    pub(crate) fn below(directory: &Path, largest: u64) -> Self {
        let mut pieces = Self::default();
        for entry in WalkDir::new(directory) {
            match entry {
                Ok(entry) if entry.file_type().is_file() || entry.path_is_symlink() => {
                    pieces.add(entry.into_path(), largest);
                }
                // A directory, whose entries come, or something that has no end, such as a pipe.
                Ok(_) => {}
                Err(error) => pieces.failures.push(error.to_string()),
            }
        }
        pieces
    }

    /// A file, or what a link leads to if that is one.
    fn add(&mut self, path: PathBuf, largest: u64) {
        let length = match fs::metadata(&path) {
            Ok(facts) if facts.is_file() => facts.len(),
            Ok(_) => return,
            Err(error) => return self.failures.push(format!("{}: {error}", path.display())),
        };
        let path = path.into_os_string();
        let mut start = 0;
        while length - start > largest {
            let end = start + largest;
            self.all.push((Piece { path: path.clone(), range: start..end }, largest));
            start = end;
        }
        // The last one goes to the end, wherever that is by then. Also an empty file has to be opened.
        self.all.push((Piece { path, range: start..u64::MAX }, length - start + 4096));
    }
}
