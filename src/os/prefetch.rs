//! Hints to the processor that a cache line will be needed. They change nothing but time; on other processors than x86-64 they are nothing.
#![allow(unsafe_code)]

use std::ptr::NonNull;

/// Brings a line near, to be read.
#[inline(always)]
pub(crate) fn for_reading(line: NonNull<u8>) {
    #[cfg(target_arch = "x86_64")]
    // SAFETY: the instruction is a hint for any address, and touches nothing.
    unsafe {
        std::arch::asm!("prefetcht0 [{}]", in(reg) line.as_ptr().addr(), options(nomem, nostack, preserves_flags));
    }
    #[cfg(not(target_arch = "x86_64"))]
    let _ = line;
}

/// Brings a line near, for this processor alone, to be written.
#[inline(always)]
pub(crate) fn for_writing(line: NonNull<u8>) {
    #[cfg(target_arch = "x86_64")]
    // SAFETY: as above; processors without it take it as nothing.
    unsafe {
        std::arch::asm!("prefetchw [{}]", in(reg) line.as_ptr().addr(), options(nomem, nostack, preserves_flags));
    }
    #[cfg(not(target_arch = "x86_64"))]
    let _ = line;
}
