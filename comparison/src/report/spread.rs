/// Moves labels that would overlap apart, as little as it can: each lies at least `gap` below the one before, and all lie within `room` if they find place there.
///
/// `wanted` ascends.
pub(super) fn spread(wanted: &[i32], gap: i32, room: std::ops::Range<i32>) -> Vec<i32> {
    // Runs of labels that touch: how many, and where the first would like to be, on the whole.
    let mut runs: Vec<(usize, f64)> = Vec::new();
    for &place in wanted {
        let mut run = (1, f64::from(place));
        while let Some(&(many, first)) = runs.last() {
            if first + many as f64 * f64::from(gap) <= run.1 {
                break;
            }
            runs.pop();
            let behind = many as f64 * f64::from(gap);
            let all = many + run.0;
            run = (all, (first * many as f64 + (run.1 - behind) * run.0 as f64) / all as f64);
        }
        // None leaves the room at its end, unless it would leave it at its start.
        let last = f64::from(room.end) - (run.0 - 1) as f64 * f64::from(gap);
        run.1 = run.1.min(last).max(f64::from(room.start));
        runs.push(run);
    }
    let places = runs.iter().flat_map(|&(many, first)| {
        (0..many).map(move |at| (first + at as f64 * f64::from(gap)).round() as i32)
    });
    let mut places: Vec<i32> = places.collect();
    // Pushed against the start, a run may reach the next one.
    for at in 1..places.len() {
        places[at] = places[at].max(places[at - 1] + gap);
    }
    places
}

#[cfg(test)]
mod tests {
    use super::spread;

    #[test]
    fn labels_with_room_stay() {
        assert_eq!(spread(&[10, 40, 90], 15, 0..100), [10, 40, 90]);
    }

    #[test]
    fn labels_that_touch_part_around_their_middle() {
        assert_eq!(spread(&[50, 50, 50], 10, 0..100), [40, 50, 60]);
        assert_eq!(spread(&[20, 50, 55], 10, 0..100), [20, 48, 58]);
    }

    #[test]
    fn they_stay_in_their_room() {
        assert_eq!(spread(&[95, 100, 100], 10, 0..100), [80, 90, 100]);
        assert_eq!(spread(&[0, 0, 5], 10, 0..100), [0, 10, 20]);
    }
}
