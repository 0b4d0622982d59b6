//! `par_chunks_mut`, `par_chunks`, `par_chunks_into`, `par_for` and `reduce`: right results, the same bits, and whoever dies, nobody touches an array that another has.

mod support;
#[path = "support/watching.rs"]
mod watching;

use multiproc::{
    Array, ArrayWriteGuard, Atomic, AtomicArray, ErrorKind, Event, LockError, Ordering, Pool,
    PoolWorker, Process, TaskError, spawn,
};
use std::{
    panic::{self, AssertUnwindSafe},
    thread,
    time::Duration,
};
use support::watchdog;
use watching::{sleeps, until};

multiproc::test_support!();

fn kill(pid: u32) {
    // SAFETY: sends a signal to a process of this test.
    assert_eq!(unsafe { libc::kill(pid as i32, libc::SIGKILL) }, 0);
}

fn die() -> ! {
    kill(std::process::id());
    loop {
        thread::park();
    }
}

fn value(index: usize) -> u64 {
    (index as u64).wrapping_mul(0x9e37_79b9_7f4a_7c15)
}

fn fill(first: usize, chunk: &mut [u64]) -> (usize, usize) {
    chunk.iter_mut().enumerate().for_each(|(at, element)| *element = value(first + at));
    (first, chunk.len())
}

#[test]
fn chunks_are_all_of_an_array() {
    let _watchdog = watchdog(120);
    for workers in [1, 3] {
        let pool = Pool::new(workers).unwrap();
        for len in [0, 1, 7, 1000] {
            let field = Array::<u64>::zeroed(len).unwrap();
            for chunk in [1, 3, 1000, usize::MAX] {
                field.write().unwrap().fill(7);
                let results = pool.par_chunks_mut(&mut field.write().unwrap(), chunk, fill);
                let firsts = (0..len).step_by(chunk);
                let expected: Vec<_> =
                    firsts.map(|first| (first, chunk.min(len - first))).collect();
                assert_eq!(results.unwrap(), expected);
                let field = field.read().unwrap();
                assert!(field.iter().enumerate().all(|(at, element)| *element == value(at)));
                let look = |first: usize, chunk: &[u64]| {
                    let right = |(at, element): (usize, &u64)| *element == value(first + at);
                    assert!(chunk.iter().enumerate().all(right));
                    (first, chunk.len())
                };
                assert_eq!(pool.par_chunks(&field, chunk, look).unwrap(), expected);
            }
        }
    }
}

#[test]
fn there_are_chunks_with_states_contexts_and_two_arrays() {
    let _watchdog = watchdog(60);
    let make = |worker: PoolWorker| Ok::<_, String>(worker.index() as u64 + 1);
    let pool = Pool::builder().workers(2).state(make).build().unwrap();
    let field = Array::<u64>::zeroed(100).unwrap();
    let by_state = |state: &mut u64, _: usize, chunk: &mut [u64]| chunk.fill(*state);
    pool.par_chunks_mut(&mut field.write().unwrap(), 10, by_state).unwrap();
    assert!(field.read().unwrap().iter().all(|&element| element == 1 || element == 2));
    pool.par_for(0..10_u8, |state: &mut u64, _: u8| *state += 1).unwrap();

    let pool = Pool::new(2).unwrap();
    let words = vec!["one".to_owned(), "three".to_owned()];
    let lengths = |words: &Vec<String>, first: usize, chunk: &mut [u64]| {
        chunk.fill(words[first / 50].len() as u64);
    };
    pool.par_chunks_mut_with(&words, &mut field.write().unwrap(), 50, lengths).unwrap();
    assert_eq!([field.get(49).unwrap(), field.get(50).unwrap()], [3, 5]);

    let doubled = Array::<u64>::zeroed(100).unwrap();
    let double = |_: usize, from: &[u64], into: &mut [u64]| {
        from.iter().zip(into).for_each(|(from, into)| *into = 2 * from);
    };
    pool.par_chunks_into(&field.read().unwrap(), &mut doubled.write().unwrap(), 7, double).unwrap();
    assert_eq!([doubled.get(49).unwrap(), doubled.get(50).unwrap()], [6, 10]);
    let short = Array::<u64>::zeroed(99).unwrap();
    let error = pool
        .par_chunks_into(&field.read().unwrap(), &mut short.write().unwrap(), 7, double)
        .unwrap_err();
    assert!(matches!(error, TaskError::Failed { kind: ErrorKind::InvalidInput, .. }));
}

