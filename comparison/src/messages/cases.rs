use super::{
    contenders::contenders,
    work::{Kind, Work},
};
use crate::{case::Case, left_out, options::Options, part::Part, topology::Pair, unit::Unit};

/// A case with all its contenders; nothing where there are no two processors, because then one who spins keeps the other from what it spins for.
pub fn new_case(
    part: Part,
    name: &str,
    at: f64,
    unit: Unit,
    kind: Kind,
    bytes: usize,
    options: &Options,
) -> Option<Case> {
    let Some(pair) = Pair::choose() else {
        left_out::tell(format!("{}, {name}: there is only one processor", part.title()));
        return None;
    };
    let contenders = contenders(Work::new(kind, bytes, pair.cpus, options));
    Some(Case { part, name: name.to_owned(), at: Some(at), unit, contenders })
}
