//! The library's files of this layer that have protocols.

#[path = "../../src/segment/owner.rs"]
mod owner;
#[path = "../../src/segment/pins.rs"]
pub mod pins;

/// Two words of bits: they are not read in one instant.
pub const HOLDERS: u32 = 128;

pub(crate) use owner::OwnerId;
