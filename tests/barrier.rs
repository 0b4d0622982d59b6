//! `Barrier` across processes and threads: BA01–BA05, BA07–BA10, BA12, BA14–BA17, and bad input.

mod support;
#[path = "support/watching.rs"]
mod watching;

use multiproc::{
    Atomic, AtomicArray, Barrier, BarrierError, Error, ErrorKind, Ordering, Segment, spawn,
};
use std::{
    panic::{self, AssertUnwindSafe},
    sync::mpsc,
    thread,
    time::{Duration, Instant},
};
use support::{unique, watchdog};
use watching::{own_thread, thread_sleeps, until};

multiproc::test_support!();

const N: u32 = 5;

/// What the parties of a test share.
type Counts = AtomicArray<u32>;

/// Runs a function as five parties, which are two processes, two threads, and this one; their answers.
macro_rules! five {
    ($run:ident, $barrier:expr, $counts:expr) => {{
        let args = || (Barrier::clone(&$barrier), Counts::clone(&$counts));
        let processes: Vec<_> = (0..2).map(|_| spawn($run, args()).unwrap()).collect();
        let threads: Vec<_> = (0..2)
            .map(|_| {
                let (barrier, counts) = args();
                thread::spawn(move || $run(barrier, counts))
            })
            .collect();
        let (barrier, counts) = args();
        let mut answers = vec![$run(barrier, counts)];
        answers.extend(threads.into_iter().map(|thread| thread.join().unwrap()));
        answers.extend(processes.into_iter().map(|process| process.join().unwrap()));
        answers
    }};
}

fn is_broken<T>(waited: &Result<T, BarrierError>) -> bool {
    matches!(waited, Err(BarrierError::Broken))
}

fn is_broken_or_late<T>(waited: &Result<T, BarrierError>) -> bool {
    matches!(waited, Err(BarrierError::Broken | BarrierError::TimedOut))
}

/// BA01, BA02, BA03, BA17: nobody passes before all have arrived, turn after turn; each index once a turn; nobody waits after a turn.
#[test]
fn all_go_in_lockstep() {
    const TURNS: u32 = 300;
    fn lockstep(barrier: Barrier, counts: Counts) -> Vec<u32> {
        let mut indexes = Vec::new();
        for turn in 0..TURNS {
            counts[0].fetch_add(1, Ordering::Relaxed);
            indexes.push(barrier.wait().unwrap());
            assert_eq!(counts[0].load(Ordering::Relaxed), (turn + 1) * N);
            barrier.wait().unwrap();
        }
        indexes
    }
    let _watchdog = watchdog(60);
    let (barrier, counts) = (Barrier::new(N).unwrap(), Counts::zeroed(1).unwrap());
    let indexes = five!(lockstep, barrier, counts);
    for turn in 0..TURNS as usize {
        let mut of_turn: Vec<_> = indexes.iter().map(|indexes| indexes[turn]).collect();
        of_turn.sort_unstable();
        assert!(of_turn.into_iter().eq(0..N));
    }
    assert!(barrier.n_waiting() == 0 && !barrier.is_broken());
}

/// BA04: one action a turn, of the last one, before anybody passes.
#[test]
fn one_runs_the_action() {
    fn act(barrier: Barrier, counts: Counts) {
        for turn in 1..=100 {
            let mut mine = false;
            let action = || {
                mine = true;
                counts[0].fetch_add(1, Ordering::Relaxed);
            };
            let index = barrier.wait_with(action).unwrap();
            assert_eq!(counts[0].load(Ordering::Relaxed), turn);
            assert_eq!(mine, index == N - 1);
            barrier.wait().unwrap();
        }
    }
    let _watchdog = watchdog(60);
    let (barrier, counts) = (Barrier::new(N).unwrap(), Counts::zeroed(1).unwrap());
    five!(act, barrier, counts);
    assert_eq!(counts[0].load(Ordering::Relaxed), 100);
}

/// An action that panics breaks the barrier; the panic goes on in its caller.
#[test]
fn an_action_that_panics_breaks_it() {
    fn act(barrier: Barrier, _: Counts) -> bool {
        let wait = AssertUnwindSafe(|| barrier.wait_with(|| panic::resume_unwind(Box::new(7))));
        match panic::catch_unwind(wait) {
            Ok(waited) => {
                assert!(is_broken(&waited), "{waited:?}");
                false
            }
            Err(payload) => *payload.downcast::<i32>().unwrap() == 7,
        }
    }
    let _watchdog = watchdog(60);
    let (barrier, counts) = (Barrier::new(N).unwrap(), Counts::zeroed(1).unwrap());
    let panicked = five!(act, barrier, counts);
    assert_eq!(panicked.iter().filter(|&&panicked| panicked).count(), 1);
    assert!(barrier.is_broken());
}

