//! Each task and each item is done, or died with its worker, once; nobody sleeps for ever; and if all workers die, the parent finds out.
//!
//! The parent is its own supervisor here, and lives: where it waits, it watches the lives of the workers.

use crate::{
    atomic::{AtomicU64, Ordering},
    chance::{Chance, Play, all_awake, runs, stay},
    os::clock::Deadline,
    party::Model,
    pool::{
        raw_board::{DONE, Found, NEWS, Orders, RawBoard, Slots},
        raw_job::{RawJob, Units, Verdict},
        word::{Done, Progress, Word},
    },
    segment::OwnerId,
    sync::{Looked, party::Party},
};
use std::{
    cell::{Cell, RefCell},
    collections::BTreeSet,
    ops::Range,
    rc::Rc,
};

/// Of items.
const CHUNK: u32 = 2;
/// In the cell of one that failed.
const FAILED: u32 = 1;

struct Shared {
    board: RawBoard,
    tickets: Vec<AtomicU64>,
    words: Vec<AtomicU64>,
    done: Vec<AtomicU64>,
    /// A task's argument, then its result.
    args: Vec<Cell<u64>>,
    results: Vec<Cell<u64>>,
    job: RawJob,
    items: u32,
    units: Vec<AtomicU64>,
    at: Vec<AtomicU64>,
    cells: Vec<Cell<u32>>,
    begun: Vec<Cell<u32>>,
    /// It fails when it is begun first.
    failing: Option<u32>,
    workers: RefCell<Vec<OwnerId>>,
}

impl<'a> Slots<'a> for &'a Shared {
    fn count(self) -> u32 {
        self.words.len() as u32
    }

    fn ticket(self, index: u32) -> &'a AtomicU64 {
        &self.tickets[index as usize]
    }

    fn word(self, slot: u32) -> &'a AtomicU64 {
        &self.words[slot as usize]
    }

    fn done(self, slot: u32) -> &'a AtomicU64 {
        &self.done[slot as usize]
    }
}

/// The same memory, as a job's.
#[derive(Clone, Copy)]
struct Job<'a>(&'a Shared);

impl<'a> Units<'a> for Job<'a> {
    fn count(self) -> u32 {
        self.0.units.len() as u32
    }

    fn word(self, unit: u32) -> &'a AtomicU64 {
        &self.0.units[unit as usize]
    }

    fn at(self, unit: u32) -> &'a AtomicU64 {
        &self.0.at[unit as usize]
    }

    fn items(self, unit: u32) -> Range<u32> {
        unit * CHUNK..((unit + 1) * CHUNK).min(self.0.items)
    }
}

impl Shared {
    fn new(slots: usize, items: u32, failing: Option<u32>) -> Self {
        let word = || AtomicU64::new(0);
        let words = |count: usize| (0..count).map(|_| word()).collect::<Vec<_>>();
        let cells = |count: usize| vec![Cell::new(0); count];
        let units = items.div_ceil(CHUNK);
        Self {
            board: RawBoard::new(),
            tickets: words(slots),
            words: words(slots),
            done: words(slots),
            args: vec![Cell::new(0); slots],
            results: vec![Cell::new(0); slots],
            job: RawJob::new(),
            items,
            units: words(units as usize),
            at: (0..units).map(|unit| AtomicU64::new(Progress::new(unit * CHUNK, 0).0)).collect(),
            cells: cells(items as usize),
            begun: cells(items as usize),
            failing,
            workers: RefCell::default(),
        }
    }

    fn is_over(&self, slot: usize, serial: u64) -> bool {
        self.done[slot].load(Ordering::SeqCst) == Done::pending(serial).over().0
    }

