//! The ring without items: who sends, who receives, and which places are whose, in any storage.
//!
//! # Protocol
//!
//! One sender and one receiver. Items have **positions** from 0; a position's place is its number modulo the number of places. Places lie in **cells**, of which each begins with a word, so that an item
//! and the word that says it is there come in one cache line where that is possible.
//!
//! | word | meaning |
//! | --- | --- |
//! | of a cell | all positions below it are put. Written by the sender when it has put an item in this cell: one more than the item's position |
//! | head | all positions below it are read. Written by the receiver after each pop, in a line of its own, which the sender reads when it finds no room |
//! | of an end | 0: nobody has had it; an owner's id, with COVERED if its process is registered for `membarrier`; LEFT: its holder gave it back |
//!
//! There is no shared tail: who needs it looks for the last cell whose word is above the position of its first place, from the head on. Cells are filled one after another, so that is a search by halves.
//!
//! Invariants:
//! 1. One living thread has an end: it takes it by compare-exchange from nobody, from one who left or from a corpse, and keeps it until it gives it back or dies.
//! 2. Only who has the sending end writes items and cells' words; only who has the receiving end writes the head. Both know their own position by themselves; a successor finds it in shared memory.
//! 3. head ≤ tail ≤ head + capacity. Cells' words never fall, and none says more than the end of its cell in its lap: so after any number of stores of a batch the words are those of some tail.
//! 4. Who brings news (an item, room) writes it before it looks at the other's bell; who sleeps arms its bell before it looks for news. In between the former has a fence for the compiler alone, the latter a
//!    call that makes up for it (`os::membarrier`). So one of them sees the other.
//! 5. Who sleeps watches the life of who has the other end, which keeps it through all pushes and pops: so who pushes or pops names nothing beforehand. Who takes an end or leaves it names the relay, and rings.
//! 6. An end's word is written by locked instructions. So a sleeper that found nobody at the other end is rung for by whoever takes it. It does not fall asleep when the word has changed since it looked: who changed
//!    it may have died, and the kernel have rung the relay, in between.
//!
//! Who has the receiving end may watch it beside other things: as a sleeper of its bell, but that it takes nothing (`raw_bells`).
//!
//! | it dies | the ring | who goes on |
//! | --- | --- | --- |
//! | pushing, before the cell's word | the item does not exist; its bytes are overwritten | the receiver: its watch of the sender's life ends its sleep |
//! | after the cell's word, before it rings | the item is there | likewise: it looks for news before it says that nobody sends |
//! | in a batch | the items of the words that were written are there | likewise |
//! | popping, before the head is written | the item is there still, and goes to the successor | the sender: likewise |
//! | after the head is written, before it rings | there is room | likewise |
//! | asleep, or woken | as it was | who brings news has rung, and nobody else waits for that news |
//! | having taken an end, before it rings | taken by a corpse | the kernel rings the relay; a sleeper looks and finds nobody |
//! | having left an end, before it rings | left | likewise |
//! | having rung, anywhere | – | nobody misses it |
//!
//! Orderings: Release on a cell's word pairs with Acquire of the receiver, so that the item is seen; Release on the head pairs with Acquire of the sender, so that an item is read before its place is written
//! again.
//!
//! What shared memory says is checked against what an end knows by itself: a word that no obedient process writes is [`Refusal::Damaged`], or means nothing; places come from private numbers only.
//!
//! Sources: the word beside the item is that of D. Vyukov's bounded queue (2010), here for several items at once; private indices with a cached one of the other side are those of FastForward and rtrb; for the fence, D. Dice, H. Huang, M. Yang, "Asymmetric Dekker synchronization" (2001).

use crate::{
    atomic::{AtomicU64, Ordering},
    os::{
        clock::Deadline,
        membarrier::{self, Settling},
        step::step,
    },
    segment::OwnerId,
    sync::{
        Looked, RawBells, Watcher,
        party::{Party, Place, Sleep},
    },
};

