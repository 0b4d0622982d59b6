//! What is in a message: the same word everywhere, so that all of it is written and read.

use anyhow::ensure;

/// The word of the message that ends a turn.
pub const STOP: u64 = u32::MAX as u64;

/// The word of all words.
pub fn read(words: &[u64]) -> anyhow::Result<u64> {
    let sum = words.iter().fold(0_u64, |sum, &word| sum.wrapping_add(word));
    check(words[0], sum, words.len())
}

/// The same, wherever the bytes begin.
pub fn read_bytes(bytes: &[u8]) -> anyhow::Result<u64> {
    let words = bytes.as_chunks().0;
    let sum = words.iter().fold(0_u64, |sum, &word| sum.wrapping_add(u64::from_ne_bytes(word)));
    let first = words.first().map_or(0, |&word| u64::from_ne_bytes(word));
    check(first, sum, words.len())
}

fn check(first: u64, sum: u64, words: usize) -> anyhow::Result<u64> {
    ensure!(words > 0 && sum == first.wrapping_mul(words as u64), "a message is torn");
    Ok(first)
}

/// All words are that word.
pub fn fill_bytes(bytes: &mut [u8], word: u64) {
    for place in bytes.as_chunks_mut().0 {
        *place = word.to_ne_bytes();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_was_written_is_read_and_a_torn_message_is_an_error() {
        let mut bytes = [0; 32];
        fill_bytes(&mut bytes, 77);
        assert_eq!(read_bytes(&bytes).unwrap(), 77);
        bytes[20] ^= 1;
        assert!(read_bytes(&bytes).is_err());
        assert_eq!(read(&[5, 5]).unwrap(), 5);
        assert!(read(&[5, 6]).is_err());
        assert!(read_bytes(&[]).is_err());
    }
}
