//! A process kills itself at every named step; the others go on, and nothing is left.
//!
//! The names are read from the sources, so that no step is left out: a step that no scenario reaches fails the test.
#![cfg(debug_assertions)]

mod support;

use multiproc::{
    Array, Condition, ErrorKind, Event, OnceValue, Process, ProcessError, Queue, Ring, RwLock,
    Segment, SharedMemory, Tally, Value, spawn,
};
use std::{collections::BTreeSet, fs, path::Path, time::Duration};
use support::{shared_objects, unique, watchdog};

multiproc::test_support!();

/// Steps that this matrix does not kill at. They need somebody else at just that moment, a sleeper, a contender or a corpse: `tests/contended.rs` kills there.
const ELSEWHERE: &[&str] = &[
    "lock.late",
    "lock.sleep",
    "lock.woken",
    "lock.taken",
    "lock.released",
    "borrow.settled",
    "borrow.cells.sleep",
    "borrow.cells.woken",
    "borrow.cells.counted",
    "borrow.cells.cleared",
    "sweep.member",
    "sweep.freed",
    "call.decoded",
    "call.arrived",
    "call.listed",
    "free.revived",
    "call.finished",
    // `tests/compat_deaths.rs`, which has the feature for it.
    "mutex.sleep",
    "mutex.taken",
    "mutex.marked",
    "mutex.told",
    // `tests/pool_arrays.rs`.
    "borrow.guest.cell",
    "borrow.hosts",
    "borrow.seat.ending",
    "borrow.seat.taken",
    "borrow.write.second",
    "pool.job",
    // `tests/barrier_deaths.rs`.
    "barrier.acting",
    "barrier.arrived",
    "barrier.broken",
    "barrier.late",
    "barrier.marked",
    "barrier.released",
    "barrier.repaired",
    "barrier.seated",
    "barrier.sleep",
    "barrier.turned",
    "barrier.unlocked",
    "barrier.woken",
    // `tests/semaphore_deaths.rs`, which counts the permits afterwards.
    "semaphore.taking",
    "semaphore.applied",
    "semaphore.bare.taken",
    "semaphore.occupied",
    "semaphore.sleep",
    "semaphore.woken",
    "semaphore.awake",
    "semaphore.returning",
    "semaphore.returned",
    "semaphore.giving",
    "semaphore.given",
    "semaphore.bare.given",
    "semaphore.cleared",
    // `tests/deaths_at_steps.rs`.
    "event.released",
    "condition.counted",
    "condition.told",
    "condition.locked",
    "condition.holding",
    "condition.given_back",
    "condition.emptied",
    "condition.passing",
    "condition.passed",
    // `tests/ring_deaths.rs`.
    "ring.news",
    "bells.cleared",
    // `tests/queue_deaths.rs`.
    "queue.burying",
    "queue.brought_back",
    "queue.inherited",
    // `tests/pool_deaths.rs`.
    "board.claimed",
    "board.finished",
    "board.offered",
    "board.ticket",
    "job.claimed",
    "job.judged",
    "job.listed",
    "job.over",
    "job.passed",
    "job.table",
    "job.unit_done",
    "pool.written",
    "supervisor.killed",
    "supervisor.knows",
    "supervisor.rang",
    "supervisor.repaired",
    "supervisor.started",
    "supervisor.stopped",
    "task.begun",
    "task.decoded",
    "task.half_written",
    "task.listed",
    "task.over",
    "task.ran",
    "task.written",
    "unit.at",
    "unit.begun",
    "unit.failed",
    "unit.limited",
    "row.half_written",
    "unit.ran",
    "unit.written",
    "worker.ends",
    "worker.ready",
    "worker.seated",
    // It needs a start of the machine in between: `tests/segment.rs`.
    "reset.slots",
];