#[test]
fn ranges_are_gone_through_once() {
    let _watchdog = watchdog(60);
    let pool = Pool::new(2).unwrap();
    let counts = AtomicArray::<u32>::zeroed(1000).unwrap();
    let count = |counts: &AtomicArray<u32>, at: i16| {
        counts[(at + 500) as usize].fetch_add(1, Ordering::SeqCst);
    };
    let mapping = pool.mapping();
    let ways =
        [mapping.clone(), mapping.clone().guided(), mapping.clone().even(), mapping.chunk_size(7)];
    for (times, way) in (1..).zip(ways) {
        way.par_for_with(&counts, -500..500, count).unwrap();
        assert!((0..1000).all(|at| counts[at].load(Ordering::SeqCst) == times), "{way:?}");
    }
    pool.par_for(5..5_u64, |_: u64| panic!("there is none")).unwrap();
    #[allow(clippy::reversed_empty_ranges, reason = "that is what is tried")]
    pool.par_for(5..3_u64, |_: u64| panic!("there is none")).unwrap();
    let error = pool.par_for(10..20_u64, |x: u64| assert!(x != 17, "this one")).unwrap_err();
    assert!(matches!(&error, TaskError::Panicked { index: 7, .. }), "{error}");
    let error = pool.par_for(0..1 << 32, |_: u64| ()).unwrap_err();
    assert!(matches!(error, TaskError::Failed { kind: ErrorKind::InvalidInput, .. }));
    let error = pool.mapping().chunk_size(0).par_for(0..3, |_: u64| ()).unwrap_err();
    assert!(matches!(error, TaskError::Failed { kind: ErrorKind::InvalidInput, .. }));
}

/// How much of its memory the worker shares with others, by what it has mapped and touched.
fn shared_bytes() -> usize {
    let status = std::fs::read_to_string("/proc/self/status").unwrap();
    let line = status.lines().find_map(|line| line.strip_prefix("RssShmem:")).unwrap();
    line.trim().strip_suffix(" kB").unwrap().parse::<usize>().unwrap() << 10
}

#[test]
fn a_worker_keeps_an_array_mapped_and_no_memory_of_one_that_is_gone() {
    let _watchdog = watchdog(60);
    const SIZE: usize = 32 << 20;
    let pool = Pool::new(1).unwrap();
    let shared = || pool.apply(shared_bytes, ()).unwrap();
    let before = shared();
    let field = Array::<u64>::zeroed(SIZE / 8).unwrap();
    pool.par_chunks_mut(&mut field.write().unwrap(), 10_000, fill).unwrap();
    // Meanwhile it has had nothing to do.
    assert!(shared() >= before + SIZE * 9 / 10);
    assert_eq!(pool.apply(|field: Array<u64>| field.len(), (field.clone(),)).unwrap(), SIZE / 8);
    assert!(shared() >= before + SIZE * 9 / 10, "what the worker drops is there still");
    drop(field);
    assert!(shared() < before + SIZE / 10);
    // As many as it likes, one after another: what is kept has an end.
    for _ in 0..40 {
        let field = Array::<u64>::zeroed(SIZE / 8).unwrap();
        pool.par_chunks_mut(&mut field.write().unwrap(), 1 << 20, |_: usize, chunk: &mut [u64]| {
            chunk[0] = 1;
        })
        .unwrap();
    }
    assert!(shared() < before + SIZE / 10);
    let mappings = pool.apply(|| std::fs::read_to_string("/proc/self/maps").unwrap(), ()).unwrap();
    assert!(mappings.matches("(deleted)").count() <= 20, "{mappings}");
}

fn term(n: u64) -> f64 {
    1.0 / (n as f64 + 0.1)
}

