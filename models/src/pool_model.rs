//! Pools: each task and each item is done, or died with its worker, once; and nobody is left asleep, whoever dies where.
//!
//! The parent is its own supervisor here: where it waits, it watches the lives of the workers.

use crate::{
    atomic::{AtomicU32, AtomicU64, Ordering},
    os::clock::Deadline,
    play::plays,
    pool::{
        raw_board::{DONE, Found, NEWS, Orders, RawBoard, Slots},
        raw_job::{RawJob, Units, Verdict},
        word::{Done, Progress, Word},
    },
    sync::{Looked, party::Party},
    world::{Model, THREADS, id, reached},
};
use loom::cell::UnsafeCell;
use std::{cell::RefCell, collections::BTreeSet, ops::Range};

const SLOTS: usize = 2;
/// Of a job: two units, of which the first has two items.
const ITEMS: usize = 3;
/// The workers are the threads behind the parent.
const WORKERS: Range<usize> = 1..3;

struct Shared {
    board: RawBoard,
    tickets: [AtomicU64; SLOTS],
    words: [AtomicU64; SLOTS],
    done: [AtomicU64; SLOTS],
    /// A task's argument, then its result.
    args: [UnsafeCell<usize>; SLOTS],
    results: [UnsafeCell<usize>; SLOTS],
    job: RawJob,
    units: [AtomicU64; 2],
    at: [AtomicU64; 2],
    /// Of each unit one behind the other, as far as `at` says: the items that are done.
    cells: [UnsafeCell<usize>; ITEMS],
    /// How often each was begun.
    begun: [AtomicU32; ITEMS],
}

// SAFETY: a cell is touched by who has its slot or unit, which is what is explored.
unsafe impl Sync for Shared {}
// SAFETY: as above.
unsafe impl Send for Shared {}

impl<'a> Slots<'a> for &'a Shared {
    fn count(self) -> u32 {
        SLOTS as u32
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
        2
    }

    fn word(self, unit: u32) -> &'a AtomicU64 {
        &self.0.units[unit as usize]
    }

    fn at(self, unit: u32) -> &'a AtomicU64 {
        &self.0.at[unit as usize]
    }

    fn items(self, unit: u32) -> Range<u32> {
        if unit == 0 { 0..2 } else { 2..3 }
    }
}

fn new() -> Shared {
    let word = |_| AtomicU64::new(0);
    let cell = |_| UnsafeCell::new(0);
    Shared {
        board: RawBoard::new(),
        tickets: std::array::from_fn(word),
        words: std::array::from_fn(word),
        done: std::array::from_fn(word),
        args: std::array::from_fn(cell),
        results: std::array::from_fn(cell),
        job: RawJob::new(),
        units: std::array::from_fn(word),
        at: [AtomicU64::new(0), AtomicU64::new(2)],
        cells: std::array::from_fn(cell),
        begun: std::array::from_fn(|_| AtomicU32::new(0)),
    }
}

#[derive(Clone, Copy)]
enum Role {
    /// Submits so many tasks, one after another through its slots; those that die are tried again, or not.
    Tasks(u64, bool),
    /// Submits a job.
    Map(bool),
    Work,
}

/// What the parent knows.
struct Parent<'a> {
    shared: &'a Shared,
    party: &'a Model,
    retries: bool,
    ticket: u64,
    head: u64,
    buried: Vec<usize>,
    /// The serial numbers of tasks in slots.
    tasks: [Option<u64>; SLOTS],
    tickets: [u64; SLOTS],
    died: BTreeSet<u64>,
    is_job: bool,
}

