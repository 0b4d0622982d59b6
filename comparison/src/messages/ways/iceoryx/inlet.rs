use super::Service;
use crate::messages::{payload, way::Inlet, ways::tried::tried};
use iceoryx2::{
    port::{listener::Listener, subscriber::Subscriber},
    prelude::ipc,
};

pub struct IceoryxInlet {
    subscriber: Subscriber<ipc::Service, [u64], ()>,
    listener: Option<Listener<ipc::Service>>,
    _service: Service,
}

impl IceoryxInlet {
    pub(super) fn new(service: Service) -> anyhow::Result<Self> {
        let subscriber = service.messages.subscriber_builder().create()?;
        let listener = match &service.events {
            Some(events) => Some(events.listener_builder().create()?),
            None => None,
        };
        Ok(Self { subscriber, listener, _service: service })
    }
}

impl Inlet for IceoryxInlet {
    fn receive(&mut self) -> anyhow::Result<u64> {
        let Self { subscriber, listener, .. } = self;
        let Some(listener) = listener else {
            let message = tried(|| Ok(subscriber.receive()?))?;
            return payload::read(&message);
        };
        loop {
            if let Some(message) = subscriber.receive()? {
                return payload::read(&message);
            }
            // An event may be one of a message that is received already.
            listener.blocking_wait_all(|_| ())?;
        }
    }
}
