//! Publish-subscribe, with an event for each message so that nobody polls. Its management files are in a directory of the pair, which goes in the end.

use super::{LENGTH, Message, Receives, Sends, Ticket, torn::Begins};
use anyhow::{anyhow, ensure};
use iceoryx2::{
    node::{Node, NodeBuilder},
    port::{listener::Listener, notifier::Notifier, publisher::Publisher, subscriber::Subscriber},
    prelude::{BackpressureStrategy, Config, EventId, FileName, Path, SemanticString, ipc},
    service::port_factory::{self, PortFactory},
};
use serde::{Deserialize, Serialize};
use std::{
    env, fs,
    mem::forget,
    process,
    sync::atomic::{AtomicU32, Ordering},
    thread,
    time::Duration,
};

const MESSAGE: usize = 1;
const DROPPED: usize = 2;
const DEAD: usize = 3;

#[derive(Clone, Serialize, Deserialize)]
struct Place {
    /// Unique for the pair.
    name: String,
    is_watched: bool,
}

#[derive(Serialize, Deserialize)]
pub(super) struct Publishes(Place);

#[derive(Serialize, Deserialize)]
pub(super) struct Subscribes(Place);

pub(super) fn alone() -> anyhow::Result<(Publishes, Subscribes)> {
    new(false)
}

pub(super) fn watched() -> anyhow::Result<(Publishes, Subscribes)> {
    new(true)
}

fn new(is_watched: bool) -> anyhow::Result<(Publishes, Subscribes)> {
    static NUMBER: AtomicU32 = AtomicU32::new(0);
    let number = NUMBER.fetch_add(1, Ordering::Relaxed);
    let place = Place { name: format!("comparison_{}_{number}", process::id()), is_watched };
    Ok((Publishes(place.clone()), Subscribes(place)))
}

impl Place {
    fn config(&self) -> anyhow::Result<Config> {
        let mut config = Config::default();
        let directory = env::temp_dir().join(&self.name);
        let path = directory.to_str().ok_or_else(|| anyhow!("a path that is no text"))?;
        config.global.set_root_path(&Path::new(path.as_bytes())?);
        config.global.prefix = FileName::new(format!("{}_", self.name).as_bytes())?;
        config.defaults.event.notifier_dropped_event = Some(DROPPED);
        config.defaults.event.notifier_dead_event = Some(DEAD);
        Ok(config)
    }

    fn node(&self) -> anyhow::Result<Node<ipc::Service>> {
        Ok(NodeBuilder::new().config(&self.config()?).create()?)
    }

    fn services(&self) -> anyhow::Result<Services> {
        let node = self.node()?;
        let messages = node
            .service_builder(&"messages".try_into()?)
            .publish_subscribe::<Message>()
            .enable_safe_overflow(false)
            .subscriber_max_buffer_size(4)
            .open_or_create()?;
        let events = node.service_builder(&"events".try_into()?).event().open_or_create()?;
        if self.is_watched {
            let place = self.clone();
            thread::spawn(move || place.watch());
        }
        Ok(Services { _node: node, messages, events })
    }

    /// Looks for the dead again and again.
    fn watch(&self) {
        let Ok(config) = self.config() else { return };
        loop {
            Node::<ipc::Service>::try_cleanup_dead_nodes(&config);
            thread::park_timeout(Duration::from_millis(50));
        }
    }
}

struct Services {
    _node: Node<ipc::Service>,
    messages: port_factory::publish_subscribe::PortFactory<ipc::Service, Message, ()>,
    events: port_factory::event::PortFactory<ipc::Service>,
}

pub(super) struct Out {
    services: Services,
    publisher: Publisher<ipc::Service, Message, ()>,
    notifier: Notifier<ipc::Service>,
}

impl Services {
    fn publish(self) -> anyhow::Result<Out> {
        let publisher = self
            .messages
            .publisher_builder()
            .backpressure_strategy(BackpressureStrategy::RetryUntilDelivered)
            .create()?;
        let notifier = self.events.notifier_builder().create()?;
        Ok(Out { services: self, publisher, notifier })
    }

    fn subscribe(self) -> anyhow::Result<In> {
        let subscriber = self.messages.subscriber_builder().create()?;
        let listener = self.events.listener_builder().create()?;
        Ok(In { services: self, subscriber, listener })
    }
}

/// Two publishers.
pub(super) fn two() -> anyhow::Result<(Publishes, Publishes, Subscribes)> {
    let (publishes, subscribes) = new(false)?;
    Ok((Publishes(publishes.0.clone()), publishes, subscribes))
}

impl Begins for Out {
    fn begin(&mut self) -> anyhow::Result<()> {
        forget(self.publisher.loan_uninit()?);
        Ok(())
    }
}

impl Ticket for Publishes {
    type End = Out;

    fn open(self) -> anyhow::Result<Out> {
        let services = self.0.services()?;
        // A message to nobody is lost.
        while services.messages.dynamic_config().number_of_subscribers() == 0
            || services.events.dynamic_config().number_of_listeners() == 0
        {
            thread::yield_now();
        }
        services.publish()
    }
}

impl Ticket for Subscribes {
    type End = In;

    fn open(self) -> anyhow::Result<In> {
        self.0.services()?.subscribe()
    }
}

impl Sends for Out {
    fn send(&mut self, message: &Message) -> anyhow::Result<()> {
        let receivers = self.publisher.send_copy(*message)?;
        self.notifier.notify_with_custom_event_id(EventId::new(MESSAGE))?;
        ensure!(receivers > 0, "0 subscribers have it");
        Ok(())
    }

    fn again(&mut self) -> bool {
        let subscriber = self.services.messages.subscriber_builder().create();
        subscriber.is_ok_and(|subscriber| {
            self.send(&[0; LENGTH]).is_ok() && subscriber.receive().is_ok_and(|it| it.is_some())
        })
    }
}

impl Receives for In {
    fn receive(&mut self) -> anyhow::Result<Message> {
        loop {
            if let Some(sample) = self.subscriber.receive()? {
                return Ok(*sample);
            }
            let (mut dropped, mut dead) = (false, false);
            self.listener.blocking_wait_all(|event| match event.as_value() {
                DROPPED => dropped = true,
                DEAD => dead = true,
                _ => {}
            })?;
            ensure!(!dead, "the event of a dead notifier");
            ensure!(!dropped, "the event of a dropped notifier");
        }
    }

    fn again(&mut self) -> bool {
        // It stays until its message is taken.
        let Ok(publisher) = self.services.messages.publisher_builder().create() else {
            return false;
        };
        publisher.send_copy([3; LENGTH]).is_ok()
            && self.subscriber.receive().is_ok_and(|it| it.is_some_and(|it| it[0] == 3))
    }
}

/// What the killed left, once all of a pair have ended.
pub(super) fn clean() {
    let ours = format!("comparison_{}_", process::id());
    for directory in [env::temp_dir(), "/dev/shm".into()] {
        for entry in fs::read_dir(directory).into_iter().flatten().flatten() {
            if entry.file_name().to_string_lossy().starts_with(&ours) {
                let _ = fs::remove_dir_all(entry.path());
                let _ = fs::remove_file(entry.path());
            }
        }
    }
}

pub(super) struct In {
    services: Services,
    subscriber: Subscriber<ipc::Service, Message, ()>,
    listener: Listener<ipc::Service>,
}
