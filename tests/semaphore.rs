//! `Semaphore` and `BoundedSemaphore` across processes: SE01–SE09.

mod support;
#[path = "support/watching.rs"]
mod watching;

use multiproc::{
    Atomic, BoundedSemaphore, ErrorKind, Ordering, Process, ProcessError, Segment, Semaphore,
    Value, spawn,
};
use std::{
    thread,
    time::{Duration, Instant},
};
use support::{clean, unique, watchdog};
use watching::{sleeps, until};

multiproc::test_support!();

/// SE01, SE02.
#[test]
fn the_value_follows_each_step() {
    let semaphore = Semaphore::new(2).unwrap();
    assert_eq!(semaphore.value(), 2);
    let first = semaphore.acquire().unwrap();
    assert_eq!(semaphore.value(), 1);
    let second = semaphore.try_acquire().unwrap();
    assert_eq!(semaphore.value(), 0);
    assert_eq!(semaphore.try_acquire().map(drop).unwrap_err().kind(), ErrorKind::WouldBlock);
    assert!(!semaphore.try_acquire_bare().unwrap());
    drop(first);
    assert_eq!(semaphore.value(), 1);
    drop(second);
    for value in 3..=4 {
        semaphore.release_bare().unwrap();
        assert_eq!(semaphore.value(), value);
    }
    for value in (0..4).rev() {
        semaphore.acquire_bare().unwrap();
        assert_eq!(semaphore.value(), value);
    }
    semaphore.release_many(7).unwrap();
    assert_eq!(semaphore.value(), 7);
    assert!(semaphore.same_semaphore(&semaphore.clone()));
    assert!(!semaphore.same_semaphore(&Semaphore::new(2).unwrap()));
}

/// SE03, SE04.
#[test]
fn more_than_the_bound_is_an_error() {
    for bound in [0, 2] {
        let semaphore = BoundedSemaphore::new(bound).unwrap();
        for _ in 0..bound {
            semaphore.acquire_bare().unwrap();
        }
        assert!(!semaphore.try_acquire_bare().unwrap());
        assert_eq!(semaphore.try_acquire().map(drop).unwrap_err().kind(), ErrorKind::WouldBlock);
        let error = semaphore.release_many(bound + 1).unwrap_err();
        assert_eq!((error.kind(), semaphore.value()), (ErrorKind::InvalidInput, 0), "{error}");
        for _ in 0..bound {
            semaphore.release_bare().unwrap();
        }
        let error = semaphore.release_bare().unwrap_err();
        assert_eq!((error.kind(), semaphore.value()), (ErrorKind::InvalidInput, bound), "{error}");
        assert_eq!(semaphore.bound(), bound);
    }
    // A guard for whose permit others have left no room gives nothing back.
    let semaphore = BoundedSemaphore::new(1).unwrap();
    let permit = semaphore.acquire().unwrap();
    semaphore.release_bare().unwrap();
    drop(permit);
    assert_eq!(semaphore.value(), 1);
}

/// SE05.
#[test]
fn a_time_is_that_of_the_whole_wait() {
    let _watchdog = watchdog(60);
    let semaphore = Semaphore::new(0).unwrap();
    let kind = |time| semaphore.acquire_timeout(time).map(drop).unwrap_err().kind();
    assert_eq!(kind(Duration::ZERO), ErrorKind::WouldBlock);
    assert!(!semaphore.acquire_bare_timeout(Duration::ZERO).unwrap());
    let time = Duration::from_millis(40);
    let start = Instant::now();
    assert_eq!(kind(time), ErrorKind::TimedOut);
    assert!(start.elapsed() >= time);
    let start = Instant::now();
    assert!(!semaphore.acquire_bare_timeout(time).unwrap());
    assert!(start.elapsed() >= time);
    // For ever.
    semaphore.release_bare().unwrap();
    drop(semaphore.acquire_timeout(Duration::MAX).unwrap());
    assert!(semaphore.acquire_bare_timeout(Duration::MAX).unwrap());
}

