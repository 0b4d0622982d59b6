//! Bytes as deeds: the words of queues, channels and rings are scribbled over from outside, and they are used meanwhile, without waiting. Errors and lost items are right; a crash, a hang or a wild access is not.
#![no_main]

#[path = "../../tests/support/words.rs"]
mod words;

use bytemuck::Pod;
use libfuzzer_sys::fuzz_target;
use multiproc::{
    __private::{decode, encode},
    Format, InPlace, JoinableQueue, Lease, Queue, Receiver, Ring, RingConsumer, RingProducer,
    RingReceiver, RingSender, Sender, channel_in_place,
};
use std::{array, sync::OnceLock, time::Duration};
use words::{QUEUE_ITEM, QUEUE_SLOTS, RING_CELLS, RING_ITEM, Words};

const CAPACITY: usize = 5;
const RING_CAPACITY: usize = 20;
/// More than lies in a slot.
const LARGE: usize = 300;
const NO_TIME: Duration = Duration::ZERO;
/// The words behind a block, which nobody touches meanwhile.
const BEHIND: u64 = 8;

type Big = [u64; 20];

/// The input, from which each takes what it needs.
struct Deeds<'a>(&'a [u8]);

impl Deeds<'_> {
    fn next(&mut self) -> Option<u8> {
        let (&first, rest) = self.0.split_first()?;
        self.0 = rest;
        Some(first)
    }

    fn byte(&mut self) -> u8 {
        self.next().unwrap_or(0)
    }

    fn word(&mut self) -> u64 {
        u64::from_le_bytes(array::from_fn(|_| self.byte()))
    }
}

/// An object's block, and how it was when it was whole.
struct Block {
    words: Words,
    sound: Vec<u8>,
    /// The name of this thread.
    me: u64,
}

impl Block {
    /// Blocks are powers of two.
    fn new(words: Words, bytes: usize, me: u64) -> Self {
        Self { sound: words.bytes(bytes.next_power_of_two()), words, me }
    }

    fn behind(&self) -> [u64; BEHIND as usize] {
        array::from_fn(|word| self.words.load(self.sound.len() as u64 + 8 * word as u64))
    }

    /// Runs the deeds on it, sound at first.
    fn play(&self, then: impl FnOnce()) {
        self.words.put_back(&self.sound);
        let behind = self.behind();
        then();
        assert_eq!(behind, self.behind(), "somebody wrote behind the block");
    }

    /// Writes noise over a word, or what might be there.
    fn scribble(&self, deeds: &mut Deeds<'_>) {
        let at = u64::from(deeds.byte()) % (self.sound.len() as u64 / 8) * 8;
        let how = deeds.byte();
        let word = match how % 4 {
            0 => deeds.word(),
            1 => {
                let (state, lap) = (u64::from(how >> 6), u64::from(deeds.byte() % 4));
                let owner = match how >> 4 & 3 {
                    0 => 0,
                    1 => self.me,
                    2 => u64::from(deeds.byte()),
                    _ => self.me + u64::from(deeds.byte()),
                };
                state << 62 | lap << 32 | owner
            }
            2 => u64::from(how >> 2),
            _ => self.words.load(at) ^ 1 << (how >> 2),
        };
        self.words.store(at, word);
    }
}

struct All {
    small: (Queue<u64, InPlace>, Block),
    big: (Queue<Big, InPlace>, Block),
    encoded: (Queue<String>, Block),
    joinable: (JoinableQueue<String>, Block),
    channel: (Sender<u64, InPlace>, Receiver<u64, InPlace>, Block),
    ring: (RingSender<u64>, RingReceiver<u64>, Block),
    wide: (RingSender<Big>, RingReceiver<Big>, Block),
}

/// An item that is nowhere else.
fn mark(number: u8) -> String {
    format!("~Mp~fz~{number}")
}

fn mark_word(number: u8) -> u64 {
    u64::from_ne_bytes(mark(number).as_bytes().try_into().unwrap())
}

