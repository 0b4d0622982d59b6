//! What a worker is told about itself, beside the call.

use super::current;
use crate::{
    Result,
    os::{affinity, limits},
};
use serde::{Deserialize, Serialize};

/// How a worker is to be, and who its parent is.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Settings {
    pub(super) name: String,
    /// Its number among its parent's children, behind those of its parent.
    pub(super) path: Vec<u32>,
    pub(super) is_daemon: bool,
    pub(super) parent_name: String,
    pub(super) affinity: Option<Vec<usize>>,
    pub(super) memory_limit: Option<u64>,
    pub(super) core_dumps: bool,
    pub(super) outlives_parent: bool,
}

impl Settings {
    /// As the worker, before its function is called.
    pub(super) fn apply(self, parent: u32) -> Result<()> {
        if !self.core_dumps {
            limits::forbid_core_dumps()?;
        }
        if let Some(cpus) = &self.affinity {
            affinity::set(cpus)?;
        }
        if let Some(bytes) = self.memory_limit {
            limits::set_address_space(bytes)?;
        }
        current::become_worker(self, parent);
        Ok(())
    }
}
