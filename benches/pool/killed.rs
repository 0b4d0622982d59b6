//! A pool of which a worker is killed all the time: how many tasks come through, and that none is lost. Maps with and without kills take turns.

use super::{ROUNDS, trivial, value};
use crate::common::{median, now, report};
use multiproc::Pool;
use std::{
    sync::atomic::{AtomicBool, Ordering::SeqCst},
    thread,
    time::Duration,
};

const TASKS: u64 = 100_000;
const EVERY: Duration = Duration::from_millis(10);

/// About a microsecond of work, so that a map lasts longer than a few deaths.
fn busy(x: u64) -> u64 {
    (0..500).fold(x, |sum, turn| std::hint::black_box(sum ^ turn) ^ turn) ^ 0x5555
}

/// Millions of tasks a second.
fn rate(pool: &Pool) -> f64 {
    let begin = now();
    let got = pool.mapping().retries(u32::MAX).map(busy, 0..TASKS).unwrap();
    let rate = 1e3 * TASKS as f64 / (now() - begin) as f64;
    assert!((0..TASKS).zip(got).all(|(x, got)| got == trivial(x)), "a task is wrong");
    rate
}

/// The same, with one worker killed every 10 ms.
fn killed_rate(pool: &Pool, turn: &mut usize) -> f64 {
    let is_over = AtomicBool::new(false);
    thread::scope(|scope| {
        scope.spawn(|| {
            while !is_over.load(SeqCst) {
                thread::sleep(EVERY);
                let pids = pool.pids();
                if let Some(&victim) = pids.get(*turn % pids.len().max(1)) {
                    // SAFETY: the call has no memory to touch. The pool's workers are this process's children, and one is not reaped in the moment since it was listed.
                    unsafe { libc::kill(victim as i32, libc::SIGKILL) };
                    *turn += 1;
                }
            }
        });
        let rate = rate(pool);
        is_over.store(true, SeqCst);
        rate
    })
}

pub(crate) fn all() {
    let pool = Pool::builder().workers(2).restart_budget(u32::MAX, EVERY).build().unwrap();
    let (mut ratios, mut rates, mut kills) = (Vec::new(), Vec::new(), 0);
    for _ in 0..ROUNDS {
        let unkilled = rate(&pool);
        let killed = killed_rate(&pool, &mut kills);
        ratios.push(killed / unkilled);
        rates.push(killed);
    }
    println!("killed_workers {kills} restarts {}", pool.statistics().restarts);
    value("killed_million_tasks_per_s", median(rates), "none");
    report("killed_vs_unkilled", median(ratios), "none");
}
