//! A process that can open nothing more, for a while.

use std::mem::MaybeUninit;

/// As long as this is there, each new descriptor is one too many.
pub(crate) struct NoDescriptors(libc::rlimit);

fn limit(limit: libc::rlimit) {
    // SAFETY: the kernel reads the limit.
    assert_eq!(unsafe { libc::setrlimit(libc::RLIMIT_NOFILE, &raw const limit) }, 0);
}

/// For the whole process: not for one that tests share.
pub(crate) fn no_descriptors() -> NoDescriptors {
    let mut before = MaybeUninit::uninit();
    // SAFETY: room for the limit.
    assert_eq!(unsafe { libc::getrlimit(libc::RLIMIT_NOFILE, before.as_mut_ptr()) }, 0);
    // SAFETY: the call has written it.
    let before: libc::rlimit = unsafe { before.assume_init() };
    limit(libc::rlimit { rlim_cur: 0, ..before });
    NoDescriptors(before)
}

impl Drop for NoDescriptors {
    fn drop(&mut self) {
        limit(self.0);
    }
}