    fn work(&self, party: &Model) {
        let board = &self.board;
        loop {
            let look = |_: &mut Looked<'_>| {
                if let Some(found) = board.find(party, self) {
                    return Some(Some(found));
                }
                (board.orders() == Orders::End).then(|| board.find(party, self))
            };
            match board.bells().wait(party, NEWS, Deadline::NEVER, look).unwrap() {
                None => return,
                Some(Found::Task(slot)) => {
                    let at = slot as usize;
                    let pending = Done(self.done[at].load(Ordering::Acquire));
                    let arg = self.args[at].get();
                    stay();
                    self.results[at].set(arg + 100);
                    stay();
                    assert_eq!(self.args[at].get(), arg, "two have one slot");
                    board.finish(party, self, slot, pending);
                }
                Some(Found::Job { slot, ticket }) => self.run_units(party, slot, ticket),
            }
        }
    }

    fn run_units(&self, party: &Model, slot: u32, ticket: u64) {
        let job = Job(self);
        let pending = Done(self.done[slot as usize].load(Ordering::Acquire));
        let mut is_passed = false;
        loop {
            let Some(unit) = self.job.claim(party, job) else {
                if is_passed {
                    return;
                }
                self.board.pass(ticket);
                stay();
                is_passed = true;
                continue;
            };
            let mut item = Progress(job.at(unit).load(Ordering::Relaxed)).item();
            while item < job.items(unit).end.min(self.job.limit()) {
                let begun = &self.begun[item as usize];
                begun.set(begun.get() + 1);
                stay();
                let fails = self.failing == Some(item) && begun.get() == 1;
                // What is listed for an item that is tried again is taken off.
                self.cells[item as usize].set(if fails { FAILED } else { item + 100 });
                stay();
                item += 1;
                job.at(unit).store(Progress::new(item, 0).0, Ordering::Release);
                if fails {
                    self.job.limit_to(item);
                }
            }
            self.job.end(party, job, unit);
            if self.job.is_over(job) {
                self.board.finish(party, self, slot, pending);
            }
        }
    }
}

/// What the parent knows.
struct Parent<'a> {
    shared: &'a Shared,
    party: &'a Model,
    retries: bool,
    /// After a death nobody begins anything of a job any more.
    withdraws: bool,
    ticket: u64,
    head: u64,
    buried: Vec<OwnerId>,
    /// The serial numbers of tasks in slots.
    tasks: Vec<Option<u64>>,
    tickets: Vec<u64>,
    died: BTreeSet<u64>,
    is_job: bool,
}

