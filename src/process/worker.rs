//! `init`: where a worker begins, and never returns.

use super::{
    call::{Call, Outcome},
    function::EntryError,
    log::tell,
    panic, parent,
    settings::Settings,
};
use crate::{
    Error, ErrorKind, Result,
    atomic::{AtomicBool, Ordering},
    os::{auxv, object::Access, signals},
    segment::{self, Place},
    shared::decode,
};
use serde::{Deserialize, Serialize};
use std::{path::PathBuf, process};

/// In the environment of a worker: what it is to do.
pub(super) const VARIABLE: &str = "MULTIPROC_WORKER";

/// What a worker is told, as text.
#[derive(Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Errand {
    pub(super) session: Place,
    pub(super) nonce: [u8; 16],
    pub(super) call: [u64; 2],
    pub(super) parent: u32,
}

impl Errand {
    pub(super) fn to_text(&self) -> String {
        let [a, b] = self.call;
        let nonce = u128::from_be_bytes(self.nonce);
        format!("{nonce:032x}:{a:016x}:{b:016x}:{}:{}", self.parent, self.session.path().display())
    }

    fn from_text(text: &str) -> Option<Self> {
        let mut parts = text.splitn(5, ':');
        let nonce = u128::from_str_radix(parts.next()?, 16).ok()?.to_be_bytes();
        let call = [
            u64::from_str_radix(parts.next()?, 16).ok()?,
            u64::from_str_radix(parts.next()?, 16).ok()?,
        ];
        let parent = parts.next()?.parse().ok()?;
        let session = Place::at(PathBuf::from(parts.next()?));
        Some(Self { session, nonce, call, parent })
    }
}

static INITIALISED: AtomicBool = AtomicBool::new(false);

/// Whether workers of this executable will find their way.
pub(super) fn is_initialised() -> bool {
    INITIALISED.load(Ordering::Relaxed)
}

/// The first line of `main` in a program that starts processes: a worker does its work here and exits. In every other process this
/// does nothing.
///
/// It is Python's `if __name__ == "__main__"`: workers are the same executable, run again, and without it each would run `main` from its
/// beginning. So [`spawn`](crate::spawn) refuses to start anything in a program that has not called it.
///
/// What stands before it in `main` runs in every worker too.
///
/// # Panics
///
/// Never. A worker that cannot begin (a stale environment, a setuid start) says why on its standard error and exits with 86.
///
/// ```
/// fn double(x: u64) -> u64 {
///     2 * x
/// }
///
/// fn main() -> multiproc::Result<()> {
///     multiproc::init();
///     assert_eq!(multiproc::spawn(double, (21,))?.join()?, 42);
///     Ok(())
/// }
/// ```
pub fn init() {
    INITIALISED.store(true, Ordering::Relaxed);
    let Ok(text) = std::env::var(VARIABLE) else { return };
    #[cfg(debug_assertions)]
    crate::os::step::arm_by_environment();
    match begin(&text) {
        Ok(code) => process::exit(code),
        Err(error) => {
            eprintln!("multiproc: this worker cannot begin: {error}");
            process::exit(86);
        }
    }
}

/// As [`init`], before `main`, where the runtime has not ignored SIGPIPE yet.
pub(crate) fn init_before_main() {
    if std::env::var_os(VARIABLE).is_some() {
        signals::ignore_sigpipe();
    }
    init();
}

/// Does the errand; the answer is the exit code.
fn begin(text: &str) -> Result<i32> {
    if auxv::is_privileged_start() {
        return Err(Error::new(
            ErrorKind::PermissionDenied,
            "a program with the set-user-id bit does not serve as worker",
        ));
    }
    let errand = Errand::from_text(text).ok_or_else(|| {
        Error::new(ErrorKind::InvalidInput, format!("{VARIABLE} has no errand: {text:?}"))
    })?;
    crate::os::environment::remove(VARIABLE);
    let root = segment::attach(errand.session.clone(), Access::ReadWrite)?;
    if root.nonce() != errand.nonce {
        return Err(Error::new(
            ErrorKind::StaleHandle,
            format!("the session {} is another one now", root.name()),
        ));
    }
    segment::inherit(std::sync::Arc::clone(&root));
    let call = Call::open(&root, errand.call)?;
    let settings: Settings = decode(call.settings())?;
    if !settings.outlives_parent {
        parent::watch(errand.parent, errand.session)?;
    }
    settings.apply(errand.parent)?;
    serve(&call)
}

/// Calls the function and hands the outcome over.
fn serve(call: &Call) -> Result<i32> {
    let entry = call.function().resolve()?;
    let no_room = call.no_room()?;
    tell!(DEBUG, name = super::current().name(), "function called");
    let returned = panic::catch(|| entry.call(call.args(), &|| call.arguments_arrived()));
    let (outcome, handles, code) = match returned {
        Ok(Ok(message)) => match call.foreign(&message.handles) {
            None => (Outcome::Returned(message.bytes), message.handles, 0),
            Some(reason) => (Outcome::NotEncoded(reason), Vec::new(), 1),
        },
        Ok(Err(EntryError::Decode(error))) => {
            (Outcome::NotDecoded(error.to_string()), Vec::new(), 1)
        }
        Ok(Err(EntryError::Encode(error))) => {
            (Outcome::NotEncoded(error.to_string()), Vec::new(), 1)
        }
        // The exit code of a Rust program whose main thread panicked.
        Err(report) => (Outcome::Panicked(report), Vec::new(), 101),
    };
    tell!(DEBUG, name = super::current().name(), code, "function ended");
    if let Err(error) = call.finish(&outcome, &handles, &no_room) {
        eprintln!("multiproc: the result of {} cannot be handed over: {error}", entry.type_name());
        return Ok(1);
    }
    Ok(code)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_errand_survives_the_environment() {
        let errand = Errand {
            session: Place::of_session(),
            nonce: [7; 16],
            call: [u64::MAX, 3],
            parent: 42,
        };
        assert_eq!(Errand::from_text(&errand.to_text()), Some(errand));
        assert_eq!(Errand::from_text("nonsense"), None);
    }
}
