//! Handles in results: what a worker hands over lives until the parent has it or does not want it, and no longer.

#[path = "support/mounted.rs"]
mod mounted;
mod support;

use mounted::{in_small_file_system, mounted};
use multiproc::{Array, Atomic, ErrorKind, Ordering, Process, ProcessError, Segment, Value, spawn};
use serde::{Deserialize, Deserializer, Serialize};
use std::{
    cell::RefCell,
    fs::{self, File},
    path::Path,
    sync::Mutex,
    thread,
};
use support::{wait_until_nothing_large_is_left, watchdog};

multiproc::test_support!();

/// Tests that look for large objects of the session, one at a time.
static LARGE: Mutex<()> = Mutex::new(());

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
    wait_until_nothing_large_is_left();
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
    wait_until_nothing_large_is_left();
    let process = spawn(make, ()).unwrap();
    let array = process.join().unwrap();
    assert_eq!(array.len(), 3 << 20);
    drop(array);
    wait_until_nothing_large_is_left();
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
    wait_until_nothing_large_is_left();
    go_on.set(1).unwrap();
    while inside.get().unwrap() != 2 {
        thread::yield_now();
    }
    wait_until_nothing_large_is_left();
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
    wait_until_nothing_large_is_left();
}

/// There is no room for a result: an error that says so, and no silence.
#[test]
fn a_result_without_room_is_an_error() {
    const NAME: &str = "a_result_without_room_is_an_error";
    if mounted().is_some() {
        // In /dev/shm there are 6 MiB.
        let ended = spawn(|| vec![7_u8; 8 << 20], ()).unwrap().join();
        let Err(ProcessError::Encode { message, .. }) = ended else { panic!("{ended:?}") };
        assert!(message.contains("no room"), "{message}");
        assert_eq!(spawn(|| 7, ()).unwrap().join().unwrap(), 7);
        return;
    }
    let _watchdog = watchdog(60);
    in_small_file_system(NAME, "6m", Path::new("/dev/shm"));
}

/// Somebody else in the program waits for all children: the result is there all the same; of one without a result it is said what is not known.
#[test]
fn a_child_that_was_waited_for_elsewhere_has_its_result() {
    let _watchdog = watchdog(60);
    let wait_elsewhere = |process: &Process<u32>| {
        let mut status = 0;
        // SAFETY: waits for a child of this process; the place is valid.
        let waited = unsafe { libc::waitpid(process.pid().cast_signed(), &raw mut status, 0) };
        assert_eq!(waited.cast_unsigned(), process.pid());
    };
    let process = spawn(|| 7_u32, ()).unwrap();
    wait_elsewhere(&process);
    assert_eq!(process.join().unwrap(), 7);
    let process = spawn(|| -> u32 { std::process::abort() }, ()).unwrap();
    wait_elsewhere(&process);
    let error = process.join().unwrap_err().to_string();
    assert!(error.contains("is not known"), "{error}");
}

/// A handle in thread-local memory, dropped when a thread ends and its other memory is gone already, is dropped.
#[test]
fn a_handle_is_dropped_at_the_end_of_its_thread() {
    let _watchdog = watchdog(60);
    let _alone = LARGE.lock().unwrap();
    thread_local! {
        static KEPT: RefCell<Option<Array<u8>>> = const { RefCell::new(None) };
    }
    let keep = || {
        // Its destructor is registered before the library's own memory of the thread: it runs later.
        KEPT.set(None);
        let _ = KEPT.replace(Some(Array::zeroed(3 << 20).unwrap()));
        // Another root is the one that was used last.
        let other = Segment::create(&support::unique("other")).unwrap();
        drop(Value::new_in(&other, 1_u8).unwrap());
    };
    thread::spawn(keep).join().unwrap();
    wait_until_nothing_large_is_left();
}

/// An argument that is decoded once the gate is open.
#[derive(Serialize)]
struct Gate(Atomic<u32>);

impl<'de> Deserialize<'de> for Gate {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let gate = Atomic::<u32>::deserialize(deserializer)?;
        gate.store(1, Ordering::SeqCst);
        while gate.load(Ordering::SeqCst) < 2 {
            thread::yield_now();
        }
        Ok(Self(gate))
    }
}

