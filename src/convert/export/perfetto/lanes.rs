//! What overlaps on one track gets lanes of its own: slices of a lane follow one another.

use super::super::Span;

/// The lane of each span, from 0: the first that is free when the span begins.
///
/// Where one begins as another ends, the lane is free only if the other is told before it, too.
pub fn lanes(spans: &[Span]) -> Vec<usize> {
    let mut by_start: Vec<usize> = (0..spans.len()).collect();
    by_start.sort_by_key(|index| spans[*index].from_ns);
    let mut ends: Vec<(i64, usize)> = Vec::new();
    let mut lanes = vec![0; spans.len()];
    for index in by_start {
        let Span { from_ns, to_ns } = spans[index];
        let free = ends.iter().position(|end| *end < (from_ns, index));
        match free {
            Some(lane) => ends[lane] = (to_ns, index),
            None => ends.push((to_ns, index)),
        }
        lanes[index] = free.unwrap_or(ends.len() - 1);
    }
    lanes
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(spans: &[(i64, i64)]) -> Vec<usize> {
        let span = |(from_ns, to_ns): &(i64, i64)| Span {
            from_ns: *from_ns,
            to_ns: *to_ns,
        };
        lanes(&spans.iter().map(span).collect::<Vec<_>>())
    }

    #[test]
    fn what_overlaps_is_apart_and_what_follows_shares_a_lane() {
        assert_eq!(of(&[(0, 5), (3, 9), (5, 7), (8, 9)]), [0, 1, 0, 0]);
        assert_eq!(of(&[(0, 9), (1, 9), (2, 9)]), [0, 1, 2]);
        assert_eq!(of(&[]), [0; 0]);
    }

    #[test]
    fn slices_that_meet_share_a_lane_only_in_the_order_in_which_they_are_told() {
        assert_eq!(of(&[(0, 5), (5, 5), (5, 9)]), [0, 0, 0]);
        assert_eq!(of(&[(5, 9), (0, 5)]), [1, 0]);
    }
}
