//! A process dies at each step of a semaphore's operations, with nobody new arriving: the others go on, and the permits are exact. SE09.
//!
//! `ci/no_slice.sh` runs this with sleeps that end by a wake-up only.
#![cfg(debug_assertions)]

mod support;
#[path = "support/watching.rs"]
mod watching;

use multiproc::{
    __private::die_at, Atomic, Ordering, Process, ProcessError, Semaphore, Value, spawn,
};
use std::{thread, time::Duration};
use support::watchdog;
use watching::{is_gone, sleeps, until};

multiproc::test_support!();

fn arm(step: &str) {
    // The first registration is over before anything is armed.
    drop(Value::new(0_u8).unwrap());
    if !step.is_empty() {
        die_at(step, 1);
    }
}

/// Says that it begins, takes a permit, gives it back.
fn visit(step: String, semaphore: Semaphore, begun: Atomic<u32>, wait: Option<Duration>) {
    arm(&step);
    begun.fetch_add(1, Ordering::SeqCst);
    let permit = wait.map_or_else(|| semaphore.acquire(), |time| semaphore.acquire_timeout(time));
    drop(permit.ok());
}

/// Takes a permit, says that it has it, and keeps it until a permit of `go` is there. Dies giving it back, or before.
fn hold(step: String, semaphore: Semaphore, begun: Atomic<u32>, go: Semaphore) {
    let permit = semaphore.acquire().unwrap();
    begun.fetch_add(1, Ordering::SeqCst);
    go.acquire_bare().unwrap();
    arm(&step);
    drop(permit);
}

/// Releases a bare one when a permit of `go` is there.
fn give(step: String, semaphore: Semaphore, begun: Atomic<u32>, go: Semaphore) {
    begun.fetch_add(1, Ordering::SeqCst);
    go.acquire_bare().unwrap();
    arm(&step);
    semaphore.release_bare().unwrap();
}

/// Begun, and asleep or dead.
fn start<R>(begun: &Atomic<u32>, start: impl FnOnce() -> Process<R>) -> Process<R> {
    let before = begun.load(Ordering::SeqCst);
    let process = start();
    until(|| (begun.load(Ordering::SeqCst) > before && sleeps(&process)) || is_gone(&process));
    process
}

fn visitor(
    step: &str,
    semaphore: &Semaphore,
    begun: &Atomic<u32>,
    wait: Option<Duration>,
) -> Process<()> {
    let args = (step.to_owned(), semaphore.clone(), begun.clone(), wait);
    start(begun, || spawn(visit, args).unwrap())
}

/// Whether it was killed by its fate.
fn died(process: Process<()>) -> bool {
    match process.join() {
        Err(ProcessError::Signalled { signal: 9, .. }) => true,
        ended => {
            ended.unwrap();
            false
        }
    }
}

/// All permits are there, and no more, for who looks.
fn assert_exact(semaphore: &Semaphore, permits: u32, step: &str) {
    for left in (0..permits).rev() {
        assert!(semaphore.try_acquire_bare().unwrap(), "{step}: {left} missing: {semaphore:?}");
    }
    assert!(!semaphore.try_acquire_bare().unwrap(), "{step}: one too many");
    assert!(format!("{semaphore:?}").contains("holders: []"), "{step}: {semaphore:?}");
}

/// With a permit at hand, nobody waiting.
#[test]
fn one_dies_alone() {
    let _watchdog = watchdog(60);
    for step in ["semaphore.taking", "semaphore.applied", "semaphore.giving", "semaphore.given"] {
        let (semaphore, begun) = (Semaphore::new(2).unwrap(), Atomic::new(0_u32).unwrap());
        assert!(died(visitor(step, &semaphore, &begun, None)), "nobody came to {step}");
        assert_exact(&semaphore, 2, step);
    }
}

/// The holder dies at each step of giving back, while others sleep.
#[test]
fn a_holder_dies_while_it_gives_back() {
    let _watchdog = watchdog(120);
    for step in ["semaphore.giving", "semaphore.given", "semaphore.cleared"] {
        for sleepers in [1, 4] {
            let (semaphore, begun) = (Semaphore::new(1).unwrap(), Atomic::new(0_u32).unwrap());
            let go = Semaphore::new(0).unwrap();
            let args = (step.to_owned(), semaphore.clone(), begun.clone(), go.clone());
            let holder = start(&begun, || spawn(hold, args).unwrap());
            let waiting: Vec<_> =
                (0..sleepers).map(|_| visitor("", &semaphore, &begun, None)).collect();
            go.release_bare().unwrap();
            assert!(died(holder), "nobody came to {step}");
            waiting.into_iter().for_each(|process| process.join().unwrap());
            assert_exact(&semaphore, 1, step);
        }
    }
}

