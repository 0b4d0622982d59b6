//! Named pieces of shared memory: how they are born, found, filled, and swept.
//!
//! A **root** has the participants, the processes, and a table of the **members** by which it grows; members have
//! the blocks in which objects live.

mod attach;
mod attached;
mod backing;
mod birth;
mod block;
mod by_id;
mod copied;
mod freeing;
mod glimpse;
mod header;
mod heap;
mod holders;
mod member_outline;
mod members;
mod name;
mod outline;
mod owner;
mod parcel;
mod participant;
mod participants;
mod pins;
mod recent;
mod registry;
mod reset;
mod root;
mod session;
mod shelf;
mod spares;
mod sweep;
mod users;

/// Whether an object is a root or member of this crate, of whatever version.
pub(crate) fn is_ours(object: &crate::os::object::Object) -> bool {
    header::Header::is_at(object)
}

/// How many holders a root segment has: processes, and tables that keep blocks alive.
pub(crate) const HOLDERS: u32 = 512;

pub(crate) use attach::{attach, attach_by};
pub(crate) use backing::{Backing, Nodes};
pub(crate) use birth::{Plan, SLOTS, create};
pub(crate) use block::{Block, BlockId};
pub(crate) use copied::Copied;
pub(crate) use glimpse::Glimpse;
pub(crate) use holders::NAMES;
pub(crate) use member_outline::{BlockOutline, MemberOutline};
pub(crate) use members::MemberId;
pub(crate) use name::{
    DIRECTORY as SHM_DIRECTORY, Place, RawName, is_birthplace, is_raw, is_session, root_of_member,
};
pub(crate) use outline::{RootOutline, ThreadOutline};
pub(crate) use owner::OwnerId;
pub(crate) use parcel::{Parcel, pack, unpack};
pub(crate) use participant::current;
pub(crate) use recent::{keep_recent, unmap_gone};
pub(crate) use registry::find_nonce;
pub(crate) use root::Root;
pub(crate) use session::{SESSION_VARIABLE, from_env, inherit, leave, session, session_text};
pub(crate) use sweep::{all as sweep_all, keeps};
pub(crate) use users::Users;
