//! What a panic said and where, for another process to read.

use std::{
    any::Any,
    backtrace::{Backtrace, BacktraceStatus},
    cell::RefCell,
    fmt, mem,
    panic::{self, AssertUnwindSafe, PanicHookInfo},
    sync::Once,
};

use serde::{Deserialize, Serialize};

/// What a panic said, where it happened, and, if `RUST_BACKTRACE` or `RUST_LIB_BACKTRACE` asks for it, how the
/// program got there.
///
/// Shown as `panicked at src/solver.rs:12:5: message`; the alternate form (`{:#}`) adds the backtrace.
///
/// ```
/// # multiproc::test_support!();
/// use multiproc::{ProcessError, spawn};
///
/// match spawn(|step: u32| -> () { panic!("no convergence in step {step}") }, (7,))?.join() {
///     Err(ProcessError::Panicked { report, .. }) => {
///         assert_eq!(report.message(), "no convergence in step 7");
///         let location = report.location().unwrap();
///         assert_eq!(report.to_string(), format!("panicked at {location}: no convergence in step 7"));
///     }
///     other => panic!("{other:?}"),
/// }
/// # Ok::<(), multiproc::Error>(())
/// ```
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct PanicReport {
    message: String,
    location: Option<String>,
    backtrace: Option<String>,
}

impl PanicReport {
    /// The panic's message. A payload that is no text ([`std::panic::panic_any`]) shows as a sentence that says so.
    #[must_use]
    pub fn message(&self) -> &str {
        &self.message
    }

    /// File, line and column; none if the panic was carried on from another thread
    /// ([`std::panic::resume_unwind`]) or the program has a panic hook of its own that ours does not see through.
    #[must_use]
    pub fn location(&self) -> Option<&str> {
        self.location.as_deref()
    }

    /// A message alone.
    pub(crate) fn of_message(message: String) -> Self {
        Self { message, location: None, backtrace: None }
    }

    /// The calls that led to the panic, if they were asked for.
    #[must_use]
    pub fn backtrace(&self) -> Option<&str> {
        self.backtrace.as_deref()
    }
}

impl fmt::Display for PanicReport {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let location = self.location.as_deref().unwrap_or("an unknown place");
        write!(f, "panicked at {location}: {}", self.message)?;
        match &self.backtrace {
            Some(backtrace) if f.alternate() => write!(f, "\n{backtrace}"),
            _ => Ok(()),
        }
    }
}

/// What [`catch`] collects on this thread.
enum Collecting {
    /// Nobody catches: panics are none of our business.
    Off,
    On(Option<PanicReport>),
}

thread_local! {
    static COLLECTING: RefCell<Collecting> = const { RefCell::new(Collecting::Off) };
}

/// Calls `f`; if it panics, the report of that panic. The message still goes to stderr by the hook that was set before.
///
/// # Errors
///
/// The report, if `f` panics and the program unwinds (with `panic = "abort"` it ends).
pub(crate) fn catch<T>(f: impl FnOnce() -> T) -> Result<T, PanicReport> {
    static HOOK: Once = Once::new();
    HOOK.call_once(|| {
        let previous = panic::take_hook();
        panic::set_hook(Box::new(move |info| {
            previous(info);
            collect(info);
        }));
    });

    let outer = COLLECTING.replace(Collecting::On(None));
    // The worker throws away what `f` left half done, or tells by poison.
    let result = panic::catch_unwind(AssertUnwindSafe(f));
    let collected = COLLECTING.replace(outer);
    result.map_err(|payload| {
        let message = message(&*payload);
        // The payload may panic once more as it goes; what it throws then is not worth a third.
        if let Err(second) = panic::catch_unwind(AssertUnwindSafe(|| drop(payload))) {
            mem::forget(second);
        }
        match collected {
            Collecting::On(Some(report)) if report.message == message => report,
            // This panic came without a call of our hook; what was collected was another, which `f` caught.
            _ => PanicReport { message, location: None, backtrace: None },
        }
    })
}

/// The hook's part: remembers the panic of a thread that is inside [`catch`].
fn collect(info: &PanicHookInfo<'_>) {
    // A thread that is being torn down has no cell any more, and nobody who would look into it.
    let _ = COLLECTING.try_with(|cell| {
        let Ok(mut collecting) = cell.try_borrow_mut() else { return };
        let Collecting::On(report) = &mut *collecting else { return };
        // Looks at the environment once, as the standard library's own hook does.
        let backtrace = Backtrace::capture();
        let captured = backtrace.status() == BacktraceStatus::Captured;
        *report = Some(PanicReport {
            message: message(info.payload()),
            location: info.location().map(ToString::to_string),
            backtrace: captured.then(|| backtrace.to_string()),
        });
    });
}

