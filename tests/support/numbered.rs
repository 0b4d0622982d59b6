//! Queues of numbers, in each form in which items lie in them and are sent and received: so that a schedule is written once.
#![allow(dead_code, reason = "each test executable uses some of it")]

use multiproc::{Array, InPlace, Queue, Result};
use serde::{Deserialize, Serialize};

/// A number, and an object that lives as long as the item.
#[derive(Serialize, Deserialize)]
pub(crate) struct Item {
    number: u64,
    object: Option<Array<u8>>,
}

fn item(number: u64, has_object: bool) -> Item {
    // So large that it is seen in `/dev/shm`.
    Item { number, object: has_object.then(|| Array::zeroed(3 << 20).unwrap()) }
}

#[derive(Clone, Debug, Serialize, Deserialize)]
pub(crate) enum Numbered {
    InPlace(Queue<u64, InPlace>),
    /// Written and read where it lies.
    Loaned(Queue<u64, InPlace>),
    Small(Queue<Item>),
    /// In a block of its own, with an object.
    Large(Queue<Item>),
    /// The same, leased until it is done.
    Leased(Queue<Item>),
}

impl Numbered {
    pub(crate) fn all(capacity: usize) -> [Self; 5] {
        [
            Self::InPlace(Queue::in_place(capacity).unwrap()),
            Self::Loaned(Queue::in_place(capacity).unwrap()),
            Self::Small(Queue::new(capacity).unwrap()),
            Self::Large(Queue::new(capacity).unwrap()),
            Self::Leased(Queue::new(capacity).unwrap()),
        ]
    }

    pub(crate) fn is_large(&self) -> bool {
        matches!(self, Self::Large(_) | Self::Leased(_))
    }

    pub(crate) fn send(&self, number: u64) -> Result<()> {
        match self {
            Self::InPlace(queue) => queue.send(number)?,
            Self::Loaned(queue) => {
                let mut loan = queue.loan()?;
                *loan = number;
                loan.send()?;
            }
            Self::Small(queue) | Self::Large(queue) | Self::Leased(queue) => {
                queue.send(item(number, self.is_large()))?;
            }
        }
        Ok(())
    }

    pub(crate) fn recv(&self) -> Result<u64> {
        match self {
            Self::InPlace(queue) => queue.recv(),
            Self::Loaned(queue) => queue.recv_in_place().map(|got| *got),
            Self::Small(queue) | Self::Large(queue) => queue.recv().map(|item| item.number),
            Self::Leased(queue) => queue.lease().map(|lease| lease.done().number),
        }
    }

    pub(crate) fn try_recv(&self) -> Result<u64> {
        match self {
            Self::InPlace(queue) | Self::Loaned(queue) => queue.try_recv(),
            Self::Small(queue) | Self::Large(queue) | Self::Leased(queue) => {
                queue.try_recv().map(|item| item.number)
            }
        }
    }

    /// Leases an item for as long as the body takes, which says whether it is done. The body hears its number, how often it was handed out, and whether it is flagged.
    pub(crate) fn lease(&self, body: impl FnOnce(u64, u32, bool) -> bool) -> Result<()> {
        match self {
            Self::InPlace(queue) | Self::Loaned(queue) => {
                let lease = queue.lease()?;
                if body(*lease, lease.attempts(), lease.is_redelivered()) {
                    lease.done();
                }
            }
            Self::Small(queue) | Self::Large(queue) | Self::Leased(queue) => {
                let lease = queue.lease()?;
                if body(lease.number, lease.attempts(), lease.is_redelivered()) {
                    drop(lease.done());
                }
            }
        }
        Ok(())
    }

    pub(crate) fn close(&self) {
        match self {
            Self::InPlace(queue) | Self::Loaned(queue) => queue.close().unwrap(),
            Self::Small(queue) | Self::Large(queue) | Self::Leased(queue) => {
                queue.close().unwrap();
            }
        }
    }

    pub(crate) fn shut_down(&self) {
        match self {
            Self::InPlace(queue) | Self::Loaned(queue) => queue.shut_down().unwrap(),
            Self::Small(queue) | Self::Large(queue) | Self::Leased(queue) => {
                queue.shut_down().unwrap();
            }
        }
    }

    pub(crate) fn is_empty(&self) -> bool {
        match self {
            Self::InPlace(queue) | Self::Loaned(queue) => queue.is_empty(),
            Self::Small(queue) | Self::Large(queue) | Self::Leased(queue) => queue.is_empty(),
        }
    }

    /// What is there, received by who looks.
    pub(crate) fn rest(&self) -> Vec<u64> {
        std::iter::from_fn(|| self.try_recv().ok()).collect()
    }
}
