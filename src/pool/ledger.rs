//! The parent's own account of a pool: which slot is whose, and who works.

use super::{
    board::{Board, Bytes},
    failure::Failure,
    fate::Fate,
    job::Job,
    member::Member,
    office::Office,
    pending::{Outcome, Pending},
    raw_board::DONE,
    warrant::{Cause, Warrant},
    word::{Done, Word},
};
use crate::{
    os::clock::{self, Deadline},
    process::function::FunctionId,
    segment::Block,
    sync::Thread,
};
use std::{
    any::TypeId,
    collections::{BTreeMap, BTreeSet, VecDeque},
    fmt,
    sync::Arc,
    time::{Duration, Instant},
};

/// Whether there may be new tasks.
#[derive(Clone, Debug)]
pub(super) enum Phase {
    Open,
    Closed,
    Terminated,
    /// What becomes of what is not done.
    Broken(Fate),
}

impl Phase {
    pub(super) fn is_open(&self) -> bool {
        matches!(self, Self::Open)
    }

    /// Nothing is done any more, and no worker lives on.
    pub(super) fn is_stopped(&self) -> bool {
        matches!(self, Self::Terminated | Self::Broken(_))
    }
}

/// A slot in use.
#[derive(Debug)]
pub(super) struct Use {
    pub(super) pending: Arc<Pending>,
    /// When it was submitted, by the coarse clock.
    pub(super) submitted: u64,
    pub(super) ticket: u64,
    /// For how long a task, or each item of a job, may run.
    pub(super) deadline: Option<Duration>,
    /// How often a task, or each item of a job, is tried again.
    pub(super) retries: u32,
    /// What its arguments need.
    pub(super) _kept: Vec<Block>,
    /// How often items were tried again.
    pub(super) tried: BTreeMap<u32, u32>,
    /// Whoever runs it is to be killed; if that one dies before, it is not tried again.
    pub(super) is_cancelled: bool,
    /// What became of items.
    pub(super) fates: BTreeMap<u32, Fate>,
}

/// The account.
pub(super) struct Ledger {
    pub(super) phase: Phase,
    next_ticket: u64,
    /// What the head of the tickets was when it was looked at last: workers write it all the time.
    known_head: u64,
    next_serial: u64,
    free: VecDeque<u32>,
    /// Slots that are free when their ticket was passed.
    limbo: Vec<(u32, u64)>,
    pub(super) uses: Vec<Option<Use>>,
    /// How many.
    pub(super) in_use: usize,
    /// Those of them that may be late.
    timed: BTreeSet<u32>,
    /// Where one looks next for something that is over.
    sweep: u32,
    /// By seat.
    pub(super) workers: Vec<Option<Member>>,
    /// The number of the last worker that was started for a seat: it may be at work before it is among the workers.
    pub(super) numbers: Vec<u64>,
    /// Jobs that were cancelled while threads were at work on them.
    pub(super) lingering: Vec<Arc<Job>>,
    /// Since when no worker could be started, and why the last one could not.
    pub(super) unstarted: Option<(Instant, String)>,
    /// The supervisor makes no rounds: who submits something wakes it.
    pub(super) rests: bool,
    /// For the supervisor.
    pub(super) warrants: Vec<Warrant>,
    functions: Vec<(TypeId, FunctionId)>,
    /// When the supervisor looks next for what is late.
    pub(super) next_look: Deadline,
    /// Nobody repairs any more.
    pub(super) is_over: bool,
    /// When the next worker may begin, by seat.
    pub(super) not_before: Vec<Deadline>,
    /// Workers in a row that died before they were ready.
    pub(super) stillborn: u32,
    pub(super) stillborn_since: Instant,
    /// When workers died that were ready, of late.
    pub(super) deaths: VecDeque<Instant>,
    /// Of workers that have ended.
    pub(super) tasks: u64,
    pub(super) items: u64,
    pub(super) restarts: u64,
}

