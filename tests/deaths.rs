//! Deaths of those who hold, wait for, set or tell something, with nobody new arriving: `Event`, `RLock`, `RwLock`, `OnceValue`, `Condition`. EV06, CO13, death rows 2–4.
//!
//! `ci/no_slice.sh` runs this with sleeps that end by a wake-up only. Deaths at named steps are in `tests/deaths_at_steps.rs`.

#[path = "support/exclusive.rs"]
mod exclusive;
#[path = "support/shop.rs"]
mod shop;
mod support;
#[path = "support/watching.rs"]
mod watching;

use exclusive::Exclusive;
use multiproc::{Atomic, Event, Ordering, Process, spawn};
use shop::{ABSENT, Shop};
use std::{hint, thread};
use support::watchdog;
use watching::{sleeps, until};

multiproc::test_support!();

/// How often somebody is killed at a random moment, for each primitive.
const ROUNDS: usize = 200;

/// Some moment later.
fn random_moment() {
    (0..fastrand::u32(..20_000)).for_each(|_| hint::spin_loop());
}

/// Kills it; whether it was alive.
fn kill<R: serde::de::DeserializeOwned + 'static>(process: Process<R>) -> bool {
    let _ = process.kill();
    process.join().is_err()
}

/// Takes and gives back again and again, for ever; or as often as a survivor.
fn take_turns(what: &Exclusive, begun: &Atomic<u32>, turns: u32) {
    for turn in 0..turns {
        if turn % 2 == 0 {
            what.pass();
        } else {
            what.hold(|| {});
        }
        if turn == 0 {
            begun.fetch_add(1, Ordering::SeqCst);
        }
    }
}

/// Holders and waiters are killed at a random moment of their turns; the others, processes and a thread, have theirs.
#[test]
fn the_others_have_their_turns() {
    let _watchdog = watchdog(240);
    let work = |what: Exclusive, begun: Atomic<u32>, turns: u32| take_turns(&what, &begun, turns);
    let mut killed = 0;
    for _ in 0..ROUNDS {
        // A value is made once: see below.
        for what in Exclusive::all().into_iter().take(3) {
            let begun = Atomic::new(0_u32).unwrap();
            let args = |turns| (what.clone(), begun.clone(), turns);
            let victim = spawn(work, args(u32::MAX)).unwrap();
            let survivor = spawn(work, args(300)).unwrap();
            thread::scope(|scope| {
                scope.spawn(|| take_turns(&what, &begun, 300));
                until(|| begun.load(Ordering::SeqCst) == 3);
                random_moment();
                killed += u32::from(kill(victim));
            });
            survivor.join().unwrap();
            what.hold(|| {});
        }
    }
    assert_eq!(killed, 3 * ROUNDS as u32);
}

/// One of those who ask for a value at once is killed; the others have it, and it is one.
#[test]
fn the_others_have_the_value() {
    let _watchdog = watchdog(240);
    for _ in 0..ROUNDS {
        let value = multiproc::OnceValue::<[u64; 64]>::new().unwrap();
        let begun = Atomic::new(0_u32).unwrap();
        let go = Event::new().unwrap();
        let ask = |value: multiproc::OnceValue<[u64; 64]>, begun: Atomic<u32>, go: Event| {
            let me = begun.fetch_add(1, Ordering::SeqCst);
            go.wait().unwrap();
            let make = || {
                random_moment();
                [u64::from(me); 64]
            };
            value.get_or_init(make).unwrap().to_vec()
        };
        let args = || (value.clone(), begun.clone(), go.clone());
        let mut processes = [(); 3].map(|()| spawn(ask, args()).unwrap()).into_iter();
        let victim = processes.next().unwrap();
        until(|| begun.load(Ordering::SeqCst) == 3 && sleeps(&victim));
        go.set().unwrap();
        random_moment();
        kill(victim);
        let made: Vec<_> = processes.map(|process| process.join().unwrap()).collect();
        assert!(made[0] == made[1] && made[0].iter().all(|number| *number == made[0][0]));
        assert_eq!(value.get().unwrap().map(|made| made.to_vec()).as_ref(), Some(&made[0]));
    }
}

