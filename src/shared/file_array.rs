//! `FileArray`: the elements in an existing file, mapped.
#![allow(unsafe_code)]

use super::transport;
use crate::{
    Error, ErrorKind, Result,
    os::file_mapping::{FileMapping, RegularFile},
};
use bytemuck::Pod;
use serde::{Deserialize, Deserializer, Serialize, Serializer};
use std::{
    any::TypeId,
    ffi::OsStr,
    fmt,
    hash::{DefaultHasher, Hash, Hasher},
    marker::PhantomData,
    ops::{Bound, RangeBounds},
    os::unix::ffi::OsStrExt,
    path::Path,
    ptr::NonNull,
    sync::Arc,
};

/// Elements in an existing file: raw data in this machine's byte order, from an offset on, of any size from nothing up. Handles are cheap to clone; all clones are the
/// same mapping, and processes that have handles see the same file.
///
/// Nothing is read or reserved when it is opened: pages come as they are touched. What is written is seen by every other process at once, and is
/// on the device after [`sync`](Self::sync).
///
/// # When others change the file
///
/// A file belongs to nobody: any program may write into it at any time. So safe code gets copies of elements, never references. Each copy is made by
/// relaxed atomic operations on words of eight bytes: elements of 1, 2, 4 or 8 bytes that begin in the file at a multiple of their size do not
/// tear; larger ones, and those elsewhere, may be half old and half new. There is no order between elements: who needs one uses a [`Lock`](crate::Lock).
///
/// # When the file becomes shorter
///
/// The kernel answers an access to what is gone with SIGBUS, which ends a process that has not thought of it. The first `FileArray` of a process installs a
/// handler: the access goes on, and the call returns [`ErrorKind::Truncated`]. Nothing else is lost: elements before the end of the file are there as
/// before, and the process goes on. The same happens when a page cannot be read from the device or a full file system has no room for it: then the kind is
/// [`ErrorKind::Os`]. What was lost stays lost in this mapping, also if the file grows again: open it anew.
///
/// Every SIGBUS elsewhere does what it did before: it goes to the handler that was installed when the first `FileArray` was opened, or it
/// ends the process. A handler that is installed later replaces ours, and should call it for addresses that are not its own.
///
/// # Handles
///
/// A handle travels to other processes as the file's path and identity. The receiver opens the path, and it is an error if another file is there now.
///
/// ```
/// use multiproc::FileArray;
///
/// # let directory = std::env::temp_dir().join(format!("multiproc-doc-{}", std::process::id()));
/// # std::fs::create_dir_all(&directory)?;
/// # let path = directory.join("field.raw");
/// std::fs::write(&path, [0.5_f64, 1.5, 2.5].map(f64::to_ne_bytes).concat())?;
///
/// let field = FileArray::<f64>::open(&path)?;
/// assert_eq!((field.len(), field.get(1)?), (3, 1.5));
/// let mut sum = 0.0;
/// field.for_each_chunk(.., |chunk| sum += chunk.iter().sum::<f64>())?;
/// assert_eq!(sum, 4.5);
///
/// let last_two = FileArray::<f64>::builder().offset(8).writable(true).open(&path)?;
/// last_two.copy_from(0, &[7.0, 8.0])?;
/// assert_eq!(field.get(2)?, 8.0);
/// # std::fs::remove_dir_all(&directory)?;
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[doc(alias("mmap", "memmap"))]
pub struct FileArray<T> {
    mapping: Arc<FileMapping>,
    len: usize,
    _elements: PhantomData<fn() -> T>,
}

// `Send` and `Sync` are the compiler's, from the parts: the mapping is touched by atomic operations only, `as_slice` is the caller's word, and elements are
// plain data that is copied.
const _: () = {
    const fn assert_send_sync<T: Send + Sync>() {}
    assert_send_sync::<FileArray<u64>>();
};