/// Whether somebody wants the result that is brought, or its slot.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Asked {
    BySomebody,
    ByNobody,
}

/// How many are swept at once.
const SWEPT: usize = 64;

impl Ledger {
    pub(super) fn new(slots: u32, workers: usize) -> Self {
        Self {
            phase: Phase::Open,
            next_ticket: 0,
            known_head: 0,
            next_serial: 1,
            free: (0..slots).collect(),
            limbo: Vec::new(),
            uses: (0..slots).map(|_| None).collect(),
            in_use: 0,
            timed: BTreeSet::new(),
            sweep: 0,
            workers: (0..workers).map(|_| None).collect(),
            numbers: vec![0; workers],
            lingering: Vec::new(),
            unstarted: None,
            rests: true,
            warrants: Vec::new(),
            functions: Vec::new(),
            next_look: Deadline::NEVER,
            is_over: false,
            not_before: vec![Deadline::NOW; workers],
            stillborn: 0,
            stillborn_since: Instant::now(),
            deaths: VecDeque::new(),
            tasks: 0,
            items: 0,
            restarts: 0,
        }
    }

    /// The name of a function that was submitted before, by the type of what it stands for.
    pub(super) fn function(&mut self, of: TypeId) -> Option<FunctionId> {
        let at = self.functions.iter().position(|(known, _)| *known == of)?;
        // Few are used again and again.
        self.functions.swap(0, at);
        Some(self.functions[0].1)
    }

    pub(super) fn learn(&mut self, of: TypeId, function: FunctionId) {
        self.functions.push((of, function));
    }

    /// A number that is not used again.
    pub(super) fn serial(&mut self) -> u64 {
        self.next_serial += 1;
        self.next_serial
    }

    /// A slot that nobody uses.
    pub(super) fn free_slot(&mut self, board: &Board, thread: &Thread<'_>) -> Option<u32> {
        if self.free.is_empty() {
            self.empty_limbo(board);
        }
        if self.free.is_empty() {
            self.sweep(board, thread);
        }
        if self.free.is_empty() && !self.limbo.is_empty() {
            self.renumber(board, thread);
            self.empty_limbo(board);
        }
        self.free.pop_front()
    }

    /// Spent tickets lie behind good ones: what is offered is offered anew, in its order, behind them.
    fn renumber(&mut self, board: &Board, thread: &Thread<'_>) {
        let (raw, head) = (board.raw(), board.raw().head());
        let mut good: Vec<(u64, u32)> = Vec::new();
        for used in self.uses.iter().flatten().filter(|used| used.ticket >= head) {
            let Pending { slot, serial, ref job, .. } = *used.pending;
            let is_taken_back = match job {
                Some(_) => {
                    raw.take_back(board, slot);
                    !board.is_over(slot, serial)
                }
                None => raw.withdraw(board, slot),
            };
            if is_taken_back {
                good.push((used.ticket, slot));
            }
        }
        raw.pass_all(self.next_ticket);
        good.sort_unstable();
        good.into_iter().for_each(|(_, slot)| self.offer(board, thread, slot));
    }

    fn empty_limbo(&mut self, board: &Board) {
        let (head, free) = (board.raw().head(), &mut self.free);
        self.limbo.retain(|&(slot, ticket)| {
            let is_passed = ticket < head;
            if is_passed {
                free.push_back(slot);
            }
            !is_passed
        });
    }

    /// Brings the outcome of all that is over: its memory is wanted, or it was long enough. Whoever waits for one of them is rung: its worker may have been stopped before it did that.
    pub(super) fn settle_all(&mut self, board: &Board, thread: &Thread<'_>) {
        let mut settled = false;
        for slot in 0..board.slots() {
            settled |= self.settle(board, slot, Asked::ByNobody);
        }
        self.ring_if(settled, board, thread);
    }

    fn ring_if(&self, settled: bool, board: &Board, thread: &Thread<'_>) {
        if settled && board.raw().bells().is_armed(DONE) {
            board.raw().ring_for_all(thread, DONE);
        }
    }

