//! The schedules that hang the last sleeper of naive locks, with nobody new arriving. Death rows 1 and 2.
//!
//! Each is run many times, and each step has an acknowledgement in shared memory instead of a pause. The watchdog is far above one slice, but
//! the schedules are built so that a lost wake-up that only a slice mends is seen: it is counted, and reported.

mod support;
#[path = "support/watching.rs"]
mod watching;

use multiproc::{Array, ErrorKind, Lock, LockError, LockGuard, Value, spawn};
use support::watchdog;
use watching::{sleeps, until};

multiproc::test_support!();

/// Takes the lock from whomever, and keeps it until it is killed.
fn take_and_keep(lock: Lock, inside: Value<u32>) {
    let _held = get(&lock);
    inside.update(|n| n + 1).unwrap();
    loop {
        std::thread::park();
    }
}

/// Takes the lock from whomever and gives it back.
fn take_once(lock: Lock, done: Value<u32>) {
    drop(get(&lock));
    done.update(|n| n + 1).unwrap();
}

fn get(lock: &Lock) -> LockGuard<'_> {
    match lock.lock() {
        Ok(guard) => guard,
        Err(LockError::OwnerDied(guard) | LockError::Poisoned(guard)) => {
            guard.clear_poison();
            guard
        }
        Err(error) => panic!("{error}"),
    }
}

/// The woken waiter acquires and is killed; then that one's heir; and so on through a chain of sleepers.
#[test]
fn each_heir_is_killed_in_turn() {
    let _watchdog = watchdog(120);
    for _ in 0..20 {
        let (lock, inside) = (Lock::new().unwrap(), Value::new(0_u32).unwrap());
        let mut chain: Vec<_> =
            (0..5).map(|_| spawn(take_and_keep, (lock.clone(), inside.clone())).unwrap()).collect();
        for round in 1..=5 {
            until(|| inside.get().unwrap() == round);
            until(|| chain.iter().all(sleeps));
            // The holder is the one that the lock names.
            let named = format!("{lock:?}");
            let holder =
                chain.iter().position(|p| named.contains(&format!("process {}", p.pid()))).unwrap();
            let holder = chain.swap_remove(holder);
            holder.kill().unwrap();
            assert!(holder.join().is_err());
        }
        drop(get(&lock));
    }
}

/// The owner and a sleeper die together: whichever was to be woken, the last one goes on.
#[test]
fn owner_and_sleeper_die_together() {
    let _watchdog = watchdog(120);
    for round in 0..30 {
        let (lock, inside, done) =
            (Lock::new().unwrap(), Value::new(0_u32).unwrap(), Value::new(0_u32).unwrap());
        let owner = spawn(take_and_keep, (lock.clone(), inside.clone())).unwrap();
        until(|| inside.get().unwrap() == 1);
        let sleepers: Vec<_> =
            (0..3).map(|_| spawn(take_once, (lock.clone(), done.clone())).unwrap()).collect();
        until(|| sleepers.iter().all(sleeps));
        let victim = round % 3;
        if round % 2 == 0 {
            owner.kill().unwrap();
            sleepers[victim].kill().unwrap();
        } else {
            sleepers[victim].kill().unwrap();
            owner.kill().unwrap();
        }
        let mut well = 0;
        for sleeper in sleepers {
            well += u32::from(sleeper.join().is_ok());
        }
        assert!(well >= 2 && owner.join().is_err());
        assert!(done.get().map_or_else(|error| error.kind() == ErrorKind::OwnerDied, |n| n >= 2));
    }
}

/// The lock is released, and who was woken is killed before or after it takes it.
#[test]
fn the_woken_one_is_killed() {
    let _watchdog = watchdog(120);
    for _ in 0..50 {
        let (lock, done) = (Lock::new().unwrap(), Value::new(0_u32).unwrap());
        let held = get(&lock);
        let victims: Vec<_> =
            (0..2).map(|_| spawn(take_once, (lock.clone(), done.clone())).unwrap()).collect();
        let last = spawn(take_once, (lock.clone(), done.clone())).unwrap();
        until(|| victims.iter().all(sleeps) && sleeps(&last));
        drop(held);
        for victim in &victims {
            victim.kill().unwrap();
        }
        last.join().unwrap();
        for victim in victims {
            let _ = victim.join();
        }
        drop(get(&lock));
    }
}

/// The same for borrows: a writer waits for readers that die, and readers for a writer that dies.
#[test]
fn dead_borrowers_are_no_obstacle() {
    let _watchdog = watchdog(120);
    for _ in 0..20 {
        let (field, inside) = (Array::<u64>::zeroed(64).unwrap(), Value::new(0_u32).unwrap());
        let reader = |field: Array<u64>, inside: Value<u32>| -> () {
            let _borrowed = field.read().unwrap();
            inside.update(|n| n + 1).unwrap();
            loop {
                std::thread::park();
            }
        };
        let readers: Vec<_> =
            (0..3).map(|_| spawn(reader, (field.clone(), inside.clone())).unwrap()).collect();
        until(|| inside.get().unwrap() == 3);
        assert_eq!(field.try_write().map(drop).unwrap_err().kind(), ErrorKind::WouldBlock);
        let writer = spawn(
            |field: Array<u64>, inside: Value<u32>| -> () {
                let mut borrowed = field.write().unwrap();
                borrowed[0] = 1;
                inside.update(|n| n + 1).unwrap();
                loop {
                    std::thread::park();
                }
            },
            (field.clone(), inside.clone()),
        )
        .unwrap();
        until(|| sleeps(&writer));
        for reader in readers {
            reader.kill().unwrap();
            assert!(reader.join().is_err());
        }
        until(|| inside.get().unwrap() == 4);
        let waiter = spawn(
            |field: Array<u64>| match field.read() {
                Err(LockError::OwnerDied(guard)) => guard[0],
                other => panic!("{other:?}"),
            },
            (field.clone(),),
        )
        .unwrap();
        writer.kill().unwrap();
        assert_eq!(waiter.join().unwrap(), 1);
        assert!(writer.join().is_err() && field.is_poisoned());
    }
}
