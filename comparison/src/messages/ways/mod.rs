//! The contenders, each a file.

pub mod crossbeam;
pub mod descriptor;
pub mod iceoryx;
pub mod ipc_bytes;
pub mod ipc_typed;
pub mod os_pipe;
pub mod pipe;
pub mod queue;
pub mod queue_encoded;
pub mod ring;
pub mod rtrb;
pub mod tried;
pub mod unix_socket;
