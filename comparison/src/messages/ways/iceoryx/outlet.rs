use super::{Service, Shape};
use crate::messages::{way::Outlet, ways::tried::tried};
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
        // Now and then it gives a message up although it was asked to retry, and says that nobody got it.
        tried(|| {
            let message = self.publisher.loan_slice_uninit(self.words)?;
            let receivers = message.write_from_fn(|_| word).send()?;
            Ok((receivers > 0).then_some(()))
        })?;
        if let Some(notifier) = &self.notifier {
            notifier.notify()?;
        }
        Ok(())
    }
}
