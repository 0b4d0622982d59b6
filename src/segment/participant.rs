//! The calling thread as a participant: its id in each root where it claims something.
//!
//! A thread registers when it first needs an id, and stays registered until it ends. The id is kept in thread-local
//! memory; in a process made by a raw `fork()` that memory lies, so [`fork::is_forked`] is asked each time.

use super::{OwnerId, Root};
use crate::{Error, ErrorKind, Result, os::fork};
use std::cell::{Cell, RefCell};

thread_local! {
    /// The root that was used last, and this thread's id in it: lock after lock finds it here.
    static LAST: Cell<(u64, u32)> = const { Cell::new((0, 0)) };
    static ALL: RefCell<Vec<(u64, OwnerId)>> = const { RefCell::new(Vec::new()) };
}

/// This thread's id in the root with this serial number, if it was used last.
#[inline]
pub(crate) fn last_used(serial: u64) -> Option<OwnerId> {
    let (root, id) = LAST.get();
    if root == serial && !fork::is_forked() { OwnerId::from_bits(id) } else { None }
}

/// This thread's id in the root; registers it if need be.
#[inline]
pub(crate) fn current(root: &Root) -> Result<OwnerId> {
    match last_used(root.serial()) {
        Some(id) => Ok(id),
        None => look_up(root),
    }
}

#[cold]
fn look_up(root: &Root) -> Result<OwnerId> {
    fork::refuse_if_forked()?;
    let known = ALL.try_with(|all| {
        all.borrow().iter().find(|(serial, _)| *serial == root.serial()).map(|(_, id)| *id)
    });
    let known = known.map_err(|error| {
        Error::new(
            ErrorKind::InvalidInput,
            "this thread is ending: its thread-local memory is gone",
        )
        .with_source(error)
    })?;
    let id = match known {
        Some(id) => id,
        None => {
            let id = root.register()?;
            ALL.with_borrow_mut(|all| all.push((root.serial(), id)));
            id
        }
    };
    LAST.set((root.serial(), id.bits()));
    Ok(id)
}
