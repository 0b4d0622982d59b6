//! Making a root segment.
//!
//! # Protocol
//!
//! It is built under a private name and gets its own name last, by a rename that replaces nothing. So whoever finds the name finds a
//! whole segment.
//!
//! | a death after | leaves | removed by |
//! | --- | --- | --- |
//! | the object is created | a private name without a lock | any sweep |
//! | it is locked, reserved, built | the same: the lock died with the process | any sweep |
//! | it has its name | a whole segment that nobody is attached to | any sweep, or who creates the name again |
//!
//! A sweep may remove the private name between its creation and the lock; the link count tells, and the birth starts again.
#![allow(unsafe_code)]

use super::{
    Root,
    header::{Header, Kind, RootLayout},
    name::Place,
    participants::Table,
    registry, sweep,
};
use crate::{
    Error, ErrorKind, Result,
    os::{
        fork, identity,
        mapping::Mapping,
        object::{self, Access, Object},
        step::step,
    },
};
use std::sync::Arc;

/// What a new root is to be.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Plan {
    pub(crate) slots: u32,
    /// It outlives the processes that use it.
    pub(crate) keep: bool,
}

/// How many threads can take part in a root unless its maker says otherwise.
pub(crate) const SLOTS: u32 = 1024;

/// Makes a root at `place`. What stands there is removed if it is stale, and an error if it is not.
pub(crate) fn create(place: Place, plan: Plan) -> Result<Arc<Root>> {
    fork::refuse_if_forked()?;
    if !(1..=super::OwnerId::MAX_SLOTS).contains(&plan.slots) {
        return Err(Error::new(
            ErrorKind::InvalidInput,
            format!(
                "a segment has 1 to {} participants, not {}",
                super::OwnerId::MAX_SLOTS,
                plan.slots
            ),
        ));
    }
    loop {
        let birthplace = place.birthplace();
        let (object, mapping, header) = match build(&birthplace, plan) {
            Ok(Some(built)) => built,
            Ok(None) => continue,
            Err(error) => {
                let _ = object::unlink(&birthplace.path());
                return Err(error);
            }
        };
        step!("birth.built");
        let named = loop {
            match object::publish(&birthplace.path(), &place.path()) {
                Err(error) if error.kind() == ErrorKind::AlreadyExists && sweep::root(&place) => {}
                named => break named,
            }
        };
        if let Err(error) = named {
            let _ = object::unlink(&birthplace.path());
            return Err(match error.kind() {
                // A sweep was faster than the lock.
                ErrorKind::NotFound if object.facts()?.links == 0 => continue,
                ErrorKind::AlreadyExists => Error::new(
                    ErrorKind::AlreadyExists,
                    format!(
                        "the segment {} exists and is in use; attach it, or choose another name",
                        place.name()
                    ),
                )
                .with_source(error),
                _ => error,
            });
        }
        step!("birth.named");
        return registry::join(place, object, mapping, header, Access::ReadWrite);
    }
}

/// A whole root under its private name; `None` when it was swept meanwhile.
fn build(birthplace: &Place, plan: Plan) -> Result<Option<(Object, Mapping, Header)>> {
    let layout = RootLayout::new(plan.slots);
    let size = layout.size.next_multiple_of(birthplace.page_bytes());
    let object = match birthplace.create(size) {
        // A sweep was faster than the second look at the name.
        Err(error) if error.kind() == ErrorKind::NotFound && birthplace.has_directory() => {
            return Ok(None);
        }
        created => created?,
    };
    step!("birth.created");
    object.lock_shared()?;
    if object.facts()?.links == 0 {
        return Ok(None);
    }
    step!("birth.locked");
    object.reserve(size)?;
    step!("birth.reserved");
    let mapping = Mapping::new(&object, size, Access::ReadWrite)?;
    let slots = mapping.as_ptr().as_ptr().wrapping_add(layout.slots);
    // SAFETY: the layout puts the slots there, inside the mapping; the object is new, hence zero, and under a private name.
    unsafe { Table::init(slots.cast(), plan.slots as usize) }?;
    let mut header = Header::new(Kind::Root, size, identity::random_u128().to_ne_bytes());
    header.slots = plan.slots;
    header.keep = u32::from(plan.keep);
    // SAFETY: the header's page is the first of the mapping, and nobody else reads it yet.
    unsafe { mapping.as_ptr().cast::<Header>().write(header) };
    Ok(Some((object, mapping, header)))
}
