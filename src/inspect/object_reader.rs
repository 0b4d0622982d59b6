//! Reading the objects of a segment.

use super::{Detail, Object, Worker, places::Places, thread::text};
use crate::{
    pool::outline::BoardOutline,
    queue::outline::{QueueOutline, SlotCounts},
    segment::{BlockId, BlockOutline, Copied, MemberOutline, NAMES as TABLE},
    shared::NameOutline,
    sync::outline::{BorrowOutline, LockOutline, SyncOutline},
};
use std::collections::HashSet;

/// The id of the table of names in reports: it lies in no block.
pub(super) const NAMES: &str = "names";

/// The most slots of a queue that are counted.
const MOST_SLOTS: u32 = 1 << 20;
/// The most bytes of a board that are copied.
const MOST_BOARD: u64 = 64 << 20;
/// How many bytes of slots are copied at once.
const BATCH: usize = 256 << 10;
/// From larger slots, only the words are copied.
const LARGE_SLOT: usize = 4096;

/// The most bytes that one look copies out of members, so that one of damaged or made-up sizes ends soon.
const MOST_BYTES: u64 = 512 << 20;
/// What a copy costs at least, in bytes: the call.
const LEAST_COST: u64 = 512;
/// The most objects that are told of.
const MOST_OBJECTS: usize = 1 << 16;

/// Goes through all blocks.
pub(super) struct ObjectReader<'a> {
    /// How many bytes may be copied yet.
    rest: u64,
    places: &'a Places,
    names: &'a [NameOutline],
    others: (u64, u64),
}

/// An object's id in reports.
pub(super) fn id_text(id: BlockId) -> String {
    format!("{}.{}:{}", id.member.index, id.member.generation, id.block)
}

impl<'a> ObjectReader<'a> {
    pub(super) fn new(places: &'a Places, names: &'a [NameOutline]) -> Self {
        Self { rest: MOST_BYTES, places, names, others: (0, 0) }
    }

    /// How many objects were of no known kind, and their bytes.
    pub(super) fn others(&self) -> (u64, u64) {
        self.others
    }

    /// All objects of a known kind, and those with a name.
    pub(super) fn read(&mut self, problems: &mut Vec<String>) -> Vec<Object> {
        let mut objects = vec![self.table_of_names()];
        for member in &self.places.members {
            let part = format!("part {}.{}", member.id().index, member.id().generation);
            if member.left_out() > 0 {
                problems.push(format!("{part}: {} blocks were not looked at", member.left_out()));
            }
            let blocks =
                if self.may_copy(member.table_bytes()) { member.blocks() } else { Ok(Vec::new()) };
            match blocks {
                Err(error) => problems.push(format!("{part}: {error}")),
                Ok(blocks) => {
                    let found = blocks.iter().filter_map(|block| self.object(member, block));
                    objects.extend(found.take(MOST_OBJECTS.saturating_sub(objects.len())));
                }
            }
            if self.rest == 0 || objects.len() >= MOST_OBJECTS {
                problems.push(format!("not all was looked at, from {part} on: there is too much"));
                break;
            }
        }
        objects
    }

    /// The lock of the table of names, and the objects in these blocks.
    pub(super) fn read_some(&mut self, blocks: HashSet<BlockId>) -> Vec<Object> {
        let mut objects = vec![self.table_of_names()];
        for id in blocks {
            let member = self.places.members.iter().find(|member| member.id() == id.member);
            let block = member.and_then(|member| Some((member, member.block(id.block)?)));
            objects.extend(block.and_then(|(member, block)| self.object(member, &block)));
        }
        objects
    }

    /// The lock of the table of names, which lies in the first page.
    fn table_of_names(&self) -> Object {
        let lock = LockOutline::of(self.places.root.names_words().1.u64(0));
        Object {
            id: NAMES.into(),
            names: Vec::new(),
            type_name: Some("table of names".into()),
            bytes: self.places.root.names().0.len() as u64,
            processes: Vec::new(),
            detail: of_lock(lock),
        }
    }

    /// Whether so much may be copied yet; if not, then nothing any more.
    fn may_copy(&mut self, bytes: u64) -> bool {
        let rest = self.rest.checked_sub(bytes.max(LEAST_COST));
        self.rest = rest.unwrap_or(0);
        rest.is_some()
    }

    fn object(&mut self, member: &MemberOutline, block: &BlockOutline) -> Option<Object> {
        let id = member.block_id(block.block);
        let is_it = |name: &&NameOutline| (name.id, name.generation) == (id, block.generation);
        let names: Vec<_> = self.names.iter().filter(is_it).collect();
        let detail =
            if member.is_for_parcels() { None } else { self.detail(member, block, &names) };
        if detail.is_none() && names.is_empty() {
            self.others.0 += 1;
            self.others.1 = self.others.1.saturating_add(block.length);
            return None;
        }
        let holders = block.holders().filter(|&holder| holder != TABLE);
        Some(Object {
            id: id_text(id),
            names: names.iter().map(|name| name.name.clone()).collect(),
            type_name: names.first().map(|name| name.type_name.clone()),
            bytes: block.length,
            processes: holders.filter_map(|holder| self.places.root.pid_of(holder)).collect(),
            detail: detail.unwrap_or(Detail::Other),
        })
    }

