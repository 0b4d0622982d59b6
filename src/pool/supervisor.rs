//! The supervisor of a pool: one thread of its process, which learns of the end of workers, repairs what they had, and starts others.

use super::{
    arrests::Arrests,
    fate::Fate,
    job::Job,
    ledger::{Ledger, Phase},
    member::Member,
    office::{BELL, Office},
    pending::Outcome,
    raw_board::{DONE, NEWS},
    raw_job::Verdict,
    rounds::Rounds,
    trace,
    warrant::{Cause, Warrant},
    worker::End,
};
use crate::{
    Result,
    os::{
        clock::{self, Deadline},
        signals::SIGKILL,
        step::step,
    },
    process::panic,
    segment::OwnerId,
    sync::{Thread, party::Party},
};
use std::{
    sync::{Arc, mpsc},
    thread,
    time::{Duration, Instant},
};

/// After so long another worker is tried, where none could be started.
const AGAIN: Duration = Duration::from_millis(100);
/// So long a pool is without any worker, as none can be started, before it is broken.
const PATIENCE: Duration = Duration::from_secs(5);
/// So many more than there are seats may die in a row before they are ready, while no other worker is.
const STILLBORN: u32 = 8;
/// And if they were killed, for so long: on a busy machine whoever kills workers at random kills many before they are ready.
const LONG: Duration = Duration::from_secs(1);

/// Starts the thread of a pool.
pub(super) fn start(office: &Arc<Office>) -> Result<thread::JoinHandle<()>> {
    let office = Arc::clone(office);
    let (sender, takes_part) = mpsc::sync_channel(1);
    let supervise = move || {
        // Once it takes part, it always can.
        let part = office.thread().map(drop);
        let is_there = part.is_ok();
        let _ = sender.send(part);
        if is_there {
            run(&office);
        }
    };
    let thread = thread::Builder::new()
        .name("multiproc-pool".into())
        .spawn(supervise)
        .map_err(|error| crate::Error::os("starting a thread", error))?;
    let gone = |_| Err(crate::Error::new(crate::ErrorKind::Os, "the supervisor has ended"));
    takes_part.recv().unwrap_or_else(gone).map(|()| thread)
}

/// Why a worker has ended.
#[derive(Debug)]
enum Reason {
    /// By itself, with nothing at hand, or it has given it back.
    ByItself,
    /// By our hand. What it had begun beside that for which it was killed has died with it.
    Killed(Warrant, Fate),
    Died(Fate),
}

/// Supervises to the end, however that comes: a subscriber of `tracing`, say, may panic.
fn run(office: &Office) {
    if let Err(report) = panic::catch(|| supervise(office)) {
        let _ = office.break_down(Fate::Broken(format!("the supervisor {report}")));
    }
    // There are none where all went well.
    end_workers(office);
    office.ledger().is_over = true;
    if let Ok(thread) = office.thread() {
        office.board.raw().ring_for_all(&thread, DONE);
    }
}

/// Of a pool that was stopped and has no supervisor: waits for its workers, which are not left to the end of this process.
pub(super) fn end_workers(office: &Office) {
    order_to_end(office);
    let workers = std::mem::take(&mut office.ledger().workers);
    workers.into_iter().flatten().for_each(|member| member.body.join());
}

/// Has workers end when nothing is left, and tells those who wait for room.
fn order_to_end(office: &Office) {
    if let Ok(thread) = office.thread() {
        office.board.raw().end(&thread);
        office.board.raw().ring_for_all(&thread, DONE);
    }
}

fn supervise(office: &Office) {
    let mut ordered = 0;
    let (mut arrests, mut rounds) = (Arrests::default(), Rounds::default());
    loop {
        let deadline = next_deadline(office).min(arrests.next_look()).min(rounds.next(office));
        match office.ends.wait_until(deadline) {
            Ok(Some(BELL)) => office.bell.drain(),
            Ok(Some(number)) => ended(office, number),
            Ok(None) => {}
            Err(error) => {
                // Nobody would learn of a death any more.
                let message = format!("the supervisor cannot wait: {error}");
                let _ = office.break_down(Fate::Broken(message));
                break;
            }
        }
        enforce(office);
        rounds.make(office);
        let warrants = std::mem::take(&mut office.ledger().warrants);
        warrants.into_iter().for_each(|warrant| arrests.begin(office, warrant));
        arrests.go_on(office);
        let now = match office.ledger().phase {
            Phase::Open => 0,
            Phase::Closed => 1,
            Phase::Terminated | Phase::Broken(_) => 2,
        };
        if ordered < now {
            // At each: what waits has come to its end by the second.
            ordered = now;
            order_to_end(office);
        }
        fill_seats(office);
        let ledger = office.ledger();
        if !ledger.phase.is_open() && ledger.alive() == 0 && is_idle(office, &ledger) {
            break;
        }
    }
}

