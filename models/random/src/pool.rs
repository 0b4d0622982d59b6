//! The library's files of this layer that have protocols.

#[path = "../../../src/pool/raw_board.rs"]
pub mod raw_board;
#[path = "../../../src/pool/raw_job.rs"]
pub mod raw_job;
#[path = "../../../src/pool/word.rs"]
pub mod word;
