use super::{Service, Shape};
use crate::messages::way::Outlet;
use anyhow::ensure;
use iceoryx2::{
    port::{notifier::Notifier, publisher::Publisher},
    prelude::{BackpressureStrategy, ipc},
};

pub struct IceoryxOutlet {
    publisher: Publisher<ipc::Service, [u64], ()>,
    notifier: Option<Notifier<ipc::Service>>,
    words: usize,
    _service: Service,
}

impl IceoryxOutlet {
    pub(super) fn new(service: Service, shape: Shape) -> anyhow::Result<Self> {
        let publisher = service
            .messages
            .publisher_builder()
            .initial_max_slice_len(shape.words())
            .max_loaned_samples(1)
            .backpressure_strategy(BackpressureStrategy::RetryUntilDelivered)
            .create()?;
        let notifier = match &service.events {
            Some(events) => Some(events.notifier_builder().create()?),
            None => None,
        };
        Ok(Self { publisher, notifier, words: shape.words(), _service: service })
    }
}

impl Outlet for IceoryxOutlet {
    fn send(&mut self, word: u64) -> anyhow::Result<()> {
        let message = self.publisher.loan_slice_uninit(self.words)?;
        let receivers = message.write_from_fn(|_| word).send()?;
        ensure!(receivers == 1, "{receivers} subscribers got the message");
        if let Some(notifier) = &self.notifier {
            notifier.notify()?;
        }
        Ok(())
    }
}
