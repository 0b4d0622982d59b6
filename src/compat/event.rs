//! `Event`: an event behind the traits of `raw_sync`, without a condition variable.
//!
//! # Protocol
//!
//! | word | contents |
//! | --- | --- |
//! | `state` | [`SIGNALED`] or 0; the bits of a thread id are always zero, so the kernel rings it for a dead one (see `os::robust_list`) |
//! | `turn` | goes up with each signal of a manual event |
//! | `kind` | [`MANUAL`] or [`AUTO`], never changed |
//!
//! A manual event releases all who wait when it is signalled, also if it is cleared at once: they see another turn. An automatic one is
//! taken by one, who clears it by a compare-exchange.
//!
//! | it dies | and | then |
//! | --- | --- | --- |
//! | signalling, after the store | before the ring | the kernel rings once for it; sleepers of a manual event ring on |
//! | woken | before it took an automatic signal | the kernel rings for it: the next sleeper looks |
//! | sleeping | – | nothing: nobody counts sleepers |
//!
//! Every sleep ends after a slice and looks again.
#![allow(unsafe_code)]

use crate::{
    Error, ErrorKind,
    atomic::{AtomicU32, Ordering},
    os::{
        clock::Deadline,
        futex::{self, Watch},
        robust_list::RingAtDeath,
    },
};
use raw_sync::{
    Timeout,
    events::{EventImpl, EventInit, EventState},
};
use std::{error, fmt};

type Result<T> = std::result::Result<T, Box<dyn error::Error>>;

const SIGNALED: u32 = 1 << 31;
const MANUAL: u32 = 0x6d70_6d61;
const AUTO: u32 = 0x6d70_6175;

#[repr(C)]
struct Words {
    state: AtomicU32,
    turn: AtomicU32,
    kind: AtomicU32,
}

/// An event in memory of the program's own, by the traits of [`raw_sync::events`].
///
/// ```
/// # fn main() -> Result<(), Box<dyn std::error::Error>> {
/// use multiproc::compat::Event; // was: use raw_sync::events::Event;
/// use raw_sync::{Timeout, events::{EventImpl, EventInit, EventState}};
/// use std::time::Duration;
///
/// let mut memory = [0_u32; 8];
/// // SAFETY: there is room for the event, and nobody else uses the memory.
/// let (event, _) = unsafe { Event::new(memory.as_mut_ptr().cast(), true) }?;
/// event.set(EventState::Signaled)?;
/// event.wait(Timeout::Infinite)?;
/// assert!(event.wait(Timeout::Val(Duration::ZERO)).is_err()); // it was automatic
/// # Ok(())
/// # }
/// ```
pub struct Event {
    words: *const Words,
}

impl Event {
    fn place(mem: *mut u8) -> (*mut Words, usize) {
        let padding = mem.align_offset(align_of::<Words>());
        (mem.wrapping_add(padding).cast(), padding + size_of::<Words>())
    }

    fn words(&self) -> &Words {
        // SAFETY: whoever made this promised that an event is there as long as this lives; it consists of atomics.
        unsafe { &*self.words }
    }

    /// Whether the event lets the caller go, who began to wait in `turn`.
    fn passes(&self, turn: u32) -> bool {
        let Words { state, turn: now, kind } = self.words();
        if kind.load(Ordering::Relaxed) == AUTO {
            // Acquire pairs with the Release of `set`.
            return state
                .compare_exchange(SIGNALED, 0, Ordering::Acquire, Ordering::Relaxed)
                .is_ok();
        }
        state.load(Ordering::Acquire) == SIGNALED || now.load(Ordering::Acquire) != turn
    }

    fn wait_by(&self, deadline: Deadline) -> Result<()> {
        let Words { state, turn, kind } = self.words();
        let began = turn.load(Ordering::Acquire);
        if self.passes(began) {
            return Ok(());
        }
        // From here on this thread may have been chosen by a ring.
        let chosen = RingAtDeath::name(state.as_ptr());
        let passed = loop {
            let seen_turn = turn.load(Ordering::Acquire);
            if self.passes(began) {
                break true;
            }
            if deadline.has_passed() {
                break false;
            }
            let watches = [
                Watch { word: state.as_ptr(), seen: 0 },
                Watch { word: turn.as_ptr(), seen: seen_turn },
            ];
            futex::wait_any(&watches, deadline);
        };
        if kind.load(Ordering::Relaxed) == MANUAL || !passed {
            // The ring may have been for another: who signals a manual event and dies rings for one only.
            futex::wake(state, 1);
        }
        drop(chosen);
        if passed {
            return Ok(());
        }
        Err(Box::new(Error::new(ErrorKind::TimedOut, "the event was not signalled in time")))
    }
}

impl EventInit for Event {
    fn size_of(addr: Option<*mut u8>) -> usize {
        addr.map_or(size_of::<Words>(), |mem| Self::place(mem).1)
    }

    /// # Safety
    ///
    /// From `mem` on there are [`size_of`](EventInit::size_of) bytes, which nobody else uses during the call, and which stay as long as the answer lives.
    #[allow(clippy::new_ret_no_self, reason = "the trait's")]
    unsafe fn new(mem: *mut u8, auto_reset: bool) -> Result<(Box<dyn EventImpl>, usize)> {
        let (words, used) = Self::place(mem);
        let kind = if auto_reset { AUTO } else { MANUAL };
        let fresh =
            Words { state: AtomicU32::new(0), turn: AtomicU32::new(0), kind: AtomicU32::new(kind) };
        // SAFETY: the caller's: room, aligned by `place`, and nobody else uses it.
        unsafe { words.write(fresh) };
        Ok((Box::new(Self { words }), used))
    }

    /// # Safety
    ///
    /// As [`new`](EventInit::new), but others may use the memory as an event.
    unsafe fn from_existing(mem: *mut u8) -> Result<(Box<dyn EventImpl>, usize)> {
        let (words, used) = Self::place(mem);
        let event = Self { words };
        match event.words().kind.load(Ordering::Acquire) {
            MANUAL | AUTO => Ok((Box::new(event), used)),
            other => Err(Box::new(Error::new(
                ErrorKind::InvalidSegment,
                format!("there is no event of multiproc at that address: found {other:#x}"),
            ))),
        }
    }
}

impl EventImpl for Event {
    fn wait(&self, timeout: Timeout) -> Result<()> {
        self.wait_by(super::deadline(timeout))
    }

    fn set(&self, state: EventState) -> Result<()> {
        let words = self.words();
        match state {
            EventState::Clear => words.state.store(0, Ordering::Release),
            EventState::Signaled => {
                let ring = RingAtDeath::name(words.state.as_ptr());
                let one = words.kind.load(Ordering::Relaxed) == AUTO;
                if !one {
                    words.turn.fetch_add(1, Ordering::Release);
                }
                words.state.store(SIGNALED, Ordering::Release);
                futex::wake(&words.state, if one { 1 } else { u32::MAX });
                drop(ring);
            }
        }
        Ok(())
    }
}

impl fmt::Debug for Event {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Event")
            .field("signaled", &(self.words().state.load(Ordering::Relaxed) == SIGNALED))
            .finish_non_exhaustive()
    }
}
