//! Shared-memory objects and files, by path and by descriptor.
//!
//! A named object is a file of the system's directory for them. The crate `shared_memory` makes it (`O_CREAT | O_EXCL`, mode 0600); everything
//! else is done here, on a descriptor of our own, because nothing that a name leads to is trusted before it was looked at.
//!
//! `shm_open(3)`, `open(2)`, `fstat(2)`, `posix_fallocate(3)`, `renameat2(2)`, `flock(2)`, `fcntl_locking(2)`
#![allow(unsafe_code)]

use super::identity;
use crate::{Error, ErrorKind, Result};
use std::{
    ffi::CString,
    fs::{File, OpenOptions},
    io,
    os::{
        fd::AsRawFd,
        unix::{
            ffi::OsStrExt,
            fs::{FileExt, MetadataExt, OpenOptionsExt},
        },
    },
    path::Path,
};

/// What an attached object is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Access {
    ReadWrite,
    ReadOnly,
}

/// What the system says about an object.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Facts {
    pub(crate) size: u64,
    pub(crate) inode: u64,
    pub(crate) device: u64,
    pub(crate) links: u64,
    pub(crate) user: u32,
    pub(crate) mode: u32,
    pub(crate) is_regular: bool,
}

impl Facts {
    /// The object as the tables of `/proc` name it: major and minor number of its device, and its inode.
    pub(crate) fn device_and_inode(&self) -> (u32, u32, u64) {
        (libc::major(self.device), libc::minor(self.device), self.inode)
    }

    /// Whether it is a regular file of this user that nobody else may touch.
    pub(crate) fn is_private(&self) -> bool {
        self.is_regular && self.user == identity::user_id() && self.mode & 0o077 == 0
    }
}

impl From<&std::fs::Metadata> for Facts {
    fn from(data: &std::fs::Metadata) -> Self {
        Self {
            size: data.size(),
            inode: data.ino(),
            device: data.dev(),
            links: data.nlink(),
            user: data.uid(),
            mode: data.mode(),
            is_regular: data.is_file(),
        }
    }
}

/// An open object. Its locks go with the descriptor: the kernel drops them when the process ends.
#[derive(Debug)]
pub(crate) struct Object {
    file: File,
}

impl Object {
    /// Makes a named object that must not exist: zeros, mode 0600.
    pub(crate) fn create_shm(name: &str, size: usize) -> Result<Self> {
        let made = shared_memory::ShmemConf::new().os_id(format!("/{name}")).size(size).create();
        let mut shmem = made.map_err(|error| shmem_error(name, size, error))?;
        // From here on the name is ours to remove, by inode.
        shmem.set_owner(false);
        let path = Path::new("/dev/shm").join(name);
        let object = Self::open(&path, Access::ReadWrite)?;
        let facts = object.check_private()?;
        if facts.size != size as u64 {
            return Err(Error::new(
                ErrorKind::InvalidSegment,
                format!(
                    "{} has {} bytes, not the {size} that it was made with: somebody replaced it",
                    path.display(),
                    facts.size
                ),
            ));
        }
        Ok(object)
    }

    /// Makes a file that must not exist: zeros, mode 0600.
    pub(crate) fn create_file(path: &Path, size: usize) -> Result<Self> {
        let file = OpenOptions::new()
            .read(true)
            .write(true)
            .create_new(true)
            .mode(0o600)
            .custom_flags(libc::O_NOFOLLOW | libc::O_CLOEXEC)
            .open(path)
            .map_err(|error| Error::os(format_args!("creating {}", path.display()), error))?;
        let file = above_standard(file)?;
        file.set_len(size as u64).map_err(|error| {
            Error::os(format_args!("giving {} {size} bytes", path.display()), error)
        })?;
        Ok(Self { file })
    }

    /// Opens what is at `path`, if it is not a symbolic link.
    pub(crate) fn open(path: &Path, access: Access) -> Result<Self> {
        let opened = OpenOptions::new()
            .read(true)
            .write(access == Access::ReadWrite)
            .custom_flags(libc::O_NOFOLLOW | libc::O_CLOEXEC | libc::O_NONBLOCK)
            .open(path);
        let file = opened.map_err(|error| match error.raw_os_error() {
            Some(libc::ELOOP) => Error::new(
                ErrorKind::PermissionDenied,
                format!("{} is a symbolic link; name the object itself", path.display()),
            )
            .with_source(error),
            _ => Error::os(format_args!("opening {}", path.display()), error),
        })?;
        Ok(Self { file: above_standard(file)? })
    }

    pub(crate) fn facts(&self) -> Result<Facts> {
        self.file
            .metadata()
            .map(|data| Facts::from(&data))
            .map_err(|error| Error::os("fstat", error))
    }

