//! Named steps at which a test lets a process die.
//!
//! `step!("lock.taken")` marks a place between two effects. In builds with debug assertions a process can be told
//! to kill itself, with SIGKILL, when it comes to a step for the nth time; otherwise, and in every release build,
//! the mark is nothing. The crash matrix reads the names from the sources, so no step is left out.

/// Marks a step.
macro_rules! step {
    ($name:literal) => {
        #[cfg(debug_assertions)]
        $crate::os::step::reached($name);
    };
}
pub(crate) use step;

#[cfg(debug_assertions)]
mod armed {
    use crate::atomic::{AtomicBool, AtomicU32, Ordering};
    use std::sync::Mutex;

    static ARMED: AtomicBool = AtomicBool::new(false);
    static TARGET: Mutex<String> = Mutex::new(String::new());
    static LEFT: AtomicU32 = AtomicU32::new(0);

    /// This process dies when it reaches `step` for the `nth` time (the first is 1).
    #[doc(hidden)]
    pub fn die_at(step: &str, nth: u32) {
        step.clone_into(&mut TARGET.lock().unwrap_or_else(std::sync::PoisonError::into_inner));
        LEFT.store(nth, Ordering::SeqCst);
        ARMED.store(true, Ordering::SeqCst);
    }

    /// In the environment of a worker: "STEP:N", for steps before its function is called.
    const VARIABLE: &str = "MULTIPROC_DIE_AT";

    /// Arms what the environment says, as a worker that has just begun.
    pub(crate) fn arm_by_environment() {
        let Ok(text) = std::env::var(VARIABLE) else { return };
        super::super::environment::remove(VARIABLE);
        if let Some((step, nth)) = text.split_once(':') {
            die_at(step, nth.parse().unwrap_or(1));
        }
    }

    #[inline]
    pub(crate) fn reached(name: &str) {
        if ARMED.load(Ordering::Relaxed) {
            armed(name);
        }
    }

    #[cold]
    fn armed(name: &str) {
        let hit = *TARGET.lock().unwrap_or_else(std::sync::PoisonError::into_inner) == name;
        if hit && LEFT.fetch_sub(1, Ordering::SeqCst) == 1 {
            super::super::signals::kill_self();
        }
    }
}

#[cfg(debug_assertions)]
pub use armed::die_at;
#[cfg(debug_assertions)]
pub(crate) use armed::{arm_by_environment, reached};
