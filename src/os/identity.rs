//! Who and where this process is.
//!
//! `geteuid(2)`, `gettid(2)`, `getrandom(2)`, `pid_namespaces(7)`
#![allow(unsafe_code)]

use std::{fs, os::unix::fs::MetadataExt, sync::OnceLock};

/// The effective user.
pub(crate) fn user_id() -> u32 {
    // SAFETY: always succeeds; no pointers.
    unsafe { libc::geteuid() }
}

/// The calling thread, as the kernel numbers it in this pid namespace.
pub(crate) fn thread_id() -> u32 {
    // SAFETY: always succeeds; no pointers.
    let id = unsafe { libc::gettid() };
    id.unsigned_abs()
}

/// This start of the machine; zeros where the system does not tell.
pub(crate) fn boot_id() -> [u8; 16] {
    static BOOT: OnceLock<[u8; 16]> = OnceLock::new();
    *BOOT.get_or_init(|| {
        let text = fs::read_to_string("/proc/sys/kernel/random/boot_id").unwrap_or_default();
        let digits: String = text.chars().filter(char::is_ascii_hexdigit).collect();
        u128::from_str_radix(&digits, 16).unwrap_or(0).to_be_bytes()
    })
}

/// The pid namespace's number; zero where the system does not tell.
pub(crate) fn pid_namespace() -> u64 {
    static NAMESPACE: OnceLock<u64> = OnceLock::new();
    *NAMESPACE.get_or_init(|| fs::metadata("/proc/self/ns/pid").map_or(0, |data| data.ino()))
}

/// A number that nobody else has.
pub(crate) fn random_u128() -> u128 {
    let mut bytes = [0; 16];
    // SAFETY: the place has 16 bytes.
    let got = unsafe { libc::getrandom(bytes.as_mut_ptr().cast(), bytes.len(), 0) };
    assert!(got == 16, "the system gives no random numbers: {}", std::io::Error::last_os_error());
    u128::from_ne_bytes(bytes)
}
