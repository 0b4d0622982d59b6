//! Names of segments, and where the objects behind them are.

use super::{header::PAGE, members::MemberId};
use crate::{
    Error, ErrorKind, Result,
    os::{identity, object::Object},
};
use std::{
    ffi::OsString,
    path::{Path, PathBuf},
};

/// Where the system keeps named shared memory.
pub(crate) const DIRECTORY: &str = "/dev/shm";
/// Room for what is appended for members.
const LONGEST: usize = 200;

/// Where a segment is: a name, or a path of a file.
#[derive(Clone, Debug, PartialEq, Eq, Hash, serde::Serialize, serde::Deserialize)]
pub(crate) enum Place {
    Named(String),
    File(PathBuf),
}

impl Place {
    /// A user's name. A leading `/`, as `shm_open(3)` wants it, is allowed and means nothing.
    pub(crate) fn named(name: &str) -> Result<Self> {
        RawName::of_user(name).map(|name| Self::Named(name.0))
    }

    /// A name for a session, which nobody else has.
    pub(crate) fn of_session() -> Self {
        Self::Named(format!(
            "{}{}-{:032x}",
            session_prefix(),
            std::process::id(),
            identity::random_u128()
        ))
    }

    /// From a path that a parent wrote.
    pub(crate) fn at(path: PathBuf) -> Self {
        match (path.parent(), path.file_name().and_then(|name| name.to_str())) {
            (Some(directory), Some(name)) if directory == Path::new(DIRECTORY) => {
                Self::Named(name.to_owned())
            }
            _ => Self::File(path),
        }
    }

    pub(crate) fn name(&self) -> &str {
        match self {
            Self::Named(name) => name,
            Self::File(path) => path.to_str().unwrap_or("(a file)"),
        }
    }

    pub(crate) fn path(&self) -> PathBuf {
        match self {
            Self::Named(name) => Path::new(DIRECTORY).join(name),
            Self::File(path) => path.clone(),
        }
    }

    /// What the sizes of objects there are multiples of.
    pub(crate) fn page_bytes(&self) -> usize {
        match self {
            Self::Named(_) => PAGE,
            Self::File(path) => {
                let directory = path.parent().filter(|parent| !parent.as_os_str().is_empty());
                Object::page_bytes(directory.unwrap_or(Path::new(".")))
            }
        }
    }

    /// Whether there is a directory in which it could be.
    pub(crate) fn has_directory(&self) -> bool {
        let path = self.path();
        let directory = path.parent().filter(|parent| !parent.as_os_str().is_empty());
        directory.unwrap_or(Path::new(".")).is_dir()
    }

    fn with_suffix(&self, suffix: &str) -> Self {
        match self {
            Self::Named(name) => Self::Named(format!("{name}{suffix}")),
            Self::File(path) => {
                let mut path: OsString = path.clone().into();
                path.push(suffix);
                Self::File(path.into())
            }
        }
    }

    /// Where a member of this root is.
    pub(crate) fn member(&self, id: MemberId) -> Self {
        self.with_suffix(&format!("{MEMBER}{}-{}", id.index, id.generation))
    }

    /// Where this root is while it is being made.
    pub(crate) fn birthplace(&self) -> Self {
        let random = identity::random_u128() as u64;
        match self {
            // Not after the user's name, which may be long: it is found by the sweep all the same.
            Self::Named(_) => Self::Named(format!("{}birth-{random:016x}", session_prefix())),
            Self::File(_) => self.with_suffix(&format!(".multiproc-birth-{random:016x}")),
        }
    }

    /// Makes an empty object there, of this size and mode 0600, that must not exist.
    pub(crate) fn create(&self, size: usize) -> Result<Object> {
        match self {
            Self::Named(name) => Object::create_shm(name, size),
            Self::File(path) => Object::create_file(path, size),
        }
    }
}

/// A name in the directory of shared memory, checked.
#[derive(Clone, Debug)]
pub(crate) struct RawName(String);

impl RawName {
    /// A user's name for something new.
    pub(crate) fn of_user(name: &str) -> Result<Self> {
        let checked = Self::of_any(name)?;
        if checked.0.contains(MEMBER) || checked.0.starts_with("multiproc-") {
            return Err(wrong(name, "is of the kind that the library makes for itself"));
        }
        Ok(checked)
    }

    /// Any name, the library's own too.
    pub(crate) fn of_any(name: &str) -> Result<Self> {
        let bare = name.strip_prefix('/').unwrap_or(name);
        let reason = if bare.is_empty() {
            "is empty"
        } else if bare.contains('\0') {
            "has a NUL character"
        } else if bare.contains('/') {
            "has a '/'"
        } else if bare.len() > LONGEST {
            "is longer than 200 bytes"
        } else if matches!(bare, "." | "..") {
            "is a directory"
        } else {
            return Ok(Self(bare.to_owned()));
        };
        Err(wrong(name, reason))
    }

    /// A name for bytes, which nothing else has, and which tells the sweep that nobody wants it for its own sake.
    pub(crate) fn chosen() -> Self {
        Self(format!("{}raw-{:032x}", session_prefix(), identity::random_u128()))
    }

    pub(crate) fn as_str(&self) -> &str {
        &self.0
    }
}

fn wrong(name: &str, reason: &str) -> Error {
    Error::new(
        ErrorKind::InvalidName,
        format!("the name {name:?} {reason}; use 1 to 200 bytes without '/' and NUL"),
    )
}

/// Whether it is a name that [`RawName::chosen`] gave.
pub(crate) fn is_raw(name: &str) -> bool {
    name.strip_prefix(&session_prefix()).is_some_and(|rest| rest.starts_with("raw-"))
}

/// Between a root's name and the number of its member.
const MEMBER: &str = ".multiproc-";

/// The root's name, if this is a name of a member.
pub(crate) fn root_of_member(name: &str) -> Option<&str> {
    name.split_once(MEMBER).map(|(root, _)| root)
}

/// How the names that the library makes for this user begin.
pub(crate) fn session_prefix() -> String {
    format!("multiproc-{}-", identity::user_id())
}

/// Whether it is the name of a session, of whichever user.
pub(crate) fn is_session(name: &str) -> bool {
    let Some((user, rest)) = name.strip_prefix("multiproc-").and_then(|rest| rest.split_once('-'))
    else {
        return false;
    };
    user.parse::<u32>().is_ok()
        && rest.split_once('-').is_some_and(|(process, _)| process.parse::<u32>().is_ok())
}

/// Whether it is the name of a root that is being made.
pub(crate) fn is_birthplace(name: &str) -> bool {
    name.strip_prefix(&session_prefix()).is_some_and(|rest| rest.starts_with("birth-"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bad_names_are_refused_with_the_reason() {
        for (name, word) in [
            ("", "empty"),
            ("/", "empty"),
            ("a/b", "'/'"),
            ("a\0b", "NUL"),
            ("..", "directory"),
            (&"x".repeat(201), "longer"),
            ("multiproc-0-1", "for itself"),
        ] {
            let error = Place::named(name).unwrap_err();
            assert_eq!(error.kind(), ErrorKind::InvalidName);
            assert!(error.to_string().contains(word), "{error}");
        }
        assert_eq!(Place::named("/a:b").unwrap().path(), Path::new("/dev/shm/a:b"));
    }

    #[test]
    fn members_lead_back_to_their_root() {
        let place = Place::named("results").unwrap();
        let member = place.member(MemberId { index: 7, generation: 2 });
        assert_eq!(root_of_member(member.name()), Some("results"));
        assert!(is_birthplace(place.birthplace().name()));
    }
}
