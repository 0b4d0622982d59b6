//! Removing the segments of programs that were killed.
//!
//! Whoever is attached to a root holds a shared lock on it, which the kernel drops at death. So who gets the exclusive lock, on a descriptor of its own, knows
//! that nobody is there, and removes the names. Nothing is ever written, and a shared lock is never upgraded (a failed upgrade would drop it).
//!
//! Members go first: a sweep that dies leaves the root, and the next one goes on.

use super::{
    header::Header,
    name::{self, DIRECTORY, Place},
};
use crate::os::{
    object::{self, Access, Object},
    step::step,
};
use std::path::Path;

/// Removes the root at `place` if nobody is attached to it. `true` if the name is free now.
pub(crate) fn root(place: &Place) -> bool {
    let path = place.path();
    let Ok(object) = Object::open(&path, Access::ReadOnly) else { return !path.exists() };
    if object.check_private().is_err()
        || keeps(&object)
        || !object.try_lock_exclusive().unwrap_or(false)
    {
        return false;
    }
    // The lock says nobody is attached to this object; the name must still be its own.
    if !object.is_at(&path).unwrap_or(false) {
        return false;
    }
    step!("sweep.locked");
    members(place);
    step!("sweep.members");
    object.unlink_if_same(&path).unwrap_or(false)
}

/// Whether the object is none of ours, or is to outlive its users: what no sweep removes.
pub(crate) fn keeps(object: &Object) -> bool {
    let mut header: Header = bytemuck::Zeroable::zeroed();
    let read = object.read_at(bytemuck::bytes_of_mut(&mut header), 0);
    read.is_err() || !Header::is_ours(bytemuck::bytes_of(&header)) || header.keep != 0
}

/// Removes the names of a root's members.
pub(crate) fn members(root: &Place) {
    let path = root.path();
    let (Some(directory), Some(file)) =
        (path.parent(), path.file_name().and_then(|name| name.to_str()))
    else {
        return;
    };
    for name in object::list(directory, file).unwrap_or_default() {
        if name::root_of_member(&name) == Some(file) {
            let _ = object::unlink(&directory.join(name));
        }
    }
}

/// Removes whatever this user's dead programs have left among the named segments. The names of what was removed; parts go with their root unnamed.
pub(crate) fn all() -> Vec<String> {
    let directory = Path::new(DIRECTORY);
    let mut removed = object::list(directory, "").unwrap_or_default();
    removed.retain(|file| {
        if let Some(root) = name::root_of_member(file) {
            orphan(directory, root, file)
        } else if name::is_birthplace(file) || name::is_raw(file) {
            nobodys(&directory.join(file))
        } else {
            // Not by its answer, which is the same for a name that was gone.
            directory.join(file).exists() && root(&Place::Named(file.clone()))
        }
    });
    removed
}

/// A member whose root has no name: nobody will ask for it.
fn orphan(directory: &Path, root: &str, file: &str) -> bool {
    let path = directory.join(file);
    let Ok(object) = Object::open(&path, Access::ReadOnly) else { return false };
    // A root with that name may come at any time, and has members of its own, never this object.
    object.check_private().is_ok() && !directory.join(root).exists() && bury(&object, &path)
}

/// Removes an object that is to go, but not another that has taken its name meanwhile: a name that nobody else uses tells which of them was met.
fn bury(object: &Object, path: &Path) -> bool {
    let grave = Place::Named(String::new()).birthplace().path();
    if !object.is_at(path).unwrap_or(false) || object::publish(path, &grave).is_err() {
        return false;
    }
    if object.is_at(&grave).unwrap_or(false) {
        return object::unlink(&grave).is_ok();
    }
    // It has its name back. Who dies before leaves what any sweep removes.
    let _ = object::publish(&grave, path);
    false
}

/// A root whose maker died while making it, or bytes under a name that nobody chose: if nobody is there.
fn nobodys(path: &Path) -> bool {
    let Ok(object) = Object::open(path, Access::ReadOnly) else { return false };
    object.check_private().is_ok()
        && object.try_lock_exclusive().unwrap_or(false)
        && object.unlink_if_same(path).unwrap_or(false)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_the_object_itself_is_buried() {
        let name = format!("multiproc-test-{}-bury", std::process::id());
        let path = Path::new(DIRECTORY).join(&name);
        let old = Object::create_shm(&name, 4096).unwrap();
        object::unlink(&path).unwrap();
        let new = Object::create_shm(&name, 4096).unwrap();
        assert!(!bury(&old, &path) && new.is_at(&path).unwrap());
        assert!(bury(&new, &path) && !path.exists() && new.facts().unwrap().links == 0);
    }
}
