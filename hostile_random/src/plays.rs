use crate::{atomic::*, os::clock::Deadline, sync::{RawBorrow, RawLock, Seats, raw_barrier::{RawBarrier, Refusal}, raw_event::RawEvent, raw_lock::{NotTaken, Taken}, raw_semaphore::{Claim, MAX, RawSemaphore}}, world::{Model, Part, Rng, run, run_and_tell}};
use std::sync::{Arc, atomic::{AtomicI64, Ordering as O}};

fn zeroed<T>() -> Arc<T> { Arc::new(unsafe { std::mem::zeroed() }) }
pub fn play(name: &str, seed: u64) -> Result<(), String> {
    match name { "named" => semaphore(seed, false), "mixed" => semaphore(seed, true), "lock" => lock(seed), "borrow" => borrow(seed), "event" => event(seed), "barrier" => barrier(seed), _ => panic!() }
}
fn dies(rng: &mut Rng, most: u64) -> Option<u64> { (rng.below(2) == 0).then(|| rng.below(most)) }
fn stay(rng: &mut Rng) -> u64 { [1, 2, 3, 6, 15][rng.below(5) as usize] }

struct Sem { s: RawSemaphore, seats: [AtomicU64; 8], inside: AtomicI64, lost: AtomicI64, added: AtomicI64 }
impl Sem { fn seats(&self) -> Seats<'_> { Seats::new(&self.seats, &self.s.used) } }

fn semaphore(seed: u64, mixed: bool) -> Result<(), String> {
    let mut rng = Rng(seed.wrapping_mul(77) + 5);
    let shared: Arc<Sem> = zeroed();
    // With bare takers some are enough for all that die with one.
    let count = 3 + rng.below(3) as usize;
    let kinds: Vec<u64> = (0..count).map(|i| if i == 0 { rng.below(4) } else { rng.below(if mixed { 7 } else { 4 }) }).collect();
    let bare = kinds.iter().filter(|&&k| k >= 5).count() as u32;
    let permits = 1 + rng.below(2) as u32 + bare + u32::from(kinds.contains(&3));
    shared.s.begin(permits, MAX);
    let mut parts = vec![];
    for (i, &kind) in kinds.iter().enumerate() {
        // Some sit where another has died or ended.
        let after = (i >= 2 && rng.below(3) == 0).then(|| i - 2).filter(|&a| parts.get(a).is_some_and(|p: &Part| p.generation == 1));
        let (slot, generation) = after.map_or((i as u32, 1), |a| (parts[a].slot, 2));
        let sh = Arc::clone(&shared);
        let turns = 1 + rng.below(2);
        let deadline = [Deadline::NEVER, Deadline::NEVER, Deadline::SOON, Deadline::NOW][rng.below(4) as usize];
        let dies = dies(&mut rng, 90);
        let body = Box::new(move |p: &Model| {
            let take = |c, d| sh.s.acquire(p, sh.seats(), c, d).is_ok();
            for _ in 0..turns {
                match kind {
                    0..=2 => if take(Claim::Named, deadline) { crate::world::point(); sh.s.release(p, sh.seats()); },
                    3 => { let two = take(Claim::Named, deadline) && take(Claim::Named, Deadline::NOW); if two { sh.s.release(p, sh.seats()); } while Sem::held(&sh, p) > 0 { sh.s.release(p, sh.seats()); } }
                    4 => { sh.added.fetch_add(1, O::SeqCst); let _ = sh.s.release_bare(p, sh.seats(), 1); }
                    _ => { sh.lost.fetch_add(1, O::SeqCst); if take(Claim::Bare, deadline) { crate::world::point(); let _ = sh.s.release_bare(p, sh.seats(), 1); } sh.lost.fetch_sub(1, O::SeqCst); }
                }
            }
            Ok(())
        });
        parts.push(Part { slot, generation, after, dies, body });
    }
    run(seed, parts, stay(&mut rng))?;
    // Whoever comes last.
    let sh = Arc::clone(&shared);
    let (lost, added) = (shared.lost.load(O::SeqCst), shared.added.load(O::SeqCst));
    let mixed_range = (permits as i64 - lost, permits as i64 + added);
    let body = Box::new(move |p: &Model| {
        let n = (0..30).take_while(|_| sh.s.acquire(p, sh.seats(), Claim::Bare, Deadline::NOW).is_ok()).count() as i64;
        if !(mixed_range.0..=mixed_range.1).contains(&n) { return Err(format!("{n} in the end, not {mixed_range:?}")) }
        if !sh.s.holders(sh.seats()).is_empty() { return Err("held in the end".into()) }
        Ok(())
    });
    run(1, vec![Part { slot: 7, generation: 1, after: None, dies: None, body }], 1000).map(|_| ())
}
impl Sem {
    fn held(s: &Arc<Sem>, p: &Model) -> u32 { use crate::sync::party::Party; s.s.holders(s.seats()).into_iter().filter(|(o, _)| *o == p.id()).map(|x| x.1).sum() }
}

struct Lk { l: RawLock, inside: AtomicI64 }
fn lock(seed: u64) -> Result<(), String> {
    let mut rng = Rng(seed.wrapping_mul(77) + 5);
    let sh: Arc<Lk> = zeroed();
    let parts = (0..3 + rng.below(3) as usize).map(|i| {
        let sh = Arc::clone(&sh);
        let turns = 1 + rng.below(2);
        let deadline = [Deadline::NEVER, Deadline::NEVER, Deadline::SOON, Deadline::NOW][rng.below(4) as usize];
        Part { slot: i as u32, generation: 1, after: None, dies: dies(&mut rng, 50), body: Box::new(move |p: &Model| {
            for _ in 0..turns { if let Ok(t) = sh.l.lock(p, deadline) {
                if t == Taken::OwnerDied { sh.inside.store(0, O::SeqCst) }
                if sh.inside.fetch_add(1, O::SeqCst) != 0 { return Err("two inside".into()) }
                crate::world::point();
                sh.inside.fetch_sub(1, O::SeqCst);
                sh.l.unlock(p, false);
            } }
            Ok(())
        }) }
    }).collect();
    run(seed, parts, stay(&mut rng)).map(|_| ())
}

struct Bw { b: RawBorrow, readers: [AtomicI64; 8], writer: AtomicI64, dead: [std::sync::atomic::AtomicBool; 8], loan: std::sync::atomic::AtomicU32, parts: [AtomicI64; 2] }
fn borrow(seed: u64) -> Result<(), String> {
    let mut rng = Rng(seed.wrapping_mul(77) + 5);
    let sh: Arc<Bw> = zeroed();
    let parts = (0..3 + rng.below(3) as usize).map(|i| {
        let sh = Arc::clone(&sh);
        let turns = 1 + rng.below(2);
        let kind = rng.below(4);
        let deadline = [Deadline::NEVER, Deadline::NEVER, Deadline::SOON, Deadline::NOW][rng.below(4) as usize];
        Part { slot: i as u32, generation: 1, after: None, dies: dies(&mut rng, 90), body: Box::new(move |p: &Model| {
            for _ in 0..turns { match kind {
                0 | 1 => if let Ok((cell, t)) = sh.b.read(p, deadline) {
                    sh.readers[i].store(1, O::SeqCst);
                    if sh.writer.load(O::SeqCst) == 1 { return Err("a reader beside a writer".into()) }
                    if sh.parts.iter().any(|x| x.load(O::SeqCst) == 1) { return Err("a reader beside a borrower".into()) }
                    let _d = Reset(&sh.readers[i]);
                    crate::world::point();
                    drop(_d);
                    sh.b.end_read(p, cell);
                },
                2 => if let Ok(t) = sh.b.write(p, deadline) {
                    if sh.readers.iter().any(|r| r.load(O::SeqCst) == 1) { return Err("a writer beside a reader".into()) }
                    if sh.parts.iter().any(|x| x.load(O::SeqCst) == 1) { return Err("a writer beside a borrower".into()) }
                    if sh.writer.swap(1, O::SeqCst) == 1 { return Err("two writers".into()) }
                    let d = Reset(&sh.writer);
                    crate::world::point();
                    let n = 2;
                    let loan = sh.b.lend(n).unwrap();
                    sh.loan.store(loan, O::SeqCst);
                    crate::world::point();
                    let _ = sh.b.call_back(p, n, loan, Deadline::NEVER);
                    if sh.parts.iter().any(|x| x.load(O::SeqCst) == 1) { return Err("called back beside a borrower".into()) }
                    drop(d);
                    sh.b.end_write(p, false);
                },
                _ => for part in 0..2 {
                    let loan = sh.loan.load(O::SeqCst);
                    if loan != 0 && sh.b.borrow_part(p, part, loan) == Ok(true) {
                        if sh.parts[part].swap(1, O::SeqCst) == 1 { return Err("two borrowers of a part".into()) }
                        let d = Reset(&sh.parts[part]);
                        if sh.readers.iter().any(|r| r.load(O::SeqCst) == 1) { return Err("a borrower beside a reader".into()) }
                        crate::world::point();
                        drop(d);
                        sh.b.return_part(p, part, loan, false);
                    }
                    crate::world::point();
                },
            } }
            Ok(())
        }) }
    }).collect();
    run(seed, parts, stay(&mut rng)).map(|_| ())
}
/// The dead do nothing any more.
struct Reset<'a>(&'a AtomicI64);
impl Drop for Reset<'_> { fn drop(&mut self) { self.0.store(0, O::SeqCst) } }