#[test]
fn a_reduction_has_the_same_bits_whoever_computes_it() {
    let _watchdog = watchdog(120);
    let field = Array::<f64>::zeroed(30_000).unwrap();
    field.write().unwrap().iter_mut().zip(0..).for_each(|(x, n)| *x = term(n));
    let mut seen = Vec::new();
    for workers in [1, 2, 5] {
        let pool = Pool::new(workers).unwrap();
        let mapping = pool.mapping();
        for way in [
            mapping.clone(),
            mapping.clone().even(),
            mapping.clone().chunk_size(5),
            mapping.guided(),
        ] {
            let add = |a: f64, b: f64| a + b;
            let sum: f64 = way.reduce(0..30_000, || 0.0, term, add).unwrap();
            let fold = |_: usize, chunk: &[f64]| chunk.iter().sum::<f64>();
            let other = way.reduce_chunks(&field.read().unwrap(), 77, fold, add).unwrap();
            seen.push((sum.to_bits(), other.unwrap().to_bits()));
        }
    }
    assert!(seen.iter().all(|one| *one == seen[0]), "{seen:?}");
    let exact: f64 = (0..30_000).map(term).sum();
    assert!((f64::from_bits(seen[0].0) - exact).abs() < 1e-9);

    // What is no number, and nothing.
    let pool = Pool::new(2).unwrap();
    let join = |left: String, right: String| left + &right;
    let all = pool.reduce(0..20, String::new, |n: u8| n.to_string(), join).unwrap();
    assert_eq!(all, "012345678910111213141516171819");
    assert_eq!(pool.reduce(7..7, || 42, |n: u8| n, |a, b| a + b).unwrap(), 42);
    let empty = Array::<f64>::zeroed(0).unwrap();
    let none = pool.reduce_chunks(&empty.read().unwrap(), 1, |_: usize, _: &[f64]| 1, |a, b| a + b);
    assert_eq!(none.unwrap(), None);
}

#[test]
fn chunks_of_nothing_and_a_closed_pool_are_refused_and_spoil_nothing() {
    let _watchdog = watchdog(60);
    let pool = Pool::new(1).unwrap();
    let field = Array::<u64>::zeroed(10).unwrap();
    let is = |kind: ErrorKind, result: Result<(), TaskError>| {
        assert!(matches!(result, Err(TaskError::Failed { kind: found, .. }) if found == kind));
        assert!(!field.is_poisoned());
    };
    let mutate = |pool: &Pool, chunk: usize| {
        pool.par_chunks_mut(&mut field.write().unwrap(), chunk, fill).map(drop)
    };
    let read = |pool: &Pool, chunk: usize| {
        pool.par_chunks(&field.read().unwrap(), chunk, |_: usize, _: &[u64]| ()).map(drop)
    };
    is(ErrorKind::InvalidInput, mutate(&pool, 0));
    is(ErrorKind::InvalidInput, read(&pool, 0));
    pool.close().unwrap();
    is(ErrorKind::Closed, mutate(&pool, 1));
    is(ErrorKind::Closed, read(&pool, 1));
    is(ErrorKind::Closed, pool.par_for(0..1, |_: u8| ()));
    is(ErrorKind::Closed, pool.reduce(0..1, || 0, |n: u8| n, |a, _| a).map(drop));
}

/// The elements do not change any more.
fn is_quiet(guard: &mut ArrayWriteGuard<'_, u64>) {
    let before = guard.to_vec();
    for _ in 0..200 {
        thread::yield_now();
        // Not kept in registers.
        assert!(std::hint::black_box(&mut *guard).iter().eq(&before), "somebody writes");
    }
}

#[test]
fn a_chunk_that_panics_is_told_and_spoils_the_array() {
    let _watchdog = watchdog(60);
    let pool = Pool::new(2).unwrap();
    let field = Array::<u64>::zeroed(100).unwrap();
    let mut guard = field.write().unwrap();
    let third = |first: usize, chunk: &mut [u64]| {
        chunk.fill(1);
        assert!(first != 30, "this one");
    };
    let error = pool.par_chunks_mut(&mut guard, 10, third).unwrap_err();
    assert!(
        matches!(&error, TaskError::Panicked { index: 3, report, .. } if report.message().contains("this one"))
    );
    is_quiet(&mut guard);
    assert_eq!(guard[30], 1);
    drop(guard);
    assert!(field.is_poisoned());
    let Err(LockError::Poisoned(mut guard)) = field.write() else { panic!("it is not told") };
    guard.clear_poison();
    pool.par_chunks_mut(&mut guard, 10, fill).unwrap();
    drop(guard);
    let error =
        pool.par_chunks(&field.read().unwrap(), 10, |first: usize, _: &[u64]| assert!(first != 50));
    assert_eq!(error.unwrap_err().index(), 5);
    assert!(!field.is_poisoned());
}

