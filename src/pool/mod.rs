//! Pools: worker processes that do tasks, and what becomes of a task when its worker dies.
//!
//! A pool belongs to the process that made it. Its **board** lies in shared memory: slots with tasks and jobs, and who runs them. Its **office** is that process's own: it gives slots out, takes results in, and its supervisor repairs what dead workers had.

mod async_result;
mod board;
mod builder;
mod chunks;
mod desk;
mod failure;
mod fate;
mod imap;
mod job;
mod ledger;
mod mapping;
mod numbered;
mod office;
mod par_for;
mod pending;
mod plain;
#[expect(clippy::module_inception, reason = "one type a file, by its name")]
mod pool;
mod range_index;
mod raw_board;
mod raw_job;
mod reduce;
mod statistics;
mod supervisor;
mod task_builder;
mod task_error;
mod word;
mod work;
mod worker;

pub use async_result::AsyncResult;
pub use builder::PoolBuilder;
pub use imap::Imap;
pub use mapping::Mapping;
pub use pool::Pool;
pub use range_index::RangeIndex;
pub use statistics::PoolStatistics;
pub use task_builder::TaskBuilder;
pub use task_error::TaskError;
pub use work::{Kind as PoolKind, Stateful, Stateless, Task};
pub use worker::PoolWorker;
