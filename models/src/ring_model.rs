//! Rings: whatever was put is got in its order, once but for what a dead receiver had, and nobody is left asleep, whoever dies where.

use crate::{
    atomic::AtomicU64,
    os::clock::Deadline,
    os::membarrier::Settling,
    play::plays,
    queue::raw_ring::{Cells, Cursor, End, RawRing, Refusal},
    watch::watch,
    world::{Model, reached},
};
use loom::cell::UnsafeCell;
use std::sync::Mutex;

const PLACES: usize = 2;

struct Shared {
    ring: RawRing,
    capacity: u64,
    words: Vec<AtomicU64>,
    items: Vec<UnsafeCell<u64>>,
    /// Those whose senders lived to say so. (Not part of what is explored, so not of `loom`.)
    put: Mutex<Vec<u64>>,
    /// Those that somebody has seen, before they were taken.
    seen: Mutex<Vec<u64>>,
}

// SAFETY: an item is touched by who has its place, which is what is explored.
unsafe impl Sync for Shared {}
// SAFETY: as above.
unsafe impl Send for Shared {}

impl Cells for &Shared {
    const PLACES: u32 = PLACES as u32;

    fn count(&self) -> usize {
        self.words.len()
    }

    fn word(&self, cell: usize) -> &AtomicU64 {
        &self.words[cell]
    }
}

impl Shared {
    fn item(&self, at: &Cursor) -> &UnsafeCell<u64> {
        &self.items[at.cell * PLACES + at.place::<&Self>()]
    }
}

fn with<const CAPACITY: usize>() -> Shared {
    let cells = CAPACITY.div_ceil(PLACES);
    Shared {
        ring: RawRing::new(),
        capacity: CAPACITY as u64,
        words: (0..cells).map(|_| AtomicU64::new(0)).collect(),
        items: (0..cells * PLACES).map(|_| UnsafeCell::new(u64::MAX)).collect(),
        put: Mutex::default(),
        seen: Mutex::default(),
    }
}

#[derive(Clone, Copy)]
enum Role {
    /// Puts so many, one by one, as long as somebody receives them.
    Push(u64),
    /// The same, the first two as a batch where there is room.
    PushBatch(u64),
    /// Gets so many, if they come.
    Receive(usize),
    /// Gets all until nobody sends any more.
    Drain,
    /// Gets all until nobody sends any more, and watches between them.
    Watch,
    /// Waits for one for a while.
    Late,
}

fn send(shared: &Shared, party: &Model, count: u64, batch: bool) {
    let Shared { ring, capacity, .. } = shared;
    ring.claim(party, End::Sending).unwrap();
    let mut tail = ring.first_to_send(&shared, *capacity);
    let first = shared.put.lock().unwrap().len() as u64;
    let mut next = first;
    while next < first + count {
        if tail.known() == 0 {
            match ring.wait_for_room(party, &mut tail, *capacity, Deadline::NEVER) {
                Ok(()) => {}
                Err(why) => {
                    assert_eq!(why, Refusal::Alone);
                    break;
                }
            }
        }
        let together =
            if batch { tail.known().min(2).min(u64::from(tail.left::<&Shared>())) } else { 1 };
        let mut at = tail;
        for item in next..next + together {
            // SAFETY: the place is the sender's.
            shared.item(&at).with_mut(|place| unsafe { *place = item });
            at.advance(&shared, 1);
        }
        reached("ring.written");
        ring.put_in_cell(&shared, &mut tail, together as u32);
        reached("ring.put");
        shared.put.lock().unwrap().extend(next..next + together);
        next += together;
        if ring.is_awaited(End::Sending) {
            ring.ring(party, End::Sending);
        }
    }
    ring.leave(party, End::Sending);
}

fn receive(shared: &Shared, party: &Model, count: usize, deadline: Deadline) {
    let Shared { ring, capacity, .. } = shared;
    ring.claim(party, End::Receiving).unwrap();
    let mut head = ring.first_to_receive(&shared);
    for _ in 0..count {
        if head.known() == 0 {
            match ring.wait_for_news(party, &shared, &mut head, *capacity, deadline) {
                Ok(()) => {}
                Err(Refusal::Damaged) => panic!("damaged"),
                Err(Refusal::Late | Refusal::Alone) => break,
            }
        }
        // SAFETY: there is an item, which stays until it is taken.
        let item = shared.item(&head).with(|place| unsafe { *place });
        shared.seen.lock().unwrap().push(item);
        reached("ring.read");
        head.advance(&shared, 1);
        ring.taken(&head);
        reached("ring.taken");
        if ring.is_awaited(End::Receiving) {
            ring.ring(party, End::Receiving);
        }
    }
    ring.leave(party, End::Receiving);
}

