//! Publish-subscribe of `iceoryx2`: a message is written where it was lent, and read where it lies. Its subscribers have no waiting of their own: who is to sleep waits for an event that
//! comes with each message.

mod inlet;
mod outlet;
mod root;

pub use inlet::IceoryxInlet;
pub use outlet::IceoryxOutlet;

use crate::messages::{
    shape::{Shape, Waits},
    way::Way,
};
use iceoryx2::{
    prelude::{Node, NodeBuilder, ServiceName, SignalHandlingMode, ipc},
    service::port_factory::{event, publish_subscribe},
};
use root::{Root, config};
use serde::{Deserialize, Serialize};
use std::{path::PathBuf, sync::Arc};

type Messages = publish_subscribe::PortFactory<ipc::Service, [u64], ()>;
type Events = event::PortFactory<ipc::Service>;

#[derive(Clone, Serialize, Deserialize)]
pub struct IceoryxWay {
    root: PathBuf,
    shape: Shape,
    #[serde(skip)]
    _kept: Option<Arc<Root>>,
}

/// What both ends have: the node goes last.
struct Service {
    messages: Messages,
    events: Option<Events>,
    _node: Node<ipc::Service>,
}

impl IceoryxWay {
    fn service(&self) -> anyhow::Result<Service> {
        let node = NodeBuilder::new()
            .config(&config(&self.root)?)
            .signal_handling_mode(SignalHandlingMode::Disabled)
            .create::<ipc::Service>()?;
        let name = ServiceName::new("messages")?;
        let messages = node
            .service_builder(&name)
            .publish_subscribe::<[u64]>()
            .enable_safe_overflow(false)
            .history_size(0)
            .max_publishers(1)
            .max_subscribers(1)
            .subscriber_max_buffer_size(self.shape.places)
            .subscriber_max_borrowed_samples(1)
            .open_or_create()?;
        let events = match self.shape.waits {
            Waits::Asleep => Some(node.service_builder(&name).event().open_or_create()?),
            Waits::Spinning => None,
        };
        Ok(Service { messages, events, _node: node })
    }
}

impl Way for IceoryxWay {
    type Outlet = IceoryxOutlet;
    type Inlet = IceoryxInlet;

    fn new(shape: Shape) -> anyhow::Result<Self> {
        let root = Root::new()?;
        Ok(Self { root: root.path().to_owned(), shape, _kept: Some(Arc::new(root)) })
    }

    fn outlet(&self) -> anyhow::Result<IceoryxOutlet> {
        IceoryxOutlet::new(self.service()?, self.shape)
    }

    fn inlet(&self) -> anyhow::Result<IceoryxInlet> {
        IceoryxInlet::new(self.service()?)
    }
}
