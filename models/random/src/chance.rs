//! Plays under chance: who goes on, who dies where, who is urgent. A seed says all of it.

use crate::{
    party::Model,
    segment::OwnerId,
    world::{At, Fate, Outcome, Troupe, World, moment, with},
};

/// Numbers by a seed (splitmix64 by S. Vigna), and the way in which threads take turns.
#[derive(Clone, Debug)]
pub struct Chance {
    state: u64,
    way: Way,
}

#[derive(Clone, Debug)]
enum Way {
    /// One of so many moments is where another goes on, and all are alike.
    Even(u64),
    /// The first of these that can goes on; at one of so many moments it becomes the last. So some stand still for long. (The idea of S. Burckhardt et al., "A Randomized Scheduler with Probabilistic
    /// Guarantees of Finding Bugs", 2010.)
    Ranks(u64, Vec<usize>),
}

impl Chance {
    fn new(seed: u64) -> Self {
        let mut chance =
            Self { state: seed.wrapping_mul(0xD134_2543_DE82_EF95), way: Way::Even(1) };
        chance.way = if chance.one_in(3) {
            let stay = chance.of(&[4, 12, 40]);
            let mut ranks: Vec<_> = (0..16).collect();
            for last in (1..ranks.len()).rev() {
                ranks.swap(last, chance.below(last as u64 + 1) as usize);
            }
            Way::Ranks(stay, ranks)
        } else {
            Way::Even(chance.of(&[1, 2, 3, 6, 15]))
        };
        chance
    }

    fn next(&mut self) -> u64 {
        self.state = self.state.wrapping_add(0x9E37_79B9_7F4A_7C15);
        let mut mixed = self.state;
        mixed = (mixed ^ mixed >> 30).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        mixed = (mixed ^ mixed >> 27).wrapping_mul(0x94D0_49BB_1331_11EB);
        mixed ^ mixed >> 31
    }

    pub fn below(&mut self, end: u64) -> u64 {
        self.next() % end
    }

    pub fn one_in(&mut self, count: u64) -> bool {
        self.below(count) == 0
    }

    pub fn of<T: Copy>(&mut self, all: &[T]) -> T {
        all[self.below(all.len() as u64) as usize]
    }

    /// Whether another than this thread may go on now.
    pub fn interrupts(&mut self, me: usize) -> bool {
        let (Way::Even(stay) | Way::Ranks(stay, _)) = self.way;
        let interrupts = self.one_in(stay);
        if let Way::Ranks(_, ranks) = &mut self.way
            && interrupts
        {
            ranks.retain(|&thread| thread != me);
            ranks.push(me);
        }
        interrupts
    }

    fn choose(&mut self, ready: &[usize]) -> usize {
        if let Way::Ranks(_, ranks) = &self.way {
            let first = ranks.iter().copied().find(|thread| ready.contains(thread));
            return first.unwrap_or(ready[0]);
        }
        self.of(ready)
    }

    /// How one ends that dies, if it does, in one of so many moments.
    fn fate(&mut self, most: u64) -> Fate {
        match self.below(8) {
            0..=1 => Fate::Stays,
            2..=3 => Fate::Ends,
            4 => Fate::DiesAsleep,
            5..=6 => Fate::DiesAtStep(self.below(most / 5)),
            _ => Fate::DiesAfter(self.below(most)),
        }
    }
}

type Act = Box<dyn FnOnce(&Model)>;
type Judge = Box<dyn FnOnce(&Outcome) -> Result<(), String>>;

/// A thread of a play.
pub struct Part {
    name: OwnerId,
    after: Option<usize>,
    fate: Fate,
    act: Act,
}

/// Threads, and what must be so when none of them can go on: that somebody sleeps is wrong unless it says otherwise.
pub struct Play {
    parts: Vec<Part>,
    end: Judge,
    last: Option<Act>,
}

/// Nobody may be asleep.
pub fn all_awake(outcome: &Outcome) -> Result<(), String> {
    if outcome.asleep.is_empty() { Ok(()) } else { Err("somebody sleeps for ever".into()) }
}

impl Play {
    pub fn new(end: impl FnOnce(&Outcome) -> Result<(), String> + 'static) -> Self {
        Self { parts: Vec::new(), end: Box::new(end), last: None }
    }