    /// The facts, if it is a regular file that only its user may touch, and which this one may look at: its own, or of whomever for root.
    pub(crate) fn check_visible(&self) -> Result<Facts> {
        let facts = self.facts()?;
        let is_others = facts.user != identity::user_id();
        if identity::user_id() == 0 && is_others && facts.is_regular && facts.mode & 0o077 == 0 {
            return Ok(facts);
        }
        self.check_private()
    }

    /// The facts, if it is a regular file of this user that nobody else may touch.
    pub(crate) fn check_private(&self) -> Result<Facts> {
        let facts = self.facts()?;
        let denied = |message: String| Err(Error::new(ErrorKind::PermissionDenied, message));
        if !facts.is_regular {
            return Err(Error::new(ErrorKind::InvalidSegment, "it is not a regular file"));
        }
        if facts.user != identity::user_id() {
            return denied(format!(
                "it belongs to user {}, and this process runs as {}",
                facts.user,
                identity::user_id()
            ));
        }
        if facts.mode & 0o077 != 0 {
            return denied(format!(
                "its mode is {:o}: others may touch it, so it cannot be trusted; a segment has mode 600",
                facts.mode & 0o777
            ));
        }
        Ok(facts)
    }

    /// Takes the pages from the system now, so that no access fails later.
    pub(crate) fn reserve(&self, size: usize) -> Result<()> {
        loop {
            // SAFETY: the descriptor is open; no pointers.
            match unsafe { libc::posix_fallocate(self.file.as_raw_fd(), 0, size as libc::off_t) } {
                0 => return Ok(()),
                libc::EINTR => {}
                code @ (libc::ENOSPC | libc::EDQUOT | libc::EFBIG) => {
                    return Err(Error::new(
                        ErrorKind::NoSpace,
                        format!(
                            "no room for {size} bytes of shared memory: {} bytes are free; make /dev/shm larger (--shm-size of a container), \
                             remove stale segments, or use a file-backed segment",
                            self.free_bytes()
                        ),
                    )
                    .with_source(io::Error::from_raw_os_error(code)));
                }
                code => {
                    return Err(Error::os("posix_fallocate", io::Error::from_raw_os_error(code)));
                }
            }
        }
    }

    fn free_bytes(&self) -> u64 {
        let mut answer = std::mem::MaybeUninit::<libc::statvfs>::zeroed();
        // SAFETY: the descriptor is open and the place valid.
        if unsafe { libc::fstatvfs(self.file.as_raw_fd(), answer.as_mut_ptr()) } != 0 {
            return 0;
        }
        // SAFETY: the call filled it in; all its bytes were zero before.
        let answer = unsafe { answer.assume_init() };
        answer.f_bavail * answer.f_frsize
    }

    /// What sizes are multiples of: a page, or a huge page in a file system of such.
    pub(crate) fn page_bytes(directory: &Path) -> usize {
        // C libraries differ in the type of the field.
        const HUGETLBFS: u64 = 0x9584_58f6;
        let mut answer = std::mem::MaybeUninit::<libc::statfs>::zeroed();
        let Ok(path) = c_path(directory) else { return 4096 };
        // SAFETY: the path is NUL-terminated, and the place valid.
        if unsafe { libc::statfs(path.as_ptr(), answer.as_mut_ptr()) } != 0 {
            return 4096;
        }
        // SAFETY: the call filled it in; all its bytes were zero before.
        let answer = unsafe { answer.assume_init() };
        if u64::try_from(answer.f_type) == Ok(HUGETLBFS) { answer.f_bsize as usize } else { 4096 }
    }

    /// Reads without mapping; what ends too early is no segment.
    pub(crate) fn read_at(&self, bytes: &mut [u8], offset: u64) -> Result<()> {
        self.file.read_exact_at(bytes, offset).map_err(|error| match error.kind() {
            io::ErrorKind::UnexpectedEof => Error::new(
                ErrorKind::InvalidSegment,
                format!(
                    "it ends before byte {}: it is empty, truncated, or something else",
                    offset + bytes.len() as u64
                ),
            ),
            _ => Error::os("pread", error),
        })
    }

    pub(crate) fn write_at(&self, bytes: &[u8], offset: u64) -> Result<()> {
        self.file.write_all_at(bytes, offset).map_err(|error| Error::os("pwrite", error))
    }

    /// Whether the path leads to this object now.
    pub(crate) fn is_at(&self, path: &Path) -> Result<bool> {
        let facts = self.facts()?;
        let there = match std::fs::symlink_metadata(path) {
            Ok(data) => Facts::from(&data),
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(false),
            Err(error) => return Err(Error::os(format_args!("lstat {}", path.display()), error)),
        };
        Ok(facts.links > 0 && (facts.device, facts.inode) == (there.device, there.inode))
    }