/// The parent of a worker that outlives it is killed and swept while the worker decodes its arguments: they are there.
#[test]
fn arguments_outlive_the_parent() {
    let _watchdog = watchdog(60);
    let _alone = LARGE.lock().unwrap();
    let (gate, seen) = (Atomic::new(0_u32).unwrap(), Atomic::new(0_u32).unwrap());
    let parent = |gate: Atomic<u32>, seen: Atomic<u32>| {
        let array = Array::<u8>::zeroed(3 << 20).unwrap();
        array.write().unwrap()[0] = 7;
        let work = |_: Gate, array: Array<u8>, seen: Atomic<u32>| {
            seen.store(u32::from(array.read().unwrap()[0]), Ordering::SeqCst);
        };
        let worker = Process::builder().outlive_parent(true);
        drop(worker.spawn(work, (Gate(gate), array, seen)).unwrap().join());
    };
    let process = spawn(parent, (gate.clone(), seen.clone())).unwrap();
    while gate.load(Ordering::SeqCst) == 0 {
        thread::yield_now();
    }
    process.kill().unwrap();
    assert!(process.join().is_err());
    // A sweep.
    drop(Array::<u8>::zeroed(2 << 20).unwrap());
    gate.store(2, Ordering::SeqCst);
    while seen.load(Ordering::SeqCst) == 0 {
        thread::yield_now();
    }
    assert_eq!(seen.load(Ordering::SeqCst), 7);
    wait_until_nothing_large_is_left();
}

/// A function forks, and the forked process returns from it too: only the worker's result counts.
#[test]
fn a_forked_process_hands_nothing_over() {
    let _watchdog = watchdog(60);
    let forks = || {
        // SAFETY: the child only returns, and ends like the worker.
        if unsafe { libc::fork() } == 0 {
            return 1_u32;
        }
        let mut status = 0;
        // SAFETY: waits for the child that was made above.
        unsafe { libc::wait(&raw mut status) };
        2
    };
    assert_eq!(spawn(forks, ()).unwrap().join().unwrap(), 2);
    let forks_and_dies = || -> u32 {
        // SAFETY: as above.
        if unsafe { libc::fork() } == 0 {
            return 1;
        }
        let mut status = 0;
        // SAFETY: as above.
        unsafe { libc::wait(&raw mut status) };
        std::process::abort()
    };
    let ended = spawn(forks_and_dies, ()).unwrap().join();
    assert!(matches!(ended, Err(ProcessError::Signalled { signal: 6, .. })), "{ended:?}");
}

/// What this process has mapped of files that have no name any more, and that only large arrays have.
fn large_and_deleted() -> usize {
    let maps = fs::read_to_string("/proc/self/maps").unwrap();
    let is_large = |line: &&str| {
        let (from, to) = line.split(' ').next().unwrap().split_once('-').unwrap();
        let at = |text| u64::from_str_radix(text, 16).unwrap();
        line.contains("/dev/shm/multiproc-")
            && line.contains("(deleted)")
            && at(to) - at(from) >= 2 << 20
    };
    maps.lines().filter(is_large).count()
}

/// Who has dropped a large array does not keep its memory, whoever drops it last.
#[test]
fn a_dropped_array_is_mapped_nowhere() {
    let _watchdog = watchdog(60);
    let turn = Atomic::new(0_u32).unwrap();
    let user = |turn: Atomic<u32>, arrays: Vec<Array<u8>>| {
        arrays.iter().for_each(|array| assert_eq!(array.read().unwrap()[0], 0));
        drop(arrays);
        turn.store(1, Ordering::SeqCst);
        while turn.load(Ordering::SeqCst) < 2 {
            thread::yield_now();
        }
        large_and_deleted()
    };
    let arrays: Vec<_> = (0..10).map(|_| Array::<u8>::zeroed(3 << 20).unwrap()).collect();
    let process = spawn(user, (turn.clone(), arrays.clone())).unwrap();
    while turn.load(Ordering::SeqCst) == 0 {
        thread::yield_now();
    }
    drop(arrays);
    turn.store(2, Ordering::SeqCst);
    assert_eq!(process.join().unwrap(), 0);
}

/// Without descriptors an object cannot be unpublished: an error, and later it can.
#[test]
fn an_entry_that_cannot_be_dropped_stays() {
    let _watchdog = watchdog(60);
    let name = support::unique("unpublish");
    let segment = Segment::create(&name).unwrap();
    let array = Array::<u8>::zeroed_in(&segment, 3 << 20).unwrap();
    segment.publish("array", &array).unwrap();
    drop(array);
    let unpublish = |name: String| {
        let segment = Segment::attach(&name).unwrap();
        drop(Value::new_in(&segment, 1_u8).unwrap());
        let mut taken = Vec::new();
        while let Ok(file) = File::open("/dev/null") {
            taken.push(file);
        }
        let refused = segment.unpublish("array").is_err();
        drop(taken);
        assert_eq!(segment.open::<Array<u8>>("array").unwrap().len(), 3 << 20);
        segment.unpublish("array").unwrap();
        refused
    };
    assert!(spawn(unpublish, (name.clone(),)).unwrap().join().unwrap());
    let large = |file: &String| {
        fs::metadata(format!("/dev/shm/{file}")).is_ok_and(|data| data.len() >= 2 << 20)
    };
    assert!(!support::shared_objects(&name).iter().any(large));
}
