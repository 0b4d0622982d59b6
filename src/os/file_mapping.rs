//! A part of an existing file, mapped: bytes that others may change, shorten or lose at any time.
//!
//! All access is by relaxed atomic operations on aligned words of eight bytes, also that to single bytes: operations of different sizes on the same
//! memory would be a race, whoever does them. What is smaller than a word is exchanged within its word.
//!
//! A file can become shorter. Pages that are gone are answered by zeros (see [`bus_error`](super::bus_error)), and so is, by the kernel, the rest of the last page.
//! So each access looks afterwards whether its bytes were the file's.
//!
//! `open(2)`, `mmap(2)`, `fstat(2)`, `lseek(2)`
#![allow(unsafe_code)]

use super::{
    bus_error::{self, Registered},
    object::{Facts, Object},
};
use crate::{
    Error, ErrorKind, Result,
    atomic::{AtomicU64, Ordering, fence},
};
use std::{
    fs::{File, OpenOptions},
    os::{fd::AsRawFd, unix::fs::OpenOptionsExt},
    path::{Path, PathBuf},
    ptr::NonNull,
};

const WORD: usize = size_of::<u64>();

/// A regular file that is open for mapping.
#[derive(Debug)]
pub(crate) struct RegularFile {
    file: File,
    /// Absolute, without links.
    path: PathBuf,
}

impl RegularFile {
    /// Opens an existing file. Waits for nothing, also when something else has the name.
    pub(crate) fn open(path: &Path, writable: bool) -> Result<Self> {
        let failed = |error| Error::os(format_args!("opening {} to map it", path.display()), error);
        // Before it is opened: opening a device can have effects.
        refuse_others(path, &std::fs::metadata(path).map_err(failed)?)?;
        // O_NONBLOCK: if a pipe got the name just now, nobody waits for its other end.
        let mut options = OpenOptions::new();
        options.read(true).write(writable).custom_flags(libc::O_NONBLOCK | libc::O_NOCTTY);
        let file = options.open(path).map_err(failed)?;
        refuse_others(path, &file.metadata().map_err(failed)?)?;
        // A file that was deleted and is named by a descriptor has no other path.
        let path = path.canonicalize().or_else(|_| std::path::absolute(path)).map_err(failed)?;
        Ok(Self { file, path })
    }

    /// What is open already: the same descriptor, with its locks. `path` is where it is, or will be, for messages.
    pub(crate) fn of(object: &Object, path: PathBuf) -> Result<Self> {
        match object.file().try_clone() {
            Ok(file) => Ok(Self { file, path }),
            Err(error) => Err(Error::os("fcntl(F_DUPFD_CLOEXEC)", error)),
        }
    }

    pub(crate) fn path(&self) -> &Path {
        &self.path
    }

    pub(crate) fn facts(&self) -> Result<Facts> {
        match self.file.metadata() {
            Ok(data) => Ok(Facts::from(&data)),
            Err(error) => Err(Error::os(format_args!("fstat of {}", self.path.display()), error)),
        }
    }

    /// How many bytes it has now, by the quickest call there is: it is made after each write. The position that it leaves is nobody's.
    fn size(&self) -> Result<u64> {
        // SAFETY: the descriptor is open; no pointers.
        let end = unsafe { libc::lseek(self.file.as_raw_fd(), 0, libc::SEEK_END) };
        let failed = |_| Error::last_os(format_args!("lseek in {}", self.path.display()));
        u64::try_from(end).map_err(failed)
    }

    /// Waits until what was written is on the device.
    pub(crate) fn sync(&self) -> Result<()> {
        let synced = self.file.sync_data();
        synced
            .map_err(|error| Error::os(format_args!("fdatasync of {}", self.path.display()), error))
    }
}

fn refuse_others(path: &Path, data: &std::fs::Metadata) -> Result<()> {
    if data.is_file() {
        return Ok(());
    }
    let what = if data.is_dir() { "a directory" } else { "a pipe, socket or device" };
    Err(Error::new(
        ErrorKind::InvalidInput,
        format!("{} is {what}: only regular files can be mapped", path.display()),
    ))
}

