//! A program that forbids unsafe code can use all of the library, its macros too.
#![forbid(unsafe_code)]

mod support;

use multiproc::{AtomicCell, Ordering, Shared, spawn};
use support::watchdog;

multiproc::test_support!();

#[derive(Debug, Shared)]
#[repr(C)]
struct Progress {
    done: AtomicCell<u64>,
    residual: f64,
}

fn work(progress: Shared<Progress>) {
    progress.atomics().done.fetch_add(1, Ordering::Relaxed);
    *progress.lock().unwrap().residual = 0.5;
}

#[test]
fn a_derived_struct_travels() {
    let _watchdog = watchdog(60);
    let progress = Shared::new(Progress { done: AtomicCell::new(0), residual: 1.0 }).unwrap();
    spawn(work, (progress.clone(),)).unwrap().join().unwrap();
    assert_eq!(progress.atomics().done.load(Ordering::Relaxed), 1);
    assert_eq!(*progress.lock().unwrap().residual, 0.5);
}
