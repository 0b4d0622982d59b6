//! SIGBUS in a mapped file: the access goes on with zeros, and the mapping remembers where it lost its file.
//!
//! A page of a mapped file that the file does not have any more, or that the device cannot read, or that a full file system has no block for, is
//! answered by the kernel with SIGBUS, which ends the process. Files are other people's too; so the places of mapped files are in
//! a table, and a handler answers for them. Every other SIGBUS goes to the handler that was there before, or ends the process as ever.
//!
//! # Protocol
//!
//! | step | by | effect |
//! | --- | --- | --- |
//! | 1 | the faulting access | the kernel calls the handler on the accessing thread |
//! | 2 | the handler | finds the region of the address; lowers `lost_from` to the offset of the page |
//! | 3 | the handler | puts anonymous zeros over the region, from that page to its end |
//! | 4 | the access | runs again, on zeros |
//! | 5 | who made the access | reads `lost_from` *after* the access, and says that it failed |
//!
//! 1. A region is in the table before its memory is first touched and until after it was last touched: who touches it keeps it. So the region of a
//!    fault that is ours cannot change under the handler; one that changes is somebody else's, and is passed by.
//! 2. `lost_from` only falls while the region is registered. Step 2 comes before step 3, so whoever meets the zeros finds it lowered.
//! 3. The handler calls nothing but `mmap`, `sigaction` and `raise`, takes no lock, allocates nothing, and keeps `errno`.
//!
//! A death at any step ends the process, and the table with it.
//!
//! `sigaction(2)` (`SIGBUS`), `mmap(2)` (`MAP_FIXED`), `signal-safety(7)`
#![allow(unsafe_code)]

use crate::{
    Error, ErrorKind, Result,
    atomic::{AtomicBool, AtomicU32, AtomicUsize, Ordering, fence},
};
use std::{
    mem::MaybeUninit,
    ptr,
    sync::{Mutex, Once, OnceLock, PoisonError},
};

/// How many files can be mapped at a time. An entry that was never used costs no memory.
const REGIONS: usize = 4096;

/// Nothing is lost.
const NOTHING: usize = usize::MAX;

/// Where a mapped file is. A sequence lock: the version is odd while the rest changes.
struct Region {
    version: AtomicU32,
    writable: AtomicBool,
    start: AtomicUsize,
    end: AtomicUsize,
    /// From this offset on there are zeros instead of the file.
    lost_from: AtomicUsize,
}

static TABLE: [Region; REGIONS] = [const {
    Region {
        version: AtomicU32::new(0),
        writable: AtomicBool::new(false),
        start: AtomicUsize::new(0),
        end: AtomicUsize::new(0),
        lost_from: AtomicUsize::new(NOTHING),
    }
}; REGIONS];

/// Entries from here on were never used.
static USED: AtomicUsize = AtomicUsize::new(0);
/// Entries that were used and are free. The handler does not ask.
static FREE: Mutex<Vec<usize>> = Mutex::new(Vec::new());
static PAGE: AtomicUsize = AtomicUsize::new(4096);
static PREVIOUS: OnceLock<libc::sigaction> = OnceLock::new();

impl Region {
    fn set(&self, start: usize, end: usize, writable: bool) {
        let version = self.version.load(Ordering::Relaxed);
        self.version.store(version.wrapping_add(1), Ordering::Relaxed);
        // Release: who sees a field of the new state sees the odd version. Pairs with the fence in `bounds`.
        fence(Ordering::Release);
        self.start.store(start, Ordering::Relaxed);
        self.end.store(end, Ordering::Relaxed);
        self.writable.store(writable, Ordering::Relaxed);
        self.lost_from.store(NOTHING, Ordering::Relaxed);
        // Release: pairs with the first load in `bounds`.
        self.version.store(version.wrapping_add(2), Ordering::Release);
    }

