//! `SharedMemory`: bytes by name, as Python's `multiprocessing.shared_memory` and other programs have them.
//!
//! # Protocol
//!
//! All of it is made under a name of the library's choice, which the sweep knows. That is where unnamed memory stays; memory under a user's name gets it last, by a rename that replaces
//! nothing. So whoever finds a user's name finds all bytes, zero and reserved.
//!
//! | a death after | leaves | removed by |
//! | --- | --- | --- |
//! | the object is created (`raw.created`) | a chosen name without a lock, of any size | any sweep |
//! | it is locked, reserved, mapped (`raw.locked`, `raw.reserved`, `raw.mapped`) | the same: the lock died with the process | any sweep |
//! | it has its name (`raw.named`) | whole memory under the user's name | whoever knows the name: it may be wanted |
//!
//! A sweep may remove the chosen name between its creation and the lock; the link count tells, and the making starts again. From the lock on no sweep touches it.
//!
//! Who attaches locks what it opened, looks whether the name still means that, and tries again if not; it maps that very descriptor.

use super::transport;
use crate::{
    Error, ErrorKind, Result,
    os::{
        file_mapping::{FileMapping, RegularFile},
        fork, maps,
        object::{self, Access, Object},
        step::step,
    },
    segment::{RawName, SHM_DIRECTORY},
};
use serde::{Deserialize, Deserializer, Serialize, Serializer};
use std::{
    fmt,
    path::{Path, PathBuf},
    sync::Arc,
};

/// Bytes that any program finds by name: without a header, locks or types. Python's `SharedMemory`, and what `shm_open(3)` makes.
///
/// It is for exchange with programs that do not use this library; among those that do, [`Array`](crate::Array) and [`Segment`](crate::Segment) know who uses what, and survive a
/// death. Nothing orders the accesses of several processes here: each byte is whole, and aligned runs of eight; use a [`Lock`](crate::Lock) for more.
///
/// Handles are cheap to clone, and travel to other processes like all handles. Who creates it removes the name when the last handle there is dropped, unless it is
/// to be [kept](Self::keep); who attaches it removes nothing. A name that this library chose is swept after its creator was killed; a name of yours stays
/// then, as nobody can know whether another program still wants it.
///
/// ```
/// use multiproc::SharedMemory;
/// # fn main() -> multiproc::Result<()> {
/// let memory = SharedMemory::create_unnamed(1000)?;
/// memory.write_at(10, b"hello")?;
/// let theirs = SharedMemory::attach(memory.name())?;
/// let mut bytes = [0; 5];
/// theirs.read_at(10, &mut bytes)?;
/// assert_eq!(&bytes, b"hello");
/// # Ok(())
/// # }
/// ```
///
/// In Python: `SharedMemory(name="the-name")`, with `track=False` where it is not to be removed.
#[doc(alias("shm_open", "multiprocessing.shared_memory"))]
#[derive(Clone)]
#[must_use = "the name goes with the last handle of its creator"]
pub struct SharedMemory(Arc<Inner>);

struct Inner {
    name: String,
    mapping: FileMapping,
    len: usize,
    /// Holds the shared lock that says "in use".
    object: Object,
    /// The name is removed with the last handle.
    removes: std::sync::Mutex<bool>,
}

/// How a handle travels.
#[derive(Serialize, Deserialize)]
struct Wire {
    name: String,
    device: u64,
    inode: u64,
}

fn path(name: &str) -> PathBuf {
    Path::new(SHM_DIRECTORY).join(name)
}

fn exists(name: &str) -> Error {
    let message = format!("the shared memory {name} exists; attach it, or choose another name");
    Error::new(ErrorKind::AlreadyExists, message)
}

impl SharedMemory {
    /// Makes `len` bytes, all zero, under a name that nothing has: 1 to 200 bytes without `/` and NUL. Whoever finds the name finds all of them.
    ///
    /// # Errors
    ///
    /// [`ErrorKind::AlreadyExists`]; [`ErrorKind::InvalidName`]; [`ErrorKind::InvalidInput`] for no bytes at all;
    /// [`ErrorKind::NoSpace`]: the memory is reserved here, so that no access fails later.
    pub fn create(name: &str, len: usize) -> Result<Self> {
        let name = RawName::of_user(name)?;
        let name = name.as_str();
        // Only so that nothing is reserved in vain: the rename decides.
        if path(name).symlink_metadata().is_ok() {
            return Err(exists(name));
        }
        loop {
            let (chosen, object) = Self::make(len)?;
            let chosen = path(&chosen);
            let named = Self::map(name, &object, len).and_then(|mapping| {
                step!("raw.mapped");
                object::publish(&chosen, &path(name)).map(|()| mapping)
            });
            match named {
                Ok(mapping) => {
                    step!("raw.named");
                    return Ok(Self::of(name, mapping, len, object, true));
                }
                // Somebody else removed the chosen name.
                Err(_) if object.facts()?.links == 0 => {}
                Err(error) => {
                    let _ = object.unlink_if_same(&chosen);
                    return Err(match error.kind() {
                        ErrorKind::AlreadyExists => exists(name).with_source(error),
                        _ => error,
                    });
                }
            }
        }
    }