#[test]
fn a_worker_that_dies_in_a_chunk_is_told_or_another_does_it_again() {
    let _watchdog = watchdog(120);
    for workers in [1, 2] {
        let pool = Pool::new(workers).unwrap();
        let field = Array::<u64>::zeroed(1000).unwrap();
        let lives = Atomic::new(1_u32).unwrap();
        // Half of the chunk is written.
        let deadly = |lives: &Atomic<u32>, first: usize, chunk: &mut [u64]| {
            chunk[..5].fill(99);
            if first == 330 && lives.swap(0, Ordering::SeqCst) == 1 {
                die();
            }
            fill(first, chunk);
        };
        let mut guard = field.write().unwrap();
        let error = pool.par_chunks_mut_with(&lives, &mut guard, 10, deadly).unwrap_err();
        assert!(
            matches!(error, TaskError::WorkerDied { index: 33, signal: Some(9), .. }),
            "{error}"
        );
        is_quiet(&mut guard);
        assert_eq!(guard[330..340], [99, 99, 99, 99, 99, 0, 0, 0, 0, 0]);
        drop(guard);
        assert!(field.is_poisoned());
        field.clear_poison();
        lives.store(1, Ordering::SeqCst);
        let mapping = pool.mapping().retries(1);
        mapping.par_chunks_mut_with(&lives, &mut field.write().unwrap(), 10, deadly).unwrap();
        assert!(!field.is_poisoned());
        assert!(field.read().unwrap().iter().enumerate().all(|(at, x)| *x == value(at)));
        // A reduction does it again by itself, but not for ever.
        lives.store(1, Ordering::SeqCst);
        let deadly = |_: usize, _: &[u64]| -> u64 { die() };
        let error = pool.reduce_chunks(&field.read().unwrap(), 500, deadly, |a, _| a).unwrap_err();
        assert!(matches!(error, TaskError::WorkerDied { signal: Some(9), .. }), "{error}");
        let deadly = |n: u64| if n == 5_000 { die() } else { n };
        let error = pool.reduce(0..10_000, || 0, deadly, |a, b| a + b).unwrap_err();
        assert!(matches!(error, TaskError::WorkerDied { index: 1666, .. }), "{error}");
        assert!(!field.is_poisoned());
    }
}

#[test]
fn who_is_late_or_terminated_writes_no_more() {
    let _watchdog = watchdog(120);
    let endless = |begun: &Event, first: usize, chunk: &mut [u64]| {
        if first == 20 {
            begun.set().unwrap();
            loop {
                chunk.iter_mut().for_each(|x| *std::hint::black_box(x) += 1);
            }
        }
    };
    let field = Array::<u64>::zeroed(100).unwrap();
    let begun = Event::new().unwrap();
    let pool = Pool::new(2).unwrap();
    let mapping = pool.mapping().deadline(Duration::from_millis(50));
    let mut guard = field.write().unwrap();
    let error = mapping.par_chunks_mut_with(&begun, &mut guard, 10, endless).unwrap_err();
    assert!(matches!(error, TaskError::TimedOut { index: 2, .. }), "{error}");
    is_quiet(&mut guard);
    drop(guard);
    for _ in 0..5 {
        field.clear_poison();
        begun.clear();
        let pool = Pool::new(2).unwrap();
        thread::scope(|scope| {
            scope.spawn(|| {
                begun.wait().unwrap();
                pool.terminate().unwrap();
            });
            let mut guard = field.write().unwrap();
            let error = pool.par_chunks_mut_with(&begun, &mut guard, 10, endless).unwrap_err();
            assert!(matches!(error, TaskError::Terminated { .. }), "{error}");
            is_quiet(&mut guard);
        });
        assert!(field.is_poisoned());
    }
}

#[test]
fn guests_read_while_a_writer_waits_for_their_host() {
    let _watchdog = watchdog(60);
    let pool = Pool::new(2).unwrap();
    let field = Array::from_slice(&[1_u64; 1000]).unwrap();
    let guard = field.read().unwrap();
    let write = |field: Array<u64>| field.write().unwrap().fill(2);
    let writer: Process<()> = spawn(write, (field.clone(),)).unwrap();
    until(|| sleeps(&writer) && field.try_read().is_err());
    let sum = |_: usize, chunk: &[u64]| chunk.iter().sum::<u64>();
    for _ in 0..20 {
        assert_eq!(pool.reduce_chunks(&guard, 10, sum, |a, b| a + b).unwrap(), Some(1000));
    }
    drop(guard);
    writer.join().unwrap();
    assert_eq!(
        pool.reduce_chunks(&field.read().unwrap(), 10, sum, |a, b| a + b).unwrap(),
        Some(2000)
    );
}