impl<T> Clone for FileArray<T> {
    fn clone(&self) -> Self {
        Self { mapping: Arc::clone(&self.mapping), len: self.len, _elements: PhantomData }
    }
}

/// Which part of a file, and what for. Made by [`FileArray::builder`].
#[derive(Debug)]
#[must_use = "nothing is opened before `open`"]
pub struct FileArrayBuilder<T> {
    offset: u64,
    len: Option<usize>,
    writable: bool,
    _elements: PhantomData<fn() -> T>,
}

impl<T: Pod> FileArrayBuilder<T> {
    /// Where the elements begin, in bytes: behind a header, for example. Any number, also one that is no multiple of the element's alignment. Unset: at the beginning.
    pub fn offset(mut self, bytes: u64) -> Self {
        self.offset = bytes;
        self
    }

    /// How many elements. Unset: all up to the end of the file, which must be whole.
    pub fn len(mut self, elements: usize) -> Self {
        self.len = Some(elements);
        self
    }

    /// Whether elements can be changed, in the file. Unset: no.
    pub fn writable(mut self, writable: bool) -> Self {
        self.writable = writable;
        self
    }

    /// Opens and maps the file.
    ///
    /// # Errors
    ///
    /// [`ErrorKind::NotFound`] and [`ErrorKind::PermissionDenied`] as for every file. [`ErrorKind::InvalidInput`] if it is no regular file, ends before the offset or
    /// before the last element, or, without a length, ends in the middle of an element. [`ErrorKind::TooMany`] if 4096 files are mapped already.
    pub fn open(self, path: impl AsRef<Path>) -> Result<FileArray<T>> {
        let file = RegularFile::open(path.as_ref(), self.writable)?;
        let size = file.facts()?.size;
        self.map(file, size)
    }

    fn map(self, file: RegularFile, size: u64) -> Result<FileArray<T>> {
        const { assert!(size_of::<T>() > 0, "elements without a size are in no file") };
        let (each, offset) = (size_of::<T>() as u64, self.offset);
        let wrong = |what: fmt::Arguments<'_>| {
            let path = file.path().display();
            Error::new(ErrorKind::InvalidInput, format!("{path} has {size} bytes, and {what}"))
        };
        let Some(rest) = size.checked_sub(offset) else {
            return Err(wrong(format_args!("the elements would begin at byte {offset}")));
        };
        let bytes = match self.len {
            None if rest % each != 0 => {
                return Err(wrong(format_args!(
                    "the {rest} from byte {offset} on are not a whole number of elements of {each} bytes each; say how many are meant"
                )));
            }
            None => rest,
            Some(len) => {
                let bytes = (len as u64).checked_mul(each).filter(|&bytes| bytes <= rest);
                bytes.ok_or_else(|| {
                    wrong(format_args!(
                        "{len} elements of {each} bytes from byte {offset} on are more"
                    ))
                })?
            }
        };
        let bytes = usize::try_from(bytes).map_err(|_| {
            wrong(format_args!("an address space has not room for {bytes} of them"))
        })?;
        let mapping = FileMapping::new(file, offset, bytes, self.writable)?;
        Ok(FileArray {
            mapping: Arc::new(mapping),
            len: bytes / size_of::<T>(),
            _elements: PhantomData,
        })
    }
}

impl<T: Pod> FileArray<T> {
    /// All of a file, for reading.
    ///
    /// # Errors
    ///
    /// As [`FileArrayBuilder::open`].
    pub fn open(path: impl AsRef<Path>) -> Result<Self> {
        Self::builder().open(path)
    }

    /// A part of a file, or for writing.
    pub fn builder() -> FileArrayBuilder<T> {
        FileArrayBuilder { offset: 0, len: None, writable: false, _elements: PhantomData }
    }

    /// How many elements there were when it was opened; it never changes.
    #[must_use]
    pub fn len(&self) -> usize {
        self.len
    }