/// Whether no worker is needed.
fn is_idle(office: &Office, ledger: &Ledger) -> bool {
    match ledger.phase {
        Phase::Open => false,
        Phase::Closed => !ledger.has_offers(&office.board),
        Phase::Terminated | Phase::Broken(_) => true,
    }
}

/// When something may be late.
fn next_deadline(office: &Office) -> Deadline {
    let mut ledger = office.ledger();
    let seats_are_empty = !is_idle(office, &ledger) && ledger.lacks_workers(office);
    let again = if seats_are_empty { Deadline::after(AGAIN) } else { Deadline::NEVER };
    let soon = |left: Duration| Deadline::after(left.max(Duration::from_millis(1)));
    let next = ledger.timed(&office.board).fold(again, |next, (used, span)| {
        let begun = match &used.pending.job {
            None => vec![office.board.started(used.pending.slot)],
            Some(job) => job.raw().running(&**job).map(|(unit, _, _)| job.started(unit)).collect(),
        };
        // What has not begun cannot be late before the whole span from now.
        let left = begun.into_iter().map(|begun| left(begun, span)).min().unwrap_or(span);
        next.min(soon(left))
    });
    let next = ledger
        .begins(office)
        .fold(next, |next, (span, _, begun, _)| next.min(soon(span.saturating_sub(begun))));
    ledger.next_look = next;
    next
}

/// How much is left of the span since then.
fn left(begun: u64, span: Duration) -> Duration {
    if begun == 0 {
        return span;
    }
    span.saturating_sub(Duration::from_nanos(clock::now().saturating_sub(begun)))
}

/// Finds those that are late.
fn enforce(office: &Office) {
    let mut ledger = office.ledger();
    let mut late = Vec::new();
    for (used, span) in ledger.timed(&office.board) {
        let (slot, serial) = (used.pending.slot, used.pending.serial);
        let fate = Fate::TimedOut(span);
        let is_late = |begun: u64| begun != 0 && left(begun, span).is_zero();
        match &used.pending.job {
            None => {
                let runner = office.board.raw().runner(&office.board, slot);
                if let Some(runner) = runner.filter(|_| is_late(office.board.started(slot))) {
                    late.push((runner, Cause::Task { slot, serial }, fate));
                }
            }
            Some(job) => {
                for (unit, item, runner) in job.raw().running(&**job) {
                    if is_late(job.started(unit)) {
                        let cause = Cause::Unit { job: Arc::clone(job), unit, item: Some(item) };
                        late.push((runner, cause, fate.clone()));
                    }
                }
            }
        }
    }
    for (runner, cause, fate) in late {
        office.warrant(&mut ledger, runner, cause, fate);
    }
    let begins: Vec<_> = ledger.begins(office).collect();
    for (span, seat, begun, warrant) in begins {
        if begun >= span {
            let message = format!("making its state took worker {seat} longer than {span:?}");
            ledger.warrants.push(Warrant { fate: Fate::NoState(message), ..warrant });
        }
    }
}

