//! Looking at segments from outside: which there are, what lies in one, and who waits for whom.
//!
//! Who looks takes no part: it copies words out of the files (`pread`), maps nothing, takes no lock, and writes nothing. So it can neither disturb a running program, nor be harmed by a segment that is damaged, or cut off
//! while it is looked at. The command `multiproc` is made of this module.
//!
//! What is told is true word by word; but the words are copied one after the other while the programs go on, so two of them need not have been true at one moment. Only deadlocks are proved: see [`Deadlock`].
//!
//! # What can be seen
//!
//! | what | from | what is not known |
//! | --- | --- | --- |
//! | processes, threads | their records, and locks that the kernel drops at death | readers ([`SegmentView`](crate::SegmentView)) have no record |
//! | names, and the types of what is published | the table of names | – |
//! | locks, events, semaphores, barriers, conditions | their blocks, published or not | who holds a permit; a barrier's and a condition's waiting threads by name, other than by sleep |
//! | queues, and pools | their blocks, published or not | what the items and tasks are: only programs know their types |
//! | values and arrays | the table of names, if they are published; else if somebody sleeps for one | who has borrowed an unpublished one for which nobody waits |
//! | who sleeps, and where | the kernel (`/proc`), which tells whom it lets trace the process: the same user, or with Yama only root | threads that wait awake, for some microseconds |
//!
//! ```
//! use multiproc::{Lock, Segment, inspect};
//! # fn main() -> multiproc::Result<()> {
//! # let name = &format!("doc-inspect-{}", std::process::id());
//! let segment = Segment::create(name)?;
//! let lock = Lock::new_in(&segment)?;
//! segment.publish("results", &lock)?;
//! let _guard = lock.lock()?;
//!
//! // Any program of the same user sees it.
//! let report = inspect::look(name)?;
//! let seen = report.objects.iter().find(|object| object.names == ["results"]).unwrap();
//! let inspect::Detail::Lock { owner: Some(owner), .. } = &seen.detail else { panic!() };
//! assert_eq!(report.thread(owner).unwrap().pid, std::process::id());
//! # Ok(())
//! # }
//! ```

mod deadlock;
mod detail;
mod kind;
mod list;
mod look;
mod object;
mod object_reader;
mod places;
mod report;
mod sleeper;
mod state;
mod summary;
mod system;
mod thread;
mod worker;

pub use deadlock::{Deadlock, Wait};
pub use detail::Detail;
pub use kind::Kind;
pub use list::list;
pub use look::{look, look_file};
pub use object::Object;
pub use report::Report;
pub use sleeper::Sleeper;
pub use state::State;
pub use summary::Summary;
pub use system::{System, system};
pub use thread::Thread;
pub use worker::Worker;
