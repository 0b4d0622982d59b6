use super::{Amount, ITEMS};
use crate::{contender::Contender, python::Python};

/// Both kinds of pools. They check the results themselves.
pub(super) fn add([maps, tasks, trips]: [&mut Vec<Contender>; 3], python: &Python, amount: Amount) {
    let add = |to: &mut Vec<Contender>, works: [&'static str; 2], count: u64| {
        for (name, work) in ["Python Pool", "Python ProcessPoolExecutor"].into_iter().zip(works) {
            to.push(Contender { name, round: python.round(work, &[count as usize]) });
        }
    };
    add(maps, ["pool_map", "executor_map"], ITEMS);
    add(tasks, ["pool_pipelined", "executor_pipelined"], amount.pipelined);
    add(trips, ["pool_round_trip", "executor_round_trip"], amount.round_trips);
}
