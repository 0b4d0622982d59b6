//! `Condition` across processes: CO01–CO12; CO13 and the deaths are in `tests/deaths.rs` and `tests/deaths_at_steps.rs`.

#[path = "support/quiet.rs"]
mod quiet;
mod support;
#[path = "support/watching.rs"]
mod watching;

use multiproc::{
    Array, Atomic, Condition, ConditionLock, ErrorKind, Event, Lock, LockError, Ordering, Process,
    ProcessError, RLock, Segment, Value, spawn,
};
use quiet::{SIGSYS, without_system_calls};
use std::{
    mem,
    panic::{AssertUnwindSafe, catch_unwind},
    thread,
    time::{Duration, Instant},
};
use support::{clean, unique, watchdog};
use watching::{sleeps, until};

multiproc::test_support!();

/// What those who wait once have in common.
#[derive(Clone, Debug, serde::Serialize, serde::Deserialize)]
struct Group {
    condition: Condition,
    /// How many were told; which ones, in this order.
    told: Atomic<u32>,
    order: Array<u32>,
}

impl Group {
    fn new() -> Self {
        let (told, order) = (Atomic::new(0).unwrap(), Array::zeroed(16).unwrap());
        Self { condition: Condition::new().unwrap(), told, order }
    }

    /// Waits for ever, and says so afterwards, under the lock.
    fn wait_once(&self, number: u32) {
        let mut guard = self.condition.lock().unwrap();
        self.condition.wait(&mut guard).unwrap();
        self.order.set(self.told.load(Ordering::SeqCst) as usize, number).unwrap();
        self.told.fetch_add(1, Ordering::SeqCst);
    }

    /// A process that waits, asleep; the ones before it have begun before.
    fn waiter(&self, number: u32) -> Process<()> {
        let before = self.condition.n_waiting();
        let wait = |group: Self, number: u32| group.wait_once(number);
        let process = spawn(wait, (self.clone(), number)).unwrap();
        until(|| self.condition.n_waiting() > before && sleeps(&process));
        process
    }

    /// Tells so many, and waits until so many, and nobody else, went on.
    fn notify(&self, count: usize, woken: u32) {
        let (before, waiting) = (self.told.load(Ordering::SeqCst), self.condition.n_waiting());
        assert_eq!(notify(&self.condition, count), woken as usize);
        until(|| self.told.load(Ordering::SeqCst) >= before + woken);
        assert_eq!(self.told.load(Ordering::SeqCst), before + woken);
        assert_eq!(self.condition.n_waiting(), waiting - woken as usize);
    }

    fn order(&self) -> Vec<u32> {
        self.order.read().unwrap()[..self.told.load(Ordering::SeqCst) as usize].to_vec()
    }
}

fn notify(condition: &Condition, count: usize) -> usize {
    let _held = condition.lock().unwrap();
    condition.notify(count).unwrap()
}

/// CO01: a process and a thread wait; each notification wakes one of them.
#[test]
fn a_notification_wakes_one() {
    let _watchdog = watchdog(60);
    let group = Group::new();
    let process = group.waiter(1);
    thread::scope(|scope| {
        scope.spawn(|| group.wait_once(2));
        until(|| group.condition.n_waiting() == 2);
        group.notify(1, 1);
        // The process began first.
        assert_eq!(group.order(), [1]);
        group.notify(1, 1);
        assert_eq!(group.order(), [1, 2]);
    });
    process.join().unwrap();
    assert!(group.condition.n_waiting() == 0 && !group.condition.as_lock().is_locked());
}

/// How one that was told gives the lock back, before it ends.
#[derive(Clone, Copy, Debug, serde::Serialize, serde::Deserialize)]
enum Way {
    Plainly,
    /// After it has waited again, in vain, for the same condition.
    HavingWaitedOn,
    /// After it has waited, in vain, for another condition over the same lock.
    HavingWaitedElsewhere,
    /// It waited through an inner guard of the lock, which is dropped before the outer ones.
    ByTheOuterGuard,
    /// Or dropped after them; and inner levels come and go.
    ByTheInnerGuard,
    /// As the outer one, after a wait in vain at two levels.
    DeepAndHavingWaitedOn,
}

