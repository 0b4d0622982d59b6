use super::{
    list::List,
    python::python,
    ways::{
        crossbeam::{CrossbeamWay, Message},
        iceoryx::IceoryxWay,
        ipc_bytes::IpcBytesWay,
        ipc_typed::{IpcSharedMemoryWay, IpcTypedWay},
        os_pipe::OsPipeWay,
        pipe::PipeWay,
        queue::QueueWay,
        queue_encoded::EncodedWay,
        ring::RingWay,
        rtrb::RtrbWay,
        unix_socket::UnixSocketWay,
    },
    work::Work,
};
use crate::contender::Contender;

/// Messages for which one would think of shared memory of their own.
const LARGE: usize = 64 << 10;

/// All who can do that work.
pub fn contenders(work: Work) -> Vec<Contender> {
    let mut list = List::new(work);
    sized!(work.bytes, N => {
        list.processes::<RingWay<N>>("multiproc ring");
        list.processes::<QueueWay<N>>("multiproc queue in place");
    });
    list.processes::<EncodedWay>("multiproc queue");
    list.processes::<PipeWay>("multiproc pipe");
    list.spinning_processes::<IceoryxWay>("iceoryx2");
    list.processes::<IpcBytesWay>("ipc-channel bytes");
    list.processes::<IpcTypedWay>("ipc-channel");
    if work.bytes >= LARGE {
        list.processes::<IpcSharedMemoryWay>("ipc-channel shared memory");
    }
    list.processes::<UnixSocketWay>("Unix socket");
    list.processes::<OsPipeWay>("pipe of the system");
    match work.bytes {
        8 => threads::<[u64; 1]>(&mut list),
        64 => threads::<[u64; 8]>(&mut list),
        _ => threads::<Box<[u64]>>(&mut list),
    }
    python(&mut list);
    list.contenders
}

fn threads<M: Message>(list: &mut List) {
    list.threads::<CrossbeamWay<M>>("crossbeam-channel");
    list.spinning_threads::<RtrbWay<M>>("rtrb");
}
