//! The office of a pool, in the process that made it: what its handles, its results and its supervisor share.

use super::{
    board::{BYTES, Board, INLINE_ARGS, TaskArgs, fill},
    fate::Fate,
    job::Job,
    ledger::{Ledger, Member, Phase, Sentence, Use},
    pending::{Outcome, Pending},
    raw_board::DONE,
    worker::End,
};
use crate::{
    Error, ErrorKind, Process, Result,
    os::{
        clock::Deadline, descriptor_set::DescriptorSet, eventfd::EventFd, fork, spin, step::step,
    },
    process::function::FunctionId,
    segment::{self, Block},
    shared::encode_onto,
    sync::Thread,
};
use serde::Serialize;
use std::{
    any::TypeId,
    collections::{BTreeMap, HashMap},
    fmt,
    os::fd::AsFd,
    sync::{Arc, Mutex, MutexGuard, OnceLock, PoisonError},
    time::Duration,
};

/// Starts the worker of a seat. The number says how many there were before it.
pub(super) type Start = Box<dyn Fn(&Board, u32, u64) -> Result<Process<End>> + Send + Sync>;

/// How the pool is.
#[derive(Clone, Debug)]
pub(super) struct Settings {
    pub(super) workers: usize,
    /// For how long a task may run.
    pub(super) deadline: Option<Duration>,
    pub(super) retries: u32,
    /// How many workers may die in how long.
    pub(super) budget: Option<(u32, Duration)>,
}

/// The number of the supervisor's event. Workers have higher ones.
pub(super) const BELL: u64 = 0;

/// What all share.
pub(super) struct Office {
    pub(super) board: Board,
    pub(super) settings: Settings,
    pub(super) start: Start,
    ledger: Mutex<Ledger>,
    pub(super) ends: DescriptorSet,
    /// Rung for the supervisor.
    pub(super) bell: EventFd,
    /// Memory of jobs that are over, for the next: large blocks cost more than what is done in them.
    spares: Mutex<Vec<Block>>,
}

/// How much of it is kept.
const SPARED: usize = 16 << 20;

/// How a task, or each item of a job, is to be run.
#[derive(Clone, Copy, Debug)]
pub(super) struct Terms {
    pub(super) deadline: Option<Duration>,
    pub(super) retries: u32,
}

impl Office {
    pub(super) fn new(settings: Settings, slots: usize, start: Start) -> Result<Self> {
        let root = segment::session()?;
        let board = Board::new(&root, slots, settings.workers)?;
        let ledger = Mutex::new(Ledger::new(board.slots(), settings.workers));
        let (ends, bell) = (DescriptorSet::new()?, EventFd::new()?);
        ends.add_for_good(bell.as_fd())?;
        let spares = Mutex::default();
        Ok(Self { board, settings, start, ledger, ends, bell, spares })
    }

    pub(super) fn ledger(&self) -> MutexGuard<'_, Ledger> {
        self.ledger.lock().unwrap_or_else(PoisonError::into_inner)
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
        self.board.root().allocate_uncleared(bytes, BYTES)
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

    fn refuse(phase: &Phase) -> Result<()> {
        let message = match phase {
            Phase::Open => return Ok(()),
            Phase::Closed => "the pool was closed: it takes no new tasks".into(),
            Phase::Terminated => "the pool was terminated".into(),
            Phase::Broken(message) => format!("the workers of the pool cannot begin: {message}"),
        };
        Err(Error::new(ErrorKind::Closed, message))
    }

    /// An error if it takes no tasks any more.
    pub(super) fn check_open(&self) -> Result<()> {
        Self::refuse(&self.ledger().phase)
    }