const WAYS: [Way; 6] = [
    Way::Plainly,
    Way::HavingWaitedOn,
    Way::HavingWaitedElsewhere,
    Way::ByTheOuterGuard,
    Way::ByTheInnerGuard,
    Way::DeepAndHavingWaitedOn,
];

/// Waits for ever, and gives the lock back in that way.
fn be_told(condition: Condition, way: Way) {
    let outer = condition.lock().unwrap();
    if matches!(way, Way::Plainly | Way::HavingWaitedOn | Way::HavingWaitedElsewhere) {
        let mut guard = outer;
        condition.wait(&mut guard).unwrap();
        if matches!(way, Way::HavingWaitedOn) {
            assert!(!condition.wait_timeout(&mut guard, Duration::ZERO).unwrap());
        }
        if matches!(way, Way::HavingWaitedElsewhere) {
            let other = Condition::over(condition.as_lock()).unwrap();
            assert!(!other.wait_timeout(&mut guard, Duration::ZERO).unwrap());
        }
        return;
    }
    let mut inner = condition.lock().unwrap();
    condition.wait(&mut inner).unwrap();
    drop(condition.lock().unwrap());
    assert_eq!(condition.as_lock().depth(), 2);
    match way {
        Way::ByTheOuterGuard => drop((inner, outer)),
        Way::ByTheInnerGuard => drop((outer, inner)),
        _ => {
            assert!(!condition.wait_timeout(&mut inner, Duration::ZERO).unwrap());
            assert_eq!(condition.as_lock().depth(), 2);
            drop((inner, outer));
        }
    }
}

/// A wait without time looks at all seats, and passes on what one that ended was told and had no time for: to itself, or to one that waits longer.
fn nobody_is_told<L: ConditionLock>(condition: &Condition<L>, guard: &mut L::Guard<'_>) {
    let waiting = condition.n_waiting();
    assert!(!condition.wait_timeout(guard, Duration::ZERO).unwrap());
    assert_eq!(condition.n_waiting(), waiting);
}

/// CO01: one that was told, gave the lock back and ended, as a process or as a thread, tells nobody by that: not one that waits already, and not one that comes.
#[test]
fn the_end_of_one_that_was_told_tells_nobody() {
    let _watchdog = watchdog(120);
    for (way, as_process, others) in WAYS
        .into_iter()
        .flat_map(|way| [(way, true, 1), (way, false, 1), (way, true, 0), (way, false, 0)])
    {
        let group = Group::new();
        let condition = &group.condition;
        thread::scope(|scope| {
            let process = as_process.then(|| spawn(be_told, (condition.clone(), way)).unwrap());
            let told = (!as_process).then(|| scope.spawn(move || be_told(condition.clone(), way)));
            until(|| condition.n_waiting() == 1);
            let other = (others == 1).then(|| scope.spawn(|| group.wait_once(1)));
            until(|| condition.n_waiting() == 1 + others);
            assert_eq!(notify(condition, 1), 1);
            // Wholly: a scope would wait for the closure alone.
            told.into_iter().for_each(|thread| thread.join().unwrap());
            process.into_iter().for_each(|process| process.join().unwrap());
            let mut guard = condition.lock().unwrap();
            assert_eq!(condition.n_waiting(), others, "{way:?}");
            nobody_is_told(condition, &mut guard);
            assert_eq!(group.order(), []);
            drop(guard);
            if let Some(other) = other {
                group.notify(1, 1);
                other.join().unwrap();
            }
            nobody_is_told(condition, &mut condition.lock().unwrap());
        });
    }
}