    fn detail(
        &mut self,
        member: &MemberOutline,
        block: &BlockOutline,
        names: &[&NameOutline],
    ) -> Option<Detail> {
        if !self.may_copy(SyncOutline::BYTES as u64) {
            return None;
        }
        const { assert!(QueueOutline::BYTES <= SyncOutline::BYTES) };
        let words = member.read(block.block, 0, SyncOutline::BYTES).ok()?;
        let words = Copied(&words);
        if let Some(outline) = SyncOutline::of(block.fingerprint, words) {
            return Some(of_sync(outline));
        }
        if let Some(queue) = QueueOutline::of(block.fingerprint, block.length, words) {
            let counts = self.may_copy(cost(queue)).then(|| count(queue, member, block)).flatten();
            return Some(of_queue(queue, counts));
        }
        if BoardOutline::is_board(block.fingerprint) && block.length <= MOST_BOARD {
            if !self.may_copy(block.length) {
                return None;
            }
            let bytes = member.read(block.block, 0, block.length as usize).ok()?;
            return BoardOutline::of(Copied(&bytes)).map(of_board);
        }
        let name = names.first()?;
        if name.is_borrowed() {
            return Some(of_data(BorrowOutline::of(words)));
        }
        let writer = LockOutline::of(words.u64(0));
        name.is_locked().then(|| of_data(BorrowOutline { writer, readers: Vec::new() }))
    }
}

/// What it costs to count a queue's slots.
fn cost(queue: QueueOutline) -> u64 {
    let (_, stride) = queue.slots();
    let each = if stride > LARGE_SLOT { LEAST_COST } else { stride as u64 };
    u64::from(queue.capacity.min(MOST_SLOTS)) * each
}

/// What a queue's slots are; `None` if they are too many, or cannot be read.
fn count(queue: QueueOutline, member: &MemberOutline, block: &BlockOutline) -> Option<SlotCounts> {
    if queue.capacity > MOST_SLOTS {
        return None;
    }
    let (first, stride) = queue.slots();
    let mut counts = SlotCounts::default();
    let (batch, bytes) = if stride > LARGE_SLOT {
        (1, size_of::<u64>())
    } else {
        (BATCH / stride, BATCH / stride * stride)
    };
    let mut slot = 0;
    while slot < queue.capacity as usize {
        let slots = batch.min(queue.capacity as usize - slot);
        let copy =
            member.read(block.block, first + (slot * stride) as u64, bytes.min(slots * stride));
        queue.count(&copy.ok()?, &mut counts);
        slot += slots;
    }
    Some(counts)
}

fn of_lock(lock: LockOutline) -> Detail {
    let LockOutline { owner, is_poisoned, is_awaited } = lock;
    Detail::Lock { owner: owner.map(text), is_poisoned, is_awaited }
}

fn of_data(borrow: BorrowOutline) -> Detail {
    let BorrowOutline { writer: LockOutline { owner, is_poisoned, is_awaited }, readers } = borrow;
    let readers = readers.into_iter().map(text).collect();
    Detail::Data { owner: owner.map(text), is_poisoned, is_awaited, readers }
}

fn of_sync(outline: SyncOutline) -> Detail {
    match outline {
        SyncOutline::Lock(lock) => of_lock(lock),
        SyncOutline::RLock { lock: LockOutline { owner, is_poisoned, is_awaited }, depth } => {
            let depth = if owner.is_some() { depth } else { 0 };
            Detail::RLock { owner: owner.map(text), is_poisoned, is_awaited, depth }
        }
        SyncOutline::RwLock(borrow) => {
            let LockOutline { owner, is_poisoned, is_awaited } = borrow.writer;
            let readers = borrow.readers.into_iter().map(text).collect();
            Detail::RwLock { owner: owner.map(text), is_poisoned, is_awaited, readers }
        }
        SyncOutline::Event { is_set } => Detail::Event { is_set },
        SyncOutline::Semaphore { free, bound } => Detail::Semaphore { free, bound },
        SyncOutline::Barrier { parties, waiting, is_broken } => {
            Detail::Barrier { parties, waiting, is_broken }
        }
        SyncOutline::Condition => Detail::Condition,
    }
}

fn of_queue(queue: QueueOutline, counts: Option<SlotCounts>) -> Detail {
    let SlotCounts { writing, reading, .. } = counts.unwrap_or_default();
    Detail::Queue {
        depth: counts.map(|counts| counts.full),
        capacity: queue.capacity,
        writing,
        reading,
        is_closed: queue.is_closed,
    }
}

fn of_board(board: BoardOutline) -> Detail {
    let workers = board.workers.iter().map(|seat| Worker {
        thread: text(seat.owner),
        is_ready: seat.is_ready,
        tasks: seat.tasks,
    });
    Detail::Pool {
        workers: workers.collect(),
        slots: board.slots,
        offered: board.offered,
        running: board.running.into_iter().map(text).collect(),
        jobs: board.jobs,
    }
}