    /// Has a slot, waiting until there is one.
    fn with_slot<T>(
        &self,
        thread: &Thread<'_>,
        then: impl FnOnce(&mut Ledger, u32) -> T,
    ) -> Result<T> {
        let look = || {
            let mut ledger = self.ledger();
            if let Err(error) = Self::refuse(&ledger.phase) {
                return Some(Err(error));
            }
            ledger.free_slot(&self.board).map(|slot| Ok((ledger, slot)))
        };
        let waits = || self.board.raw().bells().wait(thread, DONE, Deadline::NEVER, |_| look());
        let slot = look().or_else(|| spin::for_news(look)).or_else(waits);
        let (mut ledger, slot) = slot.unwrap_or_else(|| {
            Err(Error::new(ErrorKind::TimedOut, "the wait for room in the pool ended early"))
        })?;
        Ok(then(&mut ledger, slot))
    }

    /// Submits a task.
    pub(super) fn submit_task<A: Serialize>(
        &self,
        function: &FunctionId,
        args: &A,
        terms: Terms,
    ) -> Result<Arc<Pending>> {
        let thread = self.thread()?;
        let (mut bytes, mut length) = (Vec::with_capacity(INLINE_ARGS), 0);
        let mut kept = encode_onto(args, &mut bytes, &mut length)?;
        bytes.truncate(length);
        let large = (bytes.len() > INLINE_ARGS)
            .then(|| {
                let block = self.block(8 + bytes.len())?;
                fill(&block, &[&bytes])?;
                Ok::<_, Error>(block)
            })
            .transpose()?;
        let is_timed = terms.deadline.is_some();
        self.with_slot(&thread, |ledger, slot| {
            let serial = ledger.serial();
            let args = match &large {
                Some(block) => TaskArgs::Large(block),
                None => TaskArgs::Inline(&bytes),
            };
            self.board.write_task(slot, function, serial, args, is_timed);
            step!("pool.written");
            kept.extend(large.clone());
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
        let (thread, job) = (self.thread()?, Arc::new(job));
        self.with_slot(&thread, |ledger, slot| {
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
        Terms { deadline, retries }: Terms,
        job: Option<Arc<Job>>,
        kept: Vec<Block>,
    ) -> Arc<Pending> {
        let pending = Arc::new(Pending { slot, serial, deadline, job, outcome: OnceLock::new() });
        let used = Use {
            pending: Arc::clone(&pending),
            ticket: 0,
            retries,
            _kept: kept,
            tried: HashMap::new(),
            fates: BTreeMap::new(),
        };
        ledger.begin(&self.board, thread, slot, used);
        let late = deadline.map_or(Deadline::NEVER, Deadline::after);
        if late < ledger.next_look {
            // The supervisor would look too late.
            ledger.next_look = late;
            self.bell.signal();
        }
        pending
    }

    /// Waits until it is over; `false` when the time is up.
    pub(super) fn wait(&self, pending: &Pending, deadline: Deadline) -> Result<bool> {
        let Pending { slot, serial, outcome, .. } = pending;
        let look = || (outcome.get().is_some() || self.board.is_over(*slot, *serial)).then_some(());
        let is_over = look().is_some()
            || deadline != Deadline::NOW && {
                let thread = self.thread()?;
                let bells = self.board.raw().bells();
                spin::for_news(look)
                    .or_else(|| bells.wait(&thread, DONE, deadline, |_| look()))
                    .is_some()
            };
        if is_over && outcome.get().is_none() {
            self.ledger().settle(&self.board, *slot);
        }
        Ok(outcome.get().is_some())
    }

    /// Waits until one of them is over, and says which; `None` when the time is up.
    pub(super) fn wait_any(
        &self,
        all: &[&Arc<Pending>],
        deadline: Deadline,
    ) -> Result<Option<usize>> {
        let look = || {
            all.iter().position(|pending| {
                pending.outcome.get().is_some() || self.board.is_over(pending.slot, pending.serial)
            })
        };
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
            ledger.settle(&self.board, slot);
            return Ok(false);
        }
        let raw = self.board.raw();
        let mut runners = Vec::new();
        match &pending.job {
            Some(job) => {
                // Who takes a unit from now on does nothing with it.
                job.raw().limit_to(0);
                runners.extend(job.raw().running(&**job).map(|(_, _, owner)| owner));
                ledger.end(&self.board, slot, Outcome::Fate(Fate::Cancelled));
            }
            None if raw.withdraw(&self.board, slot) => {
                ledger.end(&self.board, slot, Outcome::Fate(Fate::Cancelled));
            }
            None => runners.extend(raw.runner(&self.board, slot)),
        }
        for runner in runners {
            if let Some(seat) = ledger.seat_of(&self.board, runner) {
                let sentence = Sentence { serial, item: None, fate: Fate::Cancelled };
                Self::execute(&mut ledger, seat, sentence);
            }
        }
        drop(ledger);
        raw.ring_for_all(&thread, DONE);
        Ok(true)
    }

    /// Kills a worker, for this.
    pub(super) fn execute(ledger: &mut Ledger, seat: usize, sentence: Sentence) {
        if let Some(member) = &mut ledger.workers[seat]
            && member.sentence.is_none()
        {
            member.sentence = Some(sentence);
            kill(member);
        }
    }

    /// No new tasks from now on.
    pub(super) fn close(&self) -> Result<()> {
        let thread = self.thread()?;
        let mut ledger = self.ledger();
        if matches!(ledger.phase, Phase::Open) {
            ledger.phase = Phase::Closed;
            drop(ledger);
            self.board.raw().end(&thread);
            self.board.raw().ring_for_all(&thread, DONE);
            self.bell.signal();
        }
        Ok(())
    }

    /// Nothing is done from now on.
    pub(super) fn stop(&self, phase: Phase, fate: &Fate) -> Result<()> {
        let thread = self.thread()?;
        let mut ledger = self.ledger();
        if matches!(ledger.phase, Phase::Open | Phase::Closed) {
            ledger.phase = phase;
            for slot in 0..self.board.slots() {
                if !ledger.settle(&self.board, slot) && ledger.uses[slot as usize].is_some() {
                    self.abandon(&mut ledger, slot, fate);
                }
            }
            ledger.workers.iter().flatten().for_each(kill);
        }
        drop(ledger);
        self.board.raw().end(&thread);
        self.board.raw().ring_for_all(&thread, DONE);
        self.bell.signal();
        Ok(())
    }

    /// Tells those who wait. The slot is not used again: a worker may still have it.
    fn abandon(&self, ledger: &mut Ledger, slot: u32, fate: &Fate) {
        if let Some(used) = ledger.uses[slot as usize].take() {
            ledger.in_use -= 1;
            let _ = used.pending.outcome.set(Outcome::Fate(fate.clone()));
        }
    }

    /// If the pool was stopped, waits until its workers have ended: until then they may be in the middle of something.
    pub(super) fn outlast(&self) -> Result<()> {
        let is_stopped = matches!(self.ledger().phase, Phase::Terminated | Phase::Broken(_));
        if is_stopped {
            self.join(Deadline::NEVER)?;
        }
        Ok(())
    }

    /// Waits until all is done and the workers have ended; `false` when the time is up.
    pub(super) fn join(&self, deadline: Deadline) -> Result<bool> {
        let thread = self.thread()?;
        if matches!(self.ledger().phase, Phase::Open) {
            return Err(Error::new(
                ErrorKind::InvalidInput,
                "the pool is still open: close or terminate it before it is joined",
            ));
        }
        let look = |_: &mut crate::sync::Looked<'_>| self.ledger().is_over.then_some(());
        Ok(self.board.raw().bells().wait(&thread, DONE, deadline, look).is_some())
    }
}

/// It may have ended by itself.
fn kill(member: &Member) {
    let _ = member.process.kill();
}

impl fmt::Debug for Office {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let ledger = self.ledger();
        f.debug_struct("Office")
            .field("settings", &self.settings)
            .field("phase", &ledger.phase)
            .field("in_use", &ledger.in_use)
            .field("alive", &ledger.alive())
            .finish_non_exhaustive()
    }
}