    /// Whether there is no element.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.len == 0
    }

    /// Where the elements begin in the file, in bytes.
    #[must_use]
    pub fn offset(&self) -> u64 {
        self.mapping.offset()
    }

    /// Whether elements can be changed.
    #[must_use]
    pub fn is_writable(&self) -> bool {
        self.mapping.is_writable()
    }

    /// The file's path as it was when it was opened: absolute, without symbolic links.
    #[must_use]
    pub fn path(&self) -> &Path {
        self.mapping.file().path()
    }

    /// A copy of one element. For many, [`copy_to`](Self::copy_to) and [`for_each_chunk`](Self::for_each_chunk) are faster.
    ///
    /// # Errors
    ///
    /// [`ErrorKind::InvalidInput`] beyond the end; [`ErrorKind::Truncated`] if the file does not have the element any more; [`ErrorKind::Os`] if it could not be
    /// read.
    #[inline]
    pub fn get(&self, index: usize) -> Result<T> {
        let mut element = T::zeroed();
        self.copy_to(index, std::slice::from_mut(&mut element))?;
        Ok(element)
    }

    /// Replaces one element. For many, [`copy_from`](Self::copy_from) is faster: each call asks the system whether the file still has the place.
    ///
    /// # Errors
    ///
    /// As [`copy_from`](Self::copy_from).
    #[inline]
    pub fn set(&self, index: usize, element: T) -> Result<()> {
        self.copy_from(index, std::slice::from_ref(&element))
    }

    /// Copies elements from `start` on, as many as `into` has.
    ///
    /// # Errors
    ///
    /// As [`get`](Self::get). After an error, `into` has some of the elements, and zeros.
    #[inline]
    pub fn copy_to(&self, start: usize, into: &mut [T]) -> Result<()> {
        self.within(start, into.len())?;
        self.mapping.read(start * size_of::<T>(), bytemuck::must_cast_slice_mut(into))
    }

    /// Copies elements into the file, from `start` on.
    ///
    /// # Errors
    ///
    /// [`ErrorKind::PermissionDenied`] if it was not opened for writing; [`ErrorKind::InvalidInput`] beyond the end; [`ErrorKind::Truncated`] if the file does not
    /// have all the places any more; [`ErrorKind::Os`] if it could not be written. After the last two, some of the elements may be in the file.
    #[inline]
    pub fn copy_from(&self, start: usize, from: &[T]) -> Result<()> {
        if !self.is_writable() {
            return Err(self.read_only());
        }
        self.within(start, from.len())?;
        self.mapping.write(start * size_of::<T>(), bytemuck::must_cast_slice(from))
    }

    /// Calls a function with one piece of the range after the other, in order: copies, in a buffer of 64 KiB (or of one element, if that is larger).
    ///
    /// # Errors
    ///
    /// As [`get`](Self::get). The function was not called with the piece that failed.
    pub fn for_each_chunk(
        &self,
        range: impl RangeBounds<usize>,
        mut function: impl FnMut(&[T]),
    ) -> Result<()> {
        const BUFFER: usize = 64 << 10;
        let start = match range.start_bound() {
            Bound::Included(&start) => start,
            Bound::Excluded(&before) => before.saturating_add(1),
            Bound::Unbounded => 0,
        };
        let end = match range.end_bound() {
            Bound::Included(&last) => last.saturating_add(1),
            Bound::Excluded(&end) => end,
            Bound::Unbounded => self.len,
        };
        let count = end.checked_sub(start).ok_or_else(|| {
            let message = format!("the range begins at {start} and ends at {end}, before that");
            Error::new(ErrorKind::InvalidInput, message)
        })?;
        self.within(start, count)?;
        let mut buffer = vec![T::zeroed(); (BUFFER / size_of::<T>()).clamp(1, count.max(1))];
        let mut at = start;
        while at < end {
            let piece = buffer.len().min(end - at);
            self.copy_to(at, &mut buffer[..piece])?;
            function(&buffer[..piece]);
            at += piece;
        }
        Ok(())
    }

    /// The elements themselves, without a copy.
    ///
    /// # Errors
    ///
    /// [`ErrorKind::InvalidInput`] if they are not aligned, because of the offset; else as [`check`](Self::check).
    ///
    /// # Safety
    ///
    /// As long as the slice lives, nobody changes these elements in the file: no handle of this process, no other process. And if the file becomes shorter
    /// meanwhile, elements change into zeros; so it must not, or the caller calls [`check`](Self::check) before it believes what it has computed from them, and no code
    /// relies on equal reads being equal.
    pub unsafe fn as_slice(&self) -> Result<&[T]> {
        self.check()?;
        let first =
            if self.len == 0 { NonNull::dangling() } else { self.mapping.as_ptr().cast::<T>() };
        if !first.is_aligned() {
            return Err(Error::new(
                ErrorKind::InvalidInput,
                format!(
                    "the elements of {} begin at byte {}, but must be aligned to {} bytes; copy_to needs no alignment",
                    self.path().display(),
                    self.offset(),
                    align_of::<T>()
                ),
            ));
        }
        // SAFETY: the mapping has that many elements, lives as long as `self`, and all bytes are elements (`T: Pod`). The caller sees to it that nobody changes them.
        Ok(unsafe { NonNull::slice_from_raw_parts(first, self.len).as_ref() })
    }

    /// Whether the file still has every element, and none was lost.
    ///
    /// # Errors
    ///
    /// [`ErrorKind::Truncated`] and [`ErrorKind::Os`], as [`get`](Self::get) would tell for some element.
    pub fn check(&self) -> Result<()> {
        self.mapping.check()
    }

    /// Waits until what was written is on the device. Other processes see it without that.
    ///
    /// # Errors
    ///
    /// When the device fails: [`ErrorKind::Os`]; or no room is left: [`ErrorKind::NoSpace`].
    pub fn sync(&self) -> Result<()> {
        self.mapping.file().sync()
    }

    #[inline]
    fn within(&self, start: usize, count: usize) -> Result<()> {
        match start.checked_add(count) {
            Some(end) if end <= self.len => Ok(()),
            _ => Err(self.beyond(start, count)),
        }
    }

    #[cold]
    fn beyond(&self, start: usize, count: usize) -> Error {
        Error::new(
            ErrorKind::InvalidInput,
            format!(
                "{count} elements from index {start} on are wanted, but the array has {}",
                self.len
            ),
        )
    }

    #[cold]
    fn read_only(&self) -> Error {
        Error::new(
            ErrorKind::PermissionDenied,
            format!(
                "{} was opened for reading only: see FileArrayBuilder::writable",
                self.path().display()
            ),
        )
    }
}