    /// A thread, which dies at one of about so many moments, or not. Some sit where an earlier one has ended. Its name.
    pub fn enter(
        &mut self,
        chance: &mut Chance,
        most: u64,
        act: impl FnOnce(&Model) + 'static,
    ) -> OwnerId {
        let index = self.parts.len();
        let before =
            index.checked_sub(2).filter(|&before| self.parts[before].name.generation() == 1);
        let after = before.filter(|_| chance.one_in(3));
        let name = match after {
            // Of generation 2 is what a play begins with.
            Some(before) => OwnerId::new(self.parts[before].name.slot(), 3),
            None => OwnerId::new(index as u32, 1),
        };
        let fate = chance.fate(most);
        if let Some(before) = after
            && self.parts[before].fate == Fate::Stays
        {
            self.parts[before].fate = Fate::Ends;
        }
        let name = name.unwrap();
        self.parts.push(Part { name, after, fate, act: Box::new(act) });
        name
    }

    /// One that does not die: it names nothing, and if it died when it was woken for another dead one, only slices would help.
    pub fn enter_watcher(&mut self, chance: &mut Chance, act: impl FnOnce(&Model) + 'static) {
        self.enter(chance, u64::MAX, act);
        if let Some(part) = self.parts.last_mut() {
            part.fate = Fate::Ends;
        }
    }

    /// One that does not die and has the slot for itself: others need it to come to their ends. The first.
    pub fn enter_parent(&mut self, act: impl FnOnce(&Model) + 'static) {
        assert!(self.parts.is_empty());
        // Of a generation after which nobody comes.
        let name = OwnerId::new(0, 3).unwrap();
        self.parts.push(Part { name, after: None, fate: Fate::Ends, act: Box::new(act) });
    }

    /// What a thread finds that comes when all others have gone.
    pub fn in_the_end(&mut self, act: impl FnOnce(&Model) + 'static) {
        self.last = Some(Box::new(act));
    }
}

/// The slot of who comes last.
pub const LAST: u32 = 7;
/// How many seats there are.
pub const SLOTS: usize = 8;

fn play(
    troupe: &mut Troupe,
    set: fn(&mut Chance) -> Play,
    seed: u64,
    tells: bool,
) -> Result<(), String> {
    let mut chance = Chance::new(seed);
    let Play { parts, end, last } = set(&mut chance);
    let urgent: Vec<_> = (0..parts.len()).filter(|_| chance.one_in(6)).collect();
    troupe.begin(Some(chance), tells);
    with(|world| world.kernel.urgent = urgent);
    for Part { name, after, fate, act } in parts {
        let at = after.map_or(At::Ready, At::After);
        troupe.enter(name, at, fate, move || act(&Model(name)));
    }
    run(troupe);
    if let Some(act) = last
        && with(|world| {
            world.wrong.is_none() && world.actors.iter().all(|actor| actor.at == At::Ended)
        })
    {
        let name = OwnerId::new(LAST, 1).unwrap();
        troupe.enter(name, At::Ready, Fate::Stays, move || act(&Model(name)));
        run(troupe);
    }
    let outcome = troupe.finish();
    match with(|world| world.wrong.take()) {
        Some(wrong) => Err(wrong),
        None => end(&outcome).map_err(|why| format!("{why}: {outcome:?}")),
    }
}

/// Until nobody can go on.
fn run(troupe: &mut Troupe) {
    let mut ready = Vec::new();
    loop {
        let next = with(|world: &mut World| {
            ready.clear();
            ready.extend((0..world.actors.len()).filter(|&thread| {
                let actor = &world.actors[thread];
                match actor.at {
                    At::Ready => true,
                    At::Asleep { late } => late || actor.fate == Fate::DiesAsleep,
                    _ => false,
                }
            }));
            if ready.is_empty() || world.wrong.is_some() {
                return None;
            }
            let next = world.chance.as_mut().map(|chance| chance.choose(&ready))?;
            let actor = &mut world.actors[next];
            if matches!(actor.at, At::Asleep { .. }) && actor.fate == Fate::DiesAsleep {
                actor.dies_now = true;
            }
            Some(next)
        });
        let Some(next) = next else { return };
        troupe.resume(next);
    }
}

fn number(name: &str, default: u64) -> u64 {
    std::env::var(name).ok().map_or(default, |text| text.parse().expect("a number"))
}

/// So many runs of a play, unless `RANDOM_RUNS` says otherwise; `RANDOM_SEED` is the first.
pub fn runs(default: u64, set: fn(&mut Chance) -> Play) {
    let first = number("RANDOM_SEED", 0);
    let mut troupe = Troupe::default();
    for seed in first..first + number("RANDOM_RUNS", default) {
        if let Err(wrong) = play(&mut troupe, set, seed, false) {
            let again = play(&mut troupe, set, seed, true);
            let story = with(|world| world.story.take().unwrap_or_default()).join("\n");
            println!("{story}");
            assert_eq!(again.as_ref(), Err(&wrong), "it is not the same again");
            panic!("seed {seed}: {wrong}");
        }
    }
}

/// A moment in the use of what a protocol guards.
pub fn stay() {
    moment();
    moment();
}
