//! A file-backed root after the machine was started again.
//!
//! Everybody in it is dead, but no kernel has marked their life words. So the first to attach makes the slots anew, each with a
//! higher generation, and writes the new start of the machine into the header last; until then nobody maps the root. A byte lock keeps those who
//! come at the same time apart. A death in the middle leaves the old start in the header: the next one begins again.
#![allow(unsafe_code)]

use super::{
    header::{Header, Kind, RootLayout},
    name::Place,
    participants::Table,
};
use crate::{
    Result,
    os::{
        mapping::Mapping,
        object::{Access, Object},
        step::step,
    },
};

/// Where the lock is: below those of the processes' records.
const LOCK_AT: u64 = (1 << 40) - 1;

/// Resets the root at `place`, if nobody else does; then attach again.
pub(crate) fn after_reboot(place: &Place) -> Result<()> {
    let object = Object::open(&place.path(), Access::ReadWrite)?;
    object.lock_byte(LOCK_AT)?;
    let facts = object.check_private()?;
    let mut header: Header = bytemuck::Zeroable::zeroed();
    object.read_at(bytemuck::bytes_of_mut(&mut header), 0)?;
    header.check(Kind::Root, facts.size)?;
    if header.is_of_this_boot() {
        return Ok(());
    }
    let layout = RootLayout::new(header.slots);
    let mapping = Mapping::new(&object, facts.size as usize, Access::ReadWrite)?;
    let slots = mapping.as_ptr().as_ptr().wrapping_add(layout.slots);
    // SAFETY: the layout puts the slots there, inside the mapping; the lock, and the header, say that nobody else uses them.
    unsafe { Table::reset(slots.cast(), header.slots as usize) }?;
    step!("reset.slots");
    object.write_at(bytemuck::bytes_of(&header.with_this_boot()), 0)
}
