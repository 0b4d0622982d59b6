//! `Queue` against a list, in one thread: whatever is done in whatever order, both say the same.

use multiproc::{ErrorKind, Format, InPlace, Lease, Queue};
use proptest::{collection, prelude::*};
use std::collections::VecDeque;

multiproc::test_support!();

#[derive(Clone, Copy, Debug)]
enum Deed {
    /// By one of the forms.
    Send(u8),
    Receive(u8),
    /// So many.
    SendAll(u8),
    /// Up to so many.
    ReceiveInto(u8),
    Lease,
    /// One of those that are held.
    Done(usize),
    GiveBack(usize),
    Close,
    ShutDown,
    /// Another handle from here on.
    Clone,
}

fn deeds() -> impl Strategy<Value = Vec<Deed>> {
    let deed = prop_oneof![
        20 => any::<u8>().prop_map(Deed::Send),
        14 => any::<u8>().prop_map(Deed::Receive),
        3 => (0_u8..5).prop_map(Deed::SendAll),
        4 => (0_u8..5).prop_map(Deed::ReceiveInto),
        6 => Just(Deed::Lease),
        4 => any::<usize>().prop_map(Deed::Done),
        2 => any::<usize>().prop_map(Deed::GiveBack),
        1 => Just(Deed::Clone),
    ];
    let end = prop_oneof![Just(Deed::Close), Just(Deed::ShutDown)];
    (collection::vec(deed.clone(), 0..120), end, collection::vec(deed, 0..20))
        .prop_map(|(deeds, end, rest)| [deeds, vec![end], rest].concat())
}

/// What the queue should be.
struct Model {
    capacity: usize,
    /// Those that were never handed out, in order.
    fresh: VecDeque<u64>,
    /// Those that were given back, and how often they were handed out.
    returned: Vec<(u64, u32)>,
    leased: usize,
    /// Whether slots may be in use in an order other than that of the ring: then there may be no room before the last item is had. See `queue_leases`.
    is_ragged: bool,
    next: u64,
    closed: Option<Deed>,
}

impl Model {
    fn len(&self) -> usize {
        self.fresh.len() + self.returned.len()
    }

    fn in_use(&self) -> usize {
        self.len() + self.leased
    }

    /// Whoever gets something: the first of the fresh ones, or any of the returned. How often it was handed out before.
    fn take(&mut self, number: u64) -> u32 {
        if let Some(at) = self.returned.iter().position(|&(returned, _)| returned == number) {
            return self.returned.swap_remove(at).1;
        }
        assert_eq!(self.fresh.pop_front(), Some(number));
        0
    }

    fn why_empty(&self) -> Option<ErrorKind> {
        match self.closed {
            Some(Deed::ShutDown) => Some(ErrorKind::Closed),
            _ if self.len() > 0 => None,
            Some(_) => Some(ErrorKind::Closed),
            None => Some(ErrorKind::WouldBlock),
        }
    }
}

/// An item of a type, for a number.
trait Item: 'static {
    fn of(number: u64) -> Self;
    fn number(&self) -> u64;
}

impl Item for u64 {
    fn of(number: u64) -> Self {
        number
    }

    fn number(&self) -> u64 {
        *self
    }
}

/// Of many lengths.
impl Item for Vec<u64> {
    fn of(number: u64) -> Self {
        vec![number; 1 + number as usize * 7 % 50]
    }

    fn number(&self) -> u64 {
        assert_eq!(*self, Self::of(self[0]));
        self[0]
    }
}

