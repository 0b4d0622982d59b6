//! Who takes no part, and why: it is told at the end, not in the middle of the tables.

use std::sync::{Mutex, PoisonError};

static TOLD: Mutex<Vec<String>> = Mutex::new(Vec::new());

/// Something is not in the results; the same words twice are told once.
pub fn tell(what: String) {
    let mut told = TOLD.lock().unwrap_or_else(PoisonError::into_inner);
    if !told.contains(&what) {
        told.push(what);
    }
}

/// All of it, in the order in which it came.
pub fn told() -> Vec<String> {
    TOLD.lock().unwrap_or_else(PoisonError::into_inner).clone()
}

#[cfg(test)]
mod tests {
    use super::{tell, told};

    #[test]
    fn the_same_words_are_told_once() {
        for _ in 0..2 {
            tell("a contender of this test".to_owned());
        }
        let times = told().iter().filter(|what| *what == "a contender of this test").count();
        assert_eq!(times, 1);
    }
}
