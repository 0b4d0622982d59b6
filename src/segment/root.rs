//! A root segment, as this process has it attached.
//!
//! One for each object in a process, whoever asks for it. Once a thread of the process has registered in it, it stays attached
//! until the process ends: its life word must stay where the kernel will look for it.
#![allow(unsafe_code)]

use super::{
    Backing, Glimpse, OwnerId,
    attached::Attached,
    block::{Block, BlockId, WeakBlock},
    by_id::ById,
    header::{Header, NAMES_BYTES, NAMES_WORDS, PAGE, RootLayout},
    heap::{self, Class, Member},
    holders::{Holders, Record},
    members::{ENTRIES, Entry, MemberId, Members},
    name::Place,
    parcel::Parcel,
    participant,
    participants::{Slot, Table},
    shelf::{Claim, Shelf},
    spares::Spares,
};
use crate::{
    Error, ErrorKind, Result,
    os::{
        mapping::Mapping,
        object::{Access, Object},
        step::step,
    },
};
use std::{
    collections::HashSet,
    fmt,
    ptr::NonNull,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

/// No record: attached for reading only.
const NO_HOLDER: u32 = u32::MAX;

/// An attached root.
pub(crate) struct Root {
    place: Place,
    object: Object,
    mapping: Mapping,
    layout: RootLayout,
    header: Header,
    access: Access,
    holder: u32,
    attached: Mutex<Attached>,
    /// Blocks that could not be looked at when they were to be freed: the next sweep does.
    unfinished: Mutex<HashSet<BlockId>>,
    shelves: Mutex<ById<Class, Arc<Mutex<Shelf>>>>,
    spares: Mutex<Spares>,
    blocks: Mutex<ById<BlockId, WeakBlock>>,
    sweeping: Mutex<()>,
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

impl Root {
    /// Takes part in a mapped and checked root.
    pub(super) fn join(
        place: Place,
        object: Object,
        mapping: Mapping,
        header: Header,
        access: Access,
    ) -> Result<Arc<Self>> {
        let mut root = Self {
            place,
            layout: RootLayout::new(header.slots),
            object,
            mapping,
            header,
            access,
            holder: NO_HOLDER,
            attached: Mutex::default(),
            unfinished: Mutex::default(),
            shelves: Mutex::default(),
            spares: Mutex::default(),
            blocks: Mutex::default(),
            sweeping: Mutex::default(),
        };
        crate::os::fork::watch();
        if access == Access::ReadWrite {
            // It has no thread's name yet.
            root.holder = root
                .holders()
                .claim(|index| root.clear_holder(index, OwnerId::of_sweeper(index)))?;
        }
        Ok(Arc::new(root))
    }

    // What lies where.

    fn at<T>(&self, offset: usize) -> NonNull<T> {
        // SAFETY: every offset comes from the layout, which was checked against the mapping's length.
        unsafe { self.mapping.as_ptr().add(offset) }.cast()
    }

    fn table<T>(&self, offset: usize, count: usize) -> &[T] {
        // SAFETY: the layout puts `count` entries there, inside the mapping; they consist of atomics and life words, for which
        // shared references are right whatever other processes do, and live as long as the mapping.
        unsafe { NonNull::slice_from_raw_parts(self.at::<T>(offset), count).as_ref() }
    }

    pub(crate) fn participants(&self) -> Table<'_> {
        Table::new(self.table::<Slot>(self.layout.slots, self.header.slots as usize))
    }

    pub(crate) fn holders(&self) -> Holders<'_> {
        Holders::new(
            self.table::<Record>(self.layout.holders, super::HOLDERS as usize),
            &self.object,
        )
    }

    pub(crate) fn members(&self) -> Members<'_> {
        Members::new(self.table::<Entry>(self.layout.members, ENTRIES))
    }

    /// The room of the table of names: its words in the header's page, and its entries.
    pub(crate) fn names(&self) -> (NonNull<u8>, NonNull<[u8]>) {
        let entries = NonNull::slice_from_raw_parts(self.at(self.layout.names), NAMES_BYTES);
        (self.at(NAMES_WORDS), entries)
    }

    pub(crate) fn place(&self) -> &Place {
        &self.place
    }

    /// The user's name of it.
    pub(crate) fn name(&self) -> &str {
        self.place.name()
    }

    pub(crate) fn nonce(&self) -> [u8; 16] {
        self.header.nonce
    }

    /// How many threads can take part.
    #[inline]
    pub(crate) fn slots(&self) -> usize {
        self.header.slots as usize
    }

    pub(crate) fn object(&self) -> &Object {
        &self.object
    }

    pub(crate) fn is_read_only(&self) -> bool {
        self.access == Access::ReadOnly
    }

    /// This process's record.
    pub(crate) fn holder(&self) -> u32 {
        self.holder
    }

    // Who lives.

    /// Whether another process with this id has this holder's record: see [`Holders::is_process`].
    pub(crate) fn is_process(&self, holder: u32, pid: u32) -> bool {
        holder != self.holder && self.holders().is_process(holder, pid)
    }

    #[inline]
    pub(crate) fn is_dead(&self, id: OwnerId) -> bool {
        if id.generation() == 0 {
            self.is_dead_sweeper(id)
        } else {
            self.participants().is_dead(id)
        }
    }

    /// Whether the process is gone that swept under this name while it joined. Its own name is that of the last one who had its record, while it joins; then
    /// it has no record yet.
    #[cold]
    fn is_dead_sweeper(&self, id: OwnerId) -> bool {
        id.slot() != self.holder
            && (id.slot() >= super::HOLDERS || self.holders().is_gone(id.slot()))
    }

    /// Marks a thread whose process is gone without the kernel's mark.
    pub(crate) fn mark_if_gone(&self, id: OwnerId) {
        let mine = self.holder;
        self.participants()
            .mark_if_gone(id, |process| process != mine && self.holders().is_gone(process));
    }

    /// Registers the calling thread. From now on the root stays attached.
    pub(super) fn register(&self) -> Result<OwnerId> {
        if self.is_read_only() {
            return Err(Error::new(
                ErrorKind::PermissionDenied,
                format!(
                    "{} is attached for reading only; attach it with Segment::attach to take locks or change values",
                    self.name()
                ),
            ));
        }
        super::registry::keep(self);
        let id = self.participants().register(self.holder)?;
        self.mapping.lock_page(self.layout.slots + id.slot() as usize * size_of::<Slot>());
        Ok(id)
    }

    // Blocks.

    /// The blocks that could not be looked at when they were to be freed; each once, however often that was tried.
    pub(super) fn unfinished(&self) -> MutexGuard<'_, HashSet<BlockId>> {
        lock(&self.unfinished)
    }

    /// One thread of a process sweeps at a time.
    pub(super) fn sweeping(&self) -> MutexGuard<'_, ()> {
        lock(&self.sweeping)
    }

    pub(super) fn blocks(&self) -> MutexGuard<'_, ById<BlockId, WeakBlock>> {
        lock(&self.blocks)
    }

    /// A new block for an object of `bytes` bytes, filled with zeros.
    pub(crate) fn allocate(self: &Arc<Self>, bytes: usize, fingerprint: u64) -> Result<Block> {
        let me = participant::current(self)?;
        let class = Class::of_object(bytes);
        if class.is_own() {
            let claim = self.grow(class, 0, me, &Backing::default())?;
            return Ok(self.fill(claim, bytes, fingerprint, 0, me));
        }
        Ok(self.fill(self.claim(class, me)?, bytes, fingerprint, bytes, me))
    }

    /// The same, with whatever was there before: for who writes all that is read.
    pub(crate) fn allocate_uncleared(
        self: &Arc<Self>,
        bytes: usize,
        fingerprint: u64,
    ) -> Result<Block> {
        let class = Class::of_object(bytes);
        if class.is_own() {
            return self.allocate(bytes, fingerprint);
        }
        let me = participant::current(self)?;
        Ok(self.fill(self.claim(class, me)?, bytes, fingerprint, 0, me))
    }

    /// A new block for a parcel of `bytes` bytes, of which the first `head` are zeros, and the others whatever was there before.
    pub(super) fn allocate_parcel(
        self: &Arc<Self>,
        bytes: usize,
        head: usize,
        fingerprint: u64,
    ) -> Result<Block> {
        let me = participant::current(self)?;
        let class = Class::of_parcel(bytes);
        let claim = if !class.is_own() {
            self.claim(class, me)?
        } else if head > PAGE || !Spares::may_keep(class) {
            self.grow(class, 0, me, &Backing::default())?
        } else {
            self.claim_spare(class, me)?
        };
        Ok(self.fill(claim, bytes, fingerprint, head, me))
    }

    /// A claimed block with a member of its own, which is kept for the next such parcel.
    fn claim_spare(&self, class: Class, me: OwnerId) -> Result<Claim> {
        let fitting = lock(&self.spares).fitting(class);
        let claimed = fitting.into_iter().find_map(|member| {
            // Not from a corpse, which may have given its pages back: then there may be no room for them.
            let generation = member.descriptor(0).pins.claim(me, |_| false)?;
            step!("spare.claimed");
            if self.members().is_live(member.id) {
                return Some(Claim { member, block: 0, generation });
            }
            // Somebody has taken it away.
            lock(&self.spares).forget(member.id);
            None
        });
        let claim = match claimed {
            Some(claim) => claim,
            None => {
                let mapped = Backing { prefault: true, ..Backing::default() };
                self.grow(class, 0, me, &mapped)?
            }
        };
        self.keep_spare(&claim.member, me);
        Ok(claim)
    }

    /// Keeps the member of a large parcel. Others that are kept may have to go.
    fn keep_spare(&self, member: &Arc<Member>, me: OwnerId) {
        let gone = lock(&self.spares).keep(member, |id| self.members().is_live(id));
        gone.iter().for_each(|member| self.retire(member, me));
    }

    /// The block of a member of its own is free: the member is kept for the next large parcel, or taken away.
    pub(super) fn keep_or_retire(&self, member: &Arc<Member>, entries: usize, me: OwnerId) {
        if Spares::may_keep(member.class()) && Parcel::head(entries) <= PAGE {
            self.keep_spare(member, me);
        } else {
            self.retire(member, me);
        }
    }

    /// For tests: see [`retire_spares`](Self::retire_spares).
    pub(crate) fn give_back_kept(&self) -> Result<()> {
        participant::current(self).map(|me| self.retire_spares(me))
    }

    /// Takes away all members that anybody keeps for large parcels, and that are free.
    #[cold]
    pub(super) fn retire_spares(&self, me: OwnerId) {
        for (id, _) in self.members().live().filter(|(_, class)| Spares::may_keep(*class)) {
            if let Some(member) = self.member(id)
                && member.is_own()
                && member.descriptor(0).pins.is_free()
            {
                self.retire(&member, me);
            }
        }
    }

    /// The same with a member of its own, which is got as `backing` says.
    pub(crate) fn allocate_own(
        self: &Arc<Self>,
        bytes: usize,
        fingerprint: u64,
        backing: &Backing,
    ) -> Result<Block> {
        let me = participant::current(self)?;
        let class = Class::of_object(bytes.max(heap::LARGEST + 1));
        let claim = self.grow(class, 0, me, backing)?;
        Ok(self.fill(claim, bytes, fingerprint, 0, me))
    }

    /// Makes a claimed block a live one, whose first `zeros` bytes are zeros.
    fn fill(
        self: &Arc<Self>,
        claim: Claim,
        bytes: usize,
        fingerprint: u64,
        zeros: usize,
        me: OwnerId,
    ) -> Block {
        step!("alloc.claimed");
        claim.member.prepare(claim.block, fingerprint, bytes, zeros);
        let id = BlockId { member: claim.member.id, block: claim.block };
        let mut blocks = self.blocks();
        claim.member.descriptor(claim.block).pins.publish(claim.generation, self.holder, me);
        step!("alloc.live");
        let (block, weak) = Block::new(Arc::clone(self), claim.member, id, claim.generation);
        blocks.insert(id, weak);
        block
    }

    /// The block that a handle names, pinned for this process.
    pub(crate) fn pin(self: &Arc<Self>, id: BlockId, generation: u32) -> Result<Block> {
        let stale = || {
            Error::new(
                ErrorKind::StaleHandle,
                format!("the handle names an object of {} that was freed", self.name()),
            )
        };
        let me = participant::current(self)?;
        let member = match self.try_member(id.member) {
            Err(error) if error.kind() == ErrorKind::Unlinked => {
                let message = "the handle names an object that this process has not mapped, and cannot any more";
                return Err(Error::new(ErrorKind::StaleHandle, message).with_source(error));
            }
            member => member?.ok_or_else(stale)?,
        };
        if id.block >= member.blocks() {
            return Err(Error::new(
                ErrorKind::InvalidHandle,
                format!(
                    "the handle names block {} of {}: it is damaged or forged",
                    id.block,
                    member.blocks()
                ),
            ));
        }
        let mut blocks = self.blocks();
        if let Some(block) = blocks.get(&id).and_then(WeakBlock::upgrade) {
            // Before the block may be dropped: if this handle is the last by now, dropping it takes the map.
            drop(blocks);
            return if block.generation() == generation { Ok(block) } else { Err(stale()) };
        }
        if !member.descriptor(id.block).pins.pin(generation, self.holder) {
            drop(blocks);
            self.free_if_unused(&member, id.block, me);
            return Err(stale());
        }
        let (block, weak) = Block::new(Arc::clone(self), member, id, generation);
        blocks.insert(id, weak);
        Ok(block)
    }

    /// The block that a handle names, without a pin.
    pub(crate) fn glimpse(&self, id: BlockId, generation: u32) -> Result<Glimpse> {
        self.glance(id, generation).filter(Glimpse::is_live).ok_or_else(|| {
            Error::new(
                ErrorKind::StaleHandle,
                format!("the object of {} that was looked at was freed", self.name()),
            )
        })
    }

    /// The same, whether or not it is there still; `None` if nothing is known of it, or it cannot be attached now.
    pub(crate) fn glance(&self, id: BlockId, generation: u32) -> Option<Glimpse> {
        let member = self.member(id.member).filter(|member| id.block < member.blocks());
        member.map(|member| Glimpse::new(member, id.block, generation))
    }

    /// Drops a pin that a table of the segment had on a block.
    pub(crate) fn unpin_for(&self, holder: u32, id: BlockId) -> Result<()> {
        let me = participant::current(self)?;
        // An error, where it cannot be looked at now: nobody else would drop the pin.
        let Some(member) = self.try_member(id.member)?.filter(|member| id.block < member.blocks())
        else {
            return Ok(());
        };
        let around = self.around(&member, id.block);
        if member.descriptor(id.block).pins.unpin(holder, me, &around) {
            self.freed(around, me);
        }
        Ok(())
    }

    /// A hint where a block is free; not while somebody looks for one.
    pub(super) fn remember(&self, member: &Arc<Member>, block: u32) {
        let shelf = lock(&self.shelves).get(&member.class()).cloned();
        if let Some(Ok(mut shelf)) = shelf.as_ref().map(|shelf| shelf.try_lock()) {
            shelf.remember(member, block);
        }
    }

    /// Takes away a member whose one block is free.
    pub(super) fn retire(&self, member: &Member, me: OwnerId) {
        if member.descriptor(0).pins.claim(me, |id| self.is_dead(id)).is_none() {
            return;
        }
        if !member.holds_parcels() || Spares::may_keep(member.class()) {
            // Before the name goes: where this thread dies, whoever finds the name does it.
            member.give_back_pages();
            step!("member.emptied");
        }
        if self.members().retire(member.id, me) {
            step!("member.retiring");
            self.unlink_member(member.id);
            step!("member.unlinked");
            self.members().free(member.id, me);
        }
        lock(&self.spares).forget(member.id);
        lock(&self.attached).forget(member.id);
    }

    /// A claimed block of this class.
    fn claim(self: &Arc<Self>, class: Class, me: OwnerId) -> Result<Claim> {
        let shelf = Arc::clone(lock(&self.shelves).entry(class).or_default());
        let mut shelf = lock(&shelf);
        let is_dead = |id| self.is_dead(id);
        if let Some(claim) = shelf.claim(me, is_dead) {
            return Ok(claim);
        }
        // Once more from the beginning, with what others have added, and what the dead have left.
        for (id, _) in self.members().live().filter(|(_, other)| *other == class) {
            if !shelf.knows(id)
                && let Some(member) = self.member(id)
                && member.class() == class
            {
                shelf.add(member);
            }
        }
        self.sweep_holders(me);
        if let Some(claim) = shelf.claim(me, is_dead) {
            return Ok(claim);
        }
        let claim = self.grow(class, shelf.len(), me, &Backing::default())?;
        shelf.add(Arc::clone(&claim.member));
        Ok(claim)
    }

    /// Adds a member and claims its first block.
    fn grow(&self, class: Class, before: u32, me: OwnerId, backing: &Backing) -> Result<Claim> {
        if class.is_own() {
            // Here is where the large objects of the dead are found.
            self.sweep_holders(me);
        }
        let id = self
            .members()
            .claim(me, |id| self.is_dead(id), |id| self.unlink_member(id))
            .ok_or_else(|| {
                Error::new(
                    ErrorKind::TooMany,
                    format!("{} has {ENTRIES} members already, and room for no more", self.name()),
                )
            })?;
        step!("member.claimed");
        let made = match self.make_member(id, class, before, backing) {
            Err(error) if error.kind() == ErrorKind::NoSpace => {
                self.retire_spares(me);
                self.unlink_member(id);
                self.make_member(id, class, before, backing)
            }
            made => made,
        };
        let made = made.and_then(|member| {
            // A root without a name grows no more: nobody could find the member, and nobody would sweep it.
            if self.object.is_at(&self.place.path())? { Ok(member) } else { Err(self.unlinked()) }
        });
        let member = match made {
            Ok(member) => member,
            Err(error) => {
                self.unlink_member(id);
                self.members().abandon(id, me);
                // A member of a root without a name may be swept while it is made.
                let lost = error.kind() == ErrorKind::NotFound
                    && !self.object.is_at(&self.place.path())?;
                return Err(if lost { self.unlinked() } else { error });
            }
        };
        let generation = member.descriptor(0).pins.claim(me, |id| self.is_dead(id));
        let generation = generation
            .ok_or_else(|| Error::new(ErrorKind::InvalidSegment, "a new member is not empty"))?;
        step!("member.made");
        self.members().publish(id, class, me);
        let member = Arc::new(member);
        lock(&self.attached).keep(&member);
        Ok(Claim { member, block: 0, generation })
    }

    fn unlinked(&self) -> Error {
        Error::new(
            ErrorKind::Unlinked,
            format!(
                "{} was unlinked; it works on with what each process has mapped, but cannot grow",
                self.name()
            ),
        )
    }

    fn make_member(
        &self,
        id: MemberId,
        class: Class,
        before: u32,
        backing: &Backing,
    ) -> Result<Member> {
        let place = self.place.member(id);
        let make = |size| match place.create(size) {
            // The name is ours alone: what has it is a leftover.
            Err(error) if error.kind() == ErrorKind::AlreadyExists => {
                self.unlink_member(id);
                place.create(size)
            }
            made => made,
        };
        Member::create(make, self.place.page_bytes(), id, self.nonce(), class, before, backing)
    }

    pub(super) fn unlink_member(&self, id: MemberId) {
        // It may be gone already: then this is done.
        let _ = crate::os::object::unlink(&self.place.member(id).path());
    }

    /// An attached member; `None` when there is no such, or it cannot be attached now.
    pub(crate) fn member(&self, id: MemberId) -> Option<Arc<Member>> {
        self.try_member(id).ok().flatten()
    }

    /// An attached member; `None` when there is no such, or nobody else has it who could; and an error when there is, but it cannot be attached now, or ever: for who must not pass it by.
    pub(super) fn try_member(&self, id: MemberId) -> Result<Option<Arc<Member>>> {
        if !self.members().is_live(id) {
            lock(&self.attached).forget(id);
            return Ok(None);
        }
        if let Some(member) = lock(&self.attached).get(id) {
            return Ok(Some(member));
        }
        self.unmap_gone();
        match Member::attach(&self.place.member(id).path(), id, self.nonce(), self.access) {
            Ok(member) => Ok(Some(lock(&self.attached).keep(&Arc::new(member)))),
            Err(error) if matches!(error.kind(), ErrorKind::NotFound | ErrorKind::StaleHandle) => {
                // Retired meanwhile; or its name went with the root's, and is another one's by now, perhaps. Then this process will never attach it, but there it is, for those who have.
                if self.members().is_live(id) && self.holders().has_others(self.holder) {
                    return Err(self.unlinked());
                }
                Ok(None)
            }
            Err(error) => Err(error),
        }
    }

    /// Unmaps what is kept here of objects that are gone.
    pub(super) fn unmap_gone(&self) {
        lock(&self.attached).retain_recent(|id| self.members().is_live(id));
    }

    // Names.

    /// Removes the names of the root and its members. Who has them mapped goes on.
    pub(crate) fn unlink(&self) -> Result<()> {
        let path = self.place.path();
        // Somebody removed the name by hand, and made another segment of that name: its members have these names now.
        if path.exists() && !self.object.is_at(&path)? {
            return Ok(());
        }
        for (id, _) in self.members().live() {
            self.unlink_member(id);
        }
        step!("unlink.members");
        self.object.unlink_if_same(&path).map(|_| ())
    }
}

impl fmt::Debug for Root {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Root")
            .field("name", &self.name())
            .field("size", &self.mapping.len())
            .finish_non_exhaustive()
    }
}