/// The same over a plain lock, with two conditions, by both of which it was told.
#[test]
fn the_end_of_one_that_was_told_twice_tells_nobody() {
    let _watchdog = watchdog(60);
    let lock = Lock::new().unwrap();
    let (one, two) = (Condition::over(&lock).unwrap(), Condition::over(&lock).unwrap());
    let be_told = |one: Condition<Lock>, two: Condition<Lock>| {
        let mut guard = one.lock().unwrap();
        one.wait(&mut guard).unwrap();
        two.wait(&mut guard).unwrap();
    };
    let wait = |condition: &Condition<Lock>| {
        condition.wait(&mut condition.lock().unwrap()).unwrap();
    };
    thread::scope(|scope| {
        let told = spawn(be_told, (one.clone(), two.clone())).unwrap();
        until(|| one.n_waiting() == 1);
        let first = scope.spawn(|| wait(&one));
        until(|| one.n_waiting() == 2);
        let tell = |condition: &Condition<Lock>| {
            let _held = lock.lock().unwrap();
            assert_eq!(condition.notify(1).unwrap(), 1);
        };
        tell(&one);
        until(|| two.n_waiting() == 1);
        let second = scope.spawn(|| wait(&two));
        until(|| two.n_waiting() == 2);
        tell(&two);
        told.join().unwrap();
        for condition in [&one, &two] {
            assert_eq!(condition.n_waiting(), 1);
            nobody_is_told(condition, &mut lock.lock().unwrap());
            tell(condition);
        }
        first.join().unwrap();
        second.join().unwrap();
        for condition in [&one, &two] {
            nobody_is_told(condition, &mut lock.lock().unwrap());
        }
    });
}

/// A panic in the lock is as a death: the next is told, while the thread lives on; also when the panic left an inner level alone, and the rest of the thread goes on with the lock.
#[test]
fn a_panic_of_one_that_was_told_tells_the_next() {
    let _watchdog = watchdog(60);
    for inside in [false, true] {
        let (condition, end) = (Condition::new().unwrap(), Event::new().unwrap());
        thread::scope(|scope| {
            let panicking = scope.spawn(|| {
                let outer = inside.then(|| condition.lock().unwrap());
                let panicked = catch_unwind(AssertUnwindSafe(|| {
                    let mut guard = condition.lock().unwrap();
                    condition.wait(&mut guard).unwrap();
                    panic!("as it was told");
                }));
                assert!(panicked.is_err());
                drop(outer);
                end.wait().unwrap();
            });
            until(|| condition.n_waiting() == 1);
            let next = scope.spawn(|| {
                let mut guard = condition.lock().unwrap();
                let back = condition.wait(&mut guard).map_err(|error| error.kind());
                guard.clear_poison();
                back
            });
            until(|| condition.n_waiting() == 2);
            assert_eq!(notify(&condition, 1), 1);
            assert_eq!(next.join().unwrap(), Err(ErrorKind::Poisoned));
            end.set().unwrap();
            panicking.join().unwrap();
            nobody_is_told(&condition, &mut condition.lock().unwrap());
        });
    }
}

/// A guard that is forgotten holds the lock until its thread ends: then that is a death, and the next is told.
#[test]
fn a_forgotten_guard_is_held() {
    let _watchdog = watchdog(60);
    let condition = Condition::new().unwrap();
    let forget = |condition: Condition| {
        let mut guard = condition.lock().unwrap();
        condition.wait(&mut guard).unwrap();
        mem::forget(guard);
    };
    let forgetful = spawn(forget, (condition.clone(),)).unwrap();
    until(|| condition.n_waiting() == 1);
    thread::scope(|scope| {
        let next = scope.spawn(|| {
            let mut guard = condition.lock().unwrap();
            let back = condition.wait(&mut guard).map_err(|error| error.kind());
            guard.clear_poison();
            back
        });
        until(|| condition.n_waiting() == 2);
        assert_eq!(notify(&condition, 1), 1);
        forgetful.join().unwrap();
        assert_eq!(next.join().unwrap(), Err(ErrorKind::OwnerDied));
    });
    nobody_is_told(&condition, &mut condition.lock().unwrap());
}

/// The last handle of a condition goes before the guard does: what the guard does with it afterwards touches nothing that lies there since.
#[test]
fn a_condition_goes_before_the_guard() {
    let _watchdog = watchdog(60);
    let lock = RLock::new().unwrap();
    for _ in 0..10 {
        let condition = Condition::over(&lock).unwrap();
        let mut guard = lock.lock().unwrap();
        thread::scope(|scope| {
            let _telling = scope.spawn(|| notify(&condition, 1));
            condition.wait(&mut guard).unwrap();
        });
        drop(condition);
        // As many as the one that is gone took.
        let others = [(); 3].map(|()| Condition::over(&lock).unwrap());
        drop(guard);
        let mut guard = lock.lock().unwrap();
        others.iter().for_each(|other| nobody_is_told(other, &mut guard));
    }
}

