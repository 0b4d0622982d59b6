//! Queues: whatever was put is got once, and nobody is left asleep, whoever dies where.

use crate::{
    atomic::AtomicU64,
    os::clock::Deadline,
    play::plays,
    queue::raw_queue::{
        Anybody, Claim, Closing, How, NEWS, RawQueue, Refusal, Slots, Taken, in_slot,
    },
    sync::party::Party,
    watch::watch,
    world::{Model, THREADS, id, reached},
};
use loom::{
    cell::UnsafeCell,
    sync::atomic::{AtomicU32, Ordering},
};

/// More than are ever put.
const ITEMS: usize = 8;

struct Shared {
    queue: RawQueue,
    words: Vec<AtomicU64>,
    cells: Vec<UnsafeCell<usize>>,
    /// How often each was put, and got, as far as those who did it lived to say so.
    put: [AtomicU32; ITEMS],
    got: [AtomicU32; ITEMS],
}

// SAFETY: a cell is touched by who has its slot, which is what is explored.
unsafe impl Sync for Shared {}
// SAFETY: as above.
unsafe impl Send for Shared {}

impl<'a> Slots<'a> for &'a Shared {
    fn capacity(self) -> u32 {
        self.words.len() as u32
    }

    fn word(self, index: u32) -> &'a AtomicU64 {
        &self.words[index as usize]
    }

    fn wipe(self, index: u32) {
        // SAFETY: the caller has the slot.
        self.cells[index as usize].with_mut(|cell| unsafe { *cell = usize::MAX });
    }
}

fn with<const CAPACITY: usize>() -> Shared {
    let counts = || std::array::from_fn(|_| AtomicU32::new(0));
    Shared {
        queue: RawQueue::new(),
        words: (0..CAPACITY).map(|_| AtomicU64::new(0)).collect(),
        cells: (0..CAPACITY).map(|_| UnsafeCell::new(usize::MAX)).collect(),
        put: counts(),
        got: counts(),
    }
}