fn run<T: Item, F: Format<T>>(queue: &Queue<T, F>, deeds: &[Deed]) {
    let mut handles = vec![queue.clone()];
    let mut leases: Vec<(Lease<'_, T>, u32)> = Vec::new();
    let capacity = queue.capacity();
    let mut model = Model {
        capacity,
        fresh: VecDeque::new(),
        returned: Vec::new(),
        leased: 0,
        is_ragged: false,
        next: 0,
        closed: None,
    };
    for &deed in deeds {
        let handle = handles.last().unwrap();
        match deed {
            Deed::Send(form) => {
                let item = T::of(model.next);
                // It may pass a lease by.
                model.is_ragged |= model.leased > 0;
                let sent = match form % 3 {
                    0 if model.in_use() < capacity && !model.is_ragged => handle.send(item),
                    1 => handle.send_timeout(item, std::time::Duration::ZERO),
                    _ => handle.try_send(item),
                };
                match sent.map_err(|error| (error.kind(), error.into_item().number())) {
                    Ok(()) => {
                        assert!(model.closed.is_none() && model.in_use() < capacity);
                        model.fresh.push_back(model.next);
                        model.next += 1;
                    }
                    Err((ErrorKind::Closed, _)) => assert!(model.closed.is_some()),
                    Err((kind, number)) => {
                        assert_eq!((kind, number), (ErrorKind::WouldBlock, model.next));
                        assert!(model.in_use() == capacity || model.is_ragged);
                    }
                }
            }
            Deed::Receive(form) => {
                let got = match form % 3 {
                    0 if model.why_empty().is_none() => handle.recv(),
                    1 => handle.recv_timeout(std::time::Duration::ZERO),
                    _ => handle.try_recv(),
                };
                match got {
                    Ok(item) => drop(model.take(item.number())),
                    Err(error) => assert_eq!(Some(error.kind()), model.why_empty()),
                }
            }
            Deed::SendAll(count) => {
                model.is_ragged |= count > 0 && model.leased > 0;
                let last = model.next + u64::from(count);
                let mut items = (model.next..last).map(T::of);
                if model.closed.is_some() && count > 0 {
                    let error = handle.send_all(items.by_ref()).unwrap_err();
                    assert_eq!(error.kind(), ErrorKind::Closed);
                    assert_eq!(error.into_item().number(), model.next);
                    assert_eq!(items.count(), usize::from(count) - 1);
                } else if model.in_use() + usize::from(count) <= capacity && !model.is_ragged {
                    assert_eq!(handle.send_all(items).unwrap(), usize::from(count));
                    model.fresh.extend(model.next..last);
                    model.next = last;
                }
            }
            Deed::ReceiveInto(most) => {
                let (mut items, most) = (vec![T::of(0)], usize::from(most));
                match handle.try_recv_into(&mut items, most) {
                    Ok(0) => assert_eq!((items.len(), most), (1, 0)),
                    Ok(count) => {
                        assert_eq!(items.len(), 1 + count);
                        // What is not in turn may be found by a longer look only.
                        let there = model.len().min(most);
                        assert!(count == there || count < there && model.is_ragged);
                        for item in &items[1..] {
                            model.take(item.number());
                        }
                    }
                    Err(error) => {
                        assert_eq!(items.len(), 1);
                        assert_eq!(Some(error.kind()), model.why_empty());
                    }
                }
            }
            Deed::Lease => match queue.try_lease() {
                Ok(lease) => {
                    let before = model.take(lease.number());
                    assert_eq!(lease.attempts(), before + 1);
                    assert_eq!(lease.is_redelivered(), before > 0);
                    model.leased += 1;
                    leases.push((lease, before + 1));
                }
                Err(error) => assert_eq!(Some(error.kind()), model.why_empty()),
            },
            Deed::Done(which) if !leases.is_empty() => {
                drop(leases.swap_remove(which % leases.len()).0.done());
                model.leased -= 1;
            }
            Deed::GiveBack(which) if !leases.is_empty() => {
                let (lease, attempts) = leases.swap_remove(which % leases.len());
                let number = lease.number();
                drop(lease);
                model.leased -= 1;
                // Nobody is to have it, where the queue was shut down.
                if !matches!(model.closed, Some(Deed::ShutDown)) {
                    model.returned.push((number, attempts));
                }
                model.is_ragged = true;
            }
            Deed::Done(_) | Deed::GiveBack(_) => {}
            Deed::Close => {
                handle.close().unwrap();
                model.closed = model.closed.or(Some(deed));
            }
            Deed::ShutDown => {
                handle.shut_down().unwrap();
                model.closed = Some(deed);
                model.fresh.clear();
                model.returned.clear();
            }
            Deed::Clone => handles.push(queue.clone()),
        }
        model.is_ragged &= model.in_use() > 0;
        assert_eq!(queue.len(), model.len());
        assert_eq!(queue.is_empty(), model.len() < 1);
        assert_eq!(queue.is_full(), model.in_use() == model.capacity);
        assert_eq!(queue.is_closed(), model.closed.is_some());
    }
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::with_cases(400) })]

    #[test]
    fn it_is_a_list(capacity in 1_usize..9, deeds in deeds()) {
        run(&Queue::<u64, InPlace>::in_place(capacity).unwrap(), &deeds);
        run(&Queue::<u64>::new(capacity).unwrap(), &deeds);
        run(&Queue::<Vec<u64>>::builder(capacity).inline_bytes(40).build().unwrap(), &deeds);
    }
}