impl Parent<'_> {
    fn offer(&mut self, slot: u32, is_job: bool) {
        let ticket = self.ticket;
        self.ticket += 1;
        self.tickets[slot as usize] = ticket;
        assert!(self.shared.board.has_room(self.shared, ticket, &mut self.head), "no room");
        let word = if is_job { Word::job(ticket) } else { Word::offered(ticket) };
        self.shared.board.offer(self.party, self.shared, slot, word, ticket);
    }

    /// Repairs what those have left that have died since.
    fn bury(&mut self, looked: &mut Looked<'_>) {
        for worker in WORKERS {
            if self.buried.contains(&worker) {
                continue;
            }
            if !self.party.is_dead(id(worker)) {
                looked.lives.push(id(worker));
                continue;
            }
            self.buried.push(worker);
            let (board, shared) = (&self.shared.board, self.shared);
            for slot in 0..SLOTS as u32 {
                let Some(serial) = self.tasks[slot as usize] else { continue };
                let over = Done::pending(serial).over().0;
                let is_over = shared.done[slot as usize].load(Ordering::SeqCst) == over;
                if board.runner(shared, slot) == Some(id(worker)) && !is_over {
                    if self.retries {
                        self.offer(slot, false);
                    } else {
                        board.take_back(shared, slot);
                        self.died.insert(serial);
                        self.tasks[slot as usize] = None;
                    }
                }
            }
            if self.is_job {
                let retries = self.retries;
                let died = RefCell::new(&mut self.died);
                let judge = |_, item: u32| {
                    if retries {
                        return Verdict::Again;
                    }
                    assert!(died.borrow_mut().insert(u64::from(item)));
                    Verdict::Failed
                };
                let is_free = shared.job.repair(Job(shared), id(worker), judge);
                if shared.job.is_over(Job(shared)) {
                    board.finish(self.party, shared, 0, Done::pending(1));
                } else if is_free && board.head() >= self.ticket {
                    self.offer(0, true);
                }
            }
            board.ring_for_all(self.party, NEWS);
        }
    }

    fn tasks(&mut self, count: u64) {
        let shared = self.shared;
        let mut next = 1;
        let mut done = BTreeSet::new();
        while done.len() + self.died.len() < count as usize {
            // Gives out what there is room for.
            while let Some(slot) =
                self.tasks.iter().position(Option::is_none).filter(|_| next <= count)
            {
                // SAFETY: the slot is the parent's.
                shared.args[slot].with_mut(|cell| unsafe { *cell = next as usize });
                shared.done[slot].store(Done::pending(next).0, Ordering::Release);
                self.tasks[slot] = Some(next);
                self.offer(slot as u32, false);
                next += 1;
            }
            let party = self.party;
            let parent = RefCell::new(&mut *self);
            let found = shared.board.bells().wait(party, DONE, Deadline::NEVER, |looked| {
                let mut parent = parent.borrow_mut();
                let before = parent.died.len();
                parent.bury(looked);
                let over = |slot: &usize| {
                    let serial = parent.tasks[*slot];
                    serial.is_some_and(|serial| {
                        let over = Done::pending(serial).over().0;
                        shared.done[*slot].load(Ordering::SeqCst) == over
                    })
                };
                let slot = (0..SLOTS).find(over);
                (slot.is_some() || parent.died.len() > before).then_some(slot)
            });
            if let Some(slot) = found.flatten() {
                let serial = self.tasks[slot].take().unwrap();
                // SAFETY: the task is over, so the slot is the parent's.
                let result = shared.results[slot].with(|cell| unsafe { *cell });
                assert_eq!(result, serial as usize + 100);
                assert!(done.insert(serial), "done twice");
                shared.board.take_back(shared, slot as u32);
                // Before the slot is given out again: it is spent.
                shared.board.pass(self.tickets[slot]);
                assert!(shared.board.head() > self.tickets[slot]);
            }
        }
        for serial in 1..=count {
            assert!(done.contains(&serial) != self.died.contains(&serial));
        }
    }

    fn map(&mut self) {
        let shared = self.shared;
        self.is_job = true;
        shared.done[0].store(Done::pending(1).0, Ordering::Release);
        self.offer(0, true);
        let party = self.party;
        let parent = RefCell::new(&mut *self);
        shared.board.bells().wait(party, DONE, Deadline::NEVER, |looked| {
            parent.borrow_mut().bury(looked);
            let over = Done::pending(1).over().0;
            (shared.done[0].load(Ordering::SeqCst) == over).then_some(())
        });
        for unit in 0..2 {
            let items = Job(shared).items(unit);
            let filled = Progress(Job(shared).at(unit).load(Ordering::Acquire)).filled();
            let mut cells = items.start..items.start + filled;
            for item in items.filter(|&item| !self.died.contains(&u64::from(item))) {
                let cell = cells.next().expect("done, and not there") as usize;
                // SAFETY: the job is over.
                let result = shared.cells[cell].with(|cell| unsafe { *cell });
                assert_eq!(result, item as usize + 100, "not done");
            }
            assert_eq!(cells.next(), None, "one of the dead is there");
        }
        shared.board.take_back(shared, 0);
    }
}

fn work(shared: &Shared, party: &Model) {
    let board = &shared.board;
    loop {
        let look = |_: &mut Looked<'_>| {
            if let Some(found) = board.find(party, shared) {
                return Some(Some(found));
            }
            (board.orders() == Orders::End).then(|| board.find(party, shared))
        };
        match board.bells().wait(party, NEWS, Deadline::NEVER, look).unwrap() {
            None => return,
            Some(Found::Task(slot)) => {
                let pending = Done(shared.done[slot as usize].load(Ordering::Acquire));
                // SAFETY: the task is this thread's.
                let arg = shared.args[slot as usize].with(|cell| unsafe { *cell });
                reached("begun");
                // SAFETY: as above.
                shared.results[slot as usize].with_mut(|cell| unsafe { *cell = arg + 100 });
                reached("written");
                board.finish(party, shared, slot, pending);
            }
            Some(Found::Job { slot, ticket }) => run_units(shared, party, slot, ticket),
        }
    }
}