impl<T: Pod> fmt::Debug for FileArray<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("FileArray")
            .field("path", &self.path())
            .field("offset", &self.offset())
            .field("len", &self.len)
            .field("writable", &self.is_writable())
            .field("whole", &self.check().is_ok())
            .finish()
    }
}

/// A handle as it travels.
#[derive(Debug, Serialize, Deserialize)]
struct Wire {
    path: Vec<u8>,
    device: u64,
    inode: u64,
    offset: u64,
    len: usize,
    writable: bool,
    fingerprint: u64,
}

/// Of the type within this executable.
fn fingerprint<T: 'static>() -> u64 {
    let mut hasher = DefaultHasher::new();
    ("FileArray", TypeId::of::<T>(), size_of::<T>()).hash(&mut hasher);
    hasher.finish()
}

/// Inside this crate's transports only: see [`spawn`](crate::spawn).
impl<T: Pod> Serialize for FileArray<T> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let facts = self.mapping.file().facts().map_err(serde::ser::Error::custom)?;
        let wire = Wire {
            path: self.path().as_os_str().as_bytes().to_vec(),
            device: facts.device,
            inode: facts.inode,
            offset: self.offset(),
            len: self.len,
            writable: self.is_writable(),
            fingerprint: fingerprint::<T>(),
        };
        transport::send_other(&wire, serializer)
    }
}

