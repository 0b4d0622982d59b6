//! Structs that processes share: plain fields under a lock, atomic fields without, compared by structure. VA08.

mod support;

use multiproc::{
    Atomic, AtomicCell, ErrorKind, LockError, Ordering, Segment, Shared, Value, spawn,
};
use support::{clean, unique, watchdog};

multiproc::test_support!();

/// The state of a solver.
#[derive(Debug, Shared)]
#[repr(C)]
pub struct Solver {
    /// How far it is off.
    pub residual: f64,
    converged: bool,
    label: char,
    pub steps: AtomicCell<u64>,
    best: AtomicCell<f64>,
}

fn solver() -> Solver {
    Solver {
        residual: 1.0,
        converged: false,
        label: 'c',
        steps: AtomicCell::new(0),
        best: AtomicCell::new(f64::MAX),
    }
}

fn work(solver: Shared<Solver>, times: u64) -> multiproc::Result<()> {
    for _ in 0..times {
        solver.atomics().steps.fetch_add(1, Ordering::Relaxed);
        let mut fields = solver.lock()?;
        *fields.residual += 1.0;
        solver.atomics().best.fetch_min(*fields.residual, Ordering::Relaxed);
    }
    *solver.lock()?.converged = true;
    Ok(())
}

#[test]
fn fields_and_atomics_are_shared() {
    let _watchdog = watchdog(60);
    let shared = Shared::new(solver()).unwrap();
    let workers: Vec<_> = (0..3).map(|_| spawn(work, (shared.clone(), 5_000)).unwrap()).collect();
    workers.into_iter().for_each(|worker| worker.join().unwrap().unwrap());
    let fields = shared.lock().unwrap();
    assert_eq!((*fields.residual, *fields.converged, *fields.label), (15_001.0, true, 'c'));
    let atomics = shared.atomics();
    assert_eq!(atomics.steps.load(Ordering::Relaxed), 15_000);
    assert_eq!(atomics.best.load(Ordering::Relaxed), 2.0);
    assert!(format!("{fields:?}").contains("residual: 15001.0"), "{fields:?}");
    assert!(matches!(shared.try_lock(), Err(LockError::Failed(_))));
    drop(fields);
    assert!(format!("{shared:?}").contains("Solver"));
}

#[test]
fn a_dead_holder_is_told_with_the_guard() {
    let _watchdog = watchdog(60);
    let shared = Shared::new(solver()).unwrap();
    let dies = |shared: Shared<Solver>| -> () {
        let mut fields = shared.lock().unwrap();
        *fields.residual = -1.0;
        std::process::abort()
    };
    assert!(spawn(dies, (shared.clone(),)).unwrap().join().is_err());
    match shared.lock() {
        Err(LockError::OwnerDied(mut fields)) => {
            assert_eq!(*fields.residual, -1.0);
            *fields.residual = 0.0;
            fields.clear_poison();
        }
        other => panic!("{other:?}"),
    }
    assert!(!shared.is_poisoned());
}

/// Another program's idea of the same struct, and of one that is not.
mod other {
    use super::*;

    #[derive(Shared)]
    #[repr(C)]
    #[allow(dead_code, reason = "it is never made")]
    pub(crate) struct Solver {
        pub(crate) residual: f64,
        pub(crate) converged: u8,
        pub(crate) label: u32,
        pub(crate) steps: AtomicCell<u64>,
        pub(crate) best: AtomicCell<f64>,
    }

    pub(crate) mod same {
        use super::*;

        #[derive(Shared)]
        #[repr(C)]
        #[allow(dead_code, reason = "it is never made")]
        pub(crate) struct Other {
            pub(crate) residual: f64,
            pub(crate) converged: bool,
            pub(crate) label: char,
            pub(crate) steps: AtomicCell<u64>,
            pub(crate) best: AtomicCell<f64>,
        }
    }
}

#[test]
fn two_programs_compare_the_structure() {
    let name = unique("struct");
    clean(&name, || {
        let segment = Segment::create(&name).unwrap();
        let shared = Shared::new_in(&segment, solver()).unwrap();
        segment.publish("solver", &shared).unwrap();
        let theirs = segment.open::<Shared<other::same::Other>>("solver").unwrap();
        *theirs.lock().unwrap().residual = 0.25;
        assert_eq!(*shared.lock().unwrap().residual, 0.25);
        let error = segment.open::<Shared<other::Solver>>("solver").unwrap_err();
        assert_eq!(error.kind(), ErrorKind::WrongType);
        assert_eq!(segment.open::<Value<f64>>("solver").unwrap_err().kind(), ErrorKind::WrongType);
    });
}

/// A `bool` in which a program with another idea of the struct wrote 7.
#[test]
fn bits_that_are_no_value_are_an_error() {
    let shared = Shared::new(solver()).unwrap();
    {
        let mut fields = shared.lock().unwrap();
        let byte: *mut bool = &raw mut *fields.converged;
        // SAFETY: the byte is the field's, under its lock; the reference to it is not used any more.
        unsafe { byte.cast::<u8>().write(7) };
    }
    match shared.lock() {
        Err(LockError::Failed(error)) => {
            assert_eq!(error.kind(), ErrorKind::InvalidValue);
            assert!(error.to_string().contains("converged"), "{error}");
        }
        other => panic!("{other:?}"),
    }
    // Atomic fields do not care.
    shared.atomics().steps.store(3, Ordering::Relaxed);
    shared.overwrite(solver()).unwrap();
    assert!(!*shared.lock().unwrap().converged);
    assert_eq!(shared.atomics().steps.load(Ordering::Relaxed), 0);
}

/// Nothing but atomics, nothing but fields, nothing at all.
#[test]
fn small_structs_are_structs_too() {
    #[derive(Shared)]
    #[repr(C)]
    struct Flags {
        stop: AtomicCell<bool>,
    }
    #[derive(Shared)]
    #[repr(C, align(32))]
    struct Nothing {}
    let flags = Shared::new(Flags { stop: AtomicCell::new(false) }).unwrap();
    let stop = |flags: Shared<Flags>| flags.atomics().stop.store(true, Ordering::Release);
    spawn(stop, (flags.clone(),)).unwrap().join().unwrap();
    assert!(flags.atomics().stop.load(Ordering::Acquire));
    drop(Shared::new(Nothing {}).unwrap().lock().unwrap());
    assert_eq!(Atomic::new(1).unwrap().load(Ordering::Relaxed), 1);
}
