//! A process that holds, waits for, sets or tells something dies at each named step of it; the others have begun before, and go on. `Event`, `RLock`, `RwLock`, `OnceValue`, `Condition`.
//!
//! `ci/no_slice.sh` runs this with sleeps that end by a wake-up only.
#![cfg(debug_assertions)]

#[path = "support/exclusive.rs"]
mod exclusive;
#[path = "support/shop.rs"]
mod shop;
mod support;
#[path = "support/watching.rs"]
mod watching;

use exclusive::Exclusive;
use multiproc::{__private::die_at, Atomic, Event, Ordering, Process, ProcessError, RwLock, spawn};
use shop::Shop;
use std::{thread, time::Duration};
use support::watchdog;
use watching::{is_gone, sleeps, until};

multiproc::test_support!();

/// Whether it was killed; else it has ended well.
fn died(process: Process<()>) -> bool {
    match process.join() {
        Err(ProcessError::Signalled { signal: 9, .. }) => true,
        ended => {
            ended.unwrap();
            false
        }
    }
}

/// A process that waits for it, asleep or dead: it dies when it comes to the step, if it has one.
fn waiter(what: &Exclusive, step: Option<&str>) -> Process<()> {
    let begun = Event::new().unwrap();
    let wait = |what: Exclusive, step: Option<String>, begun: Event| {
        begun.set().unwrap();
        if let Some(step) = step {
            die_at(&step, 1);
        }
        what.pass();
    };
    let args = (what.clone(), step.map(str::to_owned), begun.clone());
    let process = spawn(wait, args).unwrap();
    until(|| begun.is_set() && sleeps(&process));
    process
}

/// One that has it, and gives it back when it is told to, dying at the step; or keeps it until it is killed.
fn owner(what: &Exclusive, step: Option<&str>, go: &Event) -> Process<()> {
    let inside = Event::new().unwrap();
    let own = |what: Exclusive, step: Option<String>, inside: Event, go: Event| {
        what.hold(|| {
            inside.set().unwrap();
            go.wait().unwrap();
            if let Some(step) = step {
                die_at(&step, 1);
            }
        });
    };
    let args = (what.clone(), step.map(str::to_owned), inside.clone(), go.clone());
    let process = spawn(own, args).unwrap();
    until(|| inside.is_set());
    process
}

const LOCK: [&str; 4] = ["lock.sleep", "lock.woken", "lock.taken", "lock.released"];

/// The steps that somebody who waits comes to, when the owner gives it back or is killed.
fn steps_of_waiters(what: &Exclusive) -> Vec<&'static str> {
    let own: &[_] = match what {
        Exclusive::Recursive(_) => &[],
        Exclusive::Writers(_) => &["borrow.write.word", "borrow.write.begun", "borrow.write.ended"],
        Exclusive::Readers(_) => &["borrow.read.cell", "borrow.settled"],
        Exclusive::Once(_) => &["once.written", "once.done"],
    };
    LOCK.iter().chain(own).copied().collect()
}

fn fresh(kind: usize) -> Exclusive {
    Exclusive::all().into_iter().nth(kind).unwrap()
}

/// One of three who wait dies at the step, when the owner gives it back, and when it is killed.
#[test]
fn one_that_waits_dies_at_each_step() {
    let _watchdog = watchdog(240);
    for kind in 0..4 {
        for step in steps_of_waiters(&fresh(kind)) {
            let (mut deaths, mut cases) = (0, 0);
            // Who comes first is not ours to say: again, until somebody came there.
            while cases < 6 || deaths == 0 {
                assert!(cases < 100, "nobody came to {step} of {:?}", fresh(kind));
                let (position, killed) = (cases / 2 % 3, cases % 2 == 0);
                cases += 1;
                let (what, go) = (fresh(kind), Event::new().unwrap());
                let owner = owner(&what, None, &go);
                // Only the first heir comes to these: whoever of two that is.
                let is_of_first = step == "borrow.settled" || step.starts_with("once.");
                let is_fated = |at| (at == position) != is_of_first;
                let waiting: Vec<_> =
                    (0..3).map(|at| waiter(&what, is_fated(at).then_some(step))).collect();
                if killed {
                    owner.kill().unwrap();
                } else {
                    go.set().unwrap();
                }
                assert_eq!(died(owner), killed);
                for (at, process) in waiting.into_iter().enumerate() {
                    let has_died = died(process);
                    assert!(!has_died || is_fated(at));
                    deaths += u32::from(has_died);
                }
                what.pass();
                what.hold(|| {});
            }
        }
    }
}

