//! Storms over a pool: numbered tasks, alone and mapped, then arrays and ranges, while random workers are killed at random moments, and others for what they are at: tasks that are late, or cancelled. `MULTIPROC_STORM_KILLS` and
//! `MULTIPROC_STORM_TASKS` make them longer: so many workers are killed, and so many tasks done, at the least.
//!
//! Each task counts itself before it is done and after. So it is known at the end: each task has its own result, or its worker died with it, once; one that was to be tried again has its result.

#[path = "support/chance.rs"]
mod chance;
mod support;

use chance::{from_environment, kills, random, seed};
use multiproc::{Array, Atomic, AtomicArray, Ordering, Pool, TaskError};
use std::{
    sync::atomic::{AtomicBool, AtomicU64, Ordering::SeqCst},
    thread,
    time::{Duration, Instant},
};
use support::watchdog;

multiproc::test_support!();

/// Ends the whole, with a picture of the pool, if it hangs.
struct Alarm<'a> {
    is_over: &'a AtomicBool,
    pool: &'a Pool,
    seconds: u64,
}

impl Alarm<'_> {
    fn watch(&self) {
        let start = Instant::now();
        while !self.is_over.load(SeqCst) {
            if start.elapsed().as_secs() > self.seconds {
                eprintln!("the storm hangs: {:#?}", self.pool);
                std::process::abort();
            }
            thread::park_timeout(Duration::from_millis(200));
        }
    }
}

const WORKERS: usize = 3;
const TASKS: usize = 64;
const RETRIES: u32 = 1000;

/// Takes some time, as its number says.
fn work(begun: AtomicArray<u32>, number: u64) -> (u64, Vec<u64>) {
    let at = number as usize % TASKS;
    begun[at].fetch_add(1, Ordering::SeqCst);
    let mut value = number;
    for _ in 0..number % 7 * 300 {
        value = std::hint::black_box(value.wrapping_mul(0x9e37_79b9));
    }
    // Some results are large.
    let filling = if number.is_multiple_of(5) { vec![number; 100] } else { vec![number] };
    begun[at].fetch_add(1 << 16, Ordering::SeqCst);
    (number, filling)
}

fn number(value: u64) -> u64 {
    std::hint::black_box(value) * 3
}

#[derive(Debug, Default)]
struct Tally {
    done: u64,
    died: u64,
    again: u64,
    late: u64,
    cancelled: u64,
}

/// Takes as long as it may, more or less.
fn brief(number: u64) -> u64 {
    let (start, span) = (Instant::now(), Duration::from_micros(number % 400));
    while start.elapsed() < span {}
    number
}

/// Tasks that are killed for being late, or as they are cancelled: nothing else dies with them.
fn doomed(pool: &Pool, round: u64, tally: &mut Tally) {
    let late = |number| pool.task(brief, (number,)).deadline(Duration::from_micros(200)).submit();
    let tasks: Vec<_> = (0..8).map(|number| late(round * 37 + number * 50).unwrap()).collect();
    let next: Vec<_> =
        (0..8).map(|number| pool.apply_async(brief, (number * 50,)).unwrap()).collect();
    let cancelled = next[round as usize % 8].cancel().unwrap();
    let mut count = |result: Result<u64, TaskError>, expected: u64| match result {
        Ok(number) => {
            assert_eq!(number, expected);
            tally.done += 1;
        }
        Err(TaskError::TimedOut { .. }) => tally.late += 1,
        Err(TaskError::Cancelled { .. }) => tally.cancelled += 1,
        Err(TaskError::WorkerDied { signal: Some(9), .. }) => tally.died += 1,
        Err(error) => panic!("{error}"),
    };
    for (number, task) in tasks.iter().enumerate() {
        let result = task.get();
        assert!(!matches!(result, Err(TaskError::Cancelled { .. })));
        count(result, round * 37 + number as u64 * 50);
    }
    for (number, task) in next.iter().enumerate() {
        let result = task.get();
        let is_theirs = number as u64 == round % 8 && cancelled;
        assert!(is_theirs || !matches!(result, Err(TaskError::Cancelled { .. })));
        assert!(!matches!(result, Err(TaskError::TimedOut { .. })));
        count(result, number as u64 * 50);
    }
}

