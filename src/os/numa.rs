//! Which memory nodes a shared mapping's pages come from.
//!
//! The policy of a shared mapping belongs to the object: it holds for whoever touches a page first, also for `fallocate`.
//!
//! `mbind(2)`, `numa(7)`
#![allow(unsafe_code)]

use super::mapping::Mapping;
use crate::{Error, ErrorKind, Result};

const MPOL_BIND: libc::c_ulong = 2;
const MPOL_INTERLEAVE: libc::c_ulong = 3;

/// The memory nodes that are online, such as `[0, 1]`; `[0]` where the system does not say.
pub(crate) fn online() -> Vec<u32> {
    let text = std::fs::read_to_string("/sys/devices/system/node/online").unwrap_or_default();
    let nodes: Vec<u32> = text.trim().split(',').filter_map(range).flatten().collect();
    if nodes.is_empty() { vec![0] } else { nodes }
}

/// `3` or `0-2`.
fn range(text: &str) -> Option<std::ops::RangeInclusive<u32>> {
    let (first, last) = text.split_once('-').unwrap_or((text, text));
    Some(first.parse().ok()?..=last.parse().ok()?)
}

/// Spreads the pages over all nodes.
pub(crate) fn interleave(mapping: &Mapping) -> Result<()> {
    set_policy(mapping, MPOL_INTERLEAVE, &online())
}

/// Takes the pages from these nodes only.
pub(crate) fn bind(mapping: &Mapping, nodes: &[u32]) -> Result<()> {
    let online = online();
    if nodes.is_empty() || nodes.iter().any(|node| !online.contains(node)) {
        return Err(Error::new(
            ErrorKind::InvalidInput,
            format!("memory cannot be bound to the nodes {nodes:?}: those online are {online:?}"),
        ));
    }
    set_policy(mapping, MPOL_BIND, nodes)
}

fn set_policy(mapping: &Mapping, mode: libc::c_ulong, nodes: &[u32]) -> Result<()> {
    let mut mask = [0_u64; 16];
    for &node in nodes {
        if let Some(word) = mask.get_mut(node as usize / 64) {
            *word |= 1 << (node % 64);
        }
    }
    // The kernel looks at one bit less than it is told.
    let bits = mask.len() * 64 + 1;
    // SAFETY: the range is a mapping of ours, and the mask has as many bits as said (the last is not looked at).
    let answer = unsafe {
        libc::syscall(
            libc::SYS_mbind,
            mapping.as_ptr().as_ptr(),
            mapping.len(),
            mode,
            mask.as_ptr(),
            bits,
            0_usize,
        )
    };
    if answer == 0 {
        return Ok(());
    }
    let error = std::io::Error::last_os_error();
    match error.raw_os_error() {
        // A kernel for one node only.
        Some(libc::ENOSYS) if nodes == [0] => Ok(()),
        _ => Err(Error::os("mbind", error)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ranges_are_read() {
        assert_eq!(range("0-2"), Some(0..=2));
        assert_eq!(range("7"), Some(7..=7));
        assert_eq!(range(""), None);
        assert!(online().contains(&0) || !online().is_empty());
    }
}
