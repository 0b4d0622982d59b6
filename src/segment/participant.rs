//! The calling thread as a participant: its id in each root where it claims something.
//!
//! A thread registers when it first needs an id, and stays registered until it ends. The id is kept in thread-local
//! memory; in a process made by a raw `fork()` that memory lies, so [`fork::is_forked_holder`] is asked each time.

use super::{OwnerId, Root};
use crate::{Result, os::fork};
use std::{
    cell::{Cell, RefCell},
    ptr,
};

thread_local! {
    /// The root that was used last, and this thread's id in it: lock after lock finds it here. A root in which a thread has registered stays where it is
    /// until the process ends, so its address says which it is.
    static LAST: Cell<(*const Root, OwnerId)> = const { Cell::new((ptr::null(), OwnerId::NOBODY)) };
    static ALL: RefCell<Vec<(*const Root, OwnerId)>> = const { RefCell::new(Vec::new()) };
}

/// This thread's id in the root, if that was used last.
#[inline]
fn last_used(root: *const Root) -> Option<OwnerId> {
    let (last, id) = LAST.get();
    // Not `&&`: both are loaded before either is looked at.
    let is_known = (last == root) & !fork::is_forked_holder();
    is_known.then_some(id)
}

/// This thread's id in the root; registers it if need be.
#[inline]
pub(crate) fn current(root: &Root) -> Result<OwnerId> {
    match last_used(root) {
        Some(id) => Ok(id),
        None => look_up(root),
    }
}

#[cold]
fn look_up(root: &Root) -> Result<OwnerId> {
    fork::refuse_if_forked()?;
    let known = ALL.try_with(|all| {
        all.borrow().iter().find(|(known, _)| ptr::eq(*known, root)).map(|(_, id)| *id)
    });
    // A thread that is ending may have lost that memory, and drops handles all the same.
    let known = known.unwrap_or_else(|_| root.participants().find_mine(root.holder()));
    let id = match known {
        Some(id) => id,
        None => {
            let id = root.register()?;
            let _ = ALL.try_with(|all| all.borrow_mut().push((root, id)));
            id
        }
    };
    LAST.set((root, id));
    Ok(id)
}
