//! What an initialiser has returned: its worker's main thread keeps it to the end.

use super::PoolWorker;
use crate::os::fork;
use std::{any::Any, cell::RefCell};

thread_local! {
    static KEPT: RefCell<Option<Box<dyn Any>>> = const { RefCell::new(None) };
}

/// Calls the initialiser, unless this worker has been through it: it begins anew after each panic of a task.
pub(super) fn initialise<G: 'static, E>(
    worker: PoolWorker,
    initialise: impl Fn(PoolWorker) -> Result<G, E>,
) -> Result<(), E> {
    if KEPT.with_borrow(Option::is_none) {
        let kept = initialise(worker)?;
        KEPT.set(Some(Box::new(kept)));
    }
    Ok(())
}

/// The worker ends by itself.
pub(super) fn end() {
    let kept = KEPT.take();
    if fork::is_forked() {
        // It is the parent's.
        std::mem::forget(kept);
    }
}