/// A process that waits for an event, asleep.
fn event_waiter(event: &Event) -> Process<()> {
    let begun = Event::new().unwrap();
    let wait = |event: Event, begun: Event| {
        begun.set().unwrap();
        event.wait().unwrap();
    };
    let process = spawn(wait, (event.clone(), begun.clone())).unwrap();
    until(|| begun.is_set() && sleeps(&process));
    process
}

/// EV06, row 4: who sets an event, or one that waits for it, is killed at a random moment; if it was set, all others go on, though it is cleared at once.
#[test]
fn an_event_that_was_set_releases_the_others() {
    let _watchdog = watchdog(240);
    for round in 0..ROUNDS {
        let (event, go, turns) =
            (Event::new().unwrap(), Event::new().unwrap(), Atomic::new(0_u32).unwrap());
        let mut waiters: Vec<_> = (0..3).map(|_| event_waiter(&event)).collect();
        let set = |event: Event, go: Event, turns: Atomic<u32>| {
            turns.store(1, Ordering::SeqCst);
            go.wait().unwrap();
            event.set().unwrap();
            turns.store(2, Ordering::SeqCst);
        };
        let setter = spawn(set, (event.clone(), go.clone(), turns.clone())).unwrap();
        until(|| turns.load(Ordering::SeqCst) == 1 && sleeps(&setter));
        go.set().unwrap();
        if round % 2 == 0 {
            random_moment();
            kill(setter);
            if !event.is_set() {
                event.set().unwrap();
            }
        } else {
            let victim = waiters.swap_remove(round % 3);
            random_moment();
            kill(victim);
            setter.join().unwrap();
        }
        event.clear();
        waiters.into_iter().for_each(|waiter| waiter.join().unwrap());
    }
}

/// The schedules of "woken and killed" for an event: any two of three are killed when it is set, together with who set it or not.
#[test]
fn the_woken_ones_of_an_event_are_killed() {
    let _watchdog = watchdog(120);
    for round in 0..50 {
        let event = Event::new().unwrap();
        let mut waiters: Vec<_> = (0..3).map(|_| event_waiter(&event)).collect();
        let last = waiters.remove(round % 3);
        if round % 2 == 0 {
            event.set().unwrap();
            waiters.into_iter().for_each(|waiter| {
                kill(waiter);
            });
        } else {
            let set = |event: Event| -> () {
                event.set().unwrap();
                loop {
                    thread::park();
                }
            };
            let setter = spawn(set, (event.clone(),)).unwrap();
            until(|| event.is_set());
            let _ = (setter.kill(), waiters[0].kill(), waiters[1].kill());
            waiters.into_iter().for_each(|waiter| drop(waiter.join()));
            kill(setter);
        }
        event.clear();
        last.join().unwrap();
    }
}

fn keep(what: Exclusive, inside: Atomic<u32>) {
    what.keep(&inside);
}

/// A process that waits for it, asleep.
fn waiter(what: &Exclusive) -> Process<()> {
    let begun = Event::new().unwrap();
    let wait = |what: Exclusive, begun: Event| {
        begun.set().unwrap();
        what.pass();
    };
    let process = spawn(wait, (what.clone(), begun.clone())).unwrap();
    until(|| begun.is_set() && sleeps(&process));
    process
}

/// The woken waiter has it and is killed; then that one's heir; and so on.
#[test]
fn each_heir_is_killed_in_turn() {
    let _watchdog = watchdog(120);
    for what in (0..10).flat_map(|_| Exclusive::all()) {
        let inside = Atomic::new(0_u32).unwrap();
        let mut chain: Vec<_> =
            (0..4).map(|_| spawn(keep, (what.clone(), inside.clone())).unwrap()).collect();
        for round in 1..=4 {
            until(|| inside.load(Ordering::SeqCst) == round && chain.iter().all(sleeps));
            // Debug names the holder.
            let named = format!("{what:?}");
            let names =
                |process: &Process<()>| named.contains(&format!("process {}", process.pid()));
            let holder = chain.iter().position(names).unwrap_or_else(|| panic!("{named}"));
            assert!(kill(chain.swap_remove(holder)));
        }
        what.pass();
        what.hold(|| {});
    }
}