#[test]
fn more_workers_than_cells_take_turns() {
    let _watchdog = watchdog(240);
    let pool = Pool::new(70).unwrap();
    let field = Array::<u64>::zeroed(3000).unwrap();
    for _ in 0..3 {
        field.write().unwrap().fill(0);
        pool.mapping().chunk_size(1).par_chunks_mut(&mut field.write().unwrap(), 3, fill).unwrap();
        let guard = field.read().unwrap();
        assert!(guard.iter().enumerate().all(|(at, x)| *x == value(at)));
        let lengths = |_: usize, chunk: &[u64]| chunk.len();
        let count = pool.mapping().chunk_size(1).reduce_chunks(&guard, 3, lengths, |a, b| a + b);
        assert_eq!(count.unwrap(), Some(3000));
    }
}

/// A process with a pool whose workers write, or read, without end.
fn parent(field: Array<u64>, begun: Event, torn: Atomic<u32>, writes: bool) {
    let pool = Pool::new(3).unwrap();
    if writes {
        let endless = |begun: &Event, _: usize, chunk: &mut [u64]| -> () {
            begun.set().unwrap();
            loop {
                chunk.iter_mut().for_each(|x| *std::hint::black_box(x) += 1);
            }
        };
        pool.par_chunks_mut_with(&begun, &mut field.write().unwrap(), 100, endless).unwrap();
    } else {
        thread_local! { static SAME: std::cell::OnceCell<(Event, Atomic<u32>)> = const { std::cell::OnceCell::new() } }
        let give =
            |(begun, torn): (Event, Atomic<u32>)| drop(SAME.with(|same| same.set((begun, torn))));
        let each = pool.mapping().chunk_size(1);
        // Each worker has them: none takes a second one meanwhile.
        let all = (0..64).map(|_| (begun.clone(), torn.clone()));
        each.map(give, all).unwrap();
        let endless = |_: usize, chunk: &[u64]| -> () {
            let first = chunk[0];
            SAME.with(|same| same.get().map(|(begun, _)| begun.set().unwrap()));
            loop {
                if std::hint::black_box(chunk).iter().any(|x| *x != first) {
                    SAME.with(|same| same.get().map(|(_, torn)| torn.store(1, Ordering::SeqCst)));
                }
            }
        };
        pool.par_chunks(&field.read().unwrap(), 100, endless).unwrap();
    }
}

#[test]
fn who_takes_an_array_over_has_it_alone() {
    let _watchdog = watchdog(240);
    for round in 0..16 {
        let writes = round % 2 == 0;
        let field = Array::from_slice(&[7_u64; 3000]).unwrap();
        let (begun, torn) = (Event::new().unwrap(), Atomic::new(0_u32).unwrap());
        let args = (field.clone(), begun.clone(), torn.clone(), writes);
        let process = spawn(parent, args).unwrap();
        begun.wait().unwrap();
        thread::scope(|scope| {
            // It waits already when the parent is killed, or comes after.
            let heir = scope.spawn(|| match field.write() {
                Ok(mut guard) => {
                    assert!(!writes, "the death is not told");
                    guard.fill(8);
                    is_quiet(&mut guard);
                }
                Err(LockError::OwnerDied(mut guard)) => {
                    assert!(writes);
                    is_quiet(&mut guard);
                }
                Err(error) => panic!("{error}"),
            });
            if round % 4 < 2 {
                until(|| field.try_read().is_err());
            }
            process.kill().unwrap();
            heir.join().unwrap();
        });
        process.join().unwrap_err();
        assert_eq!(torn.load(Ordering::SeqCst), 0);
    }
}

#[cfg(debug_assertions)]
mod steps {
    use super::*;
    use multiproc::__private::die_at;

    fn arm(step: String, nth: u32) {
        die_at(&step, nth);
    }

    #[test]
    fn a_worker_dies_at_each_step_at_the_array() {
        let _watchdog = watchdog(240);
        let steps = ["borrow.seat.taken", "borrow.seat.ending", "borrow.guest.cell"];
        for step in steps {
            for (workers, retries) in [(1, 0), (1, 1), (2, 0), (2, 1)] {
                let name = format!("{step}, {workers} workers, {retries} retries");
                let pool = Pool::new(workers).unwrap();
                let field = Array::<u64>::zeroed(100).unwrap();
                pool.apply(arm, (step.to_owned(), 2)).unwrap();
                let mapping = pool.mapping().retries(retries);
                let reads = step == "borrow.guest.cell";
                let mut guard = field.write().unwrap();
                match mapping.par_chunks_mut(&mut guard, 10, fill) {
                    Ok(_) => assert!(
                        reads || retries == 1 || workers == 2 || step == "borrow.seat.ending",
                        "{name}"
                    ),
                    Err(TaskError::WorkerDied { .. }) => {
                        assert!(retries == 0 && step == "borrow.seat.taken", "{name}");
                        is_quiet(&mut guard);
                        guard.clear_poison();
                        pool.par_chunks_mut(&mut guard, 10, fill).unwrap();
                    }
                    Err(error) => panic!("{name}: {error}"),
                }
                drop(guard);
                assert!(!field.is_poisoned(), "{name}");
                let add = |a: u64, b: u64| a.wrapping_add(b);
                let sum =
                    |_: usize, chunk: &[u64]| chunk.iter().copied().fold(0, u64::wrapping_add);
                let found = pool.reduce_chunks(&field.read().unwrap(), 10, sum, add).unwrap();
                assert_eq!(found, (0..100).map(value).reduce(add), "{name}");
                until(|| pool.pids().len() == workers);
                // Nobody is in the way of who comes.
                field.write().unwrap().fill(0);
            }
        }
    }