    /// Frees some slots of what is over.
    fn sweep(&mut self, board: &Board, thread: &Thread<'_>) {
        let mut found = 0;
        for _ in 0..board.slots() {
            let slot = self.sweep;
            self.sweep = (slot + 1) % board.slots();
            // Its slot is asked for.
            if self.settle(board, slot, Asked::BySomebody) {
                found += 1;
                if found == SWEPT {
                    break;
                }
            }
        }
        self.ring_if(found > 0, board, thread);
    }

    /// If the slot's task or job is over, its outcome is brought, and the slot is free.
    pub(super) fn settle(&mut self, board: &Board, slot: u32, asked: Asked) -> bool {
        let Some(used) = &mut self.uses[slot as usize] else { return false };
        let pending = &used.pending;
        if !board.is_over(slot, pending.serial) {
            return false;
        }
        let outcome = if pending.job.is_some() {
            Outcome::Job(std::mem::take(&mut used.fates))
        } else {
            match board.take_result(slot) {
                Ok(bytes) => Outcome::Bytes(bytes),
                // Whoever asks for it may have room for it.
                Err(_) if asked == Asked::ByNobody => return false,
                Err(error) => {
                    board.forget_result(slot);
                    Outcome::Bytes(Bytes::Private(Failure::Encode(error.to_string()).to_bytes()))
                }
            }
        };
        self.end(board, slot, outcome);
        true
    }

    /// The slot's task or job has this outcome, and the slot is free.
    pub(super) fn end(&mut self, board: &Board, slot: u32, outcome: Outcome) {
        let Some(used) = self.take(slot) else { return };
        board.raw().take_back(board, slot);
        if used.ticket >= self.known_head {
            self.known_head = board.raw().head();
        }
        if used.ticket == self.known_head {
            // It is spent now, if it was not before.
            board.raw().pass(used.ticket);
            self.known_head = board.raw().head();
        }
        if used.ticket < self.known_head {
            self.free.push_back(slot);
        } else {
            self.limbo.push((slot, used.ticket));
        }
        let _ = used.pending.outcome.set(outcome);
    }

    /// Nobody uses the slot for this any more.
    pub(super) fn take(&mut self, slot: u32) -> Option<Use> {
        let used = self.uses[slot as usize].take()?;
        self.in_use -= 1;
        if used.deadline.is_some() {
            self.timed.remove(&slot);
        }
        Some(used)
    }

    /// What has a deadline and is not over. What is over may wait long for being asked, and its board says as ever that it runs.
    pub(super) fn timed(&self, board: &Board) -> impl Iterator<Item = (&Use, Duration)> {
        let used = |slot: &u32| self.uses[*slot as usize].as_ref();
        let runs = |used: &&Use| !board.is_over(used.pending.slot, used.pending.serial);
        let timed = self.timed.iter().filter_map(used).filter(runs);
        timed.filter_map(|used| Some((used, used.deadline?)))
    }

    /// Puts a slot to use, and offers it.
    pub(super) fn begin(&mut self, board: &Board, thread: &Thread<'_>, slot: u32, used: Use) {
        if used.deadline.is_some() {
            self.timed.insert(slot);
        }
        self.uses[slot as usize] = Some(used);
        self.in_use += 1;
        self.offer(board, thread, slot);
    }

    /// Offers a slot by a new ticket.
    pub(super) fn offer(&mut self, board: &Board, thread: &Thread<'_>, slot: u32) {
        let Some(used) = &mut self.uses[slot as usize] else { return };
        let ticket = self.next_ticket;
        self.next_ticket += 1;
        let has_room = board.raw().has_room(board, ticket, &mut self.known_head);
        debug_assert!(has_room, "a slot has more than one ticket");
        used.ticket = ticket;
        let word =
            if used.pending.job.is_some() { Word::job(ticket) } else { Word::offered(ticket) };
        board.raw().offer(thread, board, slot, word, ticket);
    }