/// The block of a queue, and the name of this thread.
fn block_of<T, F: Format<T>>(
    queue: &Queue<T, F>,
    number: u8,
    make: impl Fn(u8) -> T,
    item_at: u64,
    stride: usize,
) -> Block {
    let Ok(()) = queue.try_send(make(number)) else { panic!("an empty queue has room") };
    let words = Words::with(mark(number).as_bytes(), item_at);
    let lease = queue.try_lease().unwrap();
    let me = words.load(QUEUE_SLOTS) as u32;
    lease.done();
    Block::new(words, QUEUE_SLOTS as usize + CAPACITY * stride, me.into())
}

fn ring_block<T: Pod>(
    (sender, receiver): &(RingSender<T>, RingReceiver<T>),
    number: u8,
    make: impl Fn(u8) -> T,
    bytes: usize,
) -> Block {
    let mut producer = sender.claim().unwrap();
    producer.try_push(make(number)).unwrap();
    let words = Words::with(mark(number).as_bytes(), RING_ITEM);
    let me = words.load(0) as u32;
    receiver.claim().unwrap().try_pop().unwrap();
    drop(producer);
    Block::new(words, RING_CELLS as usize + bytes, me.into())
}

fn text(byte: u8) -> String {
    if byte < 200 { mark(byte % 10) } else { "x".repeat(LARGE + usize::from(byte)) }
}

fn word(byte: u8) -> u64 {
    mark_word(byte % 10)
}

fn big(byte: u8) -> Big {
    [word(byte); 20]
}

fn all() -> &'static All {
    static ALL: OnceLock<All> = OnceLock::new();
    ALL.get_or_init(|| {
        let small = Queue::in_place(CAPACITY).unwrap();
        let big_items = Queue::in_place(CAPACITY).unwrap();
        let encoded = Queue::new(CAPACITY).unwrap();
        let joinable = JoinableQueue::new(CAPACITY).unwrap();
        let (sender, receiver) = channel_in_place(CAPACITY).unwrap();
        let ring = Ring::new(RING_CAPACITY).unwrap();
        let wide = Ring::new(CAPACITY).unwrap();
        // Behind the slot's word come the length, here also of the string.
        let text_at = QUEUE_ITEM + 5;
        let joinable_block = {
            joinable.try_send(mark(3)).unwrap();
            let words = Words::with(mark(3).as_bytes(), text_at);
            let lease = joinable.try_lease().unwrap();
            let me = words.load(QUEUE_SLOTS) as u32;
            lease.done();
            Block::new(words, QUEUE_SLOTS as usize + CAPACITY * 128, me.into())
        };
        let channel_block = {
            sender.try_send(mark_word(4)).unwrap();
            let words = Words::with(mark(4).as_bytes(), QUEUE_ITEM);
            receiver.try_recv().unwrap();
            Block::new(words, QUEUE_SLOTS as usize + CAPACITY * 16, joinable_block.me)
        };
        All {
            small: (small.clone(), block_of(&small, 0, word, QUEUE_ITEM, 16)),
            big: (big_items.clone(), block_of(&big_items, 1, big, QUEUE_ITEM, 192)),
            encoded: (encoded.clone(), block_of(&encoded, 2, text, text_at, 128)),
            joinable: (joinable, joinable_block),
            channel: (sender, receiver, channel_block),
            ring: (ring.0.clone(), ring.1.clone(), ring_block(&ring, 5, word, 3 * 64)),
            wide: (wide.0.clone(), wide.1.clone(), ring_block(&wide, 6, big, CAPACITY * 192)),
        }
    })
}

