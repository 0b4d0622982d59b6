use crate::results::Summary;

/// How a receiver waits: what decides about a latency more than all else, so that each has a plot of its own.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Wait {
    Spinning,
    Asleep,
    /// A contender whose name does not say.
    Unsaid,
}

impl Wait {
    pub(super) const ALL: [Self; 3] = [Self::Spinning, Self::Asleep, Self::Unsaid];

    pub(super) fn title(self) -> &'static str {
        match self {
            Self::Spinning => "Receivers that look again and again",
            Self::Asleep => "Receivers that sleep until they are woken",
            Self::Unsaid => "Receivers that wait in their own way",
        }
    }

    /// The cases, with those contenders only that wait in this way.
    pub(super) fn of<'a>(self, cases: &[Vec<&'a Summary>]) -> Vec<Vec<&'a Summary>> {
        let is_of = |name: &str| {
            let said = [(", spinning", Self::Spinning), (", asleep", Self::Asleep)];
            let said = said.iter().find(|(end, _)| name.ends_with(end));
            said.map_or(Self::Unsaid, |(_, wait)| *wait) == self
        };
        let cases = cases.iter().map(|case| {
            case.iter().copied().filter(|one| is_of(&one.contender)).collect::<Vec<_>>()
        });
        cases.filter(|case| !case.is_empty()).collect()
    }
}

/// A contender's name without what the plot's title says.
pub(super) fn short(name: &str) -> &str {
    name.trim_end_matches(", spinning").trim_end_matches(", asleep")
}

#[cfg(test)]
mod tests {
    use super::{Wait, short};
    use crate::{part::Part, samples};

    #[test]
    fn every_contender_waits_in_one_way() {
        let results = samples::results();
        let cases = results.cases(Part::Latency);
        let parted: usize = Wait::ALL.iter().map(|wait| wait.of(&cases).concat().len()).sum();
        assert_eq!(parted, cases.concat().len());
        let asleep = Wait::Asleep.of(&cases);
        assert!(asleep.concat().iter().all(|one| one.contender.ends_with("asleep")));
    }

    #[test]
    fn a_short_name_is_what_is_before_it() {
        assert_eq!(short("crossbeam-channel, threads, spinning"), "crossbeam-channel, threads");
        assert_eq!(short("pipe"), "pipe");
    }
}