    fn doomed(field: Array<u64>, step: String, nth: u32) {
        let pool = Pool::new(2).unwrap();
        die_at(&step, nth);
        pool.par_chunks_mut(&mut field.write().unwrap(), 10, fill).unwrap();
        let sum = |_: usize, chunk: &[u64]| chunk.iter().copied().fold(0, u64::wrapping_add);
        pool.reduce_chunks(&field.read().unwrap(), 10, sum, u64::wrapping_add).unwrap();
        panic!("it came through");
    }

    #[test]
    fn the_caller_dies_at_each_step() {
        let _watchdog = watchdog(240);
        let steps = [
            "borrow.lent",
            "pool.job",
            "borrow.part.called",
            "borrow.part.cleared",
            "borrow.hosts",
        ];
        for step in steps {
            for nth in [1, 2] {
                if step == "borrow.hosts" && nth == 2 {
                    continue;
                }
                let field = Array::<u64>::zeroed(1000).unwrap();
                let process = spawn(doomed, (field.clone(), step.to_owned(), nth)).unwrap();
                let error = process.join().unwrap_err();
                assert!(error.to_string().contains("killed"), "{step}: {error}");
                match field.write() {
                    Ok(mut guard) => {
                        assert!(step == "borrow.hosts" || step == "pool.job" && nth == 2, "{step}");
                        is_quiet(&mut guard);
                    }
                    Err(LockError::OwnerDied(mut guard)) => is_quiet(&mut guard),
                    Err(error) => panic!("{step}: {error}"),
                }
                field.clear_poison();
                field.write().unwrap().fill(1);
            }
        }
    }

    /// A writer dies between its two looks.
    #[test]
    fn a_writer_dies_looking_for_guests() {
        let _watchdog = watchdog(60);
        let pool = Pool::new(1).unwrap();
        let field = Array::<u64>::zeroed(10).unwrap();
        pool.par_chunks(&field.read().unwrap(), 1, |_: usize, _: &[u64]| ()).unwrap();
        let write = |field: Array<u64>| {
            die_at("borrow.write.second", 1);
            field.write().unwrap().fill(1);
        };
        spawn(write, (field.clone(),)).unwrap().join().unwrap_err();
        field.write().unwrap().fill(2);
    }
}

/// Who is told how far it is panics: when that arrives at the caller, which may drop its guard then, no worker reads any more, or will.
#[test]
fn a_panic_while_others_read() {
    let _watchdog = watchdog(60);
    let pool = Pool::new(1).unwrap();
    let field = Array::<u64>::zeroed(200).unwrap();
    let reads = field.read().unwrap();
    let mapping = pool.mapping().chunk_size(1).progress(|_, _| panic!("no more"));
    // So that most are left when the first is told.
    let sum = |_: usize, chunk: &[u64]| {
        thread::sleep(Duration::from_millis(1));
        chunk.iter().sum::<u64>()
    };
    let call = AssertUnwindSafe(|| mapping.par_chunks(&reads, 1, sum));
    let panic = panic::catch_unwind(call).unwrap_err();
    assert_eq!(panic.downcast_ref::<&str>(), Some(&"no more"));
    let before = pool.statistics().tasks;
    drop(reads);
    field.write().unwrap().fill(1);
    assert_eq!(pool.apply(|| 42, ()).unwrap(), 42);
    // That one only.
    until(|| pool.statistics().tasks > before);
    assert_eq!(pool.statistics().tasks, before + 1);
    assert_eq!(pool.par_chunks(&field.read().unwrap(), 100, sum).unwrap(), [100, 100]);
}