/// CO03, CO11, CO12: so many are woken as is said, those who wait longest; nobody is nothing.
#[test]
fn so_many_are_woken_as_is_said() {
    let _watchdog = watchdog(60);
    let group = Group::new();
    group.notify(3, 0);
    let waiting: Vec<_> = (1..=7).map(|number| group.waiter(number)).collect();
    group.notify(0, 0);
    for (count, woken) in [(1, 1), (2, 2), (9, 4), (3, 0)] {
        group.notify(count, woken);
        let mut order = group.order();
        order.sort_unstable();
        assert!(order.iter().copied().eq(1..=order.len() as u32), "{order:?}");
    }
    waiting.into_iter().for_each(|process| process.join().unwrap());
}

/// The oldest is told first, each time.
#[test]
fn the_oldest_is_told_first() {
    let _watchdog = watchdog(60);
    let group = Group::new();
    let waiting: Vec<_> = (1..=5).map(|number| group.waiter(number)).collect();
    (0..5).for_each(|_| group.notify(1, 1));
    assert_eq!(group.order(), [1, 2, 3, 4, 5]);
    waiting.into_iter().for_each(|process| process.join().unwrap());
}

/// CO02, CO04, CO12: those whose time is up leave nothing; afterwards all are woken at once.
#[test]
fn all_are_woken_after_others_were_late() {
    let _watchdog = watchdog(60);
    let group = Group::new();
    let condition = &group.condition;
    let late = |condition: Condition| {
        let mut guard = condition.lock().unwrap();
        let (start, time) = (Instant::now(), Duration::from_millis(60));
        let told = condition.wait_timeout(&mut guard, time).unwrap();
        assert!(start.elapsed() >= time);
        told
    };
    let processes = [(); 3].map(|()| spawn(late, (condition.clone(),)).unwrap());
    thread::scope(|scope| {
        let threads = [(); 3].map(|()| scope.spawn(|| late(condition.clone())));
        assert!(threads.into_iter().all(|thread| !thread.join().unwrap()));
    });
    assert!(processes.into_iter().all(|process| !process.join().unwrap()));
    group.notify(1, 0);
    let processes: Vec<_> = (0..3).map(|number| group.waiter(number)).collect();
    thread::scope(|scope| {
        (3..6).for_each(|number| {
            drop(scope.spawn({
                let group = &group;
                move || group.wait_once(number)
            }))
        });
        until(|| condition.n_waiting() == 6);
        let held = condition.lock().unwrap();
        assert_eq!(condition.notify_all().unwrap(), 6);
        // They were told, and go on when they get the lock.
        assert_eq!((condition.n_waiting(), group.told.load(Ordering::SeqCst)), (0, 0));
        drop(held);
        until(|| group.told.load(Ordering::SeqCst) == 6);
    });
    processes.into_iter().for_each(|process| process.join().unwrap());
    assert!(condition.n_waiting() == 0 && !condition.as_lock().is_locked());
}

/// CO05, CO11: a wait without time is none, but gives the lock back for a moment; one for ever ends when it is told.
#[test]
fn a_wait_says_whether_it_was_told() {
    let _watchdog = watchdog(60);
    let condition = Condition::new().unwrap();
    let mut guard = condition.lock().unwrap();
    assert!(!condition.wait_timeout(&mut guard, Duration::ZERO).unwrap());
    assert!(!condition.wait_timeout(&mut guard, Duration::from_millis(1)).unwrap());
    assert!(condition.as_lock().is_locked() && condition.n_waiting() == 0);
    thread::scope(|scope| {
        scope.spawn(|| notify(&condition, 1));
        assert!(condition.wait_timeout(&mut guard, Duration::MAX).unwrap());
    });
    // What nobody waited for is not kept.
    assert_eq!(condition.notify(1).unwrap(), 0);
    assert!(!condition.wait_timeout(&mut guard, Duration::ZERO).unwrap());
}