/// A receiver that has got so many without waiting is in a stream: there it pays to let some come together.
const STREAM: u64 = 32;
/// How long that is, in pauses of the processor: some hundred nanoseconds.
const PAUSES: u32 = 40;

/// Where the cells are.
pub(crate) trait Cells: Copy {
    /// How many places each has: at least one.
    const PLACES: u32;

    /// How many cells there are: at least one, and always the same.
    fn count(&self) -> usize;

    /// The word of one of them.
    fn word(&self, cell: usize) -> &AtomicU64;

    /// It will be written soon, and nobody reads it any more.
    fn will_be_written(&self, cell: usize) {
        let _ = cell;
    }

    /// Its items will be read as soon as its word says that they are there.
    fn will_be_read(&self, cell: usize) {
        let _ = cell;
    }
}

/// How many cells ahead a sender has its next ones brought near: as a stream goes on while they come. Not where the receiver waits for each item: it would have the line taken away, and fetch it again before the item is there.
const AHEAD: usize = 4;

/// One of the two ends; its number is also that of the bell where its holder sleeps.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum End {
    Sending = 0,
    Receiving = 1,
}

impl End {
    fn other(self) -> Self {
        match self {
            Self::Sending => Self::Receiving,
            Self::Receiving => Self::Sending,
        }
    }
}

/// Its process is registered: others' `membarrier` reaches it.
const COVERED: u64 = 1 << 32;
/// Its last holder gave it back.
const LEFT: u64 = 1 << 33;

/// Who is at an end.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Peer {
    /// Nobody has been there yet.
    Nobody,
    /// A living thread.
    Here { owner: OwnerId, covered: bool },
    /// One that left, or died.
    Gone,
}

impl Peer {
    fn owner(self) -> Option<OwnerId> {
        match self {
            Self::Here { owner, .. } => Some(owner),
            Self::Nobody | Self::Gone => None,
        }
    }
}

/// Why there is no place, or no item.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Refusal {
    /// None until the deadline.
    Late,
    /// None, and whoever had the other end is gone.
    Alone,
    /// The words are not what this protocol writes.
    Damaged,
}

/// Where an end is. One number changes with each item: an end's steps are as few stores as can be, since the processor's buffer for them is what limits a stream.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Cursor {
    /// Of the next item.
    position: u64,
    /// Until here it need not look at shared memory.
    bound: u64,
    /// The positions of this cell end here.
    cell_end: u64,
    pub(crate) cell: usize,
    /// Where it waited last.
    waited: u64,
    /// A sender's receiver had items left when there was a look for room: it does not wait at the next cell, which can be brought near.
    streams: bool,
}

impl Cursor {
    fn at<C: Cells>(cells: &C, position: u64) -> Self {
        let places = u64::from(C::PLACES);
        let place = position % (cells.count() as u64 * places);
        let left = places - place % places;
        Self {
            position,
            bound: position,
            cell_end: position.wrapping_add(left),
            cell: (place / places) as usize,
            waited: position,
            streams: false,
        }
    }

    /// How many items it can go on without a look.
    #[inline]
    pub(crate) fn known(&self) -> u64 {
        self.bound.wrapping_sub(self.position)
    }

    /// What was known was of another cell.
    pub(crate) fn forget(&mut self) {
        self.bound = self.position;
    }

    /// How many places are left in its cell: one at least.
    #[inline]
    pub(crate) fn left<C: Cells>(&self) -> u32 {
        self.cell_end.wrapping_sub(self.position) as u32
    }

    /// Its place in the cell.
    #[inline]
    pub(crate) fn place<C: Cells>(&self) -> usize {
        (C::PLACES - self.left::<C>()) as usize
    }

