//! Handles in results: what a worker hands over lives until the parent has it or does not want it, and no longer.

mod support;

use multiproc::{Array, ErrorKind, Process, ProcessError, Value, spawn};
use std::{fs, fs::File, sync::Mutex, thread};
use support::watchdog;

multiproc::test_support!();

/// Tests that look for large objects of the session, one at a time.
static LARGE: Mutex<()> = Mutex::new(());

/// The objects of this session that only large arrays have, after a sweep of the dead.
fn large_objects() -> Vec<String> {
    drop(Array::<u8>::zeroed(2 << 20).unwrap());
    let session = format!("-{}-", std::process::id());
    let is_large = |name: &String| {
        let data = fs::metadata(format!("/dev/shm/{name}"));
        name.contains(&session) && data.is_ok_and(|data| data.len() >= 2 << 20)
    };
    support::shared_objects("multiproc-").into_iter().filter(is_large).collect()
}

fn wait_for_end<R>(process: &Process<R>) {
    while process.exit_status().unwrap().is_none() {
        thread::yield_now();
    }
}

/// The parent drops its own last handle of an object before it joins the worker that returns it.
#[test]
fn a_result_does_not_depend_on_the_parents_handle() {
    let _watchdog = watchdog(60);
    for _ in 0..20 {
        let value = Value::new(7_u64).unwrap();
        let process = spawn(|value: Value<u64>| value, (value.clone(),)).unwrap();
        wait_for_end(&process);
        drop(value);
        assert_eq!(process.join().unwrap().get().unwrap(), 7);
    }
}

/// The same object in the results of several workers, joined in any order, and some never.
#[test]
fn an_object_in_many_results_lives_for_each() {
    let _watchdog = watchdog(60);
    let _alone = LARGE.lock().unwrap();
    let array = Array::<u8>::zeroed(3 << 20).unwrap();
    array.write().unwrap()[0] = 7;
    let mut workers: Vec<_> =
        (0..4).map(|_| spawn(|array: Array<u8>| array, (array.clone(),)).unwrap()).collect();
    workers.iter().for_each(wait_for_end);
    drop(array);
    let last = workers.pop().unwrap();
    let first = workers.remove(0).join().unwrap();
    drop(workers);
    assert_eq!(first.read().unwrap()[0], 7);
    drop(first);
    let last = last.join().unwrap();
    assert_eq!(last.read().unwrap()[0], 7);
    drop(last);
    assert_eq!(large_objects(), Vec::<String>::new());
}

/// Results within results: handles are kept by the parcel, not by who made it.
#[test]
fn what_nobody_joins_is_freed() {
    let _watchdog = watchdog(60);
    let _alone = LARGE.lock().unwrap();
    let make = || Array::<u8>::zeroed(3 << 20).unwrap();
    let process = spawn(make, ()).unwrap();
    wait_for_end(&process);
    drop(process);
    assert_eq!(large_objects(), Vec::<String>::new());
    let process = spawn(make, ()).unwrap();
    let array = process.join().unwrap();
    assert_eq!(array.len(), 3 << 20);
    drop(array);
    assert_eq!(large_objects(), Vec::<String>::new());
}

/// A parent is killed while its worker, which outlives it, has yet to return.
fn parent(inside: Value<u32>, go_on: Value<u32>) {
    let worker = Process::builder()
        .outlive_parent(true)
        .spawn(
            |inside: Value<u32>, go_on: Value<u32>| {
                inside.set(1).unwrap();
                while go_on.get().unwrap() == 0 {
                    thread::yield_now();
                }
                let array = Array::<u8>::zeroed(3 << 20).unwrap();
                inside.set(2).unwrap();
                array
            },
            (inside, go_on),
        )
        .unwrap();
    drop(worker.join());
}

#[test]
fn a_result_for_a_dead_parent_is_freed() {
    let _watchdog = watchdog(60);
    let _alone = LARGE.lock().unwrap();
    let (inside, go_on) = (Value::new(0_u32).unwrap(), Value::new(0_u32).unwrap());
    let process = spawn(parent, (inside.clone(), go_on.clone())).unwrap();
    while inside.get().unwrap() == 0 {
        thread::yield_now();
    }
    process.kill().unwrap();
    assert!(matches!(process.join(), Err(ProcessError::Signalled { signal: 9, .. })));
    // The dead parent's record is swept before the worker returns.
    assert_eq!(large_objects(), Vec::<String>::new());
    go_on.set(1).unwrap();
    while inside.get().unwrap() != 2 {
        thread::yield_now();
    }
    while !large_objects().is_empty() {
        thread::yield_now();
    }
}

/// Who sweeps while it can open nothing leaves the dead for later.
#[test]
fn a_sweep_without_descriptors_forgets_nobody() {
    let _watchdog = watchdog(60);
    let _alone = LARGE.lock().unwrap();
    let leave = || -> () {
        let large = Array::<u8>::zeroed(3 << 20).unwrap();
        std::hint::black_box(&large);
        std::process::abort()
    };
    let sweep = || {
        drop(Value::new(0_u8).unwrap());
        let mut taken = Vec::new();
        while let Ok(file) = File::open("/dev/null") {
            taken.push(file);
        }
        let error = Array::<u8>::zeroed(2 << 20).unwrap_err();
        assert!(matches!(error.kind(), ErrorKind::Os | ErrorKind::TooMany), "{error}");
        drop(taken);
        drop(Array::<u8>::zeroed(2 << 20).unwrap());
    };
    // Two corpses: the sweeper takes the record of the first.
    for _ in 0..2 {
        assert!(spawn(leave, ()).unwrap().join().is_err());
    }
    spawn(sweep, ()).unwrap().join().unwrap();
    assert_eq!(large_objects(), Vec::<String>::new());
}