/// CO06, CO10: the predicate is asked first, and at each notification; its last word is the answer.
#[test]
fn a_predicate_is_waited_for() {
    let _watchdog = watchdog(60);
    let (condition, state) = (Condition::new().unwrap(), Value::new(0_u32).unwrap());
    let climb = |condition: Condition, state: Value<u32>| {
        let mut guard = condition.lock().unwrap();
        state.set(1).unwrap();
        condition.notify(1).unwrap();
        let asked = || state.get().unwrap() == 4;
        condition.wait_for(&mut guard, asked).unwrap();
        assert_eq!(state.get().unwrap(), 4);
    };
    let mut guard = condition.lock().unwrap();
    let other = spawn(climb, (condition.clone(), state.clone())).unwrap();
    condition.wait_for(&mut guard, || state.get().unwrap() == 1).unwrap();
    for next in 2..=4 {
        // Until the other waits again.
        while condition.n_waiting() == 0 {
            assert!(!condition.wait_timeout(&mut guard, Duration::ZERO).unwrap());
        }
        state.set(next).unwrap();
        condition.notify(1).unwrap();
    }
    drop(guard);
    other.join().unwrap();
    let mut guard = condition.lock().unwrap();
    let mut asked = 0;
    condition
        .wait_for(&mut guard, || {
            asked += 1;
            true
        })
        .unwrap();
    assert_eq!(asked, 1);
    // Late: it is asked before and after.
    for time in [Duration::ZERO, Duration::from_millis(20)] {
        let mut asked = 0;
        let second = || {
            asked += 1;
            asked == 2
        };
        assert!(condition.wait_for_timeout(&mut guard, time, second).unwrap());
        assert!(!condition.wait_for_timeout(&mut guard, time, || false).unwrap());
    }
}

/// The time of a wait for a predicate is that of the whole wait, though it is told all the time.
#[test]
fn a_time_is_that_of_the_whole_wait() {
    let _watchdog = watchdog(60);
    let (condition, stop) = (Condition::new().unwrap(), Atomic::new(false).unwrap());
    let tell = |condition: Condition, stop: Atomic<bool>| {
        while !stop.load(Ordering::SeqCst) {
            notify(&condition, usize::MAX);
        }
    };
    let teller = spawn(tell, (condition.clone(), stop.clone())).unwrap();
    let mut guard = condition.lock().unwrap();
    let mut late = 0;
    while late < 3 {
        let (start, time) = (Instant::now(), Duration::from_millis(60));
        let mut asked = 0;
        let never = || {
            asked += 1;
            false
        };
        assert!(!condition.wait_for_timeout(&mut guard, time, never).unwrap());
        assert!(start.elapsed() >= time);
        late += u32::from(asked > 3);
    }
    drop(guard);
    stop.store(true, Ordering::SeqCst);
    teller.join().unwrap();
}

/// CO08: who does not have the lock is told so, or cannot ask: a wait takes a guard, and that of another lock is refused.
#[test]
fn without_the_lock_nobody_waits_or_notifies() {
    let _watchdog = watchdog(60);
    let (condition, other) = (Condition::new().unwrap(), Condition::new().unwrap());
    assert_eq!(condition.notify(1).unwrap_err().kind(), ErrorKind::NotOwner);
    assert_eq!(condition.notify_all().unwrap_err().kind(), ErrorKind::NotOwner);
    let mut guard = other.lock().unwrap();
    assert_eq!(condition.notify(0).unwrap_err().kind(), ErrorKind::NotOwner);
    let refused = condition.wait(&mut guard).unwrap_err();
    assert_eq!(refused.kind(), ErrorKind::InvalidInput);
    let refused = condition.wait_for_timeout(&mut guard, Duration::ZERO, || false).unwrap_err();
    assert_eq!(refused.kind(), ErrorKind::InvalidInput);
    // Nothing happened: the guard is as it was.
    assert!(other.as_lock().is_locked() && !condition.as_lock().is_locked());
    assert_eq!(other.notify(1).unwrap(), 0);
    // Of the same lock, but another thread's.
    let theirs = || other.notify(1).unwrap_err().kind();
    assert_eq!(thread::scope(|scope| scope.spawn(theirs).join().unwrap()), ErrorKind::NotOwner);
    let theirs = |condition: Condition| condition.notify(1).unwrap_err().kind();
    let process = spawn(theirs, (other.clone(),)).unwrap();
    assert_eq!(process.join().unwrap(), ErrorKind::NotOwner);
}

