//! Pools: worker processes that do tasks, and what becomes of a task when its worker dies.
//!
//! A pool belongs to the process that made it. Its **board** lies in shared memory: slots with tasks and jobs, and who runs them. Its **office** is that process's own: it gives slots out, takes results in, and its supervisor repairs what dead workers had.

mod aftermath;
mod arrests;
mod as_completed;
mod async_result;
#[cfg(feature = "progress")]
mod bar;
mod board;
mod builder;
mod callbacks;
mod cells;
mod chunks;
mod death_hint;
mod desk;
mod failure;
mod fate;
mod first_failure;
mod follow_up;
mod guesses;
mod imap;
mod job;
mod kept;
mod ledger;
mod mapping;
mod measure;
mod member;
mod numbered;
mod office;
pub(crate) mod outline;
mod packed;
mod par_for;
mod pending;
mod picture;
mod plain;
#[expect(clippy::module_inception, reason = "one type a file, by its name")]
mod pool;
mod range_index;
mod raw_board;
mod raw_job;
mod reduce;
mod result_watch;
mod rounds;
mod scope;
mod statistics;
mod supervisor;
mod task_builder;
mod task_error;
mod telling;
mod trace;
mod unopened;
mod wait_results;
mod warrant;
mod word;
mod work;
mod worker;
mod worker_statistics;

pub use as_completed::{AsCompleted, as_completed};
pub use async_result::AsyncResult;
pub use builder::PoolBuilder;
pub use death_hint::DeathHint;
pub use imap::Imap;
pub use mapping::Mapping;
pub use pool::Pool;
pub use range_index::RangeIndex;
pub use scope::PoolScope;
pub use statistics::PoolStatistics;
pub use task_builder::TaskBuilder;
pub use task_error::TaskError;
pub use wait_results::{PoolResult, WaitFor, wait_results};
pub use work::{Kind as PoolKind, Stateful, Stateless, Task};
pub use worker::PoolWorker;
pub use worker_statistics::WorkerStatistics;