/// The owner dies at a step of giving it back.
#[test]
fn an_owner_dies_while_it_gives_back() {
    let _watchdog = watchdog(120);
    for kind in 0..4 {
        let own: &[_] = match fresh(kind) {
            Exclusive::Recursive(_) => &[],
            Exclusive::Writers(_) | Exclusive::Readers(_) => &["borrow.write.ended"],
            Exclusive::Once(_) => &["once.written", "once.done"],
        };
        for step in own.iter().chain(&["lock.released"]) {
            let (what, go) = (fresh(kind), Event::new().unwrap());
            let owner = owner(&what, Some(step), &go);
            let waiting = [(); 3].map(|()| waiter(&what, None));
            go.set().unwrap();
            assert!(died(owner), "{step} of {what:?}");
            waiting.into_iter().for_each(|process| assert!(!died(process)));
        }
    }
}

/// A writer that waits for readers, and a reader that leaves, die at each step; other writers wait, and readers for them.
#[test]
fn readers_and_who_waits_for_them_die() {
    let _watchdog = watchdog(120);
    let read = |lock: RwLock, step: String, inside: Event, go: Event| {
        let guard = lock.read().unwrap();
        inside.set().unwrap();
        go.wait().unwrap();
        die_at(&step, 1);
        drop(guard);
    };
    let of_writers = ["borrow.cells.sleep", "borrow.cells.woken", "borrow.write.begun"];
    let of_readers = ["borrow.cells.counted", "borrow.cells.cleared"];
    for step in of_writers.into_iter().chain(of_readers) {
        let (lock, inside, go) =
            (RwLock::new().unwrap(), Event::new().unwrap(), Event::new().unwrap());
        let writers = Exclusive::Writers(lock.clone());
        let args = (lock.clone(), step.to_owned(), inside.clone(), go.clone());
        let reader = spawn(read, args).unwrap();
        until(|| inside.is_set());
        let reader_dies = of_readers.contains(&step);
        let first = waiter(&writers, (!reader_dies).then_some(step));
        let second = waiter(&writers, None);
        let third = waiter(&Exclusive::Readers(lock.clone()), None);
        go.set().unwrap();
        assert_eq!((died(reader), died(first)), (reader_dies, !reader_dies), "{step}");
        assert!(!died(second) && !died(third));
        assert_eq!(lock.readers(), 0);
    }
}

/// A process that waits for an event, asleep or dead.
fn event_waiter(event: &Event, step: Option<&str>) -> Process<()> {
    let begun = Event::new().unwrap();
    let wait = |event: Event, step: Option<String>, begun: Event| {
        begun.set().unwrap();
        if let Some(step) = step {
            die_at(&step, 1);
        }
        event.wait().unwrap();
    };
    let args = (event.clone(), step.map(str::to_owned), begun.clone());
    let process = spawn(wait, args).unwrap();
    until(|| begun.is_set() && sleeps(&process));
    process
}

/// EV06: who sets it or waits for it dies at each step; all others are released, though it is cleared at once.
#[test]
fn who_sets_or_waits_for_an_event_dies_at_each_step() {
    let _watchdog = watchdog(120);
    for step in ["event.set", "event.sleep", "event.woken", "event.released"] {
        for position in 0..3 {
            let event = Event::new().unwrap();
            let sets = step == "event.set";
            let fate = |at| (at == position && !sets).then_some(step);
            let waiting: Vec<_> = (0..3).map(|at| event_waiter(&event, fate(at))).collect();
            if sets {
                let set = |event: Event| {
                    die_at("event.set", 1);
                    event.set().unwrap();
                };
                assert!(died(spawn(set, (event.clone(),)).unwrap()));
            } else {
                event.set().unwrap();
            }
            event.clear();
            for (at, process) in waiting.into_iter().enumerate() {
                assert_eq!(died(process), at == position && !sets, "{step}");
            }
        }
    }
}

/// CO13: one item, and one who is told of it: it dies at each step on its way, and another, older or younger, gets the item.
#[test]
fn a_notification_is_passed_on_by_the_dead() {
    let _watchdog = watchdog(120);
    let own = ["condition.sleep", "condition.woken", "condition.locked", "condition.holding"];
    for step in own.into_iter().chain(["lock.taken", "lock.woken", "lock.sleep"]) {
        for others in 1..=3 {
            let (shop, held) = (Shop::new(), Atomic::new(0_u32).unwrap());
            let first = shop.consumer(1, Some(step));
            let others: Vec<_> = (2..2 + others).map(|at| shop.consumer(at, None)).collect();
            {
                // While it is told somebody has the lock, so that it waits for that too.
                let _guard = shop.enter();
                shop.put();
                until(|| is_gone(&first) || sleeps(&first));
                held.store(1, Ordering::SeqCst);
            }
            // Not all steps of the lock are on its way each time.
            let gone = died(first);
            assert!(gone || step.starts_with("lock."), "{step}");
            let left = others.len() as u32 - u32::from(gone);
            (0..left).for_each(|_| shop.put());
            others.into_iter().for_each(|process| assert!(!died(process), "{step}"));
        }
    }
}

