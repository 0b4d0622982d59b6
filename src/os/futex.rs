//! Sleeping on words in shared memory, and waking who sleeps.
//!
//! Every call here is *shared* (no `FUTEX_PRIVATE_FLAG`): the kernel finds the word by its page, so that a wake-up
//! crosses process borders. Deadlines are absolute and monotonic.
//!
//! `futex(2)`, and `futex_waitv` of Linux 5.16. Where the kernel or a sandbox refuses the latter, or the environment
//! has `MULTIPROC_NO_WAITV`, [`wait_any`] sleeps on the first word alone and for a short slice: then changes of
//! the other words are seen when the slice ends.
#![allow(unsafe_code)]

use super::clock::Deadline;
use crate::atomic::{AtomicBool, AtomicU32, Ordering};
use std::{ptr, sync::OnceLock, time::Duration};

/// No sleep on few words lasts longer: then everything is read again. Correctness never depends on a wake-up.
pub(crate) const SLICE: Duration = Duration::from_millis(250);
/// The slice where only one word can be watched.
pub(crate) const SLICE_WITHOUT_WAITV: Duration = Duration::from_millis(20);
/// How many words the kernel watches at once.
pub(crate) const MAX_WATCHED: usize = 128;

/// A word, and the value with which the sleep may go on. The word may be half of a larger one: only the kernel reads it here.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Watch {
    pub(crate) word: *const u32,
    pub(crate) seen: u32,
}

impl Watch {
    pub(crate) const NOTHING: Self = Self { word: ptr::null(), seen: 0 };

    pub(crate) fn new(word: &AtomicU32, seen: u32) -> Self {
        Self { word: word.as_ptr(), seen }
    }
}

#[repr(C)]
pub(super) struct FutexWaitv {
    val: u64,
    uaddr: u64,
    flags: u32,
    reserved: u32,
}

impl FutexWaitv {
    /// The word's address in a copy of such a structure.
    pub(super) fn address_in(bytes: &[u8]) -> u64 {
        const AT: usize = std::mem::offset_of!(FutexWaitv, uaddr);
        bytes.get(AT..AT + 8).and_then(|bytes| bytes.try_into().ok()).map_or(0, u64::from_ne_bytes)
    }
}

const FUTEX2_SIZE_U32: u32 = 2;

// SAFETY: an address that is given to the kernel, and a value; nothing is read through it here.
unsafe impl Send for Watch {}
// SAFETY: as above.
unsafe impl Sync for Watch {}

/// Sleeps until the word is woken, differs from `seen`, or the deadline has passed; may also return for no reason.
#[cfg(test)]
pub(crate) fn wait(word: &AtomicU32, seen: u32, deadline: Deadline) {
    wait_address(word.as_ptr(), seen, deadline);
}

fn wait_address(word: *const u32, seen: u32, deadline: Deadline) {
    let time = deadline.timespec();
    let time = time.as_ref().map_or(ptr::null(), ptr::from_ref);
    // SAFETY: the kernel reads the word, or answers EFAULT; `time` is null or points to a timespec of this frame.
    unsafe {
        libc::syscall(
            libc::SYS_futex,
            word,
            libc::FUTEX_WAIT_BITSET,
            seen,
            time,
            ptr::null::<u32>(),
            u32::MAX,
        );
    }
}

/// Sleeps until one of the words is woken or differs, or the deadline or a slice has passed; may also return
/// for no reason. The first word should be the one that is woken on purpose.
pub(crate) fn wait_any(watches: &[Watch], deadline: Deadline) -> Woken {
    wait_any_for(watches, deadline, 1)
}

/// The same, for so many slices.
pub(crate) fn wait_any_for(watches: &[Watch], deadline: Deadline, slices: u32) -> Woken {
    if waitv_is_there() {
        if let Some(woken) = wait_vector(watches, deadline.within(slice().saturating_mul(slices))) {
            return woken;
        }
        WAITV_REFUSED.store(true, Ordering::Relaxed);
    }
    let end = deadline.within(SLICE_WITHOUT_WAITV);
    if let Some(first) = watches.first() {
        wait_address(first.word, first.seen, end);
    }
    if end.has_passed() { Woken::ByTime } else { Woken::BySomething }
}

/// How a sleep ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Woken {
    /// Words were woken, of which this is the last, by its number.
    Up(usize),
    /// A word differed already, and none was woken.
    ByChange,
    /// The deadline or the slice has passed, and no word was woken.
    ByTime,
    /// It is not known: a signal, or the kernel does not say.
    BySomething,
}