    /// Goes on by so many items: no further than the end of its cell.
    #[inline]
    pub(crate) fn advance<C: Cells>(&mut self, cells: &C, count: u32) {
        self.position = self.position.wrapping_add(u64::from(count));
        if self.position == self.cell_end {
            self.cell_end = self.position.wrapping_add(u64::from(C::PLACES));
            self.cell = Self::after(cells, self.cell, 1);
        }
    }

    /// A cell so many further: less than there are.
    #[inline]
    fn after<C: Cells>(cells: &C, cell: usize, count: usize) -> usize {
        let (next, all) = (cell + count, cells.count());
        if next >= all { next - all } else { next }
    }
}

/// A word with a cache line of its own, and none in use beside it, as processors fetch two at a time.
#[repr(C, align(64))]
#[derive(Debug)]
struct Apart {
    _before: [u64; 8],
    word: AtomicU64,
    _after: [u64; 8],
}

/// The words. All but the head change seldom.
#[repr(C, align(64))]
#[derive(Debug)]
pub(crate) struct RawRing {
    ends: [AtomicU64; 2],
    /// For who opens a handle; the ends know it by themselves.
    capacity: AtomicU64,
    bells: RawBells<2>,
    head: Apart,
}

impl RawRing {
    #[cfg(all(test, feature = "models"))]
    pub(crate) fn new() -> Self {
        let word = || AtomicU64::new(0);
        Self {
            ends: [word(), word()],
            capacity: word(),
            bells: RawBells::new(),
            head: Apart { _before: [0; 8], word: word(), _after: [0; 8] },
        }
    }

    /// Before anybody else sees it.
    pub(crate) fn set_capacity(&self, capacity: u64) {
        self.capacity.store(capacity, Ordering::Relaxed);
    }

    /// What is written there; it is to be checked.
    pub(crate) fn capacity(&self) -> u64 {
        self.capacity.load(Ordering::Relaxed)
    }

    /// Who has this end.
    pub(crate) fn holder(&self, end: End, is_dead: impl FnOnce(OwnerId) -> bool) -> Peer {
        Self::peer_of(self.ends[end as usize].load(Ordering::SeqCst), is_dead)
    }

    fn peer_of(word: u64, is_dead: impl FnOnce(OwnerId) -> bool) -> Peer {
        match OwnerId::from_bits(word as u32) {
            Some(owner) if is_dead(owner) => Peer::Gone,
            Some(owner) => Peer::Here { owner, covered: word & COVERED != 0 },
            None if word & LEFT != 0 => Peer::Gone,
            None => Peer::Nobody,
        }
    }

    /// Who has the other end.
    pub(crate) fn peer<P: Party>(&self, party: &P, end: End) -> Peer {
        self.holder(end.other(), |owner| party.is_dead(owner))
    }

    /// Takes an end for the caller; or says who has it.
    pub(crate) fn claim<P: Party>(&self, party: &P, end: End) -> Result<(), OwnerId> {
        let covered = if membarrier::register() { COVERED } else { 0 };
        let mine = u64::from(party.id().bits()) | covered;
        let word = &self.ends[end as usize];
        let _named = self.bells.name(party);
        let mut seen = word.load(Ordering::SeqCst);
        loop {
            if let Some(owner) = OwnerId::from_bits(seen as u32)
                && !party.is_dead(owner)
            {
                return Err(owner);
            }
            match word.compare_exchange(seen, mine, Ordering::SeqCst, Ordering::SeqCst) {
                Ok(_) => break,
                Err(now) => seen = now,
            }
        }
        step!("ring.claimed");
        self.bells.ring(party, end.other() as usize);
        Ok(())
    }

    /// The caller, who has it, gives it back.
    pub(crate) fn leave<P: Party>(&self, party: &P, end: End) {
        let _named = self.bells.name(party);
        self.ends[end as usize].swap(LEFT, Ordering::SeqCst);
        step!("ring.left");
        self.bells.ring(party, end.other() as usize);
    }

