use super::theme;
use plotters::style::RGBColor;

/// The form of a point, so that contenders are told apart without colours too.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Mark {
    Disc,
    Square,
    Up,
    Diamond,
    Down,
    Ring,
    Cross,
}

impl Mark {
    const ALL: [Self; 7] =
        [Self::Disc, Self::Square, Self::Up, Self::Diamond, Self::Down, Self::Ring, Self::Cross];

    /// The mark of the contender at this place: with its colour it is one of 21 of ours, or of 35 others.
    pub(super) fn of(at: usize) -> Self {
        Self::ALL[at % Self::ALL.len()]
    }

    /// The corners of what is filled, around a middle; none if it is no polygon.
    pub(super) fn corners(self, (x, y): (i32, i32), size: i32) -> Vec<(i32, i32)> {
        let corners: &[(i32, i32)] = match self {
            Self::Disc | Self::Ring => &[],
            Self::Square => &[(-4, -4), (4, -4), (4, 4), (-4, 4)],
            Self::Up => &[(-5, 4), (0, -5), (5, 4)],
            Self::Down => &[(-5, -4), (0, 5), (5, -4)],
            Self::Diamond => &[(-6, 0), (0, -6), (6, 0), (0, 6)],
            Self::Cross => &[
                (-5, -3),
                (-3, -5),
                (0, -2),
                (3, -5),
                (5, -3),
                (2, 0),
                (5, 3),
                (3, 5),
                (0, 2),
                (-3, 5),
                (-5, 3),
                (-2, 0),
            ],
        };
        corners.iter().map(|(right, down)| (x + right * size / 4, y + down * size / 4)).collect()
    }
}

/// How a contender looks in a plot.
#[derive(Clone, Copy, Debug)]
pub(super) struct Look {
    pub(super) color: RGBColor,
    pub(super) mark: Mark,
    pub(super) is_ours: bool,
}

impl Look {
    /// Of the contender at this place among ours, or among the others.
    pub(super) fn of(at: usize, is_ours: bool) -> Self {
        Self { color: theme::of_line(at, is_ours), mark: Mark::of(at), is_ours }
    }
}

#[cfg(test)]
mod tests {
    use super::{Look, Mark};

    #[test]
    fn no_two_contenders_look_alike() {
        let mut seen: Vec<(Mark, _)> = Vec::new();
        for (at, is_ours) in (0..21).map(|at| (at, true)).chain((0..35).map(|at| (at, false))) {
            let look = Look::of(at, is_ours);
            assert!(!seen.contains(&(look.mark, look.color)), "{at}");
            seen.push((look.mark, look.color));
        }
    }
}
