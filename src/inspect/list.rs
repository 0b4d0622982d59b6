//! All segments of this machine.

use super::{Kind, State, Summary};
use crate::{
    ErrorKind, Result,
    os::{
        file_locks::FileLocks,
        object::{self, Access, Facts, Object},
    },
    segment::{
        Place, RootOutline, SHM_DIRECTORY, is_birthplace, is_ours, is_raw, is_session, keeps,
        root_of_member,
    },
};
use std::{fs, path::Path, time::UNIX_EPOCH};

/// The named segments of this machine that this user can see, and what dead programs have left of some. Nothing is locked, also not for a moment.
///
/// Segments in files have no list, and [`SharedMemory`](crate::SharedMemory) under a user's name does not say that it is this library's.
///
/// # Errors
///
/// When the directory of shared memory cannot be read.
pub fn list() -> Result<Vec<Summary>> {
    let directory = Path::new(SHM_DIRECTORY);
    let mut names = object::list(directory, "")?;
    names.sort();
    let locks = FileLocks::read();
    Ok(names.iter().filter_map(|name| summary_of(directory, name, &names, &locks)).collect())
}

fn summary_of(
    directory: &Path,
    name: &str,
    names: &[String],
    locks: &FileLocks,
) -> Option<Summary> {
    if let Some(root) = root_of_member(name) {
        let is_orphan = names.binary_search_by(|other| other.as_str().cmp(root)).is_err();
        return is_orphan.then(|| bare(directory, name, Kind::Leftover, locks)).flatten();
    }
    if is_raw(name) {
        return bare(directory, name, Kind::Bytes, locks);
    }
    if is_birthplace(name) {
        return bare(directory, name, Kind::Unfinished, locks);
    }
    let place = Place::Named(name.to_owned());
    match RootOutline::open(place.clone()) {
        Ok(root) => Some(of_root(&root, locks)),
        Err(error) => {
            let kind = kind_of(name);
            let mut summary = bare(directory, name, kind, locks)?;
            // What is not this library's is none of ours to list.
            let is_ours = if error.kind() == ErrorKind::PermissionDenied {
                kind == Kind::Session
            } else {
                let file = Object::open(&place.path(), Access::ReadOnly).ok()?;
                if summary.state == State::Stale && keeps(&file) {
                    summary.state = State::Kept;
                }
                is_ours(&file)
            };
            summary.problem = Some(error.to_string());
            is_ours.then_some(summary)
        }
    }
}

fn kind_of(name: &str) -> Kind {
    if is_session(name) { Kind::Session } else { Kind::Segment }
}

/// Of something into which one does not look.
fn bare(directory: &Path, name: &str, kind: Kind, locks: &FileLocks) -> Option<Summary> {
    let path = directory.join(name);
    let data = fs::symlink_metadata(&path).ok()?;
    let facts = Facts::from(&data);
    if !facts.is_regular {
        return None;
    }
    let is_private = facts.is_private();
    let state = match (is_private, kind, locks.has(&facts)) {
        (false, ..) => State::Foreign,
        // Nobody attaches a part without its root.
        (_, Kind::Leftover, _) | (_, _, Some(false)) => State::Stale,
        (_, _, Some(true)) => State::InUse,
        (_, _, None) => State::Unknown,
    };
    Some(Summary {
        name: name.to_owned(),
        path,
        kind,
        state,
        user: facts.user,
        creator: None,
        bytes: facts.size,
        parts: 0,
        processes: Vec::new(),
        created: created(&data),
        problem: None,
    })
}

/// When it was made; the last change, where the file system does not say.
fn created(data: &fs::Metadata) -> Option<u64> {
    let time = data.created().or_else(|_| data.modified()).ok()?;
    Some(time.duration_since(UNIX_EPOCH).ok()?.as_secs())
}

/// Of a root that was opened.
pub(super) fn of_root(root: &RootOutline, locks: &FileLocks) -> Summary {
    let place = root.place();
    let path = place.path();
    let parts = parts_of(&path);
    let header = root.header();
    let processes = root.processes();
    let state = match (processes.is_empty(), locks.has(root.facts())) {
        // Seen by root, who does not sweep it.
        _ if !root.facts().is_private() => State::Foreign,
        (false, _) | (_, Some(true)) if header.is_of_this_boot() => State::InUse,
        (true, None) => State::Unknown,
        _ if header.keep != 0 => State::Kept,
        _ => State::Stale,
    };
    Summary {
        name: place.name().to_owned(),
        kind: match place {
            Place::Named(name) => kind_of(name),
            Place::File(_) => Kind::Segment,
        },
        state,
        user: root.facts().user,
        creator: Some(header.creator),
        bytes: parts.iter().fold(root.facts().size, |sum, bytes| sum.saturating_add(*bytes)),
        parts: parts.len(),
        processes,
        created: fs::symlink_metadata(&path).ok().as_ref().and_then(created),
        problem: None,
        path,
    }
}

/// The sizes of a root's parts.
fn parts_of(root: &Path) -> Vec<u64> {
    let directory = root.parent().unwrap_or(Path::new("."));
    let Some(name) = root.file_name().and_then(|name| name.to_str()) else { return Vec::new() };
    let names = object::list(directory, name).unwrap_or_default();
    let parts = names.iter().filter(|part| root_of_member(part) == Some(name));
    parts.filter_map(|part| Some(fs::symlink_metadata(directory.join(part)).ok()?.len())).collect()
}
