//! The session: the segment that a process makes for itself on first use.

use super::{Place, Plan, Root, SLOTS, create, sweep};
use crate::{
    Error, ErrorKind, Result,
    os::{exit, fork, object::Access},
};
use std::sync::{Arc, Mutex, PoisonError};

static SESSION: Mutex<Option<Session>> = Mutex::new(None);

struct Session {
    root: Arc<Root>,
    /// This process made it, and removes it at exit.
    mine: bool,
}

/// The session's root; it is made when there is none yet.
pub(crate) fn session() -> Result<Arc<Root>> {
    fork::refuse_if_forked()?;
    let mut session = SESSION.lock().unwrap_or_else(PoisonError::into_inner);
    if let Some(session) = &*session {
        return Ok(Arc::clone(&session.root));
    }
    // What killed programs have left makes room for this one.
    sweep::all();
    let root = create(Place::of_session(), Plan { slots: slots()?, keep: false })?;
    exit::at_exit(remove);
    *session = Some(Session { root: Arc::clone(&root), mine: true });
    Ok(root)
}

/// In the environment of another program: the session of the process that started it.
pub(crate) const SESSION_VARIABLE: &str = "MULTIPROC_SEGMENT";

/// A root, as text for that variable.
pub(crate) fn session_text(root: &Root) -> String {
    format!("{:032x}:{}", u128::from_be_bytes(root.nonce()), root.place().path().display())
}

/// The root that the environment names.
pub(crate) fn from_env() -> Result<Arc<Root>> {
    let wrong = |kind, found: &str| {
        let wanted = "start this program with Process::command of multiproc, or attach a segment by its name";
        Error::new(kind, format!("{SESSION_VARIABLE} {found}: {wanted}"))
    };
    let Ok(text) = std::env::var(SESSION_VARIABLE) else {
        return Err(wrong(ErrorKind::NotFound, "is not in the environment"));
    };
    let parsed = text.split_once(':').and_then(|(nonce, path)| {
        Some((u128::from_str_radix(nonce, 16).ok()?.to_be_bytes(), Place::at(path.into())))
    });
    let Some((nonce, place)) = parsed else {
        return Err(wrong(ErrorKind::InvalidInput, &format!("names no segment: {text:?}")));
    };
    let root = super::attach(place, Access::ReadWrite)?;
    if root.nonce() == nonce {
        Ok(root)
    } else {
        Err(wrong(ErrorKind::StaleHandle, "names a segment that is another one now"))
    }
}

/// A worker's session is its parent's.
pub(crate) fn inherit(root: Arc<Root>) {
    let mut session = SESSION.lock().unwrap_or_else(PoisonError::into_inner);
    *session = Some(Session { root, mine: false });
}

/// As a worker that is about to end because its parent has: gives up the lock that says it is attached, and removes the session if
/// that was the last one. (Each tries after giving up its own, so the last finds none.)
pub(crate) fn leave(place: &Place) {
    if let Ok(session) = SESSION.try_lock()
        && let Some(session) = &*session
    {
        let _ = session.root.object().unlock();
    }
    sweep::root(place);
}

/// How many threads can take part: `MULTIPROC_PARTICIPANTS`, or the default.
fn slots() -> Result<u32> {
    match std::env::var("MULTIPROC_PARTICIPANTS") {
        Err(_) => Ok(SLOTS),
        Ok(text) => text.parse().map_err(|error: std::num::ParseIntError| {
            Error::new(
                ErrorKind::InvalidInput,
                format!(
                    "MULTIPROC_PARTICIPANTS is {text:?}, but must be a number from 1 to {}",
                    super::OwnerId::MAX_SLOTS
                ),
            )
            .with_source(error)
        }),
    }
}

/// At exit: who made the session removes it. Children that still run go on with what they have mapped.
extern "C" fn remove() {
    if fork::is_forked() {
        return;
    }
    // Another thread may be making it: then the next sweep finds it.
    if let Ok(session) = SESSION.try_lock()
        && let Some(Session { root, mine: true }) = &*session
    {
        let _ = root.unlink();
    }
}
