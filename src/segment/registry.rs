//! The roots that this process is attached to: one mapping for each object.

use super::{Root, header::Header, name::Place};
use crate::{
    Result,
    os::{
        mapping::Mapping,
        object::{Access, Facts, Object},
    },
};
use std::{
    collections::HashMap,
    ptr,
    sync::{Arc, LazyLock, Mutex, MutexGuard, PoisonError, Weak},
};

#[derive(Default)]
struct Attached {
    by_object: HashMap<(u64, u64, bool), Weak<Root>>,
    /// Those in which a thread has registered: never given up.
    kept: Vec<Arc<Root>>,
}

fn attached() -> MutexGuard<'static, Attached> {
    static ATTACHED: LazyLock<Mutex<Attached>> = LazyLock::new(Mutex::default);
    ATTACHED.lock().unwrap_or_else(PoisonError::into_inner)
}

fn key(facts: &Facts, access: Access) -> (u64, u64, bool) {
    (facts.device, facts.inode, access == Access::ReadOnly)
}

/// All roots that the process has.
pub(super) fn roots() -> Vec<Arc<Root>> {
    attached().by_object.values().filter_map(Weak::upgrade).collect()
}

/// The root in this object, if the process has it. One for writing serves readers too.
pub(super) fn find(facts: &Facts, access: Access) -> Option<Arc<Root>> {
    let attached = attached();
    let find = |access| attached.by_object.get(&key(facts, access)).and_then(Weak::upgrade);
    find(access)
}

/// The root with this nonce, if the process has it.
pub(crate) fn find_nonce(nonce: [u8; 16]) -> Option<Arc<Root>> {
    attached()
        .by_object
        .values()
        .filter_map(Weak::upgrade)
        .find(|root| root.nonce() == nonce && !root.is_read_only())
}

/// Takes part in a root, unless another thread of the process was faster: then in that.
pub(super) fn join(
    place: Place,
    object: Object,
    mapping: Mapping,
    header: Header,
    access: Access,
) -> Result<Arc<Root>> {
    let key = key(&object.facts()?, access);
    let mut attached = attached();
    if let Some(root) = attached.by_object.get(&key).and_then(Weak::upgrade) {
        return Ok(root);
    }
    let root = Root::join(place, object, mapping, header, access)?;
    attached.by_object.retain(|_, root| root.strong_count() > 0);
    attached.by_object.insert(key, Arc::downgrade(&root));
    Ok(root)
}

/// The root stays attached until the process ends.
pub(super) fn keep(root: &Root) {
    let mut attached = attached();
    let is_it = |known: &Arc<Root>| ptr::eq(Arc::as_ptr(known), root);
    if attached.kept.iter().any(is_it) {
        return;
    }
    let found = attached.by_object.values().filter_map(Weak::upgrade).find(is_it);
    attached.kept.extend(found);
}