fn message(payload: &(dyn Any + Send)) -> String {
    if let Some(text) = payload.downcast_ref::<&str>() {
        (*text).to_owned()
    } else if let Some(text) = payload.downcast_ref::<String>() {
        text.clone()
    } else {
        "Box<dyn Any> (the panic's payload is no text)".to_owned()
    }
}

#[cfg(test)]
mod tests {
    use std::thread;

    use super::*;
    use crate::os::rerun::in_child;

    fn report(f: impl FnOnce()) -> PanicReport {
        catch(f).unwrap_err()
    }

    #[test]
    fn what_returns_is_returned() {
        assert_eq!(catch(|| 42).unwrap(), 42);
    }

    #[test]
    fn message_and_place_are_reported() {
        let line = line!() + 1;
        let literal = report(|| panic!("a literal"));
        assert_eq!(literal.message(), "a literal");
        let location = literal.location().unwrap();
        assert!(location.starts_with(&format!("{}:{line}:", file!())), "{location}");
        assert_eq!(literal.to_string(), format!("panicked at {location}: a literal"));

        let number = 7;
        assert_eq!(report(|| panic!("number {number}")).message(), "number 7");
        let bounds = report(|| drop([1, 2, 3][std::hint::black_box(number)..].to_vec()));
        assert!(bounds.message().contains("out of range"), "{bounds}");
    }

    #[test]
    fn a_payload_that_is_no_text_says_so() {
        let report = report(|| panic::panic_any(7_u32));
        assert!(report.message().contains("Box<dyn Any>"), "{report}");
        assert!(report.location().is_some());
    }

    #[test]
    fn a_payload_that_panics_as_it_goes_is_survived() {
        struct Bomb;
        impl Drop for Bomb {
            fn drop(&mut self) {
                panic!("second");
            }
        }
        assert!(report(|| panic::panic_any(Bomb)).message().contains("Box<dyn Any>"));
    }

    #[test]
    fn a_panic_that_was_caught_inside_is_not_reported_for_another() {
        let report = report(|| {
            let inner = panic::catch_unwind(|| panic!("caught"));
            assert!(inner.is_err());
            panic::resume_unwind(Box::new("from elsewhere"));
        });
        assert_eq!(report.message(), "from elsewhere");
        assert_eq!(report.location(), None);
        assert_eq!(report.to_string(), "panicked at an unknown place: from elsewhere");
    }

    #[test]
    fn catches_nest_and_threads_do_not_mix() {
        let outer = report(|| {
            let inner = report(|| panic!("inner"));
            assert_eq!(inner.message(), "inner");
            let other = thread::spawn(|| panic!("other thread"));
            assert!(other.join().is_err());
            panic!("outer");
        });
        assert_eq!(outer.message(), "outer");
        assert!(outer.location().is_some());
    }

    #[test]
    fn the_backtrace_comes_when_it_is_asked_for() {
        const TEST: &str = "process::panic::tests::the_backtrace_comes_when_it_is_asked_for";
        in_child(TEST, &[("RUST_LIB_BACKTRACE", "1")], || {
            #[inline(never)]
            fn it_happens_here() {
                panic!("with backtrace");
            }
            let report = report(it_happens_here);
            let backtrace = report.backtrace().unwrap();
            assert!(backtrace.contains("it_happens_here"), "{backtrace}");
            assert!(format!("{report:#}").contains(backtrace));
            assert!(!report.to_string().contains(backtrace));
        });
    }

    #[test]
    fn no_backtrace_comes_unasked() {
        const TEST: &str = "process::panic::tests::no_backtrace_comes_unasked";
        in_child(TEST, &[("RUST_LIB_BACKTRACE", "0")], || {
            assert_eq!(report(|| panic!("without")).backtrace(), None);
        });
    }

    #[test]
    fn the_hook_that_was_there_is_still_called() {
        const TEST: &str = "process::panic::tests::the_hook_that_was_there_is_still_called";
        in_child(TEST, &[], || {
            let (sender, seen) = std::sync::mpsc::channel();
            panic::set_hook(Box::new(move |info| sender.send(message(info.payload())).unwrap()));
            assert_eq!(report(|| panic!("told twice")).message(), "told twice");
            assert_eq!(seen.recv().unwrap(), "told twice");
        });
    }

    #[test]
    fn a_report_travels() {
        let report = report(|| panic!("far"));
        let bytes = postcard::to_stdvec(&report).unwrap();
        assert_eq!(postcard::from_bytes::<PanicReport>(&bytes).unwrap(), report);
    }
}