/// BA05, BA07, BA12: who aborts breaks it for those that wait and those that come, until it is reset.
#[test]
fn one_aborts_and_it_is_reset() {
    fn abort(barrier: Barrier, counts: Counts) {
        // All but one wait.
        if counts[0].fetch_add(1, Ordering::SeqCst) == N - 1 {
            until(|| barrier.n_waiting() == N - 1);
            barrier.abort().unwrap();
        } else {
            let waited = barrier.wait();
            assert!(is_broken(&waited), "{waited:?}");
        }
        assert!(barrier.is_broken() && barrier.n_waiting() == 0 && barrier.parties() == N);
        assert!(is_broken(&barrier.wait()) && is_broken(&barrier.wait_with(|| panic!("run"))));
        assert!(is_broken(&barrier.wait_timeout(Duration::ZERO)));
    }
    fn pass(barrier: Barrier, _: Counts) {
        barrier.wait().unwrap();
    }
    let _watchdog = watchdog(60);
    let (barrier, counts) = (Barrier::new(N).unwrap(), Counts::zeroed(1).unwrap());
    five!(abort, barrier, counts);
    let text = barrier.wait().unwrap_err().to_string();
    assert!(text.contains("broken") && text.contains("reset"), "{text}");
    let error = Error::from(barrier.wait().unwrap_err());
    assert!(error.kind() == ErrorKind::Broken && error.to_string() == text);
    barrier.reset().unwrap();
    assert!(!barrier.is_broken());
    five!(pass, barrier, counts);
    five!(pass, barrier, counts);
}

/// A reset tells those that wait, and the next turn is another.
#[test]
fn a_reset_tells_those_that_wait() {
    fn reset(barrier: Barrier, counts: Counts) {
        for turn in 1..=50 {
            if counts[0].fetch_add(1, Ordering::SeqCst) == turn * N - 1 {
                until(|| barrier.n_waiting() == N - 1);
                barrier.reset().unwrap();
                assert!(!barrier.is_broken());
            } else {
                let waited = barrier.wait();
                assert!(is_broken(&waited), "{waited:?}");
            }
            barrier.wait().unwrap();
        }
    }
    let _watchdog = watchdog(60);
    let (barrier, counts) = (Barrier::new(N).unwrap(), Counts::zeroed(1).unwrap());
    five!(reset, barrier, counts);
}

/// BA08, BA09: one comes too late, by the time of the wait or by that of the barrier.
#[test]
fn one_is_late() {
    const TIME: Duration = Duration::from_millis(100);
    fn by_wait(barrier: Barrier, counts: Counts) -> bool {
        if counts[0].fetch_add(1, Ordering::SeqCst) == N - 1 {
            until(|| barrier.is_broken());
        }
        let (start, waited) = (Instant::now(), barrier.wait_timeout(TIME));
        assert!(is_broken_or_late(&waited), "{waited:?}");
        let late = matches!(waited, Err(BarrierError::TimedOut));
        assert!(!late || start.elapsed() >= TIME);
        late
    }
    fn by_default(barrier: Barrier, counts: Counts) -> bool {
        if counts[0].fetch_add(1, Ordering::SeqCst) == N - 1 {
            until(|| barrier.is_broken());
        }
        let waited = barrier.wait();
        assert!(is_broken_or_late(&waited), "{waited:?}");
        matches!(waited, Err(BarrierError::TimedOut))
    }
    let _watchdog = watchdog(60);
    let (barrier, counts) = (Barrier::new(N).unwrap(), Counts::zeroed(1).unwrap());
    // One breaks it; the others are told.
    assert_eq!(five!(by_wait, barrier, counts).into_iter().filter(|&late| late).count(), 1);
    let (barrier, counts) =
        (Barrier::builder(N).timeout(TIME).build().unwrap(), Counts::zeroed(1).unwrap());
    assert_eq!(five!(by_default, barrier, counts).into_iter().filter(|&late| late).count(), 1);
}