/// A worker has ended.
fn ended(office: &Office, number: u64) {
    let mut ledger = office.ledger();
    let is_meant = |member: &Member| member.number == number;
    let Some(seat) = ledger.workers.iter().position(|worker| worker.as_ref().is_some_and(is_meant))
    else {
        return;
    };
    let Some(Member { body, sentence, .. }) = ledger.workers[seat].take() else { return };
    drop(ledger);
    let pid = body.pid();
    let outcome = body.outcome();
    let Ok(thread) = office.thread() else { return };
    let mut ledger = office.ledger();
    let board = &office.board;
    let place = board.seat(seat as u32);
    let owner = place.owner();
    ledger.tasks += place.tasks();
    ledger.items += place.items();
    let (mut why_broken, mut why_unopened) = (None, None);
    let reason = match (sentence, outcome) {
        (_, Ok(End::Done | End::Worn)) => Reason::ByItself,
        (_, Ok(End::Unopened(why))) => {
            why_unopened = Some(why);
            Reason::ByItself
        }
        (_, Ok(End::NoState(message))) => {
            why_broken = Some(Fate::NoState(message));
            Reason::ByItself
        }
        (Some(sentence), Err(fate)) => {
            if let Fate::NoState(_) = &sentence.fate {
                why_broken = Some(sentence.fate.clone());
            }
            Reason::Killed(sentence, fate)
        }
        (_, Ok(End::Failed(message))) => {
            Reason::Died(Fate::Died { pid, signal: None, code: None, stderr: message, hint: None })
        }
        (None, Err(fate)) => Reason::Died(office.guesses.explain(fate)),
    };
    let is_stopped = ledger.phase.is_stopped();
    // Of a pool that was stopped all workers are killed, and none takes their places.
    let has_died = !is_stopped && !matches!(reason, Reason::ByItself);
    ledger.restarts += u64::from(has_died);
    if let Reason::Died(fate) = &reason
        && has_died
    {
        why_broken = why_broken.or_else(|| is_too_much(office, &mut ledger, seat, fate));
    }
    let tasks = place.tasks();
    step!("supervisor.knows");
    if let (Some(owner), Phase::Open | Phase::Closed) = (owner, &ledger.phase) {
        repair(office, &mut ledger, &thread, owner, &reason);
        // Of one that had done nothing before: else that may have been why.
        if let Some(serial) = place.unopened().filter(|_| place.tasks() == 0) {
            let why = why_unopened.as_deref().unwrap_or("there was no room to say why");
            ledger.withdraw_job(board, &thread, serial, why);
        }
    }
    place.clear();
    step!("supervisor.repaired");
    drop(ledger);
    // Whoever hears of it may ask the pool something.
    match &reason {
        Reason::Killed(_, how) | Reason::Died(how) if has_died => {
            trace::died(seat, pid, tasks, how);
        }
        _ => trace::ended(seat, pid, tasks),
    }
    // What it had of shared memory is free now, and not when somebody needs room.
    board.root().sweep_holders(thread.id());
    if let Some(fate) = why_broken {
        let _ = office.break_down(fate);
    }
    // It may have been rung for somebody else, or not have come to ring.
    board.raw().ring_for_all(&thread, NEWS);
    board.raw().ring_for_all(&thread, DONE);
    step!("supervisor.rang");
}

/// Whether so many have died that others would too.
fn is_too_much(office: &Office, ledger: &mut Ledger, seat: usize, fate: &Fate) -> Option<Fate> {
    let is_ready = |seat: usize| office.board.seat(seat as u32).is_ready();
    let was_ready = is_ready(seat);
    if (0..office.settings.workers).any(is_ready) {
        ledger.stillborn = 0;
        if !was_ready {
            // The others go on. This seat is filled a little later, so that it does not take all the time.
            ledger.not_before[seat] = Deadline::after(AGAIN);
            return None;
        }
    }
    if !was_ready {
        if ledger.stillborn == 0 {
            ledger.stillborn_since = Instant::now();
        }
        ledger.stillborn += 1;
        let most = office.settings.workers as u32 + STILLBORN;
        // Somebody else's doing, unless it goes on and on.
        let is_killed = matches!(fate, Fate::Died { signal: Some(SIGKILL), .. });
        let is_enough = !is_killed || ledger.stillborn_since.elapsed() >= LONG;
        return (is_enough && ledger.stillborn > most).then(|| {
            let count = most + 1;
            Fate::NoState(format!("{count} in a row died before they were ready; the last: {fate}"))
        });
    }
    let (most, span) = office.settings.budget?;
    let now = Instant::now();
    ledger.deaths.push_back(now);
    while ledger.deaths.front().is_some_and(|&then| now.duration_since(then) > span) {
        ledger.deaths.pop_front();
    }
    (ledger.deaths.len() > most as usize).then(|| {
        let workers = if most == 1 { "worker" } else { "workers" };
        // Longer than anybody looks at a clock: ever.
        let is_endless = span.as_secs() >= u64::from(u32::MAX);
        let within = if is_endless { String::new() } else { format!(" within {span:?}") };
        Fate::Broken(format!("more than {most} {workers} died{within}; the last: {fate}"))
    })
}

/// Puts right what a dead worker had.
fn repair(
    office: &Office,
    ledger: &mut Ledger,
    thread: &Thread<'_>,
    dead: OwnerId,
    reason: &Reason,
) {
    for slot in 0..office.board.slots() {
        let job = match &ledger.uses[slot as usize] {
            Some(used) => used.pending.job.clone(),
            None => continue,
        };
        match job {
            None => repair_task(office, ledger, thread, slot, dead, reason),
            Some(job) => repair_job(office, ledger, thread, slot, &job, dead, reason),
        }
    }
}