    /// Makes `len` bytes, all zero, under a name of its own choice.
    ///
    /// # Errors
    ///
    /// As [`create`](Self::create).
    pub fn create_unnamed(len: usize) -> Result<Self> {
        let (name, object) = Self::make(len)?;
        match Self::map(&name, &object, len) {
            Ok(mapping) => Ok(Self::of(&name, mapping, len, object, true)),
            Err(error) => {
                let _ = object.unlink_if_same(&path(&name));
                Err(error)
            }
        }
    }

    /// Whole memory under a chosen name, locked.
    fn make(len: usize) -> Result<(String, Object)> {
        fork::refuse_if_forked()?;
        if len == 0 {
            return Err(Error::new(
                ErrorKind::InvalidInput,
                "shared memory has at least one byte; an empty one cannot be mapped",
            ));
        }
        loop {
            let name = RawName::chosen();
            let object = match Object::create_shm(name.as_str(), len) {
                Err(error) if error.kind() == ErrorKind::AlreadyExists => continue,
                // A sweep was faster than the second look at the name.
                Err(error)
                    if error.kind() == ErrorKind::NotFound && Path::new(SHM_DIRECTORY).is_dir() =>
                {
                    continue;
                }
                created => created?,
            };
            step!("raw.created");
            let whole = object.lock_shared().and_then(|()| {
                step!("raw.locked");
                if object.facts()?.links == 0 {
                    // A sweep was faster than the lock.
                    return Ok(false);
                }
                object.reserve(len).map(|()| true)
            });
            match whole {
                Ok(true) => {
                    step!("raw.reserved");
                    return Ok((name.as_str().to_owned(), object));
                }
                Ok(false) => {}
                Err(error) => {
                    let _ = object.unlink_if_same(&path(name.as_str()));
                    return Err(error);
                }
            }
        }
    }

    /// Maps the object, by its own descriptor. `name` is the one that it has, or is to have.
    fn map(name: &str, object: &Object, len: usize) -> Result<FileMapping> {
        FileMapping::new(RegularFile::of(object, path(name))?, 0, len, true)
    }

    fn of(name: &str, mapping: FileMapping, len: usize, object: Object, removes: bool) -> Self {
        let removes = removes.into();
        Self(Arc::new(Inner { name: name.to_owned(), mapping, len, object, removes }))
    }

    /// Attaches shared memory that another program, or this one, has made. A leading `/` of the name means nothing.
    ///
    /// # Errors
    ///
    /// [`ErrorKind::NotFound`]; [`ErrorKind::PermissionDenied`] if it is another user's, or others may touch it, or it is a symbolic link;
    /// [`ErrorKind::InvalidSegment`] if it is empty or no regular file.
    pub fn attach(name: &str) -> Result<Self> {
        Self::attach_raw(RawName::of_any(name)?.as_str())
    }

    fn attach_raw(name: &str) -> Result<Self> {
        fork::refuse_if_forked()?;
        let context = |error: Error| {
            let message = format!("cannot attach the shared memory {name}: {error}");
            Error::new(error.kind(), message).with_source(error)
        };
        let attach = || loop {
            let object = Object::open(&path(name), Access::ReadWrite)?;
            let facts = object.check_private()?;
            let len = usize::try_from(facts.size).unwrap_or(usize::MAX);
            if len == 0 {
                return Err(Error::new(
                    ErrorKind::InvalidSegment,
                    "it has no bytes: its maker has not given it a size yet, or died before",
                ));
            }
            object.lock_shared()?;
            // A sweep may have removed it before the lock; then the name is free, or another's.
            if object.is_at(&path(name))? {
                return Ok(Self::of(name, Self::map(name, &object, len)?, len, object, false));
            }
        };
        attach().map_err(context)
    }