/// CO09: all levels of the lock are given back, and are there again.
#[test]
fn all_levels_are_given_back_and_taken_again() {
    let _watchdog = watchdog(60);
    let condition = Condition::new().unwrap();
    let (lock, state) = (condition.as_lock(), Atomic::new(0_u32).unwrap());
    let one = lock.lock().unwrap();
    let mut two = lock.lock().unwrap();
    let three = condition.lock().unwrap();
    let change = |condition: Condition, state: Atomic<u32>| {
        let _held = (condition.lock().unwrap(), condition.lock().unwrap());
        assert_eq!(condition.as_lock().depth(), 2);
        state.store(1, Ordering::SeqCst);
        assert_eq!(condition.notify(1).unwrap(), 1);
    };
    let other = spawn(change, (condition.clone(), state.clone())).unwrap();
    condition.wait_for(&mut two, || state.load(Ordering::SeqCst) == 1).unwrap();
    assert_eq!(lock.depth(), 3);
    assert!(!condition.wait_timeout(&mut two, Duration::from_millis(1)).unwrap());
    assert_eq!(lock.depth(), 3);
    other.join().unwrap();
    drop((one, two));
    assert!(lock.depth() == 1 && lock.is_locked());
    drop(three);
    assert!(!lock.is_locked());
}

/// Over a plain lock, which is not recursive, and over one lock twice.
#[test]
fn conditions_share_a_lock() {
    let _watchdog = watchdog(60);
    let lock = Lock::new().unwrap();
    let (filled, emptied) = (Condition::over(&lock).unwrap(), Condition::over(&lock).unwrap());
    assert!(!filled.same_condition(&emptied) && filled.same_condition(&filled.clone()));
    // A place for one number; three processes fill it, and this one and a thread empty it.
    let place = Array::<u64>::from_slice(&[0]).unwrap();
    let fill =
        |filled: Condition<Lock>, emptied: Condition<Lock>, place: Array<u64>, first: u64| {
            for number in first..first + 100 {
                let mut guard = emptied.lock().unwrap();
                emptied.wait_for(&mut guard, || place.get(0).unwrap() == 0).unwrap();
                place.set(0, number).unwrap();
                filled.notify(1).unwrap();
            }
        };
    let args = |first| (filled.clone(), emptied.clone(), place.clone(), first);
    let fillers = [1, 101, 201].map(|first| spawn(fill, args(first)).unwrap());
    let empty = || {
        let mut sum = 0;
        for _ in 0..150 {
            // The guard of the lock itself serves.
            let mut guard = lock.lock().unwrap();
            filled.wait_for(&mut guard, || place.get(0).unwrap() != 0).unwrap();
            sum += place.get(0).unwrap();
            place.set(0, 0).unwrap();
            emptied.notify(1).unwrap();
        }
        sum
    };
    let sum = thread::scope(|scope| {
        let other = scope.spawn(empty);
        empty() + other.join().unwrap()
    });
    fillers.into_iter().for_each(|filler| filler.join().unwrap());
    assert_eq!(sum, 300 * 301 / 2);
    assert_eq!((filled.n_waiting(), emptied.n_waiting()), (0, 0));
    let again = lock.lock().unwrap();
    assert_eq!(filled.lock().unwrap_err().kind(), ErrorKind::Deadlock);
    drop(again);
}

/// Who comes back from a wait to a lock whose holder died, or panicked, is told so, and has the lock.
#[test]
fn who_comes_back_hears_of_a_death() {
    let _watchdog = watchdog(60);
    for dies in [true, false] {
        let (condition, inside) = (Condition::new().unwrap(), Atomic::new(false).unwrap());
        let tell = |condition: Condition, inside: Atomic<bool>, dies: bool| -> () {
            let _held = condition.lock().unwrap();
            assert_eq!(condition.notify(1).unwrap(), 1);
            inside.store(true, Ordering::SeqCst);
            assert!(dies, "in the lock");
            loop {
                thread::park();
            }
        };
        let mut guard = condition.lock().unwrap();
        let deeper = condition.lock().unwrap();
        let args = (condition.clone(), inside.clone(), dies);
        let teller = spawn(tell, args).unwrap();
        let back = thread::scope(|scope| {
            scope.spawn(|| {
                until(|| inside.load(Ordering::SeqCst));
                if dies {
                    teller.kill().unwrap();
                }
            });
            condition.wait(&mut guard)
        });
        match back {
            Err(LockError::OwnerDied(())) => assert!(dies),
            Err(LockError::Poisoned(())) => assert!(!dies),
            other => panic!("{other:?}"),
        }
        assert!(teller.join().is_err());
        assert!(condition.as_lock().depth() == 2 && condition.as_lock().is_poisoned());
        // It holds the lock: it may notify, and others may not have it.
        assert_eq!(condition.notify(1).unwrap(), 0);
        let theirs = || condition.as_lock().try_lock().map(drop).unwrap_err().kind();
        let theirs = thread::scope(|scope| scope.spawn(theirs).join().unwrap());
        assert_eq!(theirs, ErrorKind::WouldBlock);
        guard.clear_poison();
        drop((guard, deeper));
        drop(condition.lock().unwrap());
    }
}