fn repair_task(
    office: &Office,
    ledger: &mut Ledger,
    thread: &Thread<'_>,
    slot: u32,
    dead: OwnerId,
    reason: &Reason,
) {
    let board = &office.board;
    let Some(used) = &mut ledger.uses[slot as usize] else { return };
    let serial = used.pending.serial;
    if board.raw().runner(board, slot) != Some(dead) || board.is_over(slot, serial) {
        return;
    }
    let fate = match reason {
        _ if used.is_cancelled => Some(Fate::Cancelled),
        Reason::ByItself => None,
        Reason::Killed(sentence, _) if sentence.is_for_task(serial) => Some(sentence.fate.clone()),
        Reason::Killed(_, fate) | Reason::Died(fate) => Some(fate.clone()),
    };
    let is_final = match &fate {
        None => false,
        Some(Fate::Cancelled) => true,
        Some(_) if used.retries > 0 => {
            used.retries -= 1;
            false
        }
        Some(_) => true,
    };
    // It may have listed a result.
    board.forget_result(slot);
    match fate {
        Some(fate) if is_final => ledger.end(board, slot, Outcome::from(fate)),
        _ => {
            board.forget_start(slot);
            ledger.offer(board, thread, slot);
        }
    }
}

fn repair_job(
    office: &Office,
    ledger: &mut Ledger,
    thread: &Thread<'_>,
    slot: u32,
    job: &Job,
    dead: OwnerId,
    reason: &Reason,
) {
    let board = &office.board;
    let Some(used) = &mut ledger.uses[slot as usize] else { return };
    let retries = used.retries;
    let judge = |unit: u32, item: u32| {
        job.start(unit, 0);
        let fate = match reason {
            Reason::ByItself => None,
            Reason::Killed(sentence, _) if sentence.is_for_item(job, item) => {
                Some(sentence.fate.clone())
            }
            Reason::Killed(_, fate) | Reason::Died(fate) => Some(fate.clone()),
        };
        let Some(fate) = fate else { return Verdict::Again };
        let tried = used.tried.entry(item).or_default();
        if *tried < retries {
            *tried += 1;
            return Verdict::Again;
        }
        used.tried.remove(&item);
        used.fates.insert(item, fate);
        if job.shape().stops {
            job.raw().limit_to(item + 1);
        }
        Verdict::Failed
    };
    let has_free = job.raw().repair(job, dead, judge);
    let ticket = used.ticket;
    // Also where a unit was seen to be free: it may have been done since, by one who saw the dead one's unit not done.
    if job.raw().is_over(job) {
        ledger.finish(board, thread, slot);
    } else if has_free && board.raw().head() > ticket {
        ledger.offer(board, thread, slot);
    }
}

/// Starts workers for empty seats, as long as there is, or may be, something to do.
fn fill_seats(office: &Office) {
    for seat in 0..office.settings.workers {
        let number = {
            let mut ledger = office.ledger();
            if is_idle(office, &ledger) || !ledger.lacks_workers(office) {
                ledger.unstarted = None;
                break;
            }
            if ledger.workers[seat].is_some() || !ledger.not_before[seat].has_passed() {
                continue;
            }
            ledger.number_for(seat)
        };
        let Err(error) = seat_worker(office, seat, number) else {
            office.ledger().unstarted = None;
            continue;
        };
        // Those that are there go on; it is tried again.
        let mut ledger = office.ledger();
        let since = ledger.unstarted.take().map_or_else(Instant::now, |(since, _)| since);
        ledger.unstarted = Some((since, error.to_string()));
        let is_enough = ledger.alive() == 0 && since.elapsed() >= PATIENCE;
        drop(ledger);
        if is_enough {
            let message = format!("none has been started for {PATIENCE:?}: {error}");
            let _ = office.break_down(Fate::NoState(message));
        }
        break;
    }
}

/// Starts the worker of an empty seat.
pub(super) fn seat_worker(office: &Office, seat: usize, number: u64) -> Result<()> {
    let since = Instant::now();
    let body = (office.start)(&office.board, seat as u32, number)?;
    let pid = body.pid();
    step!("supervisor.started");
    if let Err(error) = body.watch(&office.ends, number)
        && body.grip().is_some()
    {
        // Nobody would learn of its end. It may have begun something.
        body.kill();
        body.wait();
        office.ledger().workers[seat] = Some(Member { body, number, since, sentence: None });
        ended(office, number);
        return Err(error);
    }
    let mut ledger = office.ledger();
    if ledger.phase.is_stopped() {
        // It came too late to be ended with the others.
        body.kill();
    }
    ledger.workers[seat] = Some(Member { body, number, since, sentence: None });
    drop(ledger);
    // Whoever hears of it may ask the pool something, or panic.
    trace::started(seat, pid);
    Ok(())
}
