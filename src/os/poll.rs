//! Waiting for a few descriptors at once.
//!
//! `ppoll(2)`
#![allow(unsafe_code)]

use super::{clock::Deadline, futex::slice};
use crate::{Error, Result};
use std::{
    io,
    os::fd::{AsRawFd, BorrowedFd},
    ptr,
};

/// The deadline, or the end of a slice: so that what somebody closes meanwhile is noticed.
pub(crate) fn slice_of(deadline: Deadline) -> Deadline {
    deadline.within(slice())
}

/// Waits until one of them can be read, is at its end or has failed, or until the deadline. Which of them are so, by their numbers.
///
/// # Errors
///
/// Also when one of them is not open.
pub(crate) fn readable(descriptors: &[BorrowedFd<'_>], deadline: Deadline) -> Result<Vec<usize>> {
    let watch =
        |fd: &BorrowedFd<'_>| libc::pollfd { fd: fd.as_raw_fd(), events: libc::POLLIN, revents: 0 };
    let mut polls: Vec<_> = descriptors.iter().map(watch).collect();
    loop {
        let left = deadline.remaining().map(|left| libc::timespec {
            tv_sec: left.as_secs().try_into().unwrap_or(libc::time_t::MAX),
            tv_nsec: left.subsec_nanos().into(),
        });
        let left = left.as_ref().map_or(ptr::null(), ptr::from_ref);
        let count = polls.len() as libc::nfds_t;
        // SAFETY: as many pollfds as are said, and a timespec or null, all alive during the call; no signal mask.
        if unsafe { libc::ppoll(polls.as_mut_ptr(), count, left, ptr::null()) } >= 0 {
            break;
        }
        let error = io::Error::last_os_error();
        if error.kind() != io::ErrorKind::Interrupted {
            return Err(Error::os("poll", error));
        }
    }
    if let Some(closed) = polls.iter().find(|poll| poll.revents & libc::POLLNVAL != 0) {
        let error = io::Error::from_raw_os_error(libc::EBADF);
        return Err(Error::os(format_args!("poll of descriptor {}", closed.fd), error));
    }
    let is_ready = |(index, poll): (usize, &libc::pollfd)| (poll.revents != 0).then_some(index);
    Ok(polls.iter().enumerate().filter_map(is_ready).collect())
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::{io::Write, os::fd::AsFd, time::Duration};

    #[test]
    fn those_that_are_readable_are_told() {
        let (first, _writer) = io::pipe().unwrap();
        let (second, mut writer) = io::pipe().unwrap();
        let both = [first.as_fd(), second.as_fd()];
        let none: &[usize] = &[];
        assert_eq!(readable(&both, Deadline::NOW).unwrap(), none);
        assert_eq!(readable(&both, Deadline::after(Duration::from_millis(5))).unwrap(), none);
        writer.write_all(b"x").unwrap();
        assert_eq!(readable(&both, Deadline::NEVER).unwrap(), [1]);
        drop(_writer);
        assert_eq!(readable(&both, Deadline::NOW).unwrap(), [0, 1], "an end can be read");
    }

    #[test]
    fn one_that_is_not_open_is_an_error() {
        // SAFETY: the number is used for this call only, and nothing is read or closed by it.
        let nobodys = unsafe { BorrowedFd::borrow_raw(i32::MAX) };
        let error = readable(&[nobodys], Deadline::NEVER).unwrap_err();
        assert!(error.to_string().contains("poll of descriptor 2147483647"), "{error}");
    }
}