    /// Where who has taken the receiving end begins.
    pub(crate) fn first_to_receive<C: Cells>(&self, cells: &C) -> Cursor {
        Cursor::at(cells, self.head.word.load(Ordering::Acquire))
    }

    /// Where who has taken the sending end begins.
    pub(crate) fn first_to_send<C: Cells>(&self, cells: &C, capacity: u64) -> Cursor {
        let head = self.first_to_receive(cells);
        let count = self.count_from(cells, &head, capacity);
        Cursor::at(cells, head.position.wrapping_add(count))
    }

    /// How many items there are at this moment.
    pub(crate) fn len<C: Cells>(&self, cells: &C, capacity: u64) -> u64 {
        self.count_from(cells, &self.first_to_receive(cells), capacity)
    }

    /// How many there are from this position on.
    pub(crate) fn count_from<C: Cells>(&self, cells: &C, from: &Cursor, capacity: u64) -> u64 {
        let places = u64::from(C::PLACES);
        // How many are known by the word of this cell, of which the first place, or the cursor's own, is so far ahead.
        let known = |cell: usize, ahead: u64| {
            let word = cells.word(cell).load(Ordering::Acquire);
            let count = word.wrapping_sub(from.position);
            if (count as i64) < 0 { 0 } else { count.min(capacity) }.max(ahead)
        };
        let own = known(from.cell, 0);
        let left = u64::from(from.left::<C>());
        if own < left {
            return own;
        }
        // Cells after it that are not empty: `full` at the least, less than `empty`.
        let (mut full, mut empty) = (0, cells.count() as u64 + 1);
        let cell_at = |number: u64| ((from.cell as u64 + number) % cells.count() as u64) as usize;
        while empty - full > 1 {
            let middle = full + (empty - full) / 2;
            let first = left + (middle - 1) * places;
            if known(cell_at(middle), first) > first {
                full = middle;
            } else {
                empty = middle;
            }
        }
        let first = if full == 0 { 0 } else { left + (full - 1) * places };
        let count = if full == 0 { own } else { known(cell_at(full), first) };
        count.min(capacity)
    }

    /// How many of this sender's items are not read at this moment.
    pub(crate) fn len_of_sender(&self, tail: &Cursor, capacity: u64) -> u64 {
        tail.position.wrapping_sub(self.head.word.load(Ordering::Acquire)).min(capacity)
    }

    /// Whether the sender has room, at this moment.
    #[inline]
    fn look_for_room(&self, tail: &mut Cursor, capacity: u64) -> Option<Result<(), Refusal>> {
        // Acquire pairs with the Release of `taken`.
        let head = self.head.word.load(Ordering::Acquire);
        if tail.position.wrapping_sub(head) > capacity {
            return Some(Err(Refusal::Damaged));
        }
        tail.bound = head.wrapping_add(capacity);
        tail.streams = head != tail.position;
        (tail.known() > 0).then_some(Ok(()))
    }

    /// Whether there are items for the receiver, at this moment.
    #[inline]
    pub(crate) fn look_for_news<C: Cells>(
        &self,
        cells: &C,
        head: &mut Cursor,
        capacity: u64,
    ) -> Option<Result<(), Refusal>> {
        cells.will_be_read(head.cell);
        // Acquire pairs with the Release of `put_in_cell`.
        let word = cells.word(head.cell).load(Ordering::Acquire);
        let count = word.wrapping_sub(head.position);
        if (count as i64) <= 0 {
            // Of an earlier lap.
            return None;
        }
        if count > capacity {
            return Some(Err(Refusal::Damaged));
        }
        head.bound = head.position.wrapping_add(count.min(u64::from(head.left::<C>())));
        Some(Ok(()))
    }