/// What any queue can do; other deeds are those of its kind.
fn play_queue<T: 'static, F: Format<T>>(
    queue: &Queue<T, F>,
    block: &Block,
    deeds: &mut Deeds<'_>,
    make: impl Fn(u8) -> T,
    mut other: impl FnMut(u8),
) {
    let mut leases: Vec<Lease<'_, T>> = Vec::new();
    while let Some(deed) = deeds.next() {
        match deed % 24 {
            0..=6 => block.scribble(deeds),
            7 | 8 => drop(queue.try_send(make(deeds.byte()))),
            9 => drop(queue.send_timeout(make(deeds.byte()), NO_TIME)),
            10 | 11 => drop(queue.try_recv()),
            13 if leases.len() < 2 * CAPACITY => leases.extend(queue.try_lease()),
            14 => drop(leases.pop()),
            15 => drop(leases.pop().map(Lease::done)),
            12 if deed > 128 => drop(queue.try_recv_into(&mut Vec::new(), deeds.byte().into())),
            12 => drop(queue.recv_timeout(NO_TIME)),
            16 => assert!(queue.len() <= queue.capacity() && format!("{queue:?}").len() > 10),
            17 => drop((queue.is_full(), queue.is_closed(), queue.is_empty())),
            18 if deed > 128 => drop(queue.close()),
            19 if deed > 192 => drop(queue.shut_down()),
            20 => {
                // A handle that arrives looks at the shape.
                if let Ok(again) = decode::<Queue<T, F>>(&encode(queue).unwrap()) {
                    drop((again.try_send(make(deed)), again.try_recv(), again.len()));
                }
            }
            _ => other(deed),
        }
    }
}

fn play_in_place<T: Pod>(
    (queue, block): &(Queue<T, InPlace>, Block),
    deeds: &mut Deeds<'_>,
    make: impl Fn(u8) -> T,
) {
    let (mut loans, mut received) = (Vec::new(), Vec::new());
    let other = |deed| match deed % 24 {
        21 if deed > 128 => drop(loans.pop()),
        21 => drop(loans.pop().map(multiproc::Loan::send)),
        22 if loans.len() < 2 * CAPACITY => {
            if let Ok(mut loan) = queue.try_loan() {
                *loan = make(deed);
                loans.push(loan);
            }
        }
        23 if deed > 170 => drop(received.pop()),
        23 if deed > 85 => drop(received.pop().map(multiproc::Received::give_back)),
        _ if received.len() < 2 * CAPACITY => received.extend(queue.try_recv_in_place()),
        _ => {}
    };
    play_queue(queue, block, deeds, &make, other);
}

/// With a handle of its own, as what was received and not done is the handle's.
fn play_joinable((queue, block): &(JoinableQueue<String>, Block), deeds: &mut Deeds<'_>) {
    let queue: JoinableQueue<String> = decode(&encode(queue).unwrap()).unwrap();
    let mut leases = Vec::new();
    while let Some(deed) = deeds.next() {
        match deed % 18 {
            0..=5 => block.scribble(deeds),
            6 | 7 => drop(queue.try_send(text(deeds.byte()))),
            8 => drop(queue.try_recv()),
            9 => drop(queue.try_recv_into(&mut Vec::new(), deeds.byte().into())),
            10 | 11 => drop(queue.task_done()),
            12 => drop(queue.join_timeout(NO_TIME)),
            13 if leases.len() < 2 * CAPACITY => leases.extend(queue.try_lease()),
            14 if deed > 128 => drop(leases.pop()),
            14 => drop(leases.pop().map(Lease::done)),
            15 => assert!(queue.unfinished() <= CAPACITY && format!("{queue:?}").len() > 10),
            16 if deed > 128 => drop(queue.close()),
            17 if deed > 192 => drop(queue.shut_down()),
            _ => {
                drop(decode::<JoinableQueue<String>>(&encode(&queue).unwrap()));
            }
        }
    }
}

