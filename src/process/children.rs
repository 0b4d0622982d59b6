//! The children of this process that have not ended, or that nobody has waited for.
//!
//! One thread waits for their ends. It takes back what was on its way to a worker that died before it had it, whether or not somebody joins the worker; and it
//! waits for a child whose handle was dropped, so that no zombie stays. At the exit of this process, as in Python, daemonic
//! children are terminated and the others are waited for.

use super::child::Child;
use crate::{
    Result,
    os::{descriptor_set::DescriptorSet, exit, fork},
};
use std::{
    os::fd::AsFd,
    sync::{Arc, Mutex, MutexGuard, Once, PoisonError},
    thread,
    time::Duration,
};

/// How long a daemonic child may take to end after SIGTERM, at the exit of this process.
const GRACE: Duration = Duration::from_secs(1);

fn children() -> MutexGuard<'static, Vec<Arc<Child>>> {
    static CHILDREN: Mutex<Vec<Arc<Child>>> = Mutex::new(Vec::new());
    CHILDREN.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Adds a child that was just started.
pub(super) fn add(child: &Arc<Child>) {
    static AT_EXIT: Once = Once::new();
    AT_EXIT.call_once(|| exit::at_exit(finish));
    children().push(Arc::clone(child));
}

/// Takes out a child that has ended and was waited for; `false` if somebody did before.
pub(super) fn remove(child: &Child) -> bool {
    let mut children = children();
    let before = children.len();
    children.retain(|other| other.serial != child.serial);
    children.len() < before
}

/// Those that have not ended. Those that have are waited for.
pub(super) fn alive() -> Vec<Arc<Child>> {
    let all = children().clone();
    // What cannot be waited for is left out.
    all.into_iter().filter(|child| matches!(child.wait(Some(Duration::ZERO)), Ok(None))).collect()
}

/// Sees to the end of a child, on a thread that serves all such. To be said again when its handle is gone.
pub(super) fn watch(child: &Child) -> Result<()> {
    static REAPER: Mutex<Option<Arc<DescriptorSet>>> = Mutex::new(None);
    let mut reaper = REAPER.lock().unwrap_or_else(PoisonError::into_inner);
    let reaper = match &*reaper {
        Some(reaper) => Arc::clone(reaper),
        None => {
            let new = Arc::new(DescriptorSet::new()?);
            let waits = Arc::clone(&new);
            thread::Builder::new()
                .name("multiproc-reaper".into())
                .stack_size(64 << 10)
                .spawn(move || while waits.wait().is_ok_and(reap) {})
                .map_err(|error| crate::Error::os("starting a thread", error))?;
            // Only one that has its thread: where none can be made now, the next child tries again.
            Arc::clone(reaper.insert(new))
        }
    };
    reaper.add(child.descriptor().as_fd(), child.serial)
}

/// A child has ended. Whoever has waited for it has done this.
fn reap(serial: u64) -> bool {
    let ended = children().iter().find(|child| child.serial == serial).cloned();
    if let Some(child) = ended {
        if child.is_nobodys() {
            drop(child.take_work());
            let _ = child.wait(None);
        } else {
            child.take_arguments_back();
        }
    }
    true
}

/// At exit.
extern "C" fn finish() {
    if fork::is_forked() {
        return;
    }
    for child in alive().iter().filter(|child| child.is_daemon) {
        let _ = child.terminate();
    }
    for child in alive() {
        // A daemonic child that does not listen is killed: nothing hangs for its sake.
        if child.is_daemon && matches!(child.wait(Some(GRACE)), Ok(None)) {
            let _ = child.kill();
        }
        let _ = child.wait(None);
    }
}
