//! A storm: workers that lock, count, allocate and free are killed at random moments. `MULTIPROC_STORM_KILLS` makes it longer.
//!
//! Each step under the lock is acknowledged by an atomic number afterwards, so at the end it is known how many there were: all that were acknowledged, and
//! at most one more for each kill.

#[path = "support/chance.rs"]
mod chance;
mod support;

use multiproc::{Array, Atomic, Lock, LockError, Ordering, Process, Segment, Value, spawn};
use std::fs;
use support::{shared_objects, watchdog};

multiproc::test_support!();

/// Under the lock: the step that was begun, and the count it led to. Whoever meets a dead owner completes the step.
#[derive(Clone, Copy, Debug, PartialEq, Eq, bytemuck::Pod, bytemuck::Zeroable)]
#[repr(C)]
struct Count {
    value: u64,
    intent: u64,
    deaths: u64,
    torn: u64,
}

fn step(count: &mut Count) {
    // Torn: a count that is neither before nor after the step that was begun.
    if count.value != count.intent {
        if count.value + 1 != count.intent {
            count.torn += 1;
        }
        count.value = count.intent;
    }
    count.intent += 1;
    std::hint::black_box(&mut *count);
    count.value = count.intent;
}

/// Elements of an array with shared memory of its own. No other object of the session has its size, between these bytes and 64 KiB more.
const LARGE: usize = (7 << 18) / size_of::<u64>();

fn work(count: Value<Count>, acknowledged: Atomic<u64>, lock: Lock, field: Array<u64>) {
    for round in 0_u64.. {
        let held = match lock.lock() {
            Ok(held) => held,
            Err(LockError::OwnerDied(held) | LockError::Poisoned(held)) => {
                held.clear_poison();
                held
            }
            Err(error) => panic!("{error}"),
        };
        drop(held);
        match count.lock() {
            Ok(mut count) => step(&mut count),
            Err(LockError::OwnerDied(mut guard)) => {
                guard.deaths += 1;
                step(&mut guard);
                guard.clear_poison();
            }
            Err(LockError::Poisoned(mut guard)) => {
                step(&mut guard);
                guard.clear_poison();
            }
            Err(error) => panic!("{error}"),
        }
        acknowledged.fetch_add(1, Ordering::Relaxed);
        match field.write() {
            Ok(mut field) => field.iter_mut().for_each(|element| *element += 1),
            Err(LockError::OwnerDied(mut field) | LockError::Poisoned(mut field)) => {
                field.fill(0);
                field.clear_poison();
            }
            Err(error) => panic!("{error}"),
        }
        match field.read() {
            Ok(field) => assert!(field.iter().all(|element| *element == field[0]), "torn"),
            Err(LockError::OwnerDied(_) | LockError::Poisoned(_)) => {}
            Err(error) => panic!("{error}"),
        }
        // Made, filled and dropped: after a death somebody else's sweep.
        let own = Value::new([1_u64; 16]).unwrap();
        own.update(|mut own| {
            own[3] = 7;
            own
        })
        .unwrap();
        if round % 64 == 63 {
            let large = Array::<u64>::zeroed(LARGE).unwrap();
            let mut elements = large.write().unwrap();
            assert_eq!((elements[0], elements[LARGE - 1]), (0, 0), "not zero at first");
            (elements[0], elements[LARGE - 1]) = (round, 7);
        }
    }
}

/// How many shared objects the session has: large arrays, and others.
fn objects(session: &str) -> (usize, usize) {
    let sizes = shared_objects(session).into_iter().filter_map(|name| {
        // It may go at any time.
        Some(fs::metadata(format!("/dev/shm/{name}")).ok()?.len() as usize)
    });
    let large = LARGE * size_of::<u64>()..LARGE * size_of::<u64>() + (64 << 10);
    let (large, others): (Vec<_>, Vec<_>) = sizes.partition(|size| large.contains(size));
    (large.len(), others.len())
}

#[test]
fn nothing_hangs_tears_or_leaks() {
    let kills = chance::kills();
    let _watchdog = watchdog(60 + kills / 10);
    let mut seed = chance::seed();
    let zero = Count { value: 0, intent: 0, deaths: 0, torn: 0 };
    let (count, lock) = (Value::new(zero).unwrap(), Lock::new().unwrap());
    let field = Array::<u64>::zeroed(256).unwrap();
    let acknowledged = Atomic::new(0_u64).unwrap();
    let start = || -> Process<()> {
        let args = (count.clone(), acknowledged.clone(), lock.clone(), field.clone());
        spawn(work, args).unwrap()
    };
    let mut workers: Vec<_> = (0..4).map(|_| start()).collect();
    let session = Segment::session().unwrap().name().to_owned();
    // What is large, and is seen, is a large array.
    let large = Array::<u64>::zeroed(LARGE).unwrap();
    assert!(objects(&session).0 >= 1);
    drop(large);
    let mut halfway = (0, 0);
    let look = || match count.lock() {
        Ok(guard) => *guard,
        Err(LockError::OwnerDied(mut guard)) => {
            guard.deaths += 1;
            guard.clear_poison();
            *guard
        }
        Err(LockError::Poisoned(guard)) => {
            guard.clear_poison();
            *guard
        }
        Err(error) => panic!("{error}"),
    };
    for kill in 0..kills {
        let victim = chance::random(&mut seed) as usize % workers.len();
        // A random moment: after a random number of looks at a value that all fight for.
        let before = look().value;
        let more = chance::random(&mut seed) % 64;
        let mut last = before;
        while last < before + more {
            last = look().value;
        }
        let victim = std::mem::replace(&mut workers[victim], start());
        victim.kill().unwrap();
        assert!(victim.join().is_err());
        if kill == kills / 2 {
            halfway = objects(&session);
        }
    }
    let kills = kills + workers.len() as u64;
    for worker in workers {
        worker.kill().unwrap();
        assert!(worker.join().is_err());
    }
    let end = look();
    let acknowledged = acknowledged.load(Ordering::SeqCst);
    let last = objects(&session);
    // Who looks for room for a large one sweeps those of the dead.
    drop(Array::<u64>::zeroed(LARGE).unwrap());
    let swept = objects(&session);
    println!(
        "kills {kills} steps {} acknowledged {acknowledged} owner_deaths {} objects (large, others) halfway {halfway:?} end {last:?} swept {swept:?}",
        end.value, end.deaths
    );
    assert_eq!(end.torn, 0);
    assert!(end.intent == end.value || end.intent == end.value + 1, "{end:?}");
    assert!(end.value >= acknowledged, "a step was lost: {end:?}, acknowledged {acknowledged}");
    assert!(
        end.value <= acknowledged + kills,
        "a step was made twice: {end:?}, acknowledged {acknowledged}"
    );
    assert_eq!(swept.0, 0, "large arrays of the dead are left");
    assert!(swept.1 <= halfway.1 + 1, "the session grows under steady kills");
}