/// Bytes of a file, from an offset on.
#[derive(Debug)]
pub(crate) struct FileMapping {
    /// Nothing is mapped for no bytes.
    memory: Option<Memory>,
    file: RegularFile,
    offset: u64,
    len: usize,
    writable: bool,
}

/// The entry goes before the memory does.
#[derive(Debug)]
struct Memory {
    entry: Registered,
    mapped: memmap2::MmapRaw,
    /// Where the bytes begin, behind the beginning of a page.
    skip: usize,
}

impl FileMapping {
    /// Maps bytes that the file has at present. Nothing is reserved or read in advance.
    pub(crate) fn new(file: RegularFile, offset: u64, len: usize, writable: bool) -> Result<Self> {
        let memory = (len > 0).then(|| Memory::map(&file, offset, len, writable)).transpose()?;
        Ok(Self { memory, file, offset, len, writable })
    }

    pub(crate) fn file(&self) -> &RegularFile {
        &self.file
    }

    pub(crate) fn offset(&self) -> u64 {
        self.offset
    }

    pub(crate) fn is_writable(&self) -> bool {
        self.writable
    }

    /// Where the bytes are; anywhere if there are none. They may change at any time, and their tail may be replaced by zeros.
    pub(crate) fn as_ptr(&self) -> NonNull<u8> {
        self.memory.as_ref().map_or(NonNull::<u64>::dangling().cast(), Memory::bytes)
    }

    /// Copies bytes out of the file.
    ///
    /// # Panics
    ///
    /// Beyond the end.
    #[inline]
    pub(crate) fn read(&self, at: usize, into: &mut [u8]) -> Result<()> {
        let Some(memory) = self.within(at, into.len()) else { return Ok(()) };
        memory.read(at, into);
        // Acquire: what is asked below is asked after the bytes were read.
        fence(Ordering::Acquire);
        let end = at + into.len();
        // A file that ended before here reads as zeros up to here. So what does not end with a zero was there.
        let in_doubt = into.last() == Some(&0);
        if memory.is_lost(end) || (in_doubt && !self.reaches(end)?) {
            return Err(self.lost(end));
        }
        Ok(())
    }

    /// Copies bytes into the file. The mapping is writable.
    ///
    /// # Panics
    ///
    /// Beyond the end, and if the mapping is not writable.
    #[inline]
    pub(crate) fn write(&self, at: usize, from: &[u8]) -> Result<()> {
        assert!(self.writable, "the mapping is read-only");
        let Some(memory) = self.within(at, from.len()) else { return Ok(()) };
        memory.write(at, from);
        // SeqCst: what is asked below is asked after the bytes were written. Who wrote on zeros that another thread's fault had put there finds the mark, because
        // the kernel makes each processor forget the old page in between.
        fence(Ordering::SeqCst);
        let end = at + from.len();
        if memory.is_lost(end) || !self.reaches(end)? {
            return Err(self.lost(end));
        }
        Ok(())
    }

    /// The memory, if there is anything to do.
    #[inline]
    fn within(&self, at: usize, len: usize) -> Option<&Memory> {
        let fits = at.checked_add(len).is_some_and(|end| end <= self.len);
        assert!(fits, "{len} bytes at {at} are not within {}", self.len);
        self.memory.as_ref().filter(|_| len > 0)
    }

    /// Whether the file still has the first `end` bytes.
    fn reaches(&self, end: usize) -> Result<bool> {
        Ok(self.file.size()?.saturating_sub(self.offset) >= end as u64)
    }

    /// Fails if any byte was lost.
    pub(crate) fn check(&self) -> Result<()> {
        let Some(memory) = &self.memory else { return Ok(()) };
        if memory.is_lost(self.len) || !self.reaches(self.len)? {
            return Err(self.lost(self.len));
        }
        Ok(())
    }

    #[cold]
    fn lost(&self, end: usize) -> Error {
        let path = self.file.path.display();
        let wanted = self.offset + end as u64;
        let size = match self.file.size() {
            Ok(size) => size,
            Err(error) => return error,
        };
        if size < wanted {
            return Error::new(
                ErrorKind::Truncated,
                format!(
                    "{path} has become shorter: {wanted} bytes are needed, and it has {size}; open it again for what is left"
                ),
            );
        }
        Error::new(
            ErrorKind::Os,
            format!(
                "the system could not read or write {path} up to byte {wanted}, or the file was shorter for a while; open it again"
            ),
        )
    }
}

