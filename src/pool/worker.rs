//! What a worker does: it makes its state, then takes tasks and units until there is nothing to do for ever.

use super::{
    board::Board,
    desk::{self, AtHand},
    failure::Failure,
    job::Job,
    measure::{Measure, Wear},
    raw_board::{DONE, Found, NEWS, Orders},
    raw_job::Units,
    trace,
    word::{Done, Progress},
};
use crate::{
    Result,
    atomic::Ordering,
    os::{clock, clock::Deadline, spin, step::step},
    process::{
        PanicReport,
        function::{Entry, FunctionId},
        panic,
    },
    segment::{self, OwnerId},
    sync::Thread,
};
use serde::{Deserialize, Serialize};
use std::{any::Any, collections::HashMap, fmt::Display, rc::Rc};

/// A worker of a pool, as its state is made.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct PoolWorker {
    index: u32,
}

impl PoolWorker {
    /// Its number among the workers of the pool, from 0 on. One that takes the place of another has its number.
    #[must_use]
    pub fn index(&self) -> usize {
        self.index as usize
    }

    /// Its process id.
    #[must_use]
    pub fn pid(&self) -> u32 {
        std::process::id()
    }
}

/// How a worker came to its end by itself.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(super) enum End {
    /// There is nothing to do for ever.
    Done,
    /// It has done as much as one worker is to do.
    Worn,
    /// It has no state: the message.
    NoState(String),
    /// It could not take part.
    Failed(String),
    /// It cannot open the job that its seat names: why.
    Unopened(String),
}

/// Makes the state of a worker; an error as text.
pub(super) fn make_state<S: 'static, E: Display>(
    index: u32,
    make: impl Fn(PoolWorker) -> Result<S, E>,
) -> Result<Box<dyn Any>, String> {
    match make(PoolWorker { index }) {
        Ok(state) => Ok(Box::new(state)),
        Err(error) => Err(error.to_string()),
    }
}

/// Serves on the worker's main thread, until its end.
pub(super) fn serve(
    board: Board,
    index: u32,
    most: Measure,
    make: impl Fn(u32) -> Result<Box<dyn Any>, String>,
) -> End {
    match begin(&board) {
        Ok(me) => Worker {
            board: Rc::new(board),
            index,
            me,
            most,
            wear: Wear::default(),
            make,
            entries: HashMap::new(),
            last: None,
            job: None,
        }
        .work(),
        Err(error) => End::Failed(error.to_string()),
    }
}

fn begin(board: &Board) -> Result<OwnerId> {
    use crate::sync::party::Party;
    Ok(board.thread()?.id())
}

/// A job that the worker has open.
struct OpenJob {
    slot: u32,
    done: Done,
    entry: Entry,
    job: Rc<Job>,
}

struct Worker<M> {
    board: Rc<Board>,
    index: u32,
    me: OwnerId,
    /// How much it does.
    most: Measure,
    wear: Wear,
    make: M,
    entries: HashMap<Vec<u8>, Entry>,
    last: Option<(FunctionId, Entry)>,
    job: Option<OpenJob>,
}

enum Next {
    Found(Found),
    End,
}

impl<M: Fn(u32) -> Result<Box<dyn Any>, String>> Worker<M> {
    fn work(mut self) -> End {
        let board = Rc::clone(&self.board);
        let seat = board.seat(self.index);
        seat.take(self.me);
        step!("worker.seated");
        if let Err(end) = self.make_state() {
            return end;
        }
        trace::ready(self.index);
        step!("worker.ready");
        let end = loop {
            if self.most.is_full(seat.tasks(), &mut self.wear) {
                break End::Worn;
            }
            let thread = match board.thread() {
                Ok(thread) => thread,
                Err(error) => break End::Failed(error.to_string()),
            };
            let done = match self.next(&thread) {
                Next::End => break End::Done,
                Next::Found(Found::Task(slot)) => {
                    let done = self.run_task(&thread, slot);
                    seat.counts(1);
                    done
                }
                Next::Found(Found::Job { slot, ticket }) => self.run_units(&thread, slot, ticket),
            };
            if let Err(end) = done {
                break end;
            }
        };
        desk::put(AtHand::Nothing);
        step!("worker.ends");
        // Dropped here, where a panic is a panic of the worker.
        drop(desk::take_state());
        desk::is_no_child();
        end
    }

    /// The next task or job, waiting for it.
    fn next(&mut self, thread: &Thread<'_>) -> Next {
        let board = &*self.board;
        let raw = board.raw();
        let look = || {
            if let Some(found) = raw.find(thread, board) {
                return Some(Next::Found(found));
            }
            // Before the last look at the tickets: nothing comes after the order.
            if raw.orders() == Orders::End {
                let found = raw.find(thread, board);
                return Some(found.map_or(Next::End, Next::Found));
            }
            None
        };
        if let Some(next) = look() {
            return next;
        }
        // An idle worker keeps no job's memory.
        self.job = None;
        desk::put(AtHand::Nothing);
        let seat = board.seat(self.index);
        let sleeps = || {
            segment::unmap_gone();
            seat.sleeps(clock::now());
            let next = raw.bells().wait(thread, NEWS, Deadline::NEVER, |_| look());
            seat.has_slept(clock::now());
            next
        };
        spin::for_news(look).or_else(sleeps).unwrap_or(Next::End)
    }

    fn entry(&mut self, function: &FunctionId) -> Result<Entry> {
        if let Some((last, entry)) = &self.last
            && last == function
        {
            return Ok(*entry);
        }
        let key = bytemuck::bytes_of(function);
        let entry = match self.entries.get(key) {
            Some(entry) => *entry,
            None => {
                let entry = function.resolve()?;
                self.entries.insert(key.to_vec(), entry);
                entry
            }
        };
        self.last = Some((*function, entry));
        Ok(entry)
    }