fn event(seed: u64) -> Result<(), String> {
    let mut rng = Rng(seed.wrapping_mul(77) + 5);
    let sh: Arc<RawEvent> = zeroed();
    // The last setter sets it for good, when all others have ended or sleep: nobody may sleep then.
    let n = 3 + rng.below(3) as usize;
    let parts = (0..n).map(|i| {
        let sh = Arc::clone(&sh);
        let kind = if i == 0 { 9 } else { rng.below(4) };
        let deadline = [Deadline::NEVER, Deadline::NEVER, Deadline::SOON][rng.below(3) as usize];
        Part { slot: i as u32, generation: 1, after: None, dies: if i == 0 { None } else { dies(&mut rng, 30) }, body: Box::new(move |p: &Model| {
            match kind { 9 => sh.set(p), 0 => sh.set(p), _ => { sh.wait(p, deadline); } }
            Ok(())
        }) }
    }).collect();
    run(seed, parts, stay(&mut rng)).map(|_| ())
}

struct Bar { b: RawBarrier, seats: [AtomicU64; 8], passed: [[AtomicI64; 4]; 8] }
fn barrier(seed: u64) -> Result<(), String> {
    let mut rng = Rng(seed.wrapping_mul(77) + 5);
    let sh: Arc<Bar> = zeroed();
    let parties = 2 + rng.below(2) as usize;
    sh.b.set_up(parties as u32, 0);
    let turns = 1 + rng.below(2);
    // Beside the parties one that breaks, resets, or does nothing.
    let extra = rng.below(4);
    let parts = (0..parties + 1).map(|i| {
        let s = Arc::clone(&sh);
        let deadline = [Deadline::NEVER, Deadline::NEVER, Deadline::NEVER, Deadline::SOON][rng.below(4) as usize];
        let acts = rng.below(3) == 0;
        Part { slot: i as u32, generation: 1, after: None, dies: dies(&mut rng, 70), body: Box::new(move |p: &Model| {
            let seats = Seats::new(&s.seats, s.b.used());
            if i == parties {
                match extra { 0 => s.b.abort(p), 1 => s.b.reset(p, seats), 2 => { s.b.abort(p); s.b.reset(p, seats) } _ => {} }
                return Ok(())
            }
            for _ in 0..turns { if s.b.wait(p, seats, deadline, acts.then_some(|| { crate::world::point(); true })).is_err() { break } }
            Ok(())
        }) }
    }).collect();
    let (result, dead) = run_and_tell(seed, parts, stay(&mut rng));
    let Err(why) = result else { return Ok(()) };
    if !why.starts_with("asleep") { return Err(why) }
    // Nobody hangs in a turn that is over or broken, or beside a dead party of this turn.
    let raw: &[u64; 4] = unsafe { &*(std::ptr::from_ref(&sh.b).cast()) };
    let (lock, turn, arrived) = (raw[0], raw[1], raw[2]);
    let number = (turn >> 32) & 0x3fff_ffff;
    let seats: Vec<u64> = sh.seats.iter().map(|s| s.peek()).collect();
    let here = |i: usize| seats[i] >> 62 == 1 && (seats[i] >> 32) & 0x3fff_ffff == number;
    let first = why.lines().next().unwrap_or_default();
    let asleep: Vec<usize> = (0..=parties).filter(|&i| first.contains(&format!("[{i}")) || first.contains(&format!(", {i}"))).collect();
    let corpse = (0..parties).any(|i| dead[i] && here(i));
    let stale = asleep.iter().any(|&i| !here(i));
    // The holes of the look at the lock: its owner has died, and all others were about to sleep.
    let owner = (lock >> 32) as usize;
    if owner != 0 && dead[owner & 0x3fff] && std::env::var_os("STRICT").is_none() { return Ok(()) }
    if turn >> 30 & 1 == 1 || corpse || stale {
        return Err(format!("{why}: lock {lock:x} turn {turn:x} arrived {arrived:x} seats {seats:x?} dead {dead:?}"))
    }
    Ok(())
}