#[derive(Clone, Copy)]
enum Role {
    /// Puts these.
    Put(&'static [usize]),
    /// The same, if there is room at once.
    Offer(usize),
    /// Gets as many.
    Get(usize),
    /// Gets one if there is one at once.
    Poll,
    /// Waits for one for a while.
    Late,
    /// Gets one, keeps it for a while, and gives it back; then gets one.
    Return,
    /// Waits until there is one, or the end, and leaves it.
    Look,
    /// Gets all until the queue is closed.
    Drain,
    /// Puts these and closes the queue.
    PutAndClose(&'static [usize]),
    /// Watches until it finds as many, and gets those that others leave to it.
    Watch(usize),
    /// Watches until there is one, or was.
    See,
    /// Gets one and closes the queue.
    GetAndClose,
    /// Takes a slot, keeps it for a while, and puts this.
    Loan(usize),
}

fn fill(shared: &Shared, claim: Claim, item: usize) {
    // SAFETY: the slot is this thread's.
    shared.cells[claim.index as usize].with_mut(|cell| unsafe { *cell = item });
}

fn put(shared: &Shared, party: &Model, item: usize, deadline: Deadline) -> Result<(), Refusal> {
    let queue = &shared.queue;
    let named = queue.bells().name(party);
    let claim = queue.claim(party, shared, &Anybody, deadline);
    if let Ok(claim) = claim {
        fill(shared, claim, item);
        reached("filled");
        queue.put(party, shared, claim);
        shared.put[item].fetch_add(1, Ordering::Relaxed);
    }
    drop(named);
    claim.map(|_| ())
}

fn read(shared: &Shared, claim: Claim) -> usize {
    // SAFETY: the slot is this thread's.
    shared.cells[claim.index as usize].with(|cell| unsafe { *cell })
}

fn get(shared: &Shared, party: &Model, deadline: Deadline) -> Result<usize, Refusal> {
    let queue = &shared.queue;
    let named = queue.bells().name(party);
    let taken = queue.take(party, shared, &Anybody, deadline, in_slot);
    let item = taken.map(|taken| {
        let Taken::Claim(claim) = taken else { unreachable!("nothing was copied") };
        let item = read(shared, claim);
        queue.finish(party, shared, claim);
        shared.got[item].fetch_add(1, Ordering::Relaxed);
        item
    });
    drop(named);
    item
}

fn see(shared: &Shared, party: &Model, deadline: Deadline) -> bool {
    let queue = &shared.queue;
    watch(party, deadline, |looked| {
        let watcher = queue.bells().watch(NEWS);
        (watcher, queue.has_news(party, shared, &Anybody, looked))
    })
}

fn act(shared: &Shared, party: &Model, role: Role) {
    let queue = &shared.queue;
    let put_all = |items: &[usize]| {
        items.iter().for_each(|&item| put(shared, party, item, Deadline::NEVER).unwrap());
    };
    match role {
        Role::Put(items) => put_all(items),
        Role::PutAndClose(items) => {
            put_all(items);
            queue.close(party, Closing::Gently);
        }
        Role::Offer(item) => {
            let _ = put(shared, party, item, Deadline::NOW);
        }
        Role::Loan(item) => {
            let Ok(claim) = queue.claim(party, shared, &Anybody, Deadline::NEVER) else { return };
            queue.holds(party);
            fill(shared, claim, item);
            reached("loaned");
            let named = queue.bells().name(party);
            queue.put(party, shared, claim);
            shared.put[item].fetch_add(1, Ordering::Relaxed);
            drop(named);
        }
        Role::Get(count) => {
            let mut last = None;
            for _ in 0..count {
                let Ok(item) = get(shared, party, Deadline::NEVER) else { break };
                // Those of one producer come in their order, unless somebody had one before and died.
                assert!(last.is_none_or(|last| last / 2 != item / 2 || last < item));
                last = Some(item);
            }
        }
        Role::Poll => {
            let _ = get(shared, party, Deadline::NOW);
        }
        Role::Late => {
            let _ = get(shared, party, Deadline::SOON);
        }
        Role::Return => {
            let taken = queue.take(party, shared, &Anybody, Deadline::NEVER, in_slot);
            let Ok(Taken::Claim(claim)) = taken else { unreachable!("nothing was copied") };
            queue.holds(party);
            read(shared, claim);
            reached("leased");
            queue.give_back(party, shared, claim);
            get(shared, party, Deadline::NEVER).unwrap();
        }
        Role::Watch(count) => {
            let mut got = 0;
            while got < count {
                assert!(see(shared, party, Deadline::NEVER));
                match get(shared, party, Deadline::NOW) {
                    Ok(_) => got += 1,
                    Err(Refusal::Late) => {}
                    Err(Refusal::Closed) => break,
                }
            }
        }
        Role::GetAndClose => {
            get(shared, party, Deadline::NEVER).unwrap();
            queue.close(party, Closing::Gently);
        }
        Role::See => assert!(see(shared, party, Deadline::NEVER)),
        Role::Look => {
            let named = queue.bells().name(party);
            let found = queue.take(party, shared, &Anybody, Deadline::NEVER, |_| How::Leave);
            if let Ok(Taken::Claim(claim)) = found {
                queue.give_back(party, shared, claim);
            }
            drop(named);
        }
        Role::Drain => while get(shared, party, Deadline::NEVER).is_ok() {},
    }
}

/// What is left is got by one more; then everything was got once.
fn end(shared: &Shared, party: &Model) {
    let deaths = (0..THREADS - 1).filter(|&thread| party.is_dead(id(thread))).count() as u32;
    while get(shared, party, Deadline::NOW).is_ok() {}
    let mut missing = 0;
    for (put, got) in shared.put.iter().zip(&shared.got) {
        let (put, got) = (put.load(Ordering::Relaxed), got.load(Ordering::Relaxed));
        // One that died may not have said that it put or got.
        assert!(got <= 1, "got twice");
        assert!(put <= 1);
        missing += u32::from(got < put);
    }
    assert!(missing <= deaths, "{missing} are missing");
    assert_eq!(shared.queue.len(shared), 0);
}

use Role::*;

fn one() -> Shared {
    with::<1>()
}

fn two() -> Shared {
    with::<2>()
}

plays! {
    Role, two, |_, _, _| (), act, end;
    loom_queue_one_to_one 2 [None, Put(&[0, 1]); None, Get(2)];
    loom_queue_two_to_one 2 [None, Put(&[0]); None, Put(&[2]); None, Get(2)];
    loom_queue_one_to_two 2 [None, Put(&[0, 1]); None, Get(1); None, Get(1)];
    loom_queue_in_order 2 [None, Put(&[0, 1]); None, Poll; None, Get(1)];
    loom_queue_closes 2 [None, PutAndClose(&[0]); None, Drain; None, Drain];
    loom_queue_a_lease_is_passed_by 2 [None, Put(&[0, 1]); None, Return; None, Late];
    loom_queue_a_loan 2 [None, Loan(0); None, Put(&[2]); None, Get(2)];
    loom_queue_a_borrower_dies 2 [Some("loaned"), Loan(0); None, Put(&[2]); None, Get(1)];
    loom_queue_a_producer_dies_with_a_slot 2 [Some("queue.writing"), Put(&[0]); None, Put(&[2]); None, Get(1)];
    loom_queue_a_producer_dies_before_it_rings 2 [Some("queue.put"), Put(&[0]); None, Get(1)];
    loom_queue_a_producer_dies_when_it_has_cleared 2 [Some("bells.cleared"), Put(&[0]); None, Get(1)];
    loom_queue_a_consumer_dies_with_a_slot 2 [None, Put(&[0, 1]); Some("queue.reading"), Get(1); None, Late];
    loom_queue_a_consumer_dies_and_another_waits 2 [None, Put(&[0, 1]); Some("queue.reading"), Get(1); None, Get(1)];
    loom_queue_a_lender_dies 2 [None, Put(&[0, 1]); Some("leased"), Return; None, Get(1)];
    loom_queue_the_woken_one_dies 2 [None, Put(&[0, 1]); Some("bells.woken"), Get(1); None, Get(1)];
    loom_queue_the_woken_one_dies_with_it 2 [None, Put(&[0, 1]); Some("bells.awake"), Get(1); None, Get(1)];
    loom_queue_one_dies_giving_back 2 [None, Put(&[0, 1]); Some("queue.given_back"), Return; None, Get(1)];
    loom_queue_who_buries_dies 2 [Some("loaned"), Loan(0); Some("queue.burying"), Get(1); None, PutAndClose(&[2])];
    loom_queue_a_watcher 2 [None, Put(&[0, 1]); None, Watch(2)];
    loom_queue_a_watcher_beside_a_getter 2 [None, Put(&[0, 1]); None, Get(1); None, Watch(1)];
    loom_queue_two_watchers 2 [None, Put(&[0]); None, See; None, See];
    loom_queue_a_watcher_sees_the_end 2 [None, PutAndClose(&[0]); None, Watch(2)];
    loom_queue_a_watcher_of_a_dead_producer 2 [Some("queue.put"), Put(&[0]); None, Watch(1)];
    loom_queue_a_watcher_of_one_that_died_when_it_had_cleared 2 [Some("bells.cleared"), Put(&[0]); None, Watch(1)];
    loom_queue_two_watchers_of_one_that_died_when_it_had_cleared 2 [Some("bells.cleared"), Put(&[0]); None, See; None, See];
    loom_queue_a_watcher_and_a_getter_of_a_dead_producer 2 [Some("bells.cleared"), Put(&[0]); None, GetAndClose; None, See];
    loom_queue_a_watcher_of_a_dead_borrower 2 [Some("loaned"), Loan(0); None, Put(&[2]); None, Watch(1)];
    loom_queue_a_watcher_of_a_dead_consumer 2 [None, Put(&[0, 1]); Some("queue.reading"), Get(1); None, Watch(1)];
    loom_queue_a_watcher_of_one_that_gives_back 2 [None, Put(&[0, 1]); Some("queue.given_back"), Return; None, Watch(1)];
    loom_queue_a_watcher_of_one_that_died_closing 2 [Some("queue.closed"), PutAndClose(&[0]); None, Watch(2)];
    loom_queue_who_looks_rings_on 2 [None, Put(&[0, 1]); None, Look; None, Get(1)];
    loom_queue_who_looks_hears_of_the_end 2 [None, PutAndClose(&[0]); None, Get(2); None, Look];
    loom_queue_who_looks_dies_when_it_is_woken 2 [None, Put(&[0, 1]); Some("bells.woken"), Look; None, Get(1)];
    loom_queue_who_looks_dies_awake 2 [None, Put(&[0, 1]); Some("bells.awake"), Look; None, Get(1)];
    loom_queue_one_looks_at_what_a_dead_one_had 2 [None, Put(&[0]); Some("queue.reading"), Get(1); None, Look];
    loom_queue_one_dies_closing 2 [Some("queue.closed"), PutAndClose(&[0]); None, Drain; None, Drain];
}

plays! {
    Role, one, |_, _, _| (), act, end;
    loom_queue_full_one_to_one 2 [None, Put(&[0, 1]); None, Get(2)];
    loom_queue_full_two_to_one 2 [None, Put(&[0]); None, Put(&[2]); None, Get(2)];
    loom_queue_full_one_offers 2 [None, Put(&[0]); None, Offer(2); None, Get(1)];
    loom_queue_full_a_consumer_dies_with_a_slot 2 [None, Put(&[0, 1]); Some("queue.reading"), Get(1); None, Get(1)];
    loom_queue_full_a_consumer_dies_before_it_rings 2 [None, Put(&[0, 1]); Some("queue.finished"), Get(2)];
    loom_queue_full_a_producer_dies_with_a_slot 2 [Some("queue.writing"), Put(&[0]); None, Put(&[2]); None, Get(1)];
    loom_queue_full_a_borrower_dies 2 [Some("loaned"), Loan(0); None, Put(&[2]); None, Get(1)];
    loom_queue_full_a_watcher_and_a_producer_of_a_dead_one 2 [Some("bells.cleared"), Put(&[0]); None, Put(&[2]); None, Watch(2)];
    loom_queue_full_watched 2 [None, Put(&[0, 1]); None, Watch(2)];
    loom_queue_full_closed 2 [None, PutAndClose(&[0]); None, Drain];
}