/// A bare releaser, whom nobody watches.
#[test]
fn a_bare_releaser_dies() {
    let _watchdog = watchdog(60);
    for step in ["semaphore.bare.given", "semaphore.cleared"] {
        let (semaphore, begun) = (Semaphore::new(0).unwrap(), Atomic::new(0_u32).unwrap());
        let go = Semaphore::new(0).unwrap();
        let args = (step.to_owned(), semaphore.clone(), begun.clone(), go.clone());
        let giver = start(&begun, || spawn(give, args).unwrap());
        let waiting: Vec<_> = (0..3).map(|_| visitor("", &semaphore, &begun, None)).collect();
        go.release_bare().unwrap();
        assert!(died(giver), "nobody came to {step}");
        waiting.into_iter().for_each(|process| process.join().unwrap());
        assert_exact(&semaphore, 1, step);
    }
}

/// A bare taker loses its permit.
#[test]
fn a_bare_taker_dies() {
    let _watchdog = watchdog(60);
    let semaphore = Semaphore::new(2).unwrap();
    let take = |semaphore: Semaphore| {
        arm("semaphore.bare.taken");
        semaphore.acquire_bare().unwrap();
    };
    assert!(died(spawn(take, (semaphore.clone(),)).unwrap()));
    assert_exact(&semaphore, 1, "semaphore.bare.taken");
}

/// One of three sleepers dies at each step, in each place of the row.
#[test]
fn a_sleeper_dies_at_each_step() {
    let _watchdog = watchdog(240);
    for step in [
        "semaphore.sleep",
        "semaphore.woken",
        "semaphore.taking",
        "semaphore.applied",
        "semaphore.awake",
        "semaphore.giving",
        "semaphore.given",
    ] {
        let mut count = 0;
        for position in 0..3 {
            let (semaphore, begun) = (Semaphore::new(1).unwrap(), Atomic::new(0_u32).unwrap());
            let held = semaphore.acquire().unwrap();
            let fate = |index| if index == position { step } else { "" };
            let waiting: Vec<_> =
                (0..3).map(|index| visitor(fate(index), &semaphore, &begun, None)).collect();
            drop(held);
            let dead = waiting.into_iter().map(died).collect::<Vec<_>>();
            assert!((0..3).all(|index| index == position || !dead[index]));
            count += u32::from(dead[position]);
            assert_exact(&semaphore, 1, step);
        }
        assert!(count > 0, "nobody came to {step}");
    }
}

#[test]
fn one_whose_time_is_up_dies() {
    let _watchdog = watchdog(60);
    let (semaphore, begun) = (Semaphore::new(1).unwrap(), Atomic::new(0_u32).unwrap());
    let held = semaphore.acquire().unwrap();
    let late = visitor("semaphore.awake", &semaphore, &begun, Some(Duration::from_millis(50)));
    let patient = visitor("", &semaphore, &begun, None);
    assert!(died(late));
    drop(held);
    patient.join().unwrap();
    assert_exact(&semaphore, 1, "semaphore.awake");
}

/// A holder dies, and then its heirs while they give back what it had.
#[test]
fn heirs_die_too() {
    let _watchdog = watchdog(120);
    for step in ["semaphore.returning", "semaphore.returned", "semaphore.cleared"] {
        let mut count = 0;
        // Once for each survivor, and on until somebody came to the step: who is first is not ours to say.
        for round in 0.. {
            let position = round % 3;
            let (semaphore, begun) = (Semaphore::new(2).unwrap(), Atomic::new(0_u32).unwrap());
            let keep = |semaphore: Semaphore, begun: Atomic<u32>| -> () {
                let _two = (semaphore.acquire().unwrap(), semaphore.acquire().unwrap());
                begun.fetch_add(1, Ordering::SeqCst);
                loop {
                    thread::park();
                }
            };
            let args = (semaphore.clone(), begun.clone());
            let holder = start(&begun, || spawn(keep, args).unwrap());
            // All but one die where they come to the step.
            let fate = |index| if index == position { "" } else { step };
            let waiting: Vec<_> =
                (0..3).map(|index| visitor(fate(index), &semaphore, &begun, None)).collect();
            holder.kill().unwrap();
            assert!(holder.join().is_err());
            let dead = waiting.into_iter().map(died).collect::<Vec<_>>();
            assert!(!dead[position]);
            count += dead.into_iter().filter(|&is_dead| is_dead).count();
            assert_exact(&semaphore, 2, step);
            if round >= 2 && count > 0 {
                break;
            }
        }
    }
}