fn play_channel(
    (sender, receiver, block): &(Sender<u64, InPlace>, Receiver<u64, InPlace>, Block),
    deeds: &mut Deeds<'_>,
) {
    let (sender, receiver) = (sender.clone(), receiver.clone());
    while let Some(deed) = deeds.next() {
        match deed % 12 {
            0..=5 => block.scribble(deeds),
            6 | 7 => drop(sender.try_send(word(deeds.byte()))),
            8 => drop(sender.send_timeout(word(deed), NO_TIME)),
            9 => drop(receiver.try_recv()),
            10 => drop(receiver.recv_timeout(NO_TIME)),
            _ if deed > 128 => drop(receiver.try_iter().take(2 * CAPACITY).count()),
            _ => assert!(sender.len() <= CAPACITY && format!("{sender:?}{receiver:?}").len() > 10),
        }
    }
}

fn play_ring<T: Pod>(
    (sender, receiver, block): &(RingSender<T>, RingReceiver<T>, Block),
    deeds: &mut Deeds<'_>,
    make: impl Fn(u8) -> T,
) {
    let mut producer: Option<RingProducer<T>> = sender.claim().ok();
    let mut consumer: Option<RingConsumer<T>> = receiver.claim().ok();
    let capacity = sender.capacity();
    let mut room = vec![T::zeroed(); capacity + 1];
    while let Some(deed) = deeds.next() {
        match deed % 18 {
            0..=5 => block.scribble(deeds),
            6 => producer = None,
            7 => consumer = None,
            8 => {
                producer = producer.or_else(|| sender.claim().ok());
                consumer = consumer.or_else(|| receiver.claim().ok());
            }
            9 => {
                assert!(sender.len() <= capacity && format!("{sender:?}{receiver:?}").len() > 10);
                let _ = (sender.is_claimed(), receiver.is_full());
            }
            10 => {
                drop(decode::<RingSender<T>>(&encode(sender).unwrap()).map(|sender| sender.len()))
            }
            deed @ 11..=14 => {
                let Some(producer) = &mut producer else { continue };
                let count = usize::from(deeds.byte()) % room.len();
                match deed {
                    11 => drop(producer.try_push(make(deed))),
                    12 => drop(producer.try_push_slice(&room[..count])),
                    13 => {
                        if let Ok(mut chunk) = producer.try_write_chunk(count) {
                            chunk.parts_mut().for_each(|part| part.fill(make(deed)));
                            let filled = chunk.len();
                            chunk.commit(count.min(filled));
                        }
                    }
                    _ => drop((
                        producer.wait_for_consumer(NO_TIME),
                        producer.is_disconnected(),
                        producer.len(),
                        format!("{producer:?}"),
                    )),
                }
            }
            deed => {
                let Some(consumer) = &mut consumer else { continue };
                let count = usize::from(deeds.byte()) % room.len();
                match deed {
                    15 if count % 2 == 0 => drop(consumer.try_pop()),
                    15 => drop(consumer.try_pop_into(&mut room[..count])),
                    16 => {
                        if let Ok(chunk) = consumer.try_read_chunk(count) {
                            let copied = chunk.copy_to_slice(&mut room);
                            assert_eq!(copied, chunk.len());
                            chunk.commit(copied / 2);
                        }
                    }
                    _ => drop((
                        consumer.wait_for_producer(NO_TIME),
                        consumer.is_disconnected(),
                        consumer.len(),
                        format!("{consumer:?}"),
                    )),
                }
            }
        }
    }
}

fuzz_target!(|data: &[u8]| {
    let all = all();
    let mut deeds = Deeds(data);
    let deeds = &mut deeds;
    match deeds.byte() % 7 {
        0 => all.small.1.play(|| play_in_place(&all.small, deeds, word)),
        1 => all.big.1.play(|| play_in_place(&all.big, deeds, big)),
        2 => all.encoded.1.play(|| play_queue(&all.encoded.0, &all.encoded.1, deeds, text, drop)),
        3 => all.joinable.1.play(|| play_joinable(&all.joinable, deeds)),
        4 => all.channel.2.play(|| play_channel(&all.channel, deeds)),
        5 => all.ring.2.play(|| play_ring(&all.ring, deeds, word)),
        _ => all.wide.2.play(|| play_ring(&all.wide, deeds, big)),
    }
});