    /// Removes the path if it leads to this object. Says whether it did.
    pub(crate) fn unlink_if_same(&self, path: &Path) -> Result<bool> {
        if !self.is_at(path)? {
            return Ok(false);
        }
        match unlink(path) {
            Err(error) if error.kind() == ErrorKind::NotFound => Ok(false),
            removed => removed.map(|()| true),
        }
    }

    fn flock(&self, operation: libc::c_int) -> io::Result<()> {
        loop {
            // SAFETY: the descriptor is open; no pointers.
            if unsafe { libc::flock(self.file.as_raw_fd(), operation) } == 0 {
                return Ok(());
            }
            let error = io::Error::last_os_error();
            if error.kind() != io::ErrorKind::Interrupted {
                return Err(error);
            }
        }
    }

    /// The sign that somebody is attached: shared, and held until the descriptor is closed.
    pub(crate) fn lock_shared(&self) -> Result<()> {
        self.flock(libc::LOCK_SH).map_err(|error| Error::os("flock", error))
    }

    /// Gives the shared lock up.
    pub(crate) fn unlock(&self) -> Result<()> {
        self.flock(libc::LOCK_UN).map_err(|error| Error::os("flock", error))
    }

    /// Whether nobody is attached; then nobody can be until the descriptor is closed.
    pub(crate) fn try_lock_exclusive(&self) -> Result<bool> {
        match self.flock(libc::LOCK_EX | libc::LOCK_NB) {
            Ok(()) => Ok(true),
            Err(error) if error.kind() == io::ErrorKind::WouldBlock => Ok(false),
            Err(error) => Err(Error::os("flock", error)),
        }
    }

    fn byte_lock(
        &self,
        command: libc::c_int,
        kind: libc::c_int,
        offset: u64,
    ) -> io::Result<libc::c_int> {
        let mut lock = libc::flock {
            l_type: kind as libc::c_short,
            l_whence: libc::SEEK_SET as libc::c_short,
            l_start: offset as libc::off_t,
            l_len: 1,
            l_pid: 0,
        };
        // SAFETY: the descriptor is open, and the lock description valid through the call.
        if unsafe { libc::fcntl(self.file.as_raw_fd(), command, &raw mut lock) } == -1 {
            return Err(io::Error::last_os_error());
        }
        Ok(libc::c_int::from(lock.l_type))
    }

    /// Locks one byte for this open file description; `false` if another has it.
    pub(crate) fn try_lock_byte(&self, offset: u64) -> Result<bool> {
        match self.byte_lock(libc::F_OFD_SETLK, libc::F_WRLCK, offset) {
            Ok(_) => Ok(true),
            Err(error) if matches!(error.raw_os_error(), Some(libc::EAGAIN | libc::EACCES)) => {
                Ok(false)
            }
            Err(error) => Err(Error::os("fcntl(F_OFD_SETLK)", error)),
        }
    }

    /// Locks one byte for this open file description, until it is closed; waits while another has it.
    pub(crate) fn lock_byte(&self, offset: u64) -> Result<()> {
        loop {
            match self.byte_lock(libc::F_OFD_SETLKW, libc::F_WRLCK, offset) {
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                locked => {
                    return locked
                        .map(|_| ())
                        .map_err(|error| Error::os("fcntl(F_OFD_SETLKW)", error));
                }
            }
        }
    }

    pub(crate) fn unlock_byte(&self, offset: u64) -> Result<()> {
        self.byte_lock(libc::F_OFD_SETLK, libc::F_UNLCK, offset)
            .map(|_| ())
            .map_err(|error| Error::os("fcntl(F_OFD_SETLK)", error))
    }

    /// Whether another open file description has the byte locked.
    pub(crate) fn byte_is_locked(&self, offset: u64) -> Result<bool> {
        self.byte_lock(libc::F_OFD_GETLK, libc::F_WRLCK, offset)
            .map(|kind| kind != libc::F_UNLCK)
            .map_err(|error| Error::os("fcntl(F_OFD_GETLK)", error))
    }

    pub(super) fn file(&self) -> &File {
        &self.file
    }
}

fn shmem_error(name: &str, size: usize, error: shared_memory::ShmemError) -> Error {
    use shared_memory::ShmemError;
    match error {
        ShmemError::MappingIdExists => {
            Error::new(ErrorKind::AlreadyExists, format!("the shared memory {name} exists already"))
        }
        ShmemError::MapCreateFailed(code) | ShmemError::UnknownOsError(code) => Error::os(
            format_args!("creating {size} bytes of shared memory ({name})"),
            io::Error::from_raw_os_error(code as i32),
        ),
        other => {
            Error::new(ErrorKind::Os, format!("creating the shared memory {name} failed: {other}"))
                .with_source(other.to_string())
        }
    }
}