/// One round of tasks, by one way.
fn round(pool: &Pool, round: u64, tally: &mut Tally) {
    let begun = AtomicArray::<u32>::zeroed(TASKS).unwrap();
    let first = round * TASKS as u64;
    let numbers = first..first + TASKS as u64;
    let retries = if round.is_multiple_of(3) { RETRIES } else { 0 };
    let args = numbers.clone().map(|number| (begun.clone(), number));
    let results: Vec<Result<(u64, Vec<u64>), TaskError>> = if round.is_multiple_of(2) {
        let submit = |args| pool.task(work, args).retries(retries).submit().unwrap();
        let tasks: Vec<_> = args.map(submit).collect();
        tasks.iter().map(multiproc::AsyncResult::get).collect()
    } else {
        let chunk = 1 + round as usize % 9;
        let mapping = pool.mapping().chunk_size(chunk).retries(retries);
        mapping.try_map(|(begun, number)| work(begun, number), args).unwrap()
    };
    assert_eq!(results.len(), TASKS);
    for (at, result) in results.into_iter().enumerate() {
        let expected = first + at as u64;
        let counted = begun[expected as usize % TASKS].load(Ordering::SeqCst);
        let (started, ended) = (counted & 0xffff, counted >> 16);
        match result {
            Ok((number, filling)) => {
                assert_eq!(number, expected);
                assert!(filling.iter().all(|&element| element == number), "torn");
                assert_eq!(filling.len(), if number.is_multiple_of(5) { 100 } else { 1 });
                assert!(ended >= 1 && (started == 1 || retries > 0), "{started} {ended}");
                tally.done += 1;
                tally.again += u64::from(started > 1);
            }
            Err(TaskError::WorkerDied { signal: Some(9), .. }) => {
                assert!(retries == 0 && started <= 1, "{started} {ended}");
                tally.died += 1;
            }
            Err(error) => panic!("{error}"),
        }
    }
    if round % 4 == 1 {
        doomed(pool, round, tally);
    }
    // Numbers, in chunks.
    let results = pool.mapping().chunk_size(100).retries(retries).try_map(number, 0..2000).unwrap();
    for (at, result) in results.into_iter().enumerate() {
        match result {
            Ok(value) => assert_eq!(value, at as u64 * 3),
            Err(TaskError::WorkerDied { index, signal: Some(9), .. }) => {
                assert!(index == at && retries == 0);
                tally.died += 1;
            }
            Err(error) => panic!("{error}"),
        }
    }
}

struct End<'a>(&'a AtomicBool);

impl Drop for End<'_> {
    fn drop(&mut self) {
        self.0.store(true, SeqCst);
    }
}

/// How many workers are killed. A quick storm in the suite: a worker takes its time to start.
fn deaths() -> u64 {
    if std::env::var_os("MULTIPROC_STORM_KILLS").is_some() { kills() } else { 300 }
}

/// Plays rounds, by their numbers, while workers are killed, and so many at the least. The answer is how many rounds there were.
fn storm(pool: &Pool, kills: u64, least: u64, mut round: impl FnMut(u64)) -> u64 {
    let mut chance = seed();
    let (is_over, killed) = (AtomicBool::new(false), AtomicU64::new(0));
    let mut rounds = 0;
    thread::scope(|scope| {
        let alarm = Alarm { is_over: &is_over, pool, seconds: 60 + kills };
        scope.spawn(move || alarm.watch());
        scope.spawn(|| {
            // Those of which the pool does not know yet that they are dead.
            let mut dying = Vec::new();
            while killed.load(SeqCst) < kills && !is_over.load(SeqCst) {
                let span = Duration::from_micros(random(&mut chance) % 3000);
                let start = Instant::now();
                while start.elapsed() < span {
                    thread::yield_now();
                }
                let pids = pool.pids();
                dying.retain(|pid| pids.contains(pid));
                let chosen = pids.get(random(&mut chance) as usize % WORKERS);
                if let Some(&pid) = chosen.filter(|pid| !dying.contains(*pid)) {
                    // SAFETY: sends a signal to a worker of this pool, whose pid it has just had.
                    unsafe { libc::kill(pid as i32, libc::SIGKILL) };
                    dying.push(pid);
                    killed.fetch_add(1, SeqCst);
                }
            }
        });
        // Whatever ends this, ends the killing.
        let _end = End(&is_over);
        while killed.load(SeqCst) < kills || rounds < least {
            round(rounds);
            rounds += 1;
        }
    });
    rounds
}