    /// The sender has put so many items, no further than the end of the cell.
    #[inline]
    pub(crate) fn put_in_cell<C: Cells>(&self, cells: &C, tail: &mut Cursor, count: u32) {
        let cell = tail.cell;
        tail.advance(cells, count);
        cells.word(cell).store(tail.position, Ordering::Release);
        if tail.streams
            && tail.cell != cell
            && tail.known() >= u64::from(C::PLACES) * (AHEAD as u64 + 1)
        {
            cells.will_be_written(Cursor::after(cells, tail.cell, AHEAD));
        }
    }

    /// The receiver has read all before its position.
    #[inline]
    pub(crate) fn taken(&self, head: &Cursor) {
        self.head.word.store(head.position, Ordering::Release);
    }

    /// After news of this end: whether [`Self::ring`] is due.
    #[inline]
    pub(crate) fn is_awaited(&self, end: End) -> bool {
        membarrier::light();
        self.bells.is_armed(end.other() as usize)
    }

    /// After news of this end for which somebody may sleep.
    #[cold]
    pub(crate) fn ring<P: Party>(&self, party: &P, end: End) {
        step!("ring.news");
        self.bells.ring(party, end.other() as usize);
    }

    /// Waits until the sender has room.
    #[cold]
    pub(crate) fn wait_for_room<P: Party>(
        &self,
        party: &P,
        tail: &mut Cursor,
        capacity: u64,
        deadline: Deadline,
    ) -> Result<(), Refusal> {
        if deadline != Deadline::NOW && self.gathered(party, tail, capacity) {
            return Ok(());
        }
        self.wait(party, End::Sending, deadline, || self.look_for_room(tail, capacity))
    }

    /// Waits a moment for more than a little room: a sender that takes every place as soon as it is free gets one, and the line of the head, for each item that is read. Whether there is room.
    fn gathered<P: Party>(&self, party: &P, tail: &mut Cursor, capacity: u64) -> bool {
        let (enough, mut looks) = ((capacity / 4).max(1), 0);
        let mut look =
            || self.look_for_room(tail, capacity) == Some(Ok(())) && tail.known() >= enough;
        if !look() && enough > 1 {
            party.spin(|| {
                looks += 1;
                (looks % 8 == 0 && look()).then_some(())
            });
        }
        tail.known() > 0
    }

    /// Waits until the receiver has an item.
    #[cold]
    pub(crate) fn wait_for_news<P: Party, C: Cells>(
        &self,
        party: &P,
        cells: &C,
        head: &mut Cursor,
        capacity: u64,
        deadline: Deadline,
    ) -> Result<(), Refusal> {
        // Each look takes the line away from a sender that is just writing it.
        if deadline != Deadline::NOW && head.position.wrapping_sub(head.waited) >= STREAM {
            let mut looks = 0;
            party.spin(|| {
                looks += 1;
                (looks > PAUSES).then_some(())
            });
        }
        head.waited = head.position;
        self.wait(party, End::Receiving, deadline, || self.look_for_news(cells, head, capacity))
    }

    /// Waits until somebody living has the other end, or was there and made room; whether that was so in time.
    #[cold]
    pub(crate) fn wait_for_receiver<P: Party>(
        &self,
        party: &P,
        tail: &mut Cursor,
        capacity: u64,
        deadline: Deadline,
    ) -> bool {
        let look = |peer| {
            let is_here = matches!(peer, Peer::Here { .. });
            (is_here || self.look_for_room(tail, capacity).is_some()).then_some(())
        };
        self.sleep_until(party, End::Sending, deadline, look).is_some()
    }

    /// Waits until somebody living has the other end, or was there and put an item; whether that was so in time.
    #[cold]
    pub(crate) fn wait_for_sender<P: Party, C: Cells>(
        &self,
        party: &P,
        cells: &C,
        head: &mut Cursor,
        capacity: u64,
        deadline: Deadline,
    ) -> bool {
        let look = |peer| {
            let is_here = matches!(peer, Peer::Here { .. });
            (is_here || self.look_for_news(cells, head, capacity).is_some()).then_some(())
        };
        self.sleep_until(party, End::Receiving, deadline, look).is_some()
    }