fn steps() -> BTreeSet<String> {
    fn walk(directory: &Path, found: &mut BTreeSet<String>) {
        for entry in fs::read_dir(directory).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                walk(&path, found);
            } else {
                let text = fs::read_to_string(&path).unwrap();
                let code = text.lines().filter(|line| !line.trim_start().starts_with("//"));
                for line in code {
                    if let Some((_, rest)) = line.split_once("step!(\"") {
                        found.insert(rest.split('"').next().unwrap().to_owned());
                    }
                }
            }
        }
    }
    let mut found = BTreeSet::new();
    walk(&Path::new(env!("CARGO_MANIFEST_DIR")).join("src"), &mut found);
    found
}

const RAW_BYTES: usize = 9000;

/// Longer than one looks before one sleeps, where the machine has nothing else to do.
const MOMENT: Duration = Duration::from_millis(2);

/// Everything that one process can do alone, in the session that it shares with the test and in a segment of its own.
fn exercise(
    step: String,
    nth: u32,
    moment: Duration,
    name: String,
    shared: Value<u64>,
    field: Array<u32>,
) -> u32 {
    multiproc::__private::die_at(&step, nth);
    // Objects made and dropped, small and large.
    let value = Value::new(7_u64).unwrap();
    value.set(8).unwrap();
    drop(value);
    drop(Array::<u8>::zeroed(3 << 20).unwrap());
    // Parts of an array, written by another thread.
    if let Ok(mut parts) = field.split(2) {
        let mut part = parts.next().unwrap();
        std::thread::spawn(move || part.write().unwrap().fill(1)).join().unwrap();
        drop(parts.finish().map_err(|error| error.kind()));
    }
    drop(Tally::new(1).unwrap().cell(0).unwrap());
    // Those of others.
    match shared.lock() {
        Ok(mut guard) => *guard += 1,
        Err(error) => error.into_guard().unwrap().clear_poison(),
    }
    drop(field.read().map_err(|error| error.kind()));
    match field.write() {
        Ok(mut guard) => guard[0] += 1,
        Err(error) => error.into_guard().unwrap().clear_poison(),
    }
    // What one can do with them alone: wait in vain.
    let event = Event::new().unwrap();
    assert!(!event.wait_timeout(moment).unwrap());
    event.set().unwrap();
    event.wait().unwrap();
    let condition = Condition::new().unwrap();
    let mut guard = condition.lock().unwrap();
    assert!(!condition.wait_timeout(&mut guard, moment).unwrap());
    drop(guard);
    let lock = RwLock::new().unwrap();
    drop(lock.read().unwrap());
    drop(lock.write().unwrap());
    assert_eq!(*OnceValue::new().unwrap().get_or_init(|| 3_u64).unwrap(), 3);
    ring_alone(moment);
    queues(moment);
    // A stale segment of this name, whose maker died, and a segment with names.
    let stale = spawn(
        |name: String| -> () {
            let _segment = Segment::create(&name).unwrap();
            std::process::abort()
        },
        (name.clone(),),
    );
    assert!(stale.unwrap().join().is_err());
    let segment = Segment::create(&name).unwrap();
    let named = Value::new_in(&segment, 1_i32).unwrap();
    segment.publish("named", &named).unwrap();
    let again = Segment::attach(&name).unwrap().open::<Value<i32>>("named").unwrap();
    again.set(2).unwrap();
    segment.unpublish("named").unwrap();
    drop((named, again));
    drop(segment);
    // Bytes by name.
    drop(SharedMemory::create(&format!("{name}.raw"), RAW_BYTES).unwrap());
    // A child with a result that has a handle.
    let child = spawn(|value: Value<u64>| Value::new(value.get().unwrap_or(0)).unwrap(), (shared,))
        .unwrap();
    drop(child.join().unwrap());
    // Attaching what another process made.
    Segment::attach(&format!("{name}.theirs")).map_or(0, |segment| segment.processes().len() as u32)
}