fn c_path(path: &Path) -> Result<CString> {
    CString::new(path.as_os_str().as_bytes()).map_err(|error| {
        Error::new(ErrorKind::InvalidName, "a path has a NUL character").with_source(error)
    })
}

/// Gives an object its name, if nothing has it.
pub(crate) fn publish(from: &Path, to: &Path) -> Result<()> {
    let (source, target) = (c_path(from)?, c_path(to)?);
    // By number, as not every C library has a function for it.
    // SAFETY: both paths are NUL-terminated and live through the call.
    let answer = unsafe {
        libc::syscall(
            libc::SYS_renameat2,
            libc::AT_FDCWD,
            source.as_ptr(),
            libc::AT_FDCWD,
            target.as_ptr(),
            libc::RENAME_NOREPLACE,
        )
    };
    if answer == 0 { Ok(()) } else { Err(Error::last_os(format_args!("naming {}", to.display()))) }
}

/// Removes a name.
pub(crate) fn unlink(path: &Path) -> Result<()> {
    std::fs::remove_file(path)
        .map_err(|error| Error::os(format_args!("unlinking {}", path.display()), error))
}

/// The names in a directory that begin so.
pub(crate) fn list(directory: &Path, prefix: &str) -> Result<Vec<String>> {
    let entries = std::fs::read_dir(directory)
        .map_err(|error| Error::os(format_args!("reading {}", directory.display()), error))?;
    Ok(entries
        .filter_map(|entry| entry.ok()?.file_name().into_string().ok())
        .filter(|name| name.starts_with(prefix))
        .collect())
}

/// A program that has closed its standard output may write to it all the same: that must not arrive in shared memory.
fn above_standard(file: File) -> Result<File> {
    if file.as_raw_fd() > libc::STDERR_FILENO {
        return Ok(file);
    }
    // A copy is never one of the first three.
    file.try_clone().map_err(|error| Error::os("dup", error))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn name(what: &str) -> String {
        format!("multiproc-test-{}-{what}", std::process::id())
    }

    #[test]
    fn made_found_named_locked_and_removed() {
        let (first, second) = (name("a"), name("b"));
        let path = |name: &str| Path::new("/dev/shm").join(name);
        let object = Object::create_shm(&first, 8192).unwrap();
        assert_eq!(Object::create_shm(&first, 8192).unwrap_err().kind(), ErrorKind::AlreadyExists);
        object.reserve(8192).unwrap();
        object.write_at(b"hello", 100).unwrap();
        publish(&path(&first), &path(&second)).unwrap();
        assert!(object.is_at(&path(&second)).unwrap() && !object.is_at(&path(&first)).unwrap());

        let other = Object::open(&path(&second), Access::ReadWrite).unwrap();
        let mut bytes = [0; 5];
        other.read_at(&mut bytes, 100).unwrap();
        assert_eq!(&bytes, b"hello");
        object.lock_shared().unwrap();
        assert!(!other.try_lock_exclusive().unwrap());
        assert!(object.try_lock_byte(1 << 40).unwrap() && !other.try_lock_byte(1 << 40).unwrap());
        assert!(other.byte_is_locked(1 << 40).unwrap() && !object.byte_is_locked(1 << 40).unwrap());
        drop(object);
        assert!(other.try_lock_exclusive().unwrap() && !other.byte_is_locked(1 << 40).unwrap());
        assert!(other.unlink_if_same(&path(&second)).unwrap());
        assert_eq!(unlink(&path(&second)).unwrap_err().kind(), ErrorKind::NotFound);
    }

    #[test]
    fn links_and_open_modes_are_refused() {
        let name = name("c");
        let path = Path::new("/dev/shm").join(&name);
        let object = Object::create_shm(&name, 4096).unwrap();
        let link = path.with_extension("link");
        std::os::unix::fs::symlink(&path, &link).unwrap();
        assert_eq!(
            Object::open(&link, Access::ReadOnly).unwrap_err().kind(),
            ErrorKind::PermissionDenied
        );
        std::fs::remove_file(&link).unwrap();
        let open = std::os::unix::fs::PermissionsExt::from_mode(0o666);
        std::fs::set_permissions(&path, open).unwrap();
        assert_eq!(object.check_private().unwrap_err().kind(), ErrorKind::PermissionDenied);
        unlink(&path).unwrap();
    }

    #[test]
    fn no_room_is_an_error_with_both_sizes() {
        let name = name("d");
        let object = Object::create_shm(&name, 4096).unwrap();
        let error = object.reserve(1 << 50).unwrap_err();
        unlink(&Path::new("/dev/shm").join(&name)).unwrap();
        assert_eq!(error.kind(), ErrorKind::NoSpace);
        assert!(error.to_string().contains(&(1_u64 << 50).to_string()), "{error}");
    }
}