impl Memory {
    fn map(file: &RegularFile, offset: u64, len: usize, writable: bool) -> Result<Self> {
        let skip = (offset % bus_error::page_size() as u64) as usize;
        let failed = |error| {
            Error::os(format_args!("mapping {len} bytes of {}", file.path.display()), error)
        };
        let whole = len.checked_add(skip).filter(|&whole| whole <= isize::MAX as usize);
        let whole = whole.ok_or_else(|| failed(std::io::ErrorKind::OutOfMemory.into()))?;
        let mut options = memmap2::MmapOptions::new();
        options.offset(offset - skip as u64).len(whole);
        let mapped = if writable {
            options.map_raw(&file.file)
        } else {
            options.map_raw_read_only(&file.file)
        };
        let mapped = mapped.map_err(failed)?;
        // SAFETY: the mapping is ours and new; it is dropped after the entry, and only touched by who borrows the two.
        let entry = unsafe { Registered::new(mapped.as_ptr(), whole, writable) }?;
        Ok(Self { entry, mapped, skip })
    }

    fn bytes(&self) -> NonNull<u8> {
        let first = self.mapped.as_mut_ptr().wrapping_add(self.skip);
        // SAFETY: a mapping is not at address zero, and `skip` is less than its length.
        unsafe { NonNull::new_unchecked(first) }
    }

    /// Whether any of the first `end` bytes was lost in a fault.
    #[inline]
    fn is_lost(&self, end: usize) -> bool {
        self.entry.lost_from() < self.skip + end
    }

    /// The word that has the byte at this distance from the beginning of the first page.
    #[inline]
    fn word(&self, place: usize) -> &AtomicU64 {
        debug_assert!(place < self.mapped.len());
        let at = self.mapped.as_ptr().wrapping_add(place / WORD * WORD).cast::<AtomicU64>();
        // SAFETY: the byte is mapped (the callers ask for bytes that `within` has checked), so its page is, and so the aligned word. Nothing but such words is made of
        // this memory. A word of a read-only page is only loaded.
        unsafe { &*at }
    }

    #[inline]
    fn read(&self, at: usize, into: &mut [u8]) {
        let mut place = self.skip + at;
        let head = place.wrapping_neg() % WORD;
        let (head, rest) = into.split_at_mut(head.min(into.len()));
        self.read_part(place, head);
        place += head.len();
        let (words, tail) = rest.as_chunks_mut::<WORD>();
        for word in &mut *words {
            *word = self.word(place).load(Ordering::Relaxed).to_ne_bytes();
            place += WORD;
        }
        self.read_part(place, tail);
    }

    /// Bytes of one word, not all of them.
    #[inline]
    fn read_part(&self, place: usize, into: &mut [u8]) {
        if !into.is_empty() {
            let first = place % WORD;
            let word = self.word(place).load(Ordering::Relaxed).to_ne_bytes();
            into.copy_from_slice(&word[first..first + into.len()]);
        }
    }

    #[inline]
    fn write(&self, at: usize, from: &[u8]) {
        let mut place = self.skip + at;
        let head = place.wrapping_neg() % WORD;
        let (head, rest) = from.split_at(head.min(from.len()));
        self.write_part(place, head);
        place += head.len();
        let (words, tail) = rest.as_chunks::<WORD>();
        for word in words {
            self.word(place).store(u64::from_ne_bytes(*word), Ordering::Relaxed);
            place += WORD;
        }
        self.write_part(place, tail);
    }

    /// Bytes of one word, not all of them. What others do to the rest of the word meanwhile stays.
    #[inline]
    fn write_part(&self, place: usize, from: &[u8]) {
        if from.is_empty() {
            return;
        }
        let first = place % WORD;
        let word = self.word(place);
        let mut seen = word.load(Ordering::Relaxed);
        loop {
            let mut bytes = seen.to_ne_bytes();
            bytes[first..first + from.len()].copy_from_slice(from);
            let new = u64::from_ne_bytes(bytes);
            match word.compare_exchange_weak(seen, new, Ordering::Relaxed, Ordering::Relaxed) {
                Ok(_) => return,
                Err(now) => seen = now,
            }
        }
    }
}
