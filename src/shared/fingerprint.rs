//! The structural fingerprint by which two different programs compare types.
//!
//! `TypeId` differs between builds, so it is used only within one executable. What two programs can agree on is structure:
//! kind, size, alignment, and for arrays the element.
#![allow(unsafe_code)]

/// A type whose structure two programs can compare: what may be published under a name.
///
/// # Safety
///
/// Types with equal fingerprints have the same size, alignment and valid bit patterns.
pub unsafe trait Fingerprint: Copy + 'static {
    /// The number that is compared.
    const FINGERPRINT: u64;

    /// The type's name in messages.
    fn type_name() -> String;
}

/// FNV-1a over words.
pub(crate) const fn mix(hash: u64, word: u64) -> u64 {
    let mut hash = hash;
    let mut byte = 0;
    while byte < 8 {
        hash = (hash ^ (word >> (8 * byte) & 0xff)).wrapping_mul(0x0100_0000_01b3);
        byte += 1;
    }
    hash
}

/// The same over text.
pub(crate) const fn mix_text(hash: u64, text: &str) -> u64 {
    let mut hash = mix(hash, text.len() as u64);
    let mut at = 0;
    while at < text.len() {
        hash = mix(hash, text.as_bytes()[at] as u64);
        at += 1;
    }
    hash
}

/// What every fingerprint begins with.
pub(crate) const START: u64 = 0xcbf2_9ce4_8422_2325;

const fn of_scalar(kind: u8, size: usize, align: usize) -> u64 {
    mix(mix(mix(START, kind as u64), size as u64), align as u64)
}

macro_rules! scalars {
    ($($kind:literal: $($scalar:ty)*;)*) => {$($(
        // SAFETY: the kind, with size and alignment, says which bit patterns are valid.
        unsafe impl Fingerprint for $scalar {
            const FINGERPRINT: u64 = of_scalar($kind, size_of::<Self>(), align_of::<Self>());

            fn type_name() -> String {
                stringify!($scalar).to_owned()
            }
        }
    )*)*};
}

scalars! {
    b'u': u8 u16 u32 u64 u128 usize;
    b'i': i8 i16 i32 i64 i128 isize;
    b'f': f32 f64;
    b'b': bool;
    b'c': char;
}

// SAFETY: the element's fingerprint says what is valid, and the length is part of the number.
unsafe impl<T: Fingerprint, const N: usize> Fingerprint for [T; N] {
    const FINGERPRINT: u64 = mix(mix(mix(START, b'[' as u64), N as u64), T::FINGERPRINT);

    fn type_name() -> String {
        format!("[{}; {N}]", T::type_name())
    }
}

#[cfg(test)]
mod tests {
    use super::Fingerprint;

    #[test]
    fn what_differs_has_another_number() {
        let all = [
            u32::FINGERPRINT,
            i32::FINGERPRINT,
            f32::FINGERPRINT,
            char::FINGERPRINT,
            u64::FINGERPRINT,
            <[u32; 1]>::FINGERPRINT,
            <[u32; 2]>::FINGERPRINT,
            <[[u32; 1]; 2]>::FINGERPRINT,
        ];
        for (index, one) in all.iter().enumerate() {
            assert!(!all[index + 1..].contains(one));
        }
        assert_eq!(<[u8; 3]>::type_name(), "[u8; 3]");
    }
}