#[test]
fn a_storm_over_a_pool() {
    let kills = deaths();
    let least = from_environment("MULTIPROC_STORM_TASKS").unwrap_or(0).div_ceil(TASKS as u64);
    let _watchdog = watchdog(90 + kills);
    let pool = Pool::new(WORKERS).unwrap();
    let mut tally = Tally::default();
    let rounds = storm(&pool, kills, least, |number| round(&pool, number, &mut tally));
    let died = tally.died;
    round(&pool, 0, &mut tally);
    let statistics = pool.statistics();
    println!(
        "{} tasks and {rounds} maps of 2000 numbers, {kills} kills, {} restarts: {tally:?}",
        rounds * TASKS as u64,
        statistics.restarts,
    );
    assert!(died <= kills, "more died than were killed");
    assert_eq!(statistics.in_use, 0);
    drop(pool);
}

const LEN: usize = 400_000;
const CHUNK: usize = 5_000;

fn term(n: u64) -> f64 {
    1.0 / (n as f64 + 0.1)
}

/// Everything that is made of arrays and ranges, as bits. Chunks that are written are counted when they are begun.
fn compute(pool: &Pool, begun: &Atomic<u64>, now: &Array<f64>, next: &Array<f64>) -> [u64; 4] {
    let mapping = pool.mapping().retries(RETRIES);
    let add = |a: f64, b: f64| a + b;
    let sum = |_: usize, chunk: &[f64]| chunk.iter().sum::<f64>();
    let fill = |begun: &Atomic<u64>, first: usize, chunk: &mut [f64]| {
        begun.fetch_add(1, Ordering::SeqCst);
        (first as u64..).zip(chunk).for_each(|(n, x)| *x = term(n));
    };
    let scale = |_: usize, now: &[f64], next: &mut [f64]| {
        now.iter().zip(next).for_each(|(now, next)| *next = 0.3 * now + 1.0);
    };
    mapping.par_chunks_mut_with(begun, &mut now.write().unwrap(), CHUNK, fill).unwrap();
    let whole = mapping.reduce_chunks(&now.read().unwrap(), CHUNK, sum, add).unwrap().unwrap();
    let source = now.read().unwrap();
    mapping.par_chunks_into(&source, &mut next.write().unwrap(), CHUNK, scale).unwrap();
    let scaled = mapping.reduce_chunks(&next.read().unwrap(), CHUNK, sum, add).unwrap().unwrap();
    let range = mapping.reduce(0..LEN as u64, || 0.0, term, add).unwrap();
    let mut mixed = 0_u64;
    for x in source.iter().chain(&*next.read().unwrap()) {
        mixed = mixed.rotate_left(5) ^ x.to_bits();
    }
    [whole.to_bits(), scaled.to_bits(), range.to_bits(), mixed]
}

#[test]
fn a_storm_over_arrays() {
    let kills = deaths();
    let _watchdog = watchdog(90 + kills);
    let pool = Pool::new(WORKERS).unwrap();
    let (now, next) = (Array::zeroed(LEN).unwrap(), Array::zeroed(LEN).unwrap());
    let begun = Atomic::new(0_u64).unwrap();
    let calm = compute(&Pool::new(1).unwrap(), &begun, &now, &next);
    let rounds = storm(&pool, kills, 0, |_| {
        // What is not written again is seen.
        now.write().unwrap().fill(f64::NAN);
        next.write().unwrap().fill(f64::NAN);
        assert_eq!(compute(&pool, &begun, &now, &next), calm);
        assert!(!now.is_poisoned() && !next.is_poisoned());
    });
    let restarts = pool.statistics().restarts;
    // How often a worker was hit between two steps, and how often in a chunk, is up to the machine.
    let again = begun.load(Ordering::SeqCst) - (rounds + 1) * LEN.div_ceil(CHUNK) as u64;
    println!(
        "{kills} kills, {restarts} restarts, {rounds} rounds over arrays: the same bits, {again} chunks written again"
    );
    assert!(again > 0 || kills < 2000, "nobody was hit in a chunk: the storm shows nothing");
}