/// BA10, BA15: the last one never waits; zero breaks at once where somebody is missing.
#[test]
fn the_last_one_does_not_wait() {
    let single = Barrier::builder(1).timeout(Duration::ZERO).build().unwrap();
    let mut actions = 0;
    for _ in 0..2 {
        assert_eq!(single.wait().unwrap(), 0);
        assert_eq!(single.wait_timeout(Duration::ZERO).unwrap(), 0);
        assert_eq!(single.wait_with(|| actions += 1).unwrap(), 0);
    }
    assert_eq!(actions, 2);
    let two = Barrier::new(2).unwrap();
    let waited = two.wait_timeout(Duration::ZERO);
    assert!(matches!(waited, Err(BarrierError::TimedOut)) && two.is_broken());
    two.reset().unwrap();
    thread::scope(|scope| {
        let first = scope.spawn(|| two.wait().unwrap());
        until(|| two.n_waiting() == 1);
        assert_eq!(two.wait_timeout(Duration::ZERO).unwrap(), 1);
        assert_eq!(first.join().unwrap(), 0);
    });
}

/// Who waits inside the action would wait for itself; others that come meanwhile belong to the next turn.
#[test]
fn waits_during_the_action() {
    let _watchdog = watchdog(60);
    let (one, state) = (Barrier::new(1).unwrap(), Atomic::new(0_u32).unwrap());
    let (barrier, begun) = (&one, &state);
    let inside = barrier.wait_with(|| {
        let error = barrier.wait().unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Deadlock, "{error}");
    });
    assert_eq!(inside.unwrap(), 0);
    thread::scope(|scope| {
        let slow = || {
            begun.store(1, Ordering::SeqCst);
            until(|| begun.load(Ordering::SeqCst) == 2);
        };
        let first = scope.spawn(move || barrier.wait_with(slow).unwrap());
        until(|| begun.load(Ordering::SeqCst) == 1);
        let (tell, names) = mpsc::channel();
        let second = scope.spawn(move || {
            tell.send(own_thread()).unwrap();
            barrier.wait().unwrap()
        });
        let name = names.recv().unwrap();
        until(|| thread_sleeps(&name));
        assert!(!second.is_finished());
        begun.store(2, Ordering::SeqCst);
        assert_eq!((first.join().unwrap(), second.join().unwrap()), (0, 0));
    });
    // A reset inside it is told at its end.
    assert!(is_broken(&barrier.wait_with(|| barrier.reset().unwrap())));
    assert_eq!(barrier.wait().unwrap(), 0);
    // A time that ends while it runs breaks the barrier for all.
    thread::scope(|scope| {
        let slow = || {
            begun.store(3, Ordering::SeqCst);
            until(|| barrier.is_broken());
        };
        let first = scope.spawn(move || barrier.wait_with(slow));
        until(|| begun.load(Ordering::SeqCst) == 3);
        let waited = barrier.wait_timeout(Duration::from_millis(5));
        assert!(matches!(waited, Err(BarrierError::TimedOut)));
        assert!(is_broken(&first.join().unwrap()));
    });
}

/// BA14, and what else a barrier cannot be.
#[test]
fn numbers_that_cannot_be() {
    for parties in [0, 1 << 15, u32::MAX] {
        let error = Barrier::new(parties).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::InvalidInput);
        assert!(error.to_string().contains(&format!("not {parties}")), "{error}");
    }
    let endless = Barrier::builder(1).timeout(Duration::MAX).build().unwrap();
    assert_eq!(endless.wait().unwrap(), 0);
    assert_eq!(endless.wait_timeout(Duration::MAX).unwrap(), 0);
}

#[test]
fn it_is_published_and_shown() {
    let name = unique("barrier");
    let segment = Segment::create(&name).unwrap();
    let barrier = Barrier::new_in(&segment, 2).unwrap();
    segment.publish("turns", &barrier).unwrap();
    let again = segment.open::<Barrier>("turns").unwrap();
    assert!(again.same_barrier(&barrier) && !again.same_barrier(&Barrier::new(2).unwrap()));
    assert_eq!(again.parties(), 2);
    assert_eq!(format!("{again:?}"), "Barrier { parties: 2, waiting: 0, broken: false }");
    let other = spawn(
        |name: String| {
            let barrier = Segment::attach(&name).unwrap().open::<Barrier>("turns").unwrap();
            barrier.wait().unwrap()
        },
        (name.clone(),),
    )
    .unwrap();
    until(|| barrier.n_waiting() == 1);
    assert_eq!(barrier.wait().unwrap(), 1);
    assert_eq!(other.join().unwrap(), 0);
    let wrong = segment.open::<multiproc::Lock>("turns").unwrap_err();
    assert_eq!(wrong.kind(), ErrorKind::WrongType);
}