    /// Start, end, and whether it is writable; `None` while they change.
    fn bounds(&self) -> Option<(usize, usize, bool)> {
        let version = self.version.load(Ordering::Acquire);
        let bounds = (
            self.start.load(Ordering::Relaxed),
            self.end.load(Ordering::Relaxed),
            self.writable.load(Ordering::Relaxed),
        );
        fence(Ordering::Acquire);
        let same = self.version.load(Ordering::Relaxed) == version;
        (version.is_multiple_of(2) && same).then_some(bounds)
    }
}

/// The entry of a mapping. Drop it before the memory is unmapped.
#[derive(Debug)]
pub(crate) struct Registered(usize);

impl Registered {
    /// Enters the memory of a mapped file, which begins with a page. The handler is installed by the first.
    ///
    /// # Safety
    ///
    /// The bytes are a mapping that the caller owns, and stay mapped as long as this lives; on a fault their tail is replaced by zeros. Nobody touches them after
    /// it was dropped.
    pub(crate) unsafe fn new(start: *const u8, len: usize, writable: bool) -> Result<Self> {
        install();
        let mut free = FREE.lock().unwrap_or_else(PoisonError::into_inner);
        let index = match free.pop() {
            Some(index) => index,
            None => {
                let index = USED.load(Ordering::Relaxed);
                if index == REGIONS {
                    return Err(Error::new(
                        ErrorKind::TooMany,
                        format!("{REGIONS} files are mapped already: drop some of them"),
                    ));
                }
                // Relaxed: a fault in the new region happens on a thread that has seen it registered.
                USED.store(index + 1, Ordering::Relaxed);
                index
            }
        };
        TABLE[index].set(start as usize, start as usize + len, writable);
        Ok(Self(index))
    }

    /// From this offset on the memory is zeros instead of the file: `usize::MAX` if nothing was lost.
    #[inline]
    pub(crate) fn lost_from(&self) -> usize {
        TABLE[self.0].lost_from.load(Ordering::Acquire)
    }
}

impl Drop for Registered {
    fn drop(&mut self) {
        TABLE[self.0].set(0, 0, false);
        FREE.lock().unwrap_or_else(PoisonError::into_inner).push(self.0);
    }
}

pub(crate) fn page_size() -> usize {
    // SAFETY: takes and gives numbers.
    let bytes = unsafe { libc::sysconf(libc::_SC_PAGESIZE) };
    usize::try_from(bytes).unwrap_or(4096)
}

/// Installs the handler, once in the life of the process.
fn install() {
    static ONCE: Once = Once::new();
    ONCE.call_once(|| {
        PAGE.store(page_size(), Ordering::Relaxed);
        // The previous one must be known before ours can be called.
        let mut action = current();
        let _ = PREVIOUS.set(action);
        // As before: what is blocked meanwhile, whether calls go on, whether it may interrupt itself. On the thread's alternative stack, if it has
        // one, because the handler of a stack that overflowed may be the previous one.
        action.sa_flags = libc::SA_SIGINFO
            | libc::SA_ONSTACK
            | (action.sa_flags & (libc::SA_RESTART | libc::SA_NODEFER));
        action.sa_sigaction = on_bus_error as *const () as usize;
        set(&action);
    });
}

fn current() -> libc::sigaction {
    let mut action = MaybeUninit::<libc::sigaction>::zeroed();
    // SAFETY: the place is valid; nothing is changed.
    unsafe { libc::sigaction(libc::SIGBUS, ptr::null(), action.as_mut_ptr()) };
    // SAFETY: written by the call, which cannot fail for this signal; zeros are the default action.
    unsafe { action.assume_init() }
}

fn set(action: &libc::sigaction) {
    // SAFETY: the action is one that was there before, the default, or our handler, which is async-signal-safe (invariant 3).
    unsafe { libc::sigaction(libc::SIGBUS, action, ptr::null_mut()) };
}