/// SE06.
#[test]
fn numbers_out_of_range_are_errors() {
    for wrong in [Semaphore::MAX + 1, u32::MAX] {
        assert_eq!(Semaphore::new(wrong).unwrap_err().kind(), ErrorKind::InvalidInput);
        assert_eq!(BoundedSemaphore::new(wrong).unwrap_err().kind(), ErrorKind::InvalidInput);
    }
    let semaphore = Semaphore::new(Semaphore::MAX).unwrap();
    for count in [1, Semaphore::MAX, u32::MAX, 0] {
        let error = semaphore.release_many(count).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::InvalidInput, "{error}");
        assert_eq!(semaphore.value(), Semaphore::MAX);
    }
    let permits: Vec<_> = (0..255).map(|_| semaphore.acquire().unwrap()).collect();
    assert_eq!(semaphore.try_acquire().map(drop).unwrap_err().kind(), ErrorKind::TooMany);
    assert_eq!(semaphore.value(), Semaphore::MAX - 255);
    drop(permits);
    assert_eq!(semaphore.value(), Semaphore::MAX);
}

/// SE07: of those who release at once, as many succeed as there is room for.
#[test]
fn the_bound_is_exact_whoever_releases_at_the_same_time() {
    let _watchdog = watchdog(60);
    const BOUND: u32 = 1000;
    let semaphore = BoundedSemaphore::new(BOUND).unwrap();
    let go = Semaphore::new(0).unwrap();
    for _ in 0..BOUND {
        semaphore.acquire_bare().unwrap();
    }
    let release = |semaphore: BoundedSemaphore, go: Semaphore| {
        go.acquire_bare().unwrap();
        (0..BOUND).filter(|_| semaphore.release_bare().is_ok()).count() as u32
    };
    let processes: Vec<_> =
        (0..2).map(|_| spawn(release, (semaphore.clone(), go.clone())).unwrap()).collect();
    let threads: Vec<_> = (0..2)
        .map(|_| {
            let (semaphore, go) = (semaphore.clone(), go.clone());
            thread::spawn(move || release(semaphore, go))
        })
        .collect();
    go.release_many(4).unwrap();
    let released: u32 = threads.into_iter().map(|thread| thread.join().unwrap()).sum::<u32>()
        + processes.into_iter().map(|process| process.join().unwrap()).sum::<u32>();
    assert_eq!((released, semaphore.value()), (BOUND, BOUND));
}

/// Threads and processes, by name and bare, with never more inside than there are permits.
#[test]
fn a_storm_loses_no_permit() {
    let _watchdog = watchdog(120);
    const PERMITS: u32 = 3;
    let semaphore = BoundedSemaphore::new(PERMITS).unwrap();
    let inside = Atomic::new(0_u32).unwrap();
    let work = |semaphore: BoundedSemaphore, inside: Atomic<u32>| {
        for round in 0..3000_u32 {
            let permit = match round % 4 {
                0 => {
                    semaphore.acquire_bare().unwrap();
                    None
                }
                1 => match semaphore.acquire_timeout(Duration::from_micros(50)) {
                    Ok(permit) => Some(permit),
                    Err(error) => {
                        assert_eq!(error.kind(), ErrorKind::TimedOut);
                        continue;
                    }
                },
                _ => Some(semaphore.acquire().unwrap()),
            };
            assert!(inside.fetch_add(1, Ordering::SeqCst) < PERMITS);
            if round % 64 == 0 {
                thread::yield_now();
            }
            inside.fetch_sub(1, Ordering::SeqCst);
            if permit.is_none() {
                semaphore.release_bare().unwrap();
            }
        }
    };
    let processes: Vec<_> =
        (0..3).map(|_| spawn(work, (semaphore.clone(), inside.clone())).unwrap()).collect();
    let threads: Vec<_> = (0..3)
        .map(|_| {
            let (semaphore, inside) = (semaphore.clone(), inside.clone());
            thread::spawn(move || work(semaphore, inside))
        })
        .collect();
    threads.into_iter().for_each(|thread| thread.join().unwrap());
    processes.into_iter().for_each(|process| process.join().unwrap());
    assert_eq!(semaphore.value(), PERMITS);
}