    /// As the parent, for a job of which the last worker has died: it is over.
    pub(super) fn finish(&self, board: &Board, thread: &Thread<'_>, slot: u32) {
        if let Some(used) = &self.uses[slot as usize] {
            board.raw().finish(thread, board, slot, Done::pending(used.pending.serial));
        }
    }

    /// Whether something waits for a worker.
    pub(super) fn has_offers(&self, board: &Board) -> bool {
        self.uses.iter().flatten().any(|used| {
            let slot = used.pending.slot;
            match &used.pending.job {
                Some(job) => job.raw().has_free(&**job),
                None => board.raw().is_offered(board, slot),
            }
        })
    }

    /// The worker with this name.
    pub(super) fn seat_of(&self, board: &Board, owner: crate::segment::OwnerId) -> Option<usize> {
        (0..self.workers.len()).find(|&seat| board.seat(seat as u32).owner() == Some(owner))
    }

    /// Whether there are fewer workers than there should be: as many as there are seats, or, on demand, as there is something to do for, not counting what idle ones take.
    pub(super) fn lacks_workers(&mut self, office: &Office) -> bool {
        let seats = self.workers.len();
        self.alive() < seats
            && (!office.settings.is_on_demand || self.at_hand() < self.demand(&office.board, seats))
    }

    /// How many workers there are but for those that are still at work on what was cancelled.
    pub(super) fn at_hand(&mut self) -> usize {
        let mut lingering = 0;
        self.lingering.retain(|job| {
            let running = job.raw().running(&**job).count();
            lingering += running;
            running > 0
        });
        self.alive().saturating_sub(lingering)
    }

    /// How many workers have something to do, or would have; no more are counted than that.
    fn demand(&self, board: &Board, most: usize) -> usize {
        let mut sum = 0;
        for used in self.uses.iter().flatten() {
            let Pending { slot, serial, .. } = *used.pending;
            sum += match &used.pending.job {
                Some(job) => job.raw().left(&**job),
                None => usize::from(!board.is_over(slot, serial)),
            };
            if sum >= most {
                break;
            }
        }
        sum.min(most)
    }

    /// Of the workers that have no state yet, if they have a deadline for that: it, their seat, how long they have been at it, and a warrant without its fate.
    pub(super) fn begins<'a>(
        &'a self,
        office: &'a Office,
    ) -> impl Iterator<Item = (Duration, usize, Duration, Warrant)> + 'a {
        let at = |(seat, member): (usize, &Option<Member>)| {
            let (span, member) = (office.settings.start_deadline?, member.as_ref()?);
            if member.sentence.is_some() {
                return None;
            }
            let since = office.board.seat(seat as u32).begins_since()?;
            let begun = match since {
                0 => member.since.elapsed(),
                since => Duration::from_nanos(clock::now().saturating_sub(since)),
            };
            let (number, cause) = (member.number, Cause::Beginning(since));
            let fate = Fate::Terminated;
            Some((span, seat, begun, Warrant { seat: seat as u32, number, cause, fate }))
        };
        self.workers.iter().enumerate().filter_map(at)
    }

    /// The number of the worker that is to be started for a seat.
    pub(super) fn number_for(&mut self, seat: usize) -> u64 {
        self.numbers[seat] = self.serial();
        self.numbers[seat]
    }

    pub(super) fn alive(&self) -> usize {
        self.workers.iter().flatten().count()
    }
}

/// What is not said of each worker and each task elsewhere.
impl fmt::Debug for Ledger {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Ledger")
            .field("phase", &self.phase)
            .field("next_ticket", &self.next_ticket)
            .field("free", &self.free.len())
            .field("limbo", &self.limbo)
            .field("in_use", &self.in_use)
            .field("alive", &self.alive())
            .field("warrants", &self.warrants)
            .field("stillborn", &self.stillborn)
            .field("restarts", &self.restarts)
            .field("is_over", &self.is_over)
            .finish_non_exhaustive()
    }
}