fn watch_and_receive(shared: &Shared, party: &Model) {
    let Shared { ring, capacity, .. } = shared;
    ring.claim(party, End::Receiving).unwrap();
    let mut head = ring.first_to_receive(&shared);
    loop {
        let mut settling = Settling;
        let seen = watch(party, Deadline::NEVER, |looked| {
            ring.watch_for_news(party, &shared, &head, *capacity, &mut settling, looked)
        });
        assert!(seen);
        match ring.wait_for_news(party, &shared, &mut head, *capacity, Deadline::NOW) {
            Ok(()) => {}
            Err(why) => {
                assert_eq!(why, Refusal::Alone, "it was said to be ready");
                break;
            }
        }
        while head.known() > 0 {
            // SAFETY: there is an item, which stays until it is taken.
            let item = shared.item(&head).with(|place| unsafe { *place });
            shared.seen.lock().unwrap().push(item);
            head.advance(&shared, 1);
            ring.taken(&head);
            if ring.is_awaited(End::Receiving) {
                ring.ring(party, End::Receiving);
            }
        }
    }
    ring.leave(party, End::Receiving);
}

fn act(shared: &Shared, party: &Model, role: Role) {
    match role {
        Role::Push(count) => send(shared, party, count, false),
        Role::PushBatch(count) => send(shared, party, count, true),
        Role::Receive(count) => receive(shared, party, count, Deadline::NEVER),
        Role::Drain => receive(shared, party, usize::MAX, Deadline::NEVER),
        Role::Watch => watch_and_receive(shared, party),
        Role::Late => receive(shared, party, 1, Deadline::SOON),
    }
}

/// A successor of whoever died gets what is left.
fn end(shared: &Shared, party: &Model) {
    receive(shared, party, usize::MAX, Deadline::NOW);
    assert_eq!(shared.ring.len(&shared, shared.capacity), 0);
    let mut seen = shared.seen.lock().unwrap().clone();
    let all = seen.len();
    seen.dedup();
    assert!(all - seen.len() <= 1, "{all} items, of which {} are not the same again", seen.len());
    let put = shared.put.lock().unwrap().len();
    assert!(seen.len() == put || seen.len() == put + 1 || seen.len() == put + 2);
    assert_eq!(seen, (0..seen.len() as u64).collect::<Vec<_>>());
}

use Role::*;

plays! {
    Role, with::<1>, |_, _, _| (), act, end;
    loom_ring_of_one 3 [None, Push(3); None, Drain];
    loom_ring_of_one_receiver_leaves_early 3 [None, Push(3); None, Receive(1)];
    loom_ring_of_one_late 3 [None, Push(1); None, Late];
    loom_ring_sender_dies_before_it_is_put 3 [Some("ring.written"), Push(2); None, Drain];
    loom_ring_sender_dies_before_it_rings 3 [Some("ring.put"), Push(2); None, Drain];
    loom_ring_sender_dies_ringing 3 [Some("ring.news"), Push(2); None, Drain];
    loom_ring_sender_dies_having_cleared 3 [Some("bells.cleared"), Push(2); None, Drain];
    loom_ring_sender_dies_having_come 3 [Some("ring.claimed"), Push(2); None, Drain];
    loom_ring_sender_dies_leaving 3 [Some("ring.left"), Push(1); None, Drain];
    loom_ring_sender_dies_asleep 3 [Some("ring.sleep"), Push(3); None, Drain];
    loom_ring_sender_dies_woken 3 [Some("ring.woken"), Push(3); None, Drain];
    loom_ring_receiver_dies_reading 3 [None, Push(3); Some("ring.read"), Drain];
    loom_ring_receiver_dies_before_it_rings 3 [None, Push(3); Some("ring.taken"), Drain];
    loom_ring_receiver_dies_ringing 3 [None, Push(3); Some("ring.news"), Drain];
    loom_ring_receiver_dies_having_come 3 [None, Push(2); Some("ring.claimed"), Drain];
    loom_ring_receiver_dies_leaving 3 [None, Push(3); Some("ring.left"), Receive(1)];
    loom_ring_watched 3 [None, Push(3); None, Watch];
    loom_ring_watched_sender_dies_before_it_rings 3 [Some("ring.put"), Push(2); None, Watch];
    loom_ring_watched_sender_dies_having_cleared 3 [Some("bells.cleared"), Push(2); None, Watch];
    loom_ring_watched_sender_dies_having_come 3 [Some("ring.claimed"), Push(2); None, Watch];
    loom_ring_watched_sender_dies_leaving 3 [Some("ring.left"), Push(1); None, Watch];
    loom_ring_receiver_dies_asleep 3 [None, Push(3); Some("ring.sleep"), Drain];
}

plays! {
    Role, with::<3>, |_, _, _| (), act, end;
    loom_ring_of_three 2 [None, Push(5); None, Drain];
    loom_ring_of_three_batches 2 [None, PushBatch(4); None, Drain];
    loom_ring_batch_dies 2 [Some("ring.put"), PushBatch(4); None, Drain];
}