/// It shows who holds how many; it can be found by name; another type is refused.
#[test]
fn it_is_published_and_shows_its_holders() {
    let name = unique("semaphore");
    clean(&name, || {
        let segment = Segment::create(&name).unwrap();
        let semaphore = Semaphore::new_in(&segment, 3).unwrap();
        let bounded = BoundedSemaphore::new_in(&segment, 4).unwrap();
        segment.publish("any", &semaphore).unwrap();
        segment.publish("bounded", &bounded).unwrap();
        assert_eq!(segment.open::<Semaphore>("any").unwrap().value(), 3);
        assert_eq!(segment.open::<BoundedSemaphore>("bounded").unwrap().bound(), 4);
        let wrong = segment.open::<BoundedSemaphore>("any").map(drop).unwrap_err();
        assert_eq!(wrong.kind(), ErrorKind::WrongType);
        let permits = (semaphore.acquire().unwrap(), semaphore.acquire().unwrap());
        let shown = format!("{semaphore:?}");
        let me = format!("process {}", std::process::id());
        assert!(shown.contains("value: 1") && shown.contains("2: ") && shown.contains(&me));
        drop(permits);
        assert!(format!("{semaphore:?}").contains("holders: []"), "{semaphore:?}");
        assert!(format!("{bounded:?}").contains("bound: 4"), "{bounded:?}");
    });
}

/// SE09: a guard of a thread that has ended comes back, and so do those of a killed process; bare permits do not.
#[test]
fn permits_of_the_dead_come_back() {
    let _watchdog = watchdog(60);
    let semaphore = Semaphore::new(4).unwrap();
    thread::scope(|scope| {
        scope.spawn(|| std::mem::forget(semaphore.acquire().unwrap()));
    });
    let die = |semaphore: Semaphore| -> () {
        let _two = (semaphore.acquire().unwrap(), semaphore.acquire().unwrap());
        semaphore.acquire_bare().unwrap();
        std::process::abort()
    };
    assert!(spawn(die, (semaphore.clone(),)).unwrap().join().is_err());
    let permits: Vec<_> = (0..3).map(|_| semaphore.try_acquire().unwrap()).collect();
    assert_eq!(semaphore.try_acquire().map(drop).unwrap_err().kind(), ErrorKind::WouldBlock);
    drop(permits);
    assert_eq!(semaphore.value(), 3);
}

/// Takes a permit, says so, and keeps it until it is killed.
fn take_and_keep(semaphore: Semaphore, inside: Atomic<u32>) {
    let _permit = semaphore.acquire().unwrap();
    inside.fetch_add(1, Ordering::SeqCst);
    loop {
        thread::park();
    }
}

fn keeper(semaphore: &Semaphore, inside: &Atomic<u32>) -> Process<()> {
    spawn(take_and_keep, (semaphore.clone(), inside.clone())).unwrap()
}

/// Takes a permit and gives it back.
fn take_once(semaphore: Semaphore, done: Atomic<u32>) {
    drop(Value::new(0_u8).unwrap());
    drop(semaphore.acquire().unwrap());
    done.fetch_add(1, Ordering::SeqCst);
}

/// A holder dies, 200 times, while somebody waits who began before.
#[test]
fn a_waiter_gets_the_permit_of_a_killed_holder() {
    let _watchdog = watchdog(300);
    let semaphore = Semaphore::new(1).unwrap();
    let inside = Atomic::new(0_u32).unwrap();
    let mut holder = keeper(&semaphore, &inside);
    for round in 1..=200 {
        until(|| inside.load(Ordering::SeqCst) == round);
        let next = keeper(&semaphore, &inside);
        if round % 2 == 0 {
            until(|| sleeps(&next));
        }
        holder.kill().unwrap();
        assert!(holder.join().is_err());
        holder = next;
    }
    until(|| inside.load(Ordering::SeqCst) == 201);
    holder.kill().unwrap();
    assert!(holder.join().is_err());
    assert_eq!(semaphore.try_acquire().map(drop).map_err(|error| error.kind()), Ok(()));
    assert_eq!(semaphore.value(), 1);
}