/// It is given back, and those who were woken are killed before or after they have it.
#[test]
fn the_woken_one_is_killed() {
    let _watchdog = watchdog(120);
    for what in (0..30).flat_map(|_| Exclusive::all()) {
        let mut waiting = Vec::new();
        what.hold(|| waiting.extend((0..3).map(|_| waiter(&what))));
        let last = waiting.pop().unwrap();
        waiting.into_iter().for_each(|victim| {
            kill(victim);
        });
        last.join().unwrap();
    }
}

/// Who has it and one that waits die together.
#[test]
fn owner_and_woken_one_die_together() {
    let _watchdog = watchdog(120);
    for (round, what) in (0..20).flat_map(|_| Exclusive::all()).enumerate() {
        let inside = Atomic::new(0_u32).unwrap();
        let owner = spawn(keep, (what.clone(), inside.clone())).unwrap();
        until(|| inside.load(Ordering::SeqCst) == 1);
        let mut waiting: Vec<_> = (0..3).map(|_| waiter(&what)).collect();
        let victim = waiting.swap_remove(round / 4 % 3);
        let [first, second] =
            if round / 4 % 2 == 0 { [&owner, &victim] } else { [&victim, &owner] };
        first.kill().unwrap();
        let _ = second.kill();
        waiting.into_iter().for_each(|survivor| survivor.join().unwrap());
        assert!(kill(owner));
        kill(victim);
    }
}

/// CO13, row 3: three wait, two items come; one of the three is killed at a random moment. What it did not take, the others get.
#[test]
fn what_the_dead_were_told_the_others_hear() {
    let _watchdog = watchdog(240);
    for round in 0..ROUNDS {
        let shop = Shop::new();
        let mut consumers: Vec<_> = (1..=3).map(|number| shop.consumer(number, None)).collect();
        let victim = consumers.remove(round % 3);
        let number = (round % 3) as u32 + 1;
        shop.put();
        random_moment();
        let _ = victim.kill();
        shop.put();
        kill(victim);
        if shop.has_taken(number) {
            shop.put();
        }
        consumers.into_iter().for_each(|consumer| consumer.join().unwrap());
    }
}

/// The one that was told is killed before or after it has the lock: the other gets the item, unless the dead one took it.
#[test]
fn the_told_one_is_killed() {
    let _watchdog = watchdog(120);
    for _ in 0..50 {
        let shop = Shop::new();
        let (first, second) = (shop.consumer(1, None), shop.consumer(2, None));
        shop.put();
        kill(first);
        if shop.has_taken(1) {
            shop.put();
        }
        second.join().unwrap();
    }
}

/// Who tells is killed, alone at a random moment, or in the lock together with the one that it has told.
#[test]
fn the_teller_is_killed() {
    let _watchdog = watchdog(240);
    for round in 0..ROUNDS {
        let (shop, inside) = (Shop::new(), Atomic::new(0_u32).unwrap());
        let consumers = [1, 2].map(|number| shop.consumer(number, None));
        let together = round % 4 == 0;
        let tell = |shop: Shop, inside: Atomic<u32>, together: bool| {
            let _guard = shop.enter();
            inside.store(1, Ordering::SeqCst);
            shop.put();
            inside.store(2, Ordering::SeqCst);
            if together {
                loop {
                    thread::park();
                }
            }
        };
        let teller = spawn(tell, (shop.clone(), inside.clone(), together)).unwrap();
        let [first, second] = consumers;
        if together {
            until(|| inside.load(Ordering::SeqCst) == 2);
            let _ = (teller.kill(), first.kill());
            assert!(kill(teller));
            kill(first);
            if shop.has_taken(1) {
                shop.put();
            }
        } else {
            until(|| inside.load(Ordering::SeqCst) > 0);
            random_moment();
            kill(teller);
            // What it has put and not told yet is this one's to repair.
            let guard = shop.enter();
            shop.condition.notify_all().unwrap();
            drop(guard);
            for item in 0..2 {
                if shop.items[item].load(Ordering::SeqCst) == ABSENT {
                    shop.put();
                }
            }
            first.join().unwrap();
        }
        second.join().unwrap();
    }
}
