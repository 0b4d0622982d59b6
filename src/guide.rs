// The chapters name the items of the crate.
use crate::*;

#[doc = include_str!("../docs/guide/processes.md")]
pub mod processes {}

#[doc = include_str!("../docs/guide/sharing.md")]
pub mod sharing {}

#[doc = include_str!("../docs/guide/locks.md")]
pub mod locks {}

#[doc = include_str!("../docs/guide/queues.md")]
pub mod queues {}

#[doc = include_str!("../docs/guide/pools.md")]
pub mod pools {}

#[doc = include_str!("../docs/guide/chunks.md")]
pub mod chunks {}

#[doc = include_str!("../docs/guide/errors.md")]
pub mod errors {}

#[doc = include_str!("../docs/guide/overhead.md")]
pub mod overhead {}

#[doc = include_str!("../docs/guide/pipeline.md")]
pub mod pipeline {}

#[doc = include_str!("../docs/guide/choosing.md")]
pub mod choosing {}

#[doc = include_str!("../docs/guide/from_python.md")]
pub mod from_python {}

#[doc = include_str!("../docs/guide/deaths.md")]
pub mod deaths {}

#[doc = include_str!("../docs/guide/deployment.md")]
pub mod deployment {}
