//! Limits of this process.
//!
//! `setrlimit(2)`, `core(5)`.
#![allow(unsafe_code)]

use crate::{Error, Result};

/// Lets this process map at most `bytes` of address space, for good: an allocation beyond them fails.
///
/// # Errors
///
/// [`ErrorKind::PermissionDenied`](crate::ErrorKind::PermissionDenied) if a lower limit was set before.
pub(crate) fn set_address_space(bytes: u64) -> Result<()> {
    let call = format_args!("setrlimit(RLIMIT_AS, {bytes} bytes)");
    set(libc::RLIMIT_AS, libc::rlimit { rlim_cur: bytes, rlim_max: bytes })
        .map_err(|error| Error::os(call, error))
}

/// Whether this process may map only so much; also where that cannot be known.
pub(crate) fn is_address_space_limited() -> bool {
    get(libc::RLIMIT_AS).map_or(true, |limit| limit.rlim_cur != libc::RLIM_INFINITY)
}

/// Lets this process dump no core when it dies.
pub(crate) fn forbid_core_dumps() -> Result<()> {
    let failed = |error| Error::os("limiting RLIMIT_CORE", error);
    let hard = get(libc::RLIMIT_CORE).map_err(failed)?.rlim_max;
    // Zero does not stop a dump into a pipe (`|…` in core_pattern); one byte stops that, and is too small for a file.
    let soft = hard.min(1);
    set(libc::RLIMIT_CORE, libc::rlimit { rlim_cur: soft, rlim_max: hard }).map_err(failed)
}

/// The type of resource names, which glibc and musl do not share.
#[cfg(target_env = "gnu")]
type Resource = libc::__rlimit_resource_t;
#[cfg(not(target_env = "gnu"))]
type Resource = libc::c_int;

fn get(resource: Resource) -> std::io::Result<libc::rlimit> {
    let mut limit = libc::rlimit { rlim_cur: 0, rlim_max: 0 };
    // SAFETY: the kernel fills in the one structure that it is given.
    match unsafe { libc::getrlimit(resource, &raw mut limit) } {
        0 => Ok(limit),
        _ => Err(std::io::Error::last_os_error()),
    }
}

fn set(resource: Resource, limit: libc::rlimit) -> std::io::Result<()> {
    // SAFETY: the kernel reads the one structure that it is given.
    match unsafe { libc::setrlimit(resource, &raw const limit) } {
        0 => Ok(()),
        _ => Err(std::io::Error::last_os_error()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::os::rerun::in_child;

    #[test]
    fn an_allocation_beyond_the_limit_fails() {
        in_child("os::limits::tests::an_allocation_beyond_the_limit_fails", &[], || {
            assert!(!is_address_space_limited());
            set_address_space(1 << 30).unwrap();
            assert!(is_address_space_limited());
            assert!(Vec::<u8>::new().try_reserve_exact(2 << 30).is_err());
            assert!(Vec::<u8>::new().try_reserve_exact(1 << 20).is_ok());
            assert_eq!(get(libc::RLIMIT_AS).unwrap().rlim_max, 1 << 30);
        });
    }

    #[test]
    fn core_dumps_can_be_forbidden() {
        in_child("os::limits::tests::core_dumps_can_be_forbidden", &[], || {
            let before = get(libc::RLIMIT_CORE).unwrap();
            forbid_core_dumps().unwrap();
            let now = get(libc::RLIMIT_CORE).unwrap();
            assert!(now.rlim_cur <= 1);
            assert_eq!(now.rlim_max, before.rlim_max);
        });
    }
}