/// Inside this crate's transports only. It is an error if the path has another file now, or the file is shorter.
impl<'de, T: Pod> Deserialize<'de> for FileArray<T> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        transport::receive_other(deserializer, receive)
    }
}

fn receive<T: Pod>(wire: Wire) -> Result<FileArray<T>> {
    if wire.fingerprint != fingerprint::<T>() {
        let wanted = std::any::type_name::<FileArray<T>>();
        return Err(Error::new(
            ErrorKind::WrongType,
            format!("the handle does not name an object of type {wanted}"),
        ));
    }
    let path = Path::new(OsStr::from_bytes(&wire.path));
    let file = RegularFile::open(path, wire.writable)?;
    let facts = file.facts()?;
    if (facts.device, facts.inode) != (wire.device, wire.inode) {
        return Err(Error::new(
            ErrorKind::StaleHandle,
            format!("{} is another file now than the one that was sent", path.display()),
        ));
    }
    let builder = FileArray::builder().offset(wire.offset).len(wire.len).writable(wire.writable);
    builder.map(file, facts.size).map_err(|error| match error.kind() {
        // It was long enough when it was sent.
        ErrorKind::InvalidInput => Error::new(ErrorKind::Truncated, error.to_string()),
        _ => error,
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::shared::{decode, encode};

    /// A file that is removed with it.
    struct Scratch(std::path::PathBuf);

    impl Scratch {
        fn new(name: &str, bytes: &[u8]) -> Self {
            let name = format!("multiproc-unit-{}-{name}", std::process::id());
            let path = std::env::temp_dir().join(name);
            std::fs::write(&path, bytes).unwrap();
            Self(path)
        }
    }

    impl Drop for Scratch {
        fn drop(&mut self) {
            let _ = std::fs::remove_file(&self.0);
        }
    }

    #[test]
    fn a_handle_names_the_type_and_the_file() {
        let file = Scratch::new("names", &[1; 32]);
        let array = FileArray::<u32>::builder().offset(4).len(5).open(&file.0).unwrap();
        let sent = encode(&array).unwrap();
        let same: FileArray<u32> = decode(&sent.bytes).unwrap();
        assert_eq!((same.offset(), same.len(), same.is_writable()), (4, 5, false));
        let wrong = decode::<FileArray<i32>>(&sent.bytes).unwrap_err();
        assert_eq!(wrong.kind(), ErrorKind::WrongType);
        std::fs::write(&file.0, [1; 8]).unwrap();
        let shorter = decode::<FileArray<u32>>(&sent.bytes).unwrap_err();
        assert_eq!(shorter.kind(), ErrorKind::Truncated, "{shorter}");
        let other = Scratch::new("other", &[1; 32]);
        std::fs::rename(&other.0, &file.0).unwrap();
        let stale = decode::<FileArray<u32>>(&sent.bytes).unwrap_err();
        assert_eq!(stale.kind(), ErrorKind::StaleHandle, "{stale}");
        std::fs::remove_file(&file.0).unwrap();
        let gone = decode::<FileArray<u32>>(&sent.bytes).unwrap_err();
        assert_eq!(gone.kind(), ErrorKind::NotFound, "{gone}");
    }

    #[test]
    fn a_handle_travels_nowhere_else() {
        let file = Scratch::new("elsewhere", &[1; 32]);
        let array = FileArray::<u8>::open(&file.0).unwrap();
        assert!(postcard::to_stdvec(&array).is_err());
        let bytes = encode(&array).unwrap().bytes;
        assert!(postcard::from_bytes::<FileArray<u8>>(&bytes).is_err());
    }
}
