//! A thread that may make no system call: at the first one the kernel kills its process with SIGSYS.

use multiproc::{Atomic, Ordering};
use std::{hint, ptr, thread};

/// What the kernel says of a process that made a forbidden call.
pub(crate) const SIGSYS: i32 = libc::SIGSYS;

/// From now on this thread's process dies when this thread makes a system call, whichever.
fn forbid_system_calls() {
    let mut kill =
        libc::sock_filter { code: 0x06, jt: 0, jf: 0, k: libc::SECCOMP_RET_KILL_PROCESS };
    let program = libc::sock_fprog { len: 1, filter: &raw mut kill };
    let no_core = libc::rlimit { rlim_cur: 0, rlim_max: 0 };
    // SAFETY: the kernel reads the limit.
    let limited = unsafe { libc::setrlimit(libc::RLIMIT_CORE, &raw const no_core) };
    // SAFETY: only numbers are passed.
    let bound = unsafe { libc::prctl(libc::PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) };
    assert!(limited == 0 && bound == 0);
    // SAFETY: the kernel reads the program, which lives until after the call.
    let filtered = unsafe {
        libc::prctl(libc::PR_SET_SECCOMP, libc::SECCOMP_MODE_FILTER, ptr::from_ref(&program))
    };
    // A panic would make calls: if the kernel took the filter, there is none.
    assert_eq!(filtered, 0, "the kernel has no seccomp filters");
}

/// Does the work on a thread that may make no system call. Returns when it is done; the thread stays until the process ends, as its end would be a call.
pub(crate) fn without_system_calls(
    prepare: impl FnOnce() + Send + 'static,
    work: impl FnOnce() + Send + 'static,
) {
    let done = Atomic::new(false).unwrap();
    let theirs = done.clone();
    thread::spawn(move || {
        // Its registration is over before.
        prepare();
        forbid_system_calls();
        work();
        theirs.store(true, Ordering::SeqCst);
        loop {
            hint::spin_loop();
        }
    });
    while !done.load(Ordering::SeqCst) {
        thread::yield_now();
    }
}