/// The woken one takes it and is killed; then the next one, through a chain of sleepers.
#[test]
fn each_heir_is_killed_in_turn() {
    let _watchdog = watchdog(120);
    for permits in [1, 2] {
        for _ in 0..8 {
            let semaphore = Semaphore::new(permits).unwrap();
            let inside = Atomic::new(0_u32).unwrap();
            let mut chain: Vec<_> = (0..5).map(|_| keeper(&semaphore, &inside)).collect();
            for round in permits..=5 {
                until(|| inside.load(Ordering::SeqCst) == round);
                until(|| chain.iter().all(sleeps));
                // A holder is one that the semaphore names.
                let named = format!("{semaphore:?}");
                let is_named =
                    |process: &Process<()>| named.contains(&format!("process {}", process.pid()));
                let holder = chain.swap_remove(chain.iter().position(is_named).unwrap());
                holder.kill().unwrap();
                assert!(holder.join().is_err());
            }
            for holder in chain {
                holder.kill().unwrap();
                assert!(holder.join().is_err());
            }
            for _ in 0..permits {
                assert!(semaphore.try_acquire_bare().unwrap());
            }
            assert!(!semaphore.try_acquire_bare().unwrap());
        }
    }
}

/// The owner and a sleeper die together: whichever was to be woken, the others go on.
#[test]
fn holder_and_sleeper_die_together() {
    let _watchdog = watchdog(120);
    for round in 0..15 {
        let semaphore = Semaphore::new(1).unwrap();
        let (inside, done) = (Atomic::new(0_u32).unwrap(), Atomic::new(0_u32).unwrap());
        let holder = keeper(&semaphore, &inside);
        until(|| inside.load(Ordering::SeqCst) == 1);
        let sleepers: Vec<_> =
            (0..3).map(|_| spawn(take_once, (semaphore.clone(), done.clone())).unwrap()).collect();
        until(|| sleepers.iter().all(sleeps));
        let victim = &sleepers[round % 3];
        if round % 2 == 0 {
            holder.kill().unwrap();
            victim.kill().unwrap();
        } else {
            victim.kill().unwrap();
            holder.kill().unwrap();
        }
        let well = sleepers.into_iter().filter_map(|sleeper| sleeper.join().ok()).count();
        assert!(well >= 2 && holder.join().is_err());
        assert!(semaphore.try_acquire_bare().unwrap() && !semaphore.try_acquire_bare().unwrap());
    }
}

/// Permits are released, one or all at once, by a guard or bare, and who was woken is killed before or after it takes one.
#[test]
fn the_woken_one_is_killed() {
    let _watchdog = watchdog(120);
    for round in 0..24 {
        let semaphore = Semaphore::new(1).unwrap();
        let done = Atomic::new(0_u32).unwrap();
        let held = semaphore.acquire().unwrap();
        let args = || (semaphore.clone(), done.clone());
        let victims: Vec<_> = (0..2).map(|_| spawn(take_once, args()).unwrap()).collect();
        let last = spawn(take_once, args()).unwrap();
        until(|| victims.iter().all(sleeps) && sleeps(&last));
        let all = match round % 3 {
            0 => {
                drop(held);
                1
            }
            1 => {
                semaphore.release_bare().unwrap();
                drop(held);
                2
            }
            _ => {
                std::mem::forget(held);
                semaphore.release_many(2).unwrap();
                2
            }
        };
        for victim in &victims {
            victim.kill().unwrap();
        }
        last.join().unwrap();
        for victim in victims {
            match victim.join() {
                Ok(()) | Err(ProcessError::Signalled { signal: 9, .. }) => {}
                Err(error) => panic!("{error}"),
            }
        }
        for _ in 0..all {
            assert!(semaphore.try_acquire_bare().unwrap());
        }
        assert!(!semaphore.try_acquire_bare().unwrap());
    }
}

/// One that waits and is killed takes nothing with it.
#[test]
fn a_waiter_is_killed() {
    let _watchdog = watchdog(60);
    let semaphore = Semaphore::new(0).unwrap();
    let done = Atomic::new(0_u32).unwrap();
    for _ in 0..20 {
        let waiter = spawn(take_once, (semaphore.clone(), done.clone())).unwrap();
        until(|| sleeps(&waiter));
        waiter.kill().unwrap();
        assert!(waiter.join().is_err());
    }
    semaphore.release_bare().unwrap();
    take_once(semaphore.clone(), done);
    assert_eq!(semaphore.value(), 1);
}
