//! A storm: workers that lock, count, allocate and free are killed at random moments. `MULTIPROC_STORM_KILLS` makes it longer.

mod support;

use multiproc::{Array, Lock, LockError, Process, Segment, Value, spawn};
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

fn work(count: Value<Count>, lock: Lock, field: Array<u64>) {
    loop {
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
    }
}

/// xorshift, so that a failing seed can be run again.
fn random(state: &mut u64) -> u64 {
    *state ^= *state << 13;
    *state ^= *state >> 7;
    *state ^= *state << 17;
    *state
}

#[test]
fn nothing_hangs_tears_or_leaks() {
    let kills: u64 = std::env::var("MULTIPROC_STORM_KILLS")
        .ok()
        .and_then(|text| text.parse().ok())
        .unwrap_or(2_000);
    let _watchdog = watchdog(60 + kills / 10);
    let mut seed = std::env::var("MULTIPROC_STORM_SEED")
        .ok()
        .and_then(|text| text.parse().ok())
        .unwrap_or(0x9e37_79b9_7f4a_7c15);
    println!("seed {seed}");
    let zero = Count { value: 0, intent: 0, deaths: 0, torn: 0 };
    let (count, lock) = (Value::new(zero).unwrap(), Lock::new().unwrap());
    let field = Array::<u64>::zeroed(256).unwrap();
    let start =
        || -> Process<()> { spawn(work, (count.clone(), lock.clone(), field.clone())).unwrap() };
    let mut workers: Vec<_> = (0..4).map(|_| start()).collect();
    let session = Segment::session().unwrap().name().to_owned();
    let objects = || shared_objects(&session).len();
    let mut objects_halfway = 0;
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
        let victim = random(&mut seed) as usize % workers.len();
        // A random moment: after a random number of looks at a value that all fight for.
        let before = look().value;
        let more = random(&mut seed) % 64;
        let mut last = before;
        while last < before + more {
            last = look().value;
        }
        let victim = std::mem::replace(&mut workers[victim], start());
        victim.kill().unwrap();
        assert!(victim.join().is_err());
        if kill == kills / 2 {
            objects_halfway = objects();
        }
    }
    for worker in workers {
        worker.kill().unwrap();
        assert!(worker.join().is_err());
    }
    let end = look();
    println!(
        "kills {kills} steps {} owner_deaths {} objects {objects_halfway} {}",
        end.value,
        end.deaths,
        objects()
    );
    assert_eq!(end.torn, 0);
    assert!(end.intent == end.value || end.intent == end.value + 1, "{end:?}");
    assert!(objects() <= objects_halfway + 1, "the session grows under steady kills");
}