/// Both ends of a ring, each used in every way.
fn ring_alone(moment: Duration) {
    let (sender, receiver) = Ring::<u64>::new(10).unwrap();
    let (mut producer, mut consumer) = (sender.claim().unwrap(), receiver.claim().unwrap());
    producer.push(1).unwrap();
    producer.push_all(&[2, 3]).unwrap();
    let mut room = producer.write_chunk(1).unwrap();
    room.copy_from_slice(&[4]);
    room.commit_all();
    assert_eq!(consumer.pop().unwrap(), 1);
    assert_eq!(consumer.pop_into(&mut [0; 2]).unwrap(), 2);
    consumer.read_chunk(1).unwrap().commit_all();
    assert!(consumer.pop_timeout(moment).is_err());
}

/// What one can do alone with queues of its own.
fn queues(moment: Duration) {
    let queue = Queue::new(2).unwrap();
    assert!(queue.recv_timeout(moment).is_err());
    queue.send("short".to_owned()).unwrap();
    queue.send("long".repeat(100)).unwrap();
    assert!(queue.send_timeout(String::new(), moment).is_err());
    drop(queue.lease().unwrap());
    let lease = queue.lease().unwrap();
    assert_eq!(queue.recv().unwrap().len(), 400);
    // The lease is passed by.
    queue.send("short".to_owned()).unwrap();
    lease.done();
    // One with a member of its own, which is used again.
    let large = Queue::new(1).unwrap();
    for _ in 0..2 {
        large.send("large".repeat(500_000)).unwrap();
        assert_eq!(large.recv().unwrap().len(), 2_500_000);
    }
    queue.close().unwrap();
    assert_eq!(queue.iter().count(), 1);
    let in_place = Queue::<u64, _>::in_place(2).unwrap();
    drop(in_place.loan().unwrap());
    in_place.loan().unwrap().send().unwrap();
    in_place.recv_in_place().unwrap().give_back();
    in_place.recv().unwrap();
    in_place.shut_down().unwrap();
}

/// For the steps of a worker before its function is called, and after it.
fn from_the_beginning(step: &str, nth: u32, shared: &Value<u64>) -> bool {
    let worker = Process::builder().env("MULTIPROC_DIE_AT", format!("{step}:{nth}"));
    let make = |shared: Value<u64>| (Value::new(3_u64).unwrap(), shared);
    match worker.spawn(make, (shared.clone(),)).unwrap().join() {
        Ok((value, _)) => {
            assert_eq!(value.get().unwrap(), 3);
            false
        }
        Err(ProcessError::Signalled { signal: 9, .. }) => true,
        Err(error) => panic!("{step}: {error}"),
    }
}

/// For the steps of a worker that hands a result over.
fn as_worker(step: &str, shared: &Value<u64>) -> Result<(), String> {
    let child = spawn(
        |step: String, shared: Value<u64>| {
            multiproc::__private::die_at(&step, 1);
            (Value::new(3_u64).unwrap(), shared)
        },
        (step.to_owned(), shared.clone()),
    );
    child.unwrap().join().map(drop).map_err(|error| error.to_string())
}

/// Whether a process that does everything dies at the nth time that it comes to a step; or comes there less often, but once.
fn dies(
    step: &str,
    nth: u32,
    moment: Duration,
    name: &str,
    shared: &Value<u64>,
    field: &Array<u32>,
) -> bool {
    let args = (step.to_owned(), nth, moment, name.to_owned(), shared.clone(), field.clone());
    match spawn(exercise, args).unwrap().join() {
        Err(ProcessError::Signalled { signal: 9, .. }) => true,
        Ok(_) if nth > 1 => true,
        Ok(_) => {
            // Not a step of that process: perhaps of the worker that hands a result over.
            matches!(as_worker(step, shared), Err(text) if text.contains("signal 9"))
        }
        Err(error) => panic!("{step}: {error}"),
    }
}

