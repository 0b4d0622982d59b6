//! The office of a pool, in the process that made it: what its handles, its results and its supervisor share.

use super::{
    board::{BYTES, Board, INLINE_ARGS, TaskArgs, fill},
    callbacks::Callbacks,
    fate::Fate,
    follow_up::FollowUp,
    guesses::Guesses,
    job::Job,
    ledger::{Asked, Ledger, Phase, Use},
    member::Body,
    pending::{Outcome, Pending},
    picture::Picture,
    raw_board::DONE,
    telling::Telling,
    warrant::{Cause, Warrant},
};
use crate::{
    Error, ErrorKind, Result,
    os::{
        clock::{self, Deadline},
        descriptor_set::DescriptorSet,
        eventfd::EventFd,
        fork, spin,
        step::step,
    },
    process::function::FunctionId,
    segment::{self, Block, OwnerId},
    shared::{Encoded, Message, encode_into, reuse},
    sync::{Looked, Thread},
};
use serde::Serialize;
use std::{
    any::TypeId,
    collections::BTreeMap,
    fmt,
    os::fd::AsFd,
    sync::{Arc, Mutex, MutexGuard, OnceLock, PoisonError, TryLockError},
    time::Duration,
};

/// Starts the worker of a seat. The number says how many there were before it.
pub(super) type Start = Box<dyn Fn(&Board, u32, u64) -> Result<Body> + Send + Sync>;

/// How the pool is.
#[derive(Clone, Debug)]
pub(super) struct Settings {
    pub(super) workers: usize,
    /// For how long a task may run.
    pub(super) deadline: Option<Duration>,
    pub(super) retries: u32,
    /// How many workers may die in how long.
    pub(super) budget: Option<(u32, Duration)>,
    /// The workers are threads of this process.
    pub(super) is_in_process: bool,
    /// Workers are started when there is something to do for them.
    pub(super) is_on_demand: bool,
    /// The workers have a limit of memory.
    pub(super) is_limited: bool,
    /// For how long a worker may make its state.
    pub(super) start_deadline: Option<Duration>,
}

/// The number of the supervisor's event. Workers have higher ones.
pub(super) const BELL: u64 = 0;

/// What all share.
pub(super) struct Office {
    pub(super) board: Board,
    pub(super) settings: Settings,
    pub(super) start: Start,
    pub(super) guesses: Guesses,
    ledger: Mutex<Ledger>,
    pub(super) ends: DescriptorSet,
    /// Rung for the supervisor.
    pub(super) bell: EventFd,
    /// Memory of jobs that are over, for the next: large blocks cost more than what is done in them.
    spares: Mutex<Vec<Block>>,
    pub(super) callbacks: Callbacks,
}

/// How much of it is kept.
const SPARED: usize = 16 << 20;

/// How a task, or each item of a job, is to be run.
#[derive(Clone, Copy, Debug)]
pub(super) struct Terms {
    pub(super) deadline: Option<Duration>,
    pub(super) retries: u32,
    /// Until when it waits for room to be submitted.
    pub(super) room: Deadline,
}

impl Office {
    pub(super) fn new(settings: Settings, slots: usize, start: Start) -> Result<Self> {
        let root = segment::session()?;
        let board = Board::new(&root, slots, settings.workers)?;
        let ledger = Mutex::new(Ledger::new(board.slots(), settings.workers));
        let (ends, bell) = (DescriptorSet::new()?, EventFd::new()?);
        ends.add_for_good(bell.as_fd())?;
        let (spares, callbacks) = (Mutex::default(), Callbacks::default());
        let guesses = Guesses::new(settings.is_limited);
        Ok(Self { board, settings, start, guesses, ledger, ends, bell, spares, callbacks })
    }