    fn wait<P: Party>(
        &self,
        party: &P,
        end: End,
        deadline: Deadline,
        mut look: impl FnMut() -> Option<Result<(), Refusal>>,
    ) -> Result<(), Refusal> {
        let mut settle = |peer| {
            // The peer was asked before: what it brought before it was gone is found now.
            look().or_else(|| (peer == Peer::Gone).then_some(Err(Refusal::Alone)))
        };
        if deadline == Deadline::NOW {
            return settle(self.peer(party, end)).unwrap_or(Err(Refusal::Late));
        }
        if let Some(found) = party.spin_among(2, || settle(Peer::Nobody)) {
            return found;
        }
        self.sleep_until(party, end, deadline, settle).unwrap_or(Err(Refusal::Late))
    }

    /// A bell of this end was armed, in this state: makes sure that the other end sees it; who is there, and the word that says so.
    fn settle<P: Party>(
        &self,
        party: &P,
        end: End,
        state: u32,
        settling: &mut Settling,
    ) -> (Place<'_>, Peer) {
        let reached = membarrier::heavy();
        let other = &self.ends[end.other() as usize];
        let seen = other.load(Ordering::SeqCst);
        let peer = Self::peer_of(seen, |owner| party.is_dead(owner));
        // Whoever comes does so by a locked instruction.
        let covered = !matches!(peer, Peer::Here { covered: false, .. });
        settling.armed(state, reached && covered || peer.owner().is_none());
        (Place::Gate(other, seen), peer)
    }

    /// Watches for news of the receiver, which calls this, and takes none: whether there is something now, an item or the end. What `looked` says is where it may sleep else, beside the watcher's places and until `settling` says.
    #[cold]
    pub(crate) fn watch_for_news<'a, P: Party, C: Cells>(
        &'a self,
        party: &P,
        cells: &C,
        head: &Cursor,
        capacity: u64,
        settling: &mut Settling,
        looked: &mut Looked<'a>,
    ) -> (Watcher<'a, 2>, bool) {
        let watcher = self.bells.watch(End::Receiving as usize);
        let (other, peer) = self.settle(party, End::Receiving, watcher.state(), settling);
        let is_there = self.look_for_news(cells, &mut { *head }, capacity).is_some();
        looked.words = vec![other];
        looked.lives.extend(peer.owner());
        (watcher, is_there || peer == Peer::Gone)
    }

    /// The receiver watched, and may have been woken by something else than its watch.
    pub(crate) fn pass_on<P: Party>(&self, party: &P) {
        self.bells.pass_on(party);
    }

    /// Sleeps between the looks, which know who is at the other end.
    fn sleep_until<P: Party, T>(
        &self,
        party: &P,
        end: End,
        deadline: Deadline,
        mut look: impl FnMut(Peer) -> Option<T>,
    ) -> Option<T> {
        let mut listener = self.bells.listen(party, end as usize);
        let mut settling = Settling::default();
        loop {
            let state = listener.arm();
            let (other, peer) = self.settle(party, end, state, &mut settling);
            let owner = peer.owner();
            if let Some(found) = look(peer) {
                return Some(found);
            }
            if deadline.has_passed() {
                return None;
            }
            step!("ring.sleep");
            let [gate, relay, state] = listener.places();
            let sleep = Sleep {
                places: &[gate, relay, state, other],
                owners: owner.as_slice(),
                deadline: settling.limit(deadline),
            };
            let rung = party.sleep(&sleep);
            step!("ring.woken");
            listener.has_slept(rung.is_at_most(0));
            if let Some(owner) = owner
                && party.is_dead(owner)
            {
                // The kernel woke one watcher of the dead thread; this may be the one.
                party.ring_life(owner);
            }
            // What it was woken for, most often: before the bell is armed anew, which costs more than the look.
            if let Some(found) = look(Peer::Nobody) {
                return Some(found);
            }
        }
    }
}