/// One that sits down dies with the lock; those who wait already are told by the next, who hears of the death.
#[test]
fn one_that_sits_down_dies() {
    let _watchdog = watchdog(60);
    let shop = Shop::new();
    let second = shop.consumer(2, None);
    let first = shop.consumer(1, Some("condition.seated"));
    assert!(died(first));
    assert_eq!(shop.condition.lock().unwrap_err().kind(), multiproc::ErrorKind::OwnerDied);
    shop.put();
    assert!(!died(second));
}

/// Who tells dies at each step: before, nobody was told; after, somebody was, who hears of the death and has the lock.
#[test]
fn who_tells_dies_at_each_step() {
    let _watchdog = watchdog(60);
    for step in ["condition.counted", "condition.told"] {
        for count in [1, 3] {
            let shop = Shop::new();
            let mut waiting: Vec<_> = (1..=3).map(|at| shop.consumer(at, None)).collect();
            let tell = |shop: Shop, step: String, count: usize| {
                let _guard = shop.enter();
                die_at(&step, 1);
                shop.condition.notify(count).unwrap();
            };
            // Three items, which nobody was told of.
            (0..3).for_each(|item| shop.lay(item));
            let teller = spawn(tell, (shop.clone(), step.to_owned(), count)).unwrap();
            assert!(died(teller), "{step}");
            if step == "condition.told" {
                assert!(!died(waiting.remove(0)));
            }
            let guard = shop.enter();
            shop.condition.notify_all().unwrap();
            drop(guard);
            waiting.into_iter().for_each(|process| assert!(!died(process), "{step}"));
        }
    }
}

/// One that was told dies, then the one that passes it on: the third gets the item.
#[test]
fn who_passes_it_on_dies_too() {
    let _watchdog = watchdog(120);
    // Without futex_waitv one wakes by itself now and then, and would die before it was told.
    let wakes_untold = std::env::var_os("MULTIPROC_NO_WAITV").is_some();
    let first_steps = ["condition.woken", "condition.holding"];
    for first_step in &first_steps[usize::from(wakes_untold)..] {
        for second_step in ["condition.passing", "condition.passed"] {
            let (mut deaths, mut cases) = (0, 0);
            while cases < 3 || deaths == 0 {
                assert!(cases < 100, "nobody came to {second_step} after {first_step}");
                let position = cases % 3;
                cases += 1;
                let shop = Shop::new();
                let first = shop.consumer(1, Some(first_step));
                let fate = |at: u32| (at as usize == position).then_some(second_step);
                let others: Vec<_> = (0..3).map(|at| shop.consumer(at + 2, fate(at))).collect();
                shop.put();
                assert!(died(first), "{first_step}");
                // One has the item, one may have died: the rest get theirs.
                until(|| (2..5).any(|number| shop.has_taken(number)));
                (0..2).for_each(|_| shop.put());
                for (at, process) in others.into_iter().enumerate() {
                    let has_died = died(process);
                    assert!(!has_died || at == position);
                    deaths += u32::from(has_died);
                }
            }
        }
    }
}

/// One that was told has given the lock back, and dies before its seat is empty: the next is told, without need. After that nobody is.
#[test]
fn one_that_was_told_dies_after_it_gave_the_lock_back() {
    let _watchdog = watchdog(60);
    for step in ["condition.given_back", "condition.emptied"] {
        let shop = Shop::new();
        let first = shop.consumer(1, Some(step));
        let second = shop.consumer(2, None);
        shop.put();
        assert!(died(first) && shop.has_taken(1), "{step}");
        {
            // Nobody died with it. Who waits without time looks at the seats first, so it passes on what there is.
            let mut guard = shop.condition.lock().unwrap();
            assert!(!shop.condition.wait_timeout(&mut guard, Duration::ZERO).unwrap(), "{step}");
            assert!(step != "condition.emptied" || shop.condition.n_waiting() == 1);
        }
        shop.put();
        assert!(!died(second) && shop.has_taken(2), "{step}");
    }
}

/// A thread that waits in the process of the test is as good a survivor as another process.
#[test]
fn a_thread_gets_what_a_process_was_told() {
    let _watchdog = watchdog(60);
    for step in ["condition.woken", "condition.locked", "condition.holding"] {
        let shop = Shop::new();
        let first = shop.consumer(1, Some(step));
        thread::scope(|scope| {
            scope.spawn(|| shop.consume(2));
            until(|| shop.condition.n_waiting() == 2);
            shop.put();
            assert!(died(first), "{step}");
        });
        assert!(shop.has_taken(2));
    }
}