impl Parent<'_> {
    fn offer(&mut self, slot: usize, is_job: bool) {
        let (ticket, shared) = (self.ticket, self.shared);
        self.ticket += 1;
        self.tickets[slot] = ticket;
        assert!(shared.board.has_room(shared, ticket, &mut self.head), "no room");
        let word = if is_job { Word::job(ticket) } else { Word::offered(ticket) };
        shared.board.offer(self.party, shared, slot as u32, word, ticket);
    }

    fn nobody_is_left(&self) -> bool {
        self.buried.len() == self.shared.workers.borrow().len()
    }

    /// Repairs what those have left that have died since.
    fn bury(&mut self, looked: &mut Looked<'_>) {
        let shared = self.shared;
        for &worker in shared.workers.borrow().iter() {
            if self.buried.contains(&worker) {
                continue;
            }
            if !self.party.is_dead(worker) {
                looked.lives.push(worker);
                continue;
            }
            self.buried.push(worker);
            for slot in 0..self.tasks.len() {
                let Some(serial) = self.tasks[slot] else { continue };
                let runs = shared.board.runner(shared, slot as u32) == Some(worker);
                if runs && !shared.is_over(slot, serial) {
                    if self.retries {
                        self.offer(slot, false);
                    } else {
                        self.take_back(slot);
                        assert!(self.died.insert(serial), "died twice");
                        self.tasks[slot] = None;
                    }
                }
            }
            if self.is_job {
                let (retries, died) = (self.retries, RefCell::new(&mut self.died));
                let judge = |_, item: u32| {
                    if retries {
                        return Verdict::Again;
                    }
                    assert!(died.borrow_mut().insert(u64::from(item)), "died twice");
                    Verdict::Failed
                };
                let is_free = shared.job.repair(Job(shared), worker, judge);
                if self.withdraws {
                    shared.job.limit_to(0);
                    shared.job.withdraw(Job(shared));
                }
                if shared.job.is_over(Job(shared)) {
                    shared.board.finish(self.party, shared, 0, Done::pending(1));
                } else if is_free && shared.board.head() > self.tickets[0] {
                    self.offer(0, true);
                }
            }
            shared.board.ring_for_all(self.party, NEWS);
        }
    }

    fn take_back(&mut self, slot: usize) {
        let (board, ticket) = (&self.shared.board, self.tickets[slot]);
        board.take_back(self.shared, slot as u32);
        // It is spent.
        board.pass(ticket);
        assert!(board.head() > ticket, "the slot has a good ticket");
    }

    /// One after another through the slots.
    fn tasks(&mut self, count: u64) {
        let shared = self.shared;
        let (mut next, mut done) = (1, BTreeSet::new());
        while done.len() + self.died.len() < count as usize {
            while let Some(slot) =
                self.tasks.iter().position(Option::is_none).filter(|_| next <= count)
            {
                shared.args[slot].set(next);
                shared.done[slot].store(Done::pending(next).0, Ordering::Release);
                self.tasks[slot] = Some(next);
                self.offer(slot, false);
                next += 1;
            }
            let (party, before) = (self.party, self.died.len());
            let parent = RefCell::new(&mut *self);
            let found = shared.board.bells().wait(party, DONE, Deadline::NEVER, |looked| {
                let mut parent = parent.borrow_mut();
                parent.bury(looked);
                let over = |slot: &usize| {
                    parent.tasks[*slot].is_some_and(|serial| shared.is_over(*slot, serial))
                };
                let slot = (0..parent.tasks.len()).find(over);
                let is_news = parent.died.len() > before || parent.nobody_is_left();
                (slot.is_some() || is_news).then_some(slot)
            });
            match found.flatten() {
                Some(slot) => {
                    let serial = self.tasks[slot].take().unwrap();
                    assert_eq!(shared.results[slot].get(), serial + 100, "not done");
                    assert!(done.insert(serial), "done twice");
                    self.take_back(slot);
                }
                None if self.nobody_is_left() => break,
                None => {}
            }
        }
        assert!(done.is_disjoint(&self.died));
    }

    fn map(&mut self) {
        let shared = self.shared;
        self.is_job = true;
        shared.done[0].store(Done::pending(1).0, Ordering::Release);
        self.offer(0, true);
        let party = self.party;
        let parent = RefCell::new(&mut *self);
        let is_over = shared.board.bells().wait(party, DONE, Deadline::NEVER, |looked| {
            let mut parent = parent.borrow_mut();
            parent.bury(looked);
            let is_over = shared.is_over(0, 1);
            (is_over || parent.nobody_is_left()).then_some(is_over)
        });
        let deaths = self.buried.len() as u32;
        assert!(shared.begun.iter().all(|begun| begun.get() <= 1 + deaths), "begun too often");
        if is_over == Some(true) {
            for (item, cell) in shared.cells.iter().enumerate() {
                if self.died.contains(&(item as u64)) {
                    continue;
                }
                let is_withdrawn = self.withdraws && deaths > 0;
                if cell.get() == FAILED || is_withdrawn {
                    // Nobody wants the rest.
                    break;
                }
                assert_eq!(cell.get(), item as u32 + 100, "not done");
            }
            assert!(self.retries || shared.begun.iter().all(|begun| begun.get() <= 1));
        }
    }
}

fn pool(chance: &mut Chance) -> Play {
    let (slots, items) = (chance.of(&[1, 2, 2, 4]), 1 + chance.below(6) as u32);
    let (is_job, retries) = (chance.one_in(2), chance.one_in(2));
    let count = 1 + chance.below(6);
    let workers = 1 + chance.below(4);
    let withdraws = chance.one_in(4);
    let failing = chance.one_in(3).then(|| chance.below(u64::from(items)) as u32);
    let shared = Rc::new(Shared::new(slots, items, failing));
    let mut play = Play::new(all_awake);
    let parents = Rc::clone(&shared);
    play.enter_parent(move |party| {
        let mut parent = Parent {
            shared: &parents,
            party,
            retries,
            withdraws,
            ticket: 0,
            head: 0,
            buried: Vec::new(),
            tasks: vec![None; slots],
            tickets: vec![0; slots],
            died: BTreeSet::new(),
            is_job: false,
        };
        if is_job {
            parent.map();
        } else {
            parent.tasks(count);
        }
        parents.board.end(party);
    });
    for _ in 0..workers {
        let theirs = Rc::clone(&shared);
        let name = play.enter(chance, 100, move |party| theirs.work(party));
        shared.workers.borrow_mut().push(name);
    }
    play
}

#[test]
fn random_pool() {
    runs(100_000, pool);
}
