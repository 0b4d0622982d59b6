//! What is in a message.

/// The word of the message that ends a turn; others are smaller, and none is zero.
pub(crate) const STOP: u64 = u32::MAX as u64;

pub(crate) fn write(payload: &mut [u64], word: u64, touched: bool) {
    if touched {
        payload.fill(word);
    } else {
        payload[0] = word;
    }
}

/// The first word; of a touched payload all are the same.
pub(crate) fn read(payload: &[u64], touched: bool) -> u64 {
    let word = payload[0];
    if touched {
        let sum = payload.iter().fold(0_u64, |sum, &word| sum.wrapping_add(word));
        assert_eq!(sum, word.wrapping_mul(payload.len() as u64), "a message is torn");
    }
    word
}