extern "C" fn on_bus_error(
    signal: libc::c_int,
    info: *mut libc::siginfo_t,
    context: *mut libc::c_void,
) {
    // SAFETY: the handler was installed with SA_SIGINFO, so the kernel gives a siginfo.
    let told = unsafe { &*info };
    let code = told.si_code;
    if matches!(code, libc::BUS_ADRERR | libc::BUS_MCEERR_AR) {
        // SAFETY: these codes come with an address; codes of `kill` do not, and were excluded.
        let address = unsafe { told.si_addr() } as usize;
        // SAFETY: the address of this thread's errno, always valid.
        let errno = unsafe { libc::__errno_location() };
        // SAFETY: as above.
        let before = unsafe { errno.read() };
        let answered = answer(address);
        // SAFETY: as above.
        unsafe { errno.write(before) };
        if answered {
            return;
        }
    }
    pass_on(signal, info, context, code);
}

/// Puts zeros where the fault was, if that is in a mapped file.
fn answer(address: usize) -> bool {
    let used = USED.load(Ordering::Relaxed).min(REGIONS);
    let found = TABLE[..used].iter().find_map(|region| {
        let bounds = region.bounds()?;
        (bounds.0..bounds.1).contains(&address).then_some((region, bounds))
    });
    let Some((region, (start, end, writable))) = found else { return false };
    let page = PAGE.load(Ordering::Relaxed);
    let from = address - address % page;
    let before = region.lost_from.fetch_min(from - start, Ordering::AcqRel);
    // The file ends at or before this page, as a rule. If there is not even address space for zeros, one page is enough to go on.
    let done = zeros(from, end - from, writable) || zeros(from, page, writable);
    if !done {
        region.lost_from.store(before, Ordering::Relaxed);
    }
    done
}

fn zeros(at: usize, len: usize, writable: bool) -> bool {
    let protection = libc::PROT_READ | if writable { libc::PROT_WRITE } else { 0 };
    let flags = libc::MAP_PRIVATE | libc::MAP_ANONYMOUS | libc::MAP_FIXED | libc::MAP_NORESERVE;
    // SAFETY: the range is inside a registered region, which its owner allowed to be replaced (`Registered::new`), and which
    // stays registered during the access that we interrupted (invariant 1).
    let at = unsafe { libc::mmap(at as *mut libc::c_void, len, protection, flags, -1, 0) };
    at != libc::MAP_FAILED
}

/// Does what would have happened without us.
fn pass_on(
    signal: libc::c_int,
    info: *mut libc::siginfo_t,
    context: *mut libc::c_void,
    code: libc::c_int,
) {
    // Somebody's `kill`, or news about memory that nobody touches: returning would not bring it again.
    let once = code <= 0 || code == libc::BUS_MCEERR_AO;
    let previous = PREVIOUS.get().filter(|previous| {
        // A fault cannot be ignored: the kernel would end the process.
        previous.sa_sigaction != libc::SIG_DFL && (previous.sa_sigaction != libc::SIG_IGN || once)
    });
    let Some(previous) = previous else {
        by_default();
        if once {
            // SAFETY: async-signal-safe. The signal is blocked here, and is delivered on return.
            unsafe { libc::raise(signal) };
        }
        // Else the instruction runs again, and faults again.
        return;
    };
    if previous.sa_sigaction == libc::SIG_IGN {
        return;
    }
    if previous.sa_flags & libc::SA_RESETHAND != 0 {
        by_default();
    }
    if previous.sa_flags & libc::SA_SIGINFO != 0 {
        type Handler = extern "C" fn(libc::c_int, *mut libc::siginfo_t, *mut libc::c_void);
        // SAFETY: who installed it with SA_SIGINFO gave a function of this type.
        let handler = unsafe { std::mem::transmute::<usize, Handler>(previous.sa_sigaction) };
        handler(signal, info, context);
    } else {
        // SAFETY: who installed it without SA_SIGINFO gave a function of this type.
        let handler = unsafe {
            std::mem::transmute::<usize, extern "C" fn(libc::c_int)>(previous.sa_sigaction)
        };
        handler(signal);
    }
}

fn by_default() {
    let zeroed = MaybeUninit::<libc::sigaction>::zeroed();
    // SAFETY: zeros are a valid action: the default one, without flags.
    let mut action = unsafe { zeroed.assume_init() };
    action.sa_sigaction = libc::SIG_DFL;
    set(&action);
}