#[test]
fn a_death_at_any_step_leaves_the_others_whole() {
    let _watchdog = watchdog(240);
    let shared = Value::new(0_u64).unwrap();
    let field = Array::<u32>::zeroed(100).unwrap();
    let mut unreached = Vec::new();
    let steps = steps();
    assert!(steps.len() > 40, "{steps:?}");
    let mut from_beginning = 0;
    for (step, nth) in steps.iter().flat_map(|step| (1..=3).map(move |nth| (step, nth))) {
        let name = unique("matrix");
        let theirs = Segment::create(&format!("{name}.theirs")).unwrap();
        from_beginning += u32::from(from_the_beginning(step, nth, &shared));
        let dies_in = |moment| dies(step, nth, moment, &name, &shared, &field);
        // A wait that is to end by its time does not come to its sleep, where the machine takes the time for others.
        let longer = if ELSEWHERE.contains(&step.as_str()) { 0 } else { 5 };
        let died = (0..=longer).any(|doubled| dies_in(MOMENT * 4_u32.pow(doubled)));
        if !died {
            unreached.push(step.as_str());
        }
        // The survivors go on: the lock and the borrow are got, and tell.
        match shared.lock_timeout(Duration::from_secs(20)) {
            Ok(guard) => drop(guard),
            Err(error) => {
                told(step, error.kind(), error.into_guard().ok().map(|guard| guard.clear_poison()))
            }
        }
        match field.write_timeout(Duration::from_secs(20)) {
            Ok(guard) => drop(guard),
            Err(error) => {
                told(step, error.kind(), error.into_guard().ok().map(|guard| guard.clear_poison()))
            }
        }
        shared.set(0).unwrap();
        // The name of the dead one's segment can be had again, and its objects are swept. At one step it leaves a child, which ends by itself, and may use the name until then.
        while let Err(error) = Segment::create(&name) {
            assert!(step == "spawn.started", "{step}: {error}");
            std::thread::yield_now();
        }
        drop(theirs);
        // Bytes by name are not there, or all of them are.
        match SharedMemory::attach(&format!("{name}.raw")) {
            Ok(memory) => {
                let mut bytes = vec![1; RAW_BYTES];
                memory.read_at(0, &mut bytes).unwrap();
                assert!(memory.len() == RAW_BYTES && bytes == [0; RAW_BYTES], "{step}");
                memory.unlink().unwrap();
            }
            Err(error) => assert_eq!(error.kind(), ErrorKind::NotFound, "{step}: {error}"),
        }
        drop(Array::<u8>::zeroed(3 << 20).unwrap());
        while !shared_objects(&name).is_empty() {
            assert!(step == "spawn.started", "{step}: {:?}", shared_objects(&name));
            drop(Segment::create(&name));
        }
    }
    assert!(from_beginning >= 8, "{from_beginning} deaths before and after the function");
    Segment::sweep_stale();
    assert_eq!(sessions_of_the_dead(), Vec::<String>::new());
    let expected: Vec<_> =
        steps.iter().map(String::as_str).filter(|step| ELSEWHERE.contains(step)).collect();
    let surprising: Vec<_> = unreached.iter().filter(|step| !expected.contains(step)).collect();
    assert!(surprising.is_empty(), "no scenario reaches {surprising:?}");
}

/// Objects of sessions whose maker is gone. (Other programs may run on the machine.)
fn sessions_of_the_dead() -> Vec<String> {
    let is_dead = |name: &String| {
        let maker = name.split('-').nth(2).and_then(|pid| pid.parse::<u32>().ok());
        maker.is_some_and(|pid| !Path::new(&format!("/proc/{pid}")).exists())
    };
    shared_objects("multiproc-").into_iter().filter(is_dead).collect()
}

/// Not got, or got from somebody who had died or panicked: then it is repaired.
fn told(step: &str, kind: ErrorKind, repaired: Option<()>) {
    assert!(
        matches!(kind, ErrorKind::OwnerDied | ErrorKind::Poisoned) && repaired.is_some(),
        "{step}: {kind:?}"
    );
}
