//! What the kernel told this process at its start.
//!
//! `getauxval(3)`.
#![allow(unsafe_code)]

/// Whether this program got rights that its caller does not have (set-user-ID, set-group-ID, capabilities), so that
/// nothing in its environment may be believed.
pub(crate) fn is_privileged_start() -> bool {
    // SAFETY: getauxval reads the vector that the kernel left, and takes any number.
    unsafe { libc::getauxval(libc::AT_SECURE) != 0 }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_test_has_no_rights_that_its_caller_has_not() {
        assert!(!is_privileged_start());
    }
}
