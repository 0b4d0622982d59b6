//! Which processors the calling thread may run on.
//!
//! `sched_setaffinity(2)`, `sched_getaffinity(2)`. A new thread and a new process begin with the set of the thread
//! that makes them.
#![allow(unsafe_code)]

use std::{io, mem};

use crate::{Error, ErrorKind, Result};

/// A set of processors as the kernel takes it: bit n is processor n.
type Word = libc::c_ulong;

const BITS: usize = Word::BITS as usize;

/// More processors than any kernel can be built for.
const MAX_CPUS: usize = 1 << 20;

/// The processors that the calling thread may run on, ascending.
pub(crate) fn get() -> Result<Vec<usize>> {
    let mut words: Vec<Word> = vec![0; 1024 / BITS];
    loop {
        let (len, set) = (mem::size_of_val(&words[..]), words.as_mut_ptr().cast());
        // SAFETY: the kernel writes at most `len` bytes to `set`, which has them, aligned as it wants.
        if unsafe { libc::sched_getaffinity(0, len, set) } == 0 {
            return Ok(members(&words));
        }
        let error = io::Error::last_os_error();
        // The kernel's sets are longer than this one.
        if error.raw_os_error() != Some(libc::EINVAL) || words.len() * BITS >= MAX_CPUS {
            return Err(Error::os("sched_getaffinity(2)", error));
        }
        words = vec![0; words.len() * 2];
    }
}

/// Lets the calling thread run on the processors `cpus` alone.
///
/// # Errors
///
/// [`ErrorKind::InvalidInput`] if `cpus` is empty or none of them is allowed and online.
pub(crate) fn set(cpus: &[usize]) -> Result<()> {
    let words = words(cpus)?;
    let (len, set) = (mem::size_of_val(&words[..]), words.as_ptr().cast());
    // SAFETY: the kernel reads `len` bytes of `set`, which has them.
    if unsafe { libc::sched_setaffinity(0, len, set) } == 0 {
        return Ok(());
    }
    let error = io::Error::last_os_error();
    if error.raw_os_error() == Some(libc::EINVAL) {
        let allowed = get()?;
        let message =
            format!("none of the processors {cpus:?} can be used: allowed are {allowed:?}");
        return Err(Error::new(ErrorKind::InvalidInput, message).with_source(error));
    }
    Err(Error::os("sched_setaffinity(2)", error))
}

fn words(cpus: &[usize]) -> Result<Vec<Word>> {
    let invalid = |message| Error::new(ErrorKind::InvalidInput, message);
    let last = cpus.iter().max().ok_or_else(|| invalid("a thread needs a processor".to_owned()))?;
    if *last >= MAX_CPUS {
        return Err(invalid(format!("there is no processor {last}")));
    }
    let mut words = vec![0; last / BITS + 1];
    for cpu in cpus {
        words[cpu / BITS] |= 1 << (cpu % BITS);
    }
    Ok(words)
}

fn members(words: &[Word]) -> Vec<usize> {
    (0..words.len() * BITS).filter(|cpu| words[cpu / BITS] >> (cpu % BITS) & 1 == 1).collect()
}

#[cfg(test)]
mod tests {
    use std::thread;

    use super::*;

    #[test]
    fn a_set_and_its_bits_are_the_same() {
        for cpus in [vec![0], vec![1, 3, 63, 64, 65, 1000], vec![MAX_CPUS - 1]] {
            assert_eq!(members(&words(&cpus).unwrap()), cpus);
        }
    }

    #[test]
    fn a_thread_runs_where_it_was_told() {
        let before = get().unwrap();
        assert!(!before.is_empty());
        let cpus = before.clone();
        let one = thread::spawn(move || {
            let last = *cpus.last().unwrap();
            set(&[last]).unwrap();
            (last, get().unwrap())
        });
        let (last, now) = one.join().unwrap();
        assert_eq!(now, [last]);
        assert_eq!(get().unwrap(), before, "other threads keep theirs");
    }

    #[test]
    fn processors_that_are_not_there_are_errors() {
        for (cpus, text) in [
            (vec![], "needs a processor"),
            (vec![MAX_CPUS], "no processor"),
            (vec![9999], "allowed are"),
        ] {
            let error = set(&cpus).unwrap_err();
            assert_eq!(error.kind(), ErrorKind::InvalidInput);
            assert!(error.to_string().contains(text), "{error}");
        }
    }
}