    pub(super) fn ledger(&self) -> MutexGuard<'_, Ledger> {
        self.ledger.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The same, if nobody has it.
    pub(super) fn try_ledger(&self) -> Option<MutexGuard<'_, Ledger>> {
        match self.ledger.try_lock() {
            Ok(ledger) => Some(ledger),
            Err(TryLockError::Poisoned(poisoned)) => Some(poisoned.into_inner()),
            Err(TryLockError::WouldBlock) => None,
        }
    }

    /// The calling thread of the parent.
    pub(super) fn thread(&self) -> Result<Thread<'_>> {
        fork::refuse_if_forked()?;
        self.board.thread()
    }

    /// A block for bytes that are written before they are read.
    pub(super) fn block(&self, bytes: usize) -> Result<Block> {
        let mut spares = self.spares.lock().unwrap_or_else(PoisonError::into_inner);
        let fits = |block: &Block| {
            let room = block.member().block_bytes();
            room >= bytes && room / 4 <= bytes
        };
        if let Some(at) = spares.iter().position(fits) {
            return Ok(spares.swap_remove(at));
        }
        drop(spares);
        self.board.root().allocate_uncleared(bytes, BYTES).or_else(|_| {
            // What is over and was not asked for has some.
            let thread = self.thread()?;
            self.ledger().settle_all(&self.board, &thread);
            self.board.root().allocate_uncleared(bytes, BYTES)
        })
    }

    /// Takes back the memory of a job that is over, which nobody asks for its results any more.
    pub(super) fn spare(&self, job: Job) {
        let mut spares = self.spares.lock().unwrap_or_else(PoisonError::into_inner);
        spares.extend(job.into_blocks().filter(|block| block.member().is_own()));
        let size = |spares: &[Block]| -> usize {
            spares.iter().map(|block| block.member().block_bytes()).sum()
        };
        while size(&spares) > SPARED {
            spares.remove(0);
        }
    }

    /// The name of a function, by the type of what it stands for.
    pub(super) fn function(
        &self,
        of: TypeId,
        make: impl FnOnce() -> Result<FunctionId>,
    ) -> Result<FunctionId> {
        if let Some(known) = self.ledger().function(of) {
            return Ok(known);
        }
        let function = make()?;
        self.ledger().learn(of, function);
        Ok(function)
    }

    /// A thread cannot be killed.
    fn refuse_deadline(&self, terms: Terms) -> Result<()> {
        if self.settings.is_in_process && terms.deadline.is_some() {
            let message = "a task was to have a deadline, but the workers of the pool are threads, which cannot be ended";
            return Err(Error::new(ErrorKind::InvalidInput, message));
        }
        Ok(())
    }

    fn refuse(phase: &Phase) -> Result<()> {
        let message = match phase {
            Phase::Open => return Ok(()),
            Phase::Closed => "the pool was closed: it takes no new tasks",
            Phase::Terminated => "the pool was terminated",
            Phase::Broken(fate) => return Err(fate.clone().into_error(0).into()),
        };
        Err(Error::new(ErrorKind::Closed, message))
    }

    /// An error if it takes no tasks any more.
    pub(super) fn check_open(&self) -> Result<()> {
        Self::refuse(&self.ledger().phase)
    }

    /// Has a slot, waiting until there is one, or the time is up.
    fn with_slot<T>(
        &self,
        thread: &Thread<'_>,
        room: Deadline,
        then: impl FnOnce(&mut Ledger, u32) -> T,
    ) -> Result<T> {
        let look = || {
            let mut ledger = self.ledger();
            if let Err(error) = Self::refuse(&ledger.phase) {
                return Some(Err(error));
            }
            ledger.free_slot(&self.board, thread).map(|slot| Ok((ledger, slot)))
        };
        let waits = || self.board.raw().bells().wait(thread, DONE, room, |_| look());
        let slot = match look() {
            None if room != Deadline::NOW => spin::for_news(look).or_else(waits),
            slot => slot,
        };
        let late = || Err(Error::new(ErrorKind::TimedOut, "there is no room in the pool yet"));
        let (mut ledger, slot) = slot.unwrap_or_else(late)?;
        Ok(then(&mut ledger, slot))
    }

    /// Submits a task.
    pub(super) fn submit_task<A: Serialize>(
        &self,
        function: &FunctionId,
        args: &A,
        terms: Terms,
    ) -> Result<Arc<Pending>> {
        self.refuse_deadline(terms)?;
        let thread = self.thread()?;
        let mut place = [0; INLINE_ARGS];
        let mut kept = Vec::new();
        let large;
        let args = match encode_into(args, &mut place)? {
            Encoded::Written(bytes) => TaskArgs::Inline(bytes),
            Encoded::Message(Message { bytes, handles }) => {
                kept = handles;
                match place.get_mut(..bytes.len()) {
                    Some(place) => {
                        place.copy_from_slice(&bytes);
                        reuse(bytes);
                        TaskArgs::Inline(place)
                    }
                    None => {
                        large = self.block(8 + bytes.len())?;
                        fill(&large, &[&bytes])?;
                        reuse(bytes);
                        kept.push(large.clone());
                        TaskArgs::Large(&large)
                    }
                }
            }
        };
        let is_timed = terms.deadline.is_some();
        self.with_slot(&thread, terms.room, |ledger, slot| {
            let serial = ledger.serial();
            self.board.write_task(slot, function, serial, args, is_timed);
            step!("pool.written");
            self.begin(ledger, &thread, slot, serial, terms, None, kept)
        })
    }

    /// Submits a job.
    pub(super) fn submit_job(
        &self,
        function: &FunctionId,
        job: Job,
        kept: Vec<Block>,
        terms: Terms,
    ) -> Result<Arc<Pending>> {
        self.refuse_deadline(terms)?;
        let (thread, job) = (self.thread()?, Arc::new(job));
        self.with_slot(&thread, terms.room, |ledger, slot| {
            let serial = ledger.serial();
            self.board.write_job(slot, function, serial, &job);
            step!("pool.job");
            self.begin(ledger, &thread, slot, serial, terms, Some(job), kept)
        })
    }

    #[allow(clippy::too_many_arguments, reason = "what a use of a slot is")]
    fn begin(
        &self,
        ledger: &mut Ledger,
        thread: &Thread<'_>,
        slot: u32,
        serial: u64,
        Terms { deadline, retries, .. }: Terms,
        job: Option<Arc<Job>>,
        kept: Vec<Block>,
    ) -> Arc<Pending> {
        let pending = Arc::new(Pending {
            slot,
            serial,
            job,
            follow_up: FollowUp::new(),
            outcome: OnceLock::new(),
        });
        let used = Use {
            pending: Arc::clone(&pending),
            submitted: clock::about_now(),
            ticket: 0,
            deadline,
            retries,
            _kept: kept,
            tried: BTreeMap::new(),
            is_cancelled: false,
            fates: BTreeMap::new(),
        };
        ledger.begin(&self.board, thread, slot, used);
        let late = deadline.map_or(Deadline::NEVER, Deadline::after);
        let is_late = late < ledger.next_look;
        if is_late {
            // The supervisor would look too late.
            ledger.next_look = late;
        }
        let rests = std::mem::take(&mut ledger.rests);
        // There may be workers to start.
        let lacks = self.settings.is_on_demand && {
            let at_hand = ledger.at_hand();
            let is_job = pending.job.is_some();
            ledger.alive() < self.settings.workers && (is_job || at_hand < ledger.in_use)
        };
        if is_late || rests || lacks {
            self.bell.signal();
        }
        pending
    }

    /// Waits until it is over; `false` when the time is up.
    pub(super) fn wait(&self, pending: &Pending, deadline: Deadline) -> Result<bool> {
        fork::refuse_if_forked()?;
        let look = || self.is_ready(pending).then_some(());
        let is_ready = look().is_some()
            || deadline != Deadline::NOW && {
                let thread = self.thread()?;
                let bells = self.board.raw().bells();
                spin::for_news(look)
                    .or_else(|| bells.wait(&thread, DONE, deadline, |_| look()))
                    .is_some()
            };
        if is_ready {
            self.settle(pending);
        }
        Ok(is_ready)
    }

    /// Whether it is over; but who waits for it may have to wait for its callbacks, too.
    pub(super) fn is_over(&self, pending: &Pending) -> bool {
        let has_outcome = || pending.outcome.get().is_some();
        // Once more: the slot may be another's since the first look, and it had its outcome before.
        has_outcome() || self.board.is_over(pending.slot, pending.serial) || has_outcome()
    }

    /// Brings the outcome of what is over.
    pub(super) fn settle(&self, pending: &Pending) {
        // A forked child would take it away from its parent.
        if pending.outcome.get().is_none() && !fork::is_forked() {
            self.ledger().settle(&self.board, pending.slot, Asked::BySomebody);
        }
    }

    /// Waits until it is over, and tells meanwhile how far it is.
    pub(super) fn wait_telling(&self, pending: &Pending, mut all: Vec<Telling>) -> Result<()> {
        let thread = self.thread()?;
        let bells = self.board.raw().bells();
        let mut is_over = all.is_empty() || pending.job.is_none();
        while !is_over {
            let look = |looked: &mut Looked<'_>| {
                let is_over = self.is_over(pending);
                let is_due = |telling: &Telling| telling.is_due(pending, is_over, looked);
                all.iter().any(is_due).then_some(is_over)
            };
            is_over = bells.wait(&thread, DONE, Deadline::NEVER, look).unwrap_or(true);
            all.iter_mut().for_each(|telling| telling.tell(pending, is_over));
        }
        Ok(())
    }

    /// Whether a worker has begun it, and it is not over.
    pub(super) fn is_running(&self, pending: &Pending) -> bool {
        let ledger = self.ledger();
        let used = ledger.uses.get(pending.slot as usize).and_then(Option::as_ref);
        let is_its = used.is_some_and(|used| used.pending.serial == pending.serial);
        is_its
            && !self.is_over(pending)
            && match &pending.job {
                Some(job) => job.done() > 0 || job.raw().running(&**job).next().is_some(),
                None => self.board.raw().runner(&self.board, pending.slot).is_some(),
            }
    }

    /// Waits until one of them is over, and says which; `None` when the time is up.
    pub(super) fn wait_any(
        &self,
        all: &[&Arc<Pending>],
        deadline: Deadline,
    ) -> Result<Option<usize>> {
        let look = || all.iter().position(|pending| self.is_ready(pending));
        let thread = self.thread()?;
        let bells = self.board.raw().bells();
        let waits = || bells.wait(&thread, DONE, deadline, |_| look());
        Ok(look().or_else(|| spin::for_news(look)).or_else(waits))
    }

    /// Cancels it; `false` if it is over.
    pub(super) fn cancel(&self, pending: &Pending) -> Result<bool> {
        let thread = self.thread()?;
        let mut ledger = self.ledger();
        if pending.outcome.get().is_some() {
            return Ok(false);
        }
        let Pending { slot, serial, .. } = *pending;
        if self.board.is_over(slot, serial) {
            ledger.settle(&self.board, slot, Asked::BySomebody);
            return Ok(false);
        }
        let raw = self.board.raw();
        let mut runners = Vec::new();
        match &pending.job {
            Some(job) => {
                // Who takes a unit from now on does nothing with it.
                job.raw().limit_to(0);
                let cause = |unit| Cause::Unit { job: Arc::clone(job), unit, item: None };
                let running = job.raw().running(&**job);
                runners.extend(running.map(|(unit, _, owner)| (owner, cause(unit))));
                if self.settings.is_in_process && !runners.is_empty() {
                    // Threads go on with it.
                    ledger.lingering.push(Arc::clone(job));
                }
                ledger.end(&self.board, slot, Outcome::from(Fate::Cancelled));
            }
            None if raw.withdraw(&self.board, slot) => {
                ledger.end(&self.board, slot, Outcome::from(Fate::Cancelled));
            }
            // A thread cannot be killed.
            None if self.settings.is_in_process => return Ok(false),
            None => {
                let runner = raw.runner(&self.board, slot);
                runners.extend(runner.map(|owner| (owner, Cause::Task { slot, serial })));
                if let Some(used) = &mut ledger.uses[slot as usize] {
                    used.is_cancelled = true;
                }
            }
        }
        for (runner, cause) in runners {
            self.warrant(&mut ledger, runner, cause, Fate::Cancelled);
        }
        drop(ledger);
        raw.ring_for_all(&thread, DONE);
        Ok(true)
    }

    /// Has the supervisor kill the worker of this name for what it is at.
    pub(super) fn warrant(&self, ledger: &mut Ledger, runner: OwnerId, cause: Cause, fate: Fate) {
        let Some(seat) = ledger.seat_of(&self.board, runner) else { return };
        let number = ledger.numbers[seat];
        let warrant = Warrant { seat: seat as u32, number, cause, fate };
        ledger.warrants.push(warrant);
        self.bell.signal();
    }

    /// No new tasks from now on.
    pub(super) fn close(&self) -> Result<()> {
        fork::refuse_if_forked()?;
        let mut ledger = self.ledger();
        if ledger.phase.is_open() {
            ledger.phase = Phase::Closed;
            drop(ledger);
            // The supervisor gives the orders: this thread may be one too many to take part.
            self.bell.signal();
        }
        Ok(())
    }

    /// The pool is broken.
    pub(super) fn break_down(&self, fate: Fate) -> Result<()> {
        self.stop(Phase::Broken(fate.clone()), &fate)
    }

    /// Nothing is done from now on.
    pub(super) fn stop(&self, phase: Phase, fate: &Fate) -> Result<()> {
        fork::refuse_if_forked()?;
        let mut ledger = self.ledger();
        if !ledger.phase.is_stopped() {
            ledger.phase = phase;
            for slot in 0..self.board.slots() {
                if !ledger.settle(&self.board, slot, Asked::BySomebody)
                    && ledger.uses[slot as usize].is_some()
                {
                    self.abandon(&mut ledger, slot, fate);
                }
            }
            ledger.workers.iter().flatten().for_each(|member| member.body.kill());
        }
        drop(ledger);
        self.bell.signal();
        Ok(())
    }

    /// Tells those who wait. The slot is not used again: a worker may still have it.
    fn abandon(&self, ledger: &mut Ledger, slot: u32, fate: &Fate) {
        if let Some(used) = ledger.take(slot) {
            // Who is not killed, as it is a thread, begins nothing any more.
            match &used.pending.job {
                Some(job) => job.raw().limit_to(0),
                None => drop(self.board.raw().withdraw(&self.board, slot)),
            }
            let _ = used.pending.outcome.set(Outcome::from(fate.clone()));
        }
    }

    /// If the pool was stopped, waits until its workers have ended: until then they may be in the middle of something.
    pub(super) fn outlast(&self) -> Result<()> {
        let is_stopped = self.ledger().phase.is_stopped();
        if is_stopped {
            // Not for callbacks: one of them may wait for the caller.
            let thread = self.thread()?;
            let look = |_: &mut Looked<'_>| self.ledger().is_over.then_some(());
            self.board.raw().bells().wait(&thread, DONE, Deadline::NEVER, look);
        }
        Ok(())
    }

    /// Waits until all is done and the workers have ended; `false` when the time is up.
    pub(super) fn join(&self, deadline: Deadline) -> Result<bool> {
        let thread = self.thread()?;
        if self.ledger().phase.is_open() {
            return Err(Error::new(
                ErrorKind::InvalidInput,
                "the pool is still open: close or terminate it before it is joined",
            ));
        }
        // In this order: nothing is called for what is submitted after the end.
        let is_over = || self.ledger().is_over && self.callbacks.are_called();
        let look = |_: &mut Looked<'_>| is_over().then_some(());
        Ok(self.board.raw().bells().wait(&thread, DONE, deadline, look).is_some())
    }
}

impl fmt::Debug for Office {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        Picture(self).fmt(f)
    }
}