    fn run_task(&mut self, thread: &Thread<'_>, slot: u32) -> Result<(), End> {
        let board = Rc::clone(&self.board);
        let pending = board.pending(slot);
        if board.is_timed(slot) {
            board.start(slot, clock::now());
        }
        let mut has_panicked = false;
        match self.entry(&board.function(slot)) {
            Ok(entry) => {
                desk::put(AtHand::Task { board: Rc::clone(&board), slot });
                let _span = trace::task(pending, None);
                step!("task.begun");
                if let Err(report) = call(entry) {
                    has_panicked = true;
                    board.write_failure(slot, &Failure::panicked(report));
                }
            }
            Err(error) => board.write_failure(slot, &Failure::Decode(error.to_string())),
        }
        step!("task.over");
        board.raw().finish(thread, &*board, slot, pending);
        if has_panicked { self.make_state() } else { Ok(()) }
    }

    /// A panic may have left anything in the state.
    fn make_state(&mut self) -> Result<(), End> {
        let seat = self.board.seat(self.index);
        seat.says_begins(clock::now());
        let dropped = panic::catch(|| drop(desk::take_state()));
        let made = panic::catch(|| (self.make)(self.index));
        desk::is_no_child();
        match (dropped, made) {
            (_, Err(report)) | (Err(report), _) => Err(End::NoState(report.to_string())),
            (_, Ok(Err(message))) => Err(End::NoState(message)),
            (_, Ok(Ok(state))) => {
                desk::put_state(state);
                seat.says_ready(clock::now());
                Ok(())
            }
        }
    }

    /// Opens the job, unless it is the one that was open; `false` if it is there no more.
    fn open(&mut self, slot: u32, ticket: u64) -> Result<bool, End> {
        let known = |open: &OpenJob, done: Done| open.slot == slot && open.done == done;
        let done = self.board.pending(slot);
        if self.job.as_ref().is_some_and(|open| known(open, done)) {
            return Ok(true);
        }
        self.job = None;
        let Some((function, done, job)) = self.board.job(slot, ticket) else { return Ok(false) };
        let (job, entry) = match job.and_then(|job| Ok((Rc::new(job), self.entry(&function)?))) {
            Ok(opened) => opened,
            // It may be over by now.
            Err(_) if self.board.job(slot, ticket).is_none() => return Ok(false),
            Err(error) => {
                self.board.seat(self.index).says_unopened(done.serial());
                return Err(End::Unopened(error.to_string()));
            }
        };
        self.job = Some(OpenJob { slot, done, entry, job });
        Ok(true)
    }

    /// Runs units of a job until none is free.
    fn run_units(&mut self, thread: &Thread<'_>, slot: u32, ticket: u64) -> Result<(), End> {
        let board = Rc::clone(&self.board);
        if !self.open(slot, ticket)? {
            board.raw().pass(ticket);
            return Ok(());
        }
        let Some(OpenJob { done, entry, job, .. }) = &self.job else { return Ok(()) };
        let (done, entry, job) = (*done, *entry, Rc::clone(job));
        let seat = board.seat(self.index);
        let mut is_passed = false;
        loop {
            if self.most.is_full(seat.tasks(), &mut self.wear) {
                return Ok(());
            }
            let Some(unit) = job.raw().claim(thread, &*job) else {
                if is_passed {
                    return Ok(());
                }
                // Then once more: the parent may have freed one before it looked whether the ticket was passed.
                board.raw().pass(ticket);
                step!("job.passed");
                is_passed = true;
                continue;
            };
            let span = trace::task(done, Some(job.items(unit)));
            self.run_unit(entry, &job, unit)?;
            drop(span);
            seat.counts(job.items(unit).len() as u64);
            job.raw().end(thread, &*job, unit);
            // Whoever waits for what was cancelled waits for the end of its units.
            let is_told = job.shape().tells || job.raw().limit() == 0;
            if is_told && board.raw().bells().is_armed(DONE) {
                board.raw().ring_for_all(thread, DONE);
            }
            if job.raw().is_over(&*job) {
                step!("job.over");
                board.raw().finish(thread, &*board, slot, done);
            }
        }
    }

    fn run_unit(&mut self, entry: Entry, job: &Rc<Job>, unit: u32) -> Result<(), End> {
        let at = job.at(unit);
        desk::put(AtHand::Unit { job: Rc::clone(job), unit });
        if let Err(error) = job.unlist(unit, Progress(at.load(Ordering::Relaxed)).item()) {
            desk::give_up(&format!("a unit of a job cannot be begun: {error}"));
        }
        let end = job.items(unit).end;
        let left = || {
            let reached = Progress(at.load(Ordering::Relaxed));
            (reached.item() < end.min(job.raw().limit())).then_some(reached)
        };
        while let Err(report) = call(entry) {
            // If none is left, what panicked was nobody's.
            if let Some(reached) = left() {
                desk::fail(job, unit, reached, &Failure::panicked(report));
            }
            self.make_state()?;
            if left().is_none() {
                break;
            }
        }
        if left().is_some() {
            desk::fail_all(job, unit, &desk::not_run());
        }
        Ok(())
    }
}

/// Calls what runs the work at hand.
fn call(entry: Entry) -> Result<(), PanicReport> {
    // It has no arguments and no result.
    let called = panic::catch(|| entry.call(&[], &|| ())).map(|_| ());
    desk::is_no_child();
    called
}