fn run_units(shared: &Shared, party: &Model, slot: u32, ticket: u64) {
    let mut is_passed = false;
    loop {
        let Some(unit) = shared.job.claim(party, Job(shared)) else {
            if is_passed {
                return;
            }
            shared.board.pass(ticket);
            reached("passed");
            is_passed = true;
            continue;
        };
        let (at, items) = (Job(shared).at(unit), Job(shared).items(unit));
        let mut progress = Progress(at.load(Ordering::Relaxed));
        while progress.item() < items.end {
            let (item, filled) = (progress.item(), progress.filled());
            shared.begun[item as usize].fetch_add(1, Ordering::Relaxed);
            reached("begun");
            let cell = &shared.cells[(items.start + filled) as usize];
            // SAFETY: the unit is this thread's.
            cell.with_mut(|cell| unsafe { *cell = item as usize + 100 });
            reached("written");
            progress = Progress::new(item + 1, filled + 1);
            at.store(progress.0, Ordering::Release);
            reached("at");
        }
        shared.job.end(party, Job(shared), unit);
        if shared.job.is_over(Job(shared)) {
            reached("over");
            shared.board.finish(party, shared, slot, Done::pending(1));
        }
    }
}

fn act(shared: &Shared, party: &Model, role: Role) {
    let retries = matches!(role, Tasks(_, true) | Map(true));
    let mut parent = Parent {
        shared,
        party,
        retries,
        ticket: 0,
        head: 0,
        buried: Vec::new(),
        tasks: [None; SLOTS],
        tickets: [0; SLOTS],
        died: BTreeSet::new(),
        is_job: false,
    };
    match role {
        Work => return work(shared, party),
        Tasks(count, _) => parent.tasks(count),
        Map(_) => parent.map(),
    }
    shared.board.end(party);
}

/// Nobody began an item oftener than somebody died, and once.
fn end(shared: &Shared, party: &Model) {
    let deaths = (0..THREADS - 1).filter(|&thread| party.is_dead(id(thread))).count() as u32;
    for begun in &shared.begun {
        assert!(begun.load(Ordering::Relaxed) <= 1 + deaths);
    }
}

use Role::*;

plays! {
    Role, new, |_, _, _| (), act, end;
    loom_pool_one_worker 2 [None, Tasks(3, false); None, Work];
    loom_pool_two_workers 2 [None, Tasks(2, false); None, Work; None, Work];
    loom_pool_one_dies_having_claimed 2 [None, Tasks(2, false); Some("board.claimed"), Work; None, Work];
    loom_pool_one_dies_having_claimed_and_another_tries 2 [None, Tasks(2, true); Some("board.claimed"), Work; None, Work];
    loom_pool_one_dies_having_begun 2 [None, Tasks(2, true); Some("begun"), Work; None, Work];
    loom_pool_one_dies_having_written 2 [None, Tasks(2, false); Some("written"), Work; None, Work];
    loom_pool_one_dies_having_finished 2 [None, Tasks(2, false); Some("board.finished"), Work; None, Work];
    loom_pool_the_woken_one_dies 2 [None, Tasks(2, false); Some("bells.woken"), Work; None, Work];
    loom_pool_one_dies_before_it_sleeps 2 [None, Tasks(1, false); Some("bells.sleep"), Work; None, Work];
    loom_pool_a_job 2 [None, Map(false); None, Work];
    loom_pool_a_job_of_two 2 [None, Map(false); None, Work; None, Work];
    loom_pool_one_dies_with_a_unit 2 [None, Map(false); Some("job.claimed"), Work; None, Work];
    loom_pool_one_dies_with_a_unit_and_another_tries 2 [None, Map(true); Some("job.claimed"), Work; None, Work];
    loom_pool_one_dies_with_an_item 2 [None, Map(false); Some("begun"), Work; None, Work];
    loom_pool_one_dies_having_done_an_item 2 [None, Map(true); Some("at"), Work; None, Work];
    loom_pool_one_dies_having_done_a_unit 2 [None, Map(false); Some("job.unit_done"), Work; None, Work];
    loom_pool_one_dies_having_passed_a_job 2 [None, Map(true); Some("passed"), Work; None, Work];
    loom_pool_one_dies_having_seen_the_end 2 [None, Map(false); Some("over"), Work; None, Work];
}