    /// The same memory as a mapping of the crate `shared_memory`: for programs that have one. It is attached by its name, and then compared with what the caller has mapped, as the name may mean another
    /// memory by now. If the mapping owns the name, this does now; after an error it still does.
    ///
    /// The comparison takes `/proc`. Where that is not to be had, the name is trusted if the memory is not shorter than the mapping.
    ///
    /// # Errors
    ///
    /// As [`attach`](Self::attach); [`ErrorKind::StaleHandle`] if the name means another memory now.
    pub fn from_shmem(shmem: &mut shared_memory::Shmem) -> Result<Self> {
        let memory = Self::attach(shmem.get_os_id())?;
        let same = maps::same_file(shmem.as_ptr(), memory.as_ptr());
        if same == Some(false) || memory.len() < shmem.len() {
            return Err(Error::new(
                ErrorKind::StaleHandle,
                format!(
                    "the name {} means another memory now, of {} bytes, than the {} bytes that are mapped: it was removed and made again",
                    memory.name(),
                    memory.len(),
                    shmem.len()
                ),
            ));
        }
        if shmem.set_owner(false) {
            memory.keep(false);
        }
        Ok(memory)
    }

    /// Its name, without a leading `/`.
    #[must_use]
    pub fn name(&self) -> &str {
        &self.0.name
    }

    /// How many bytes it has: as many as were asked for.
    #[must_use]
    #[allow(clippy::len_without_is_empty, reason = "it is never empty")]
    pub fn len(&self) -> usize {
        self.0.len
    }

    /// Copies bytes out of it.
    ///
    /// # Errors
    ///
    /// [`ErrorKind::InvalidInput`] beyond the end; [`ErrorKind::Truncated`] if somebody has made the object shorter.
    pub fn read_at(&self, offset: usize, bytes: &mut [u8]) -> Result<()> {
        self.check(offset, bytes.len())?;
        self.0.mapping.read(offset, bytes)
    }

    /// Copies bytes into it.
    ///
    /// # Errors
    ///
    /// As [`read_at`](Self::read_at).
    pub fn write_at(&self, offset: usize, bytes: &[u8]) -> Result<()> {
        self.check(offset, bytes.len())?;
        self.0.mapping.write(offset, bytes)
    }

    fn check(&self, offset: usize, count: usize) -> Result<()> {
        if offset.checked_add(count).is_some_and(|end| end <= self.len()) {
            return Ok(());
        }
        Err(Error::new(
            ErrorKind::InvalidInput,
            format!("{count} bytes at {offset}, but the shared memory has {}", self.len()),
        ))
    }

    /// Where the bytes are in this process: at the beginning of a page, as long as a handle lives.
    ///
    /// Who reads or writes through it sees to it that nobody else does so at the same time, or that all do so by atomic operations.
    #[must_use]
    pub fn as_ptr(&self) -> *mut u8 {
        self.0.mapping.as_ptr().as_ptr()
    }

    /// Whether the name stays when the last handle of its creator is dropped: then [`unlink`](Self::unlink) removes it. With `false` this process removes it, whoever made it.
    pub fn keep(&self, keep: bool) {
        *self.0.removes.lock().unwrap_or_else(std::sync::PoisonError::into_inner) = !keep;
    }

    /// Removes the name now, if it still means this memory. Who has it attached goes on.
    ///
    /// # Errors
    ///
    /// When the system refuses.
    pub fn unlink(&self) -> Result<()> {
        self.0.object.unlink_if_same(&path(self.name())).map(|_| ())
    }
}

impl Drop for Inner {
    fn drop(&mut self) {
        let removes = *self.removes.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
        if removes && !fork::is_forked() {
            // Nobody could be told.
            let _ = self.object.unlink_if_same(&path(&self.name));
        }
    }
}

impl fmt::Debug for SharedMemory {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("SharedMemory")
            .field("name", &self.name())
            .field("len", &self.len())
            .finish_non_exhaustive()
    }
}

/// Inside this crate's transports only: see [`spawn`](crate::spawn). The name must last until it has arrived.
impl Serialize for SharedMemory {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let facts = self.0.object.facts().map_err(serde::ser::Error::custom)?;
        let wire = Wire { name: self.name().to_owned(), device: facts.device, inode: facts.inode };
        transport::send_other(&wire, serializer)
    }
}

/// Inside this crate's transports only; it is an error if the name means another memory now.
impl<'de> Deserialize<'de> for SharedMemory {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        transport::receive_other(deserializer, |wire: Wire| {
            let memory = Self::attach_raw(RawName::of_any(&wire.name)?.as_str())?;
            let facts = memory.0.object.facts()?;
            if (facts.device, facts.inode) == (wire.device, wire.inode) {
                return Ok(memory);
            }
            Err(Error::new(
                ErrorKind::StaleHandle,
                format!("{} is other shared memory now than what was sent", wire.name),
            ))
        })
    }
}
