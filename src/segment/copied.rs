//! Bytes that were copied out of shared memory, of which nothing is believed.

/// A copy. What lies beyond its end reads as zero, which no protocol takes for a claim.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Copied<'a>(pub(crate) &'a [u8]);

impl Copied<'_> {
    fn array<const N: usize>(self, at: usize) -> [u8; N] {
        let bytes = at.checked_add(N).and_then(|end| self.0.get(at..end));
        bytes.and_then(|bytes| bytes.try_into().ok()).unwrap_or([0; N])
    }

    pub(crate) fn u32(self, at: usize) -> u32 {
        u32::from_ne_bytes(self.array(at))
    }

    pub(crate) fn u64(self, at: usize) -> u64 {
        u64::from_ne_bytes(self.array(at))
    }

    /// The copy from there on.
    pub(crate) fn from(self, at: usize) -> Self {
        Self(self.0.get(at..).unwrap_or(&[]))
    }

    /// Text that ends at a zero byte, or after so many bytes.
    pub(crate) fn text(self, at: usize, most: usize) -> String {
        let bytes = self.from(at).0;
        let bytes = &bytes[..most.min(bytes.len())];
        let end = bytes.iter().position(|&byte| byte == 0).unwrap_or(bytes.len());
        String::from_utf8_lossy(&bytes[..end]).into_owned()
    }
}

#[cfg(test)]
mod tests {
    use super::Copied;

    #[test]
    fn nothing_is_read_beyond_the_end() {
        let copied = Copied(&[1, 0, 0, 0, b'a', 0xff]);
        assert_eq!((copied.u32(0), copied.u32(3), copied.u64(usize::MAX)), (1, 0, 0));
        assert_eq!(copied.from(99).u32(0), 0);
        assert_eq!((copied.text(4, 1), copied.text(4, 9)), ("a".into(), "a\u{fffd}".into()));
        assert_eq!(copied.text(1, 9), "");
    }
}