/// How long a sleep lasts at the most. In builds with debug assertions `MULTIPROC_SLICE_MS` can make it so long that a lost wake-up hangs: for tests that look for such.
pub(crate) fn slice() -> Duration {
    static CHOSEN: OnceLock<Duration> = OnceLock::new();
    if !cfg!(debug_assertions) {
        return SLICE;
    }
    *CHOSEN.get_or_init(|| {
        let chosen = std::env::var("MULTIPROC_SLICE_MS").ok().and_then(|text| text.parse().ok());
        chosen.map_or(SLICE, Duration::from_millis)
    })
}

/// `None` where the kernel does not take the call.
///
/// Of several words that were woken the kernel names the last (`futex_unqueue_multiple`), also where another one differed before it slept, or the time was up.
fn wait_vector(watches: &[Watch], deadline: Deadline) -> Option<Woken> {
    let count = watches.len().min(MAX_WATCHED);
    let mut vector = [const { FutexWaitv { val: 0, uaddr: 0, flags: FUTEX2_SIZE_U32, reserved: 0 } };
        MAX_WATCHED];
    for (entry, watch) in vector.iter_mut().zip(watches) {
        entry.val = u64::from(watch.seen);
        entry.uaddr = watch.word as u64;
    }
    let time = deadline.timespec();
    let time = time.as_ref().map_or(ptr::null(), ptr::from_ref);
    // SAFETY: the vector has at least `count` entries, each naming a word that outlives the call.
    let answer = unsafe {
        libc::syscall(
            libc::SYS_futex_waitv,
            vector.as_ptr(),
            count,
            0_u32,
            time,
            libc::CLOCK_MONOTONIC,
        )
    };
    if let Ok(last) = usize::try_from(answer) {
        return Some(Woken::Up(last));
    }
    match std::io::Error::last_os_error().raw_os_error() {
        Some(libc::ENOSYS | libc::EPERM | libc::EINVAL) => None,
        Some(libc::EAGAIN) => Some(Woken::ByChange),
        Some(libc::ETIMEDOUT) => Some(Woken::ByTime),
        _ => Some(Woken::BySomething),
    }
}

/// Whether the kernel watches more than the first word; it may turn out later that it does not.
pub(crate) fn takes_many() -> bool {
    waitv_is_there()
}

static WAITV_REFUSED: AtomicBool = AtomicBool::new(false);

fn waitv_is_there() -> bool {
    static SWITCHED_OFF: OnceLock<bool> = OnceLock::new();
    !WAITV_REFUSED.load(Ordering::Relaxed)
        && !*SWITCHED_OFF.get_or_init(|| std::env::var_os("MULTIPROC_NO_WAITV").is_some())
}

/// Wakes up to `count` sleepers of the word, in any process; says how many there were.
pub(crate) fn wake(word: &AtomicU32, count: u32) -> u32 {
    wake_address(word.as_ptr(), count)
}

/// As [`wake`], by address: for a word that may be unmapped by another thread the moment it is free.
/// The kernel answers EFAULT then, and nothing is touched.
pub(crate) fn wake_address(word: *const u32, count: u32) -> u32 {
    // SAFETY: FUTEX_WAKE reads no user memory; an address that is not mapped is an error code.
    let woken = unsafe {
        libc::syscall(libc::SYS_futex, word, libc::FUTEX_WAKE, count.min(i32::MAX as u32))
    };
    u32::try_from(woken).unwrap_or(0)
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::sync::Arc;

    #[test]
    fn a_changed_word_is_no_sleep() {
        let (a, b) = (AtomicU32::new(1), AtomicU32::new(2));
        wait_any(&[Watch::new(&a, 1), Watch::new(&b, 0)], Deadline::NEVER);
        wait(&a, 7, Deadline::NEVER);
    }

    #[test]
    fn a_deadline_ends_the_sleep_and_not_before() {
        let word = AtomicU32::new(0);
        let deadline = Deadline::after(Duration::from_millis(30));
        while !deadline.has_passed() {
            wait_any(&[Watch::new(&word, 0)], deadline);
        }
        assert!(deadline.has_passed());
    }

    #[test]
    fn a_wake_up_on_the_second_word_arrives() {
        let words = Arc::new([AtomicU32::new(0), AtomicU32::new(0)]);
        let sleeper = std::thread::spawn({
            let words = Arc::clone(&words);
            move || {
                while words[1].load(Ordering::Acquire) == 0 {
                    wait_any(
                        &[Watch::new(&words[0], 0), Watch::new(&words[1], 0)],
                        Deadline::NEVER,
                    );
                }
            }
        });
        words[1].store(1, Ordering::Release);
        wake(&words[1], u32::MAX);
        sleeper.join().unwrap();
    }
}
