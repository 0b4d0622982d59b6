//! Finding a root segment by its name, and checking it before it is mapped.

use super::{
    Root,
    header::{Header, Kind},
    name::Place,
    registry, reset,
};
use crate::{
    Error, ErrorKind, Result,
    os::{
        clock::Deadline,
        directory_watch::DirectoryWatch,
        fork,
        mapping::Mapping,
        object::{Access, Object},
        step::step,
    },
};
use std::sync::Arc;

/// Attaches the root at `place`; the same one again if this process has it already.
pub(crate) fn attach(place: Place, access: Access) -> Result<Arc<Root>> {
    fork::refuse_if_forked()?;
    let result = loop {
        match try_attach(&place, access) {
            Ok(None) => {}
            Ok(Some(root)) => break Ok(root),
            Err(error) => break Err(error),
        }
    };
    result.map_err(|error| {
        let message = match error.kind() {
            ErrorKind::NotFound => format!(
                "there is no segment {}: is its creator running, and is the name right?",
                place.name()
            ),
            _ => format!("cannot attach the segment {}: {error}", place.name()),
        };
        Error::new(error.kind(), message).with_source(error)
    })
}

/// `None` when the name came to mean something else meanwhile.
fn try_attach(place: &Place, access: Access) -> Result<Option<Arc<Root>>> {
    let object = Object::open(&place.path(), access)?;
    step!("attach.opened");
    let facts = object.check_private()?;
    if let Some(root) = registry::find(&facts, access) {
        return Ok(Some(root));
    }
    // Before the lock: who makes it anew after a restart wants it alone.
    if let Ok(header) = read_header(&object, facts.size)
        && !header.is_of_this_boot()
    {
        drop(object);
        reset::after_reboot(place)?;
        return Ok(None);
    }
    // From here on no sweep removes it; but one may have, a moment ago, as a lock on what has no name succeeds too.
    object.lock_shared()?;
    step!("attach.locked");
    if !object.is_at(&place.path())? {
        return Ok(None);
    }
    let facts = object.check_private()?;
    let header = read_header(&object, facts.size)?;
    if !header.is_of_this_boot() {
        return Ok(None);
    }
    let mapping = Mapping::new(&object, facts.size as usize, access)?;
    step!("attach.mapped");
    registry::join(place.clone(), object, mapping, header, access).map(Some)
}

/// The header of a root in an object of that size, checked.
fn read_header(object: &Object, size: u64) -> Result<Header> {
    let mut header: Header = bytemuck::Zeroable::zeroed();
    object.read_at(bytemuck::bytes_of_mut(&mut header), 0)?;
    header.check(Kind::Root, size)?;
    Ok(header)
}

/// Attaches the root at `place` as soon as there is one.
pub(crate) fn attach_by(place: Place, access: Access, deadline: Deadline) -> Result<Arc<Root>> {
    // Watch first, then look: a name that appears in between is not missed.
    let path = place.path();
    let watch = DirectoryWatch::new(path.parent().unwrap_or(std::path::Path::new("/")))?;
    loop {
        match attach(place.clone(), access) {
            Err(error) if error.kind() == ErrorKind::NotFound => {
                if deadline.has_passed() {
                    return Err(Error::new(
                        ErrorKind::TimedOut,
                        format!("no segment {} has appeared in time", place.name()),
                    )
                    .with_source(error));
                }
                watch.wait(deadline)?;
            }
            attached => return attached,
        }
    }
}