/// They travel, with their locks, in both directions; Debug shows both.
#[test]
fn handles_travel() {
    let name = unique("condition");
    clean(&name, || {
        let condition = Condition::new().unwrap();
        let give_back = |condition: Condition| {
            let plain = Condition::over(&Lock::new().unwrap()).unwrap();
            let twin = Condition::over(condition.as_lock()).unwrap();
            (condition, twin, plain)
        };
        let (same, twin, plain) = spawn(give_back, (condition.clone(),)).unwrap().join().unwrap();
        assert!(same.same_condition(&condition) && !twin.same_condition(&condition));
        assert!(twin.as_lock().same_lock(condition.as_lock()));
        let mut guard = twin.lock().unwrap();
        assert!(!same.wait_timeout(&mut guard, Duration::ZERO).unwrap());
        let mut plainly = plain.lock().unwrap();
        assert!(!plain.wait_timeout(&mut plainly, Duration::ZERO).unwrap());
        let shown = format!("{condition:?}");
        assert!(shown.contains("waiting: 0") && shown.contains("depth: 1"), "{shown}");
        assert!(format!("{plain:?}").contains("Lock { owner: Some"), "{plain:?}");
        drop(guard);
        // In a segment of its own, as an argument.
        let segment = Segment::create(&name).unwrap();
        let theirs = Condition::new_in(&segment).unwrap();
        let group = Group { condition: theirs, ..Group::new() };
        let waiting = group.waiter(1);
        assert!(format!("{:?}", group.condition).contains("waiting: 1"), "{group:?}");
        group.notify(1, 1);
        waiting.join().unwrap();
    });
}

/// Notifying makes no system call while nobody waits; with a waiter it makes one, and who is killed in it has told the waiter.
#[test]
fn without_waiters_it_makes_no_system_call() {
    let _watchdog = watchdog(60);
    let condition = Condition::new().unwrap();
    let notify_quietly = |condition: Condition| {
        let other = Condition::new().unwrap();
        // Its first sleep asks the kernel for the thread's robust list.
        let prepare = move || {
            let mut guard = other.lock().unwrap();
            assert!(!other.wait_timeout(&mut guard, Duration::from_millis(1)).unwrap());
        };
        without_system_calls(prepare, move || {
            for _ in 0..1000 {
                let _held = condition.lock().unwrap();
                assert_eq!(condition.notify(1).unwrap() + condition.notify_all().unwrap(), 0);
            }
        });
    };
    // Others have waited before.
    let mut guard = condition.lock().unwrap();
    assert!(!condition.wait_timeout(&mut guard, Duration::from_millis(1)).unwrap());
    drop(guard);
    spawn(notify_quietly, (condition.clone(),)).unwrap().join().unwrap();
    let wait = |condition: Condition| {
        let mut guard = condition.lock().unwrap();
        condition.wait(&mut guard).map_err(|error| error.kind())
    };
    let waiter = spawn(wait, (condition.clone(),)).unwrap();
    until(|| condition.n_waiting() == 1 && sleeps(&waiter));
    let error = spawn(notify_quietly, (condition.clone(),)).unwrap().join().unwrap_err();
    assert!(matches!(error, ProcessError::Signalled { signal: SIGSYS, .. }), "{error}");
    assert_eq!(waiter.join().unwrap(), Err(ErrorKind::OwnerDied));
}
