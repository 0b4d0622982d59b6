//! A file-backed root after the machine was started again.
//!
//! Everybody in it is dead, but no kernel has marked their life words. So the first to attach makes the slots anew, each with a
//! higher generation, and writes the new start of the machine into the header last; until then nobody maps the root. A byte lock keeps those who
//! come at the same time apart. A death in the middle leaves the old start in the header: the next one begins again.
//!
//! That everybody is dead is not believed because of the header: another machine may have the file, or somebody may have written there. Whoever is attached holds a shared
//! lock on the file; only who gets the exclusive one resets anything.
#![allow(unsafe_code)]

use super::{
    header::{Header, Kind, RootLayout},
    name::Place,
    participants::Table,
};
use crate::{
    Error, ErrorKind, Result,
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
    if header.keep == 0 {
        return Err(Error::new(
            ErrorKind::Incompatible,
            "it was left behind when the machine was started anew, and was not to be kept: make it again",
        ));
    }
    if !object.try_lock_exclusive()? {
        return Err(Error::new(
            ErrorKind::Incompatible,
            "it is in use by programs that were started when the machine ran for another time, or by another machine that has the file: only one start of one machine can use it at a time",
        ));
    }
    if !object.is_at(&place.path())? {
        // It has another name, or none: look again.
        return Ok(());
    }
    let layout = RootLayout::new(header.slots);
    let mapping = Mapping::new(&object, facts.size as usize, Access::ReadWrite)?;
    let slots = mapping.as_ptr().as_ptr().wrapping_add(layout.slots);
    // SAFETY: the layout puts the slots there, inside the mapping; the exclusive lock says that nobody is attached.
    unsafe { Table::reset(slots.cast(), header.slots as usize) }?;
    step!("reset.slots");
    object.write_at(bytemuck::bytes_of(&header.with_this_boot()), 0)
}
