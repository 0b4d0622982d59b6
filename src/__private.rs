//! Not for users: what tests and macros need.
#![allow(unsafe_code)]

/// In builds with debug assertions: this process kills itself when it reaches the named step for the nth time.
#[cfg(debug_assertions)]
pub use crate::os::step::die_at;

/// What [`test_support!`](crate::test_support) runs before `main`.
pub extern "C" fn init_before_main() {
    crate::process::init_before_main();
}

// For `#[derive(Shared)]`.

pub use crate::shared::AtomicField;

/// Where every fingerprint begins.
pub const START: u64 = crate::shared::START;

/// One word more in a fingerprint.
#[must_use]
pub const fn mix(hash: u64, word: u64) -> u64 {
    crate::shared::mix(hash, word)
}

/// A text more in a fingerprint.
#[must_use]
pub const fn mix_text(hash: u64, text: &str) -> u64 {
    crate::shared::mix_text(hash, text)
}

/// Whether the bits there are a value of the type.
///
/// # Safety
///
/// `at` points to a `T`, of whatever bits, aligned, that nobody writes.
#[must_use]
pub unsafe fn is_valid<T: bytemuck::NoUninit + bytemuck::CheckedBitPattern>(at: *const T) -> bool {
    // SAFETY: the caller's; `Bits` has the size of `T` and accepts all bytes.
    T::is_valid_bit_pattern(&unsafe { at.cast::<T::Bits>().read() })
}

/// Gives the memory back that processes keep in the session for the next large message: for tests of what is in use.
///
/// # Errors
///
/// If there is no session, or this thread cannot take part in it.
pub fn give_back_kept() -> crate::Result<()> {
    crate::segment::session()?.give_back_kept()
}

// For tests of forged handles and for fuzzing.

/// The bytes of a value as it travels. The handles in it are pinned no longer than this call.
///
/// # Errors
///
/// As [`spawn`](crate::spawn).
pub fn encode<T: serde::Serialize>(value: &T) -> crate::Result<Vec<u8>> {
    crate::shared::encode(value).map(|message| message.bytes)
}

/// A value from the bytes of one that has travelled.
///
/// # Errors
///
/// As [`Process::join`](crate::Process::join).
pub fn decode<T: serde::de::DeserializeOwned>(bytes: &[u8]) -> crate::Result<T> {
    crate::shared::decode(bytes)
}
