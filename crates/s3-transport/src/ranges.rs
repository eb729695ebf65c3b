//! Which bytes of an object are asked for together, and which of them are wanted.

/// A run of bytes, `start..end`, never empty.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Run {
    pub(crate) start: u64,
    pub(crate) end: u64,
}

/// Unwanted bytes between two wanted ranges that are cheaper to read than a further request.
pub(crate) const GAP: u64 = 64 << 10; // 64 KiB

/// Cuts `run` into pieces of at most `size` bytes, in order.
pub(crate) fn pieces(run: Run, size: u64) -> impl Iterator<Item = Run> {
    let mut start = run.start;
    std::iter::from_fn(move || {
        let end = run.end.min(start.saturating_add(size));
        let piece = Run { start, end };
        start = end;
        (piece.start < piece.end).then_some(piece)
    })
}

/// One request of a subset: the run that is read, and the parts of it that are wanted, in order.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Selection {
    pub(crate) run: Run,
    pub(crate) wanted: Vec<Run>,
}

/// Plans the requests for `ranges` in the order given: cut to `size`, and joined where the next
/// one follows within [`GAP`] and both fit one request. Empty ranges ask for nothing.
///
/// The plan is made as it is used: a range may have any length.
pub(crate) fn selections(ranges: &[(u64, u64)], size: u64) -> impl Iterator<Item = Selection> {
    let mut wanted = ranges
        .iter()
        .filter(|(start, end)| start < end)
        .flat_map(move |&(start, end)| pieces(Run { start, end }, size))
        .peekable();
    std::iter::from_fn(move || {
        let first = wanted.next()?;
        let mut selection = Selection {
            run: first,
            wanted: vec![first],
        };
        let joins = |run: Run, next: &Run| {
            next.start >= run.end && next.start - run.end <= GAP && next.end - run.start <= size
        };
        while let Some(next) = wanted.next_if(|next| joins(selection.run, next)) {
            selection.run.end = next.end;
            selection.wanted.push(next);
        }
        Some(selection)
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn run(start: u64, end: u64) -> Run {
        Run { start, end }
    }

    #[test]
    fn near_ranges_share_a_request() {
        let ranges = [(0, 10), (20, 30), (30 + GAP + 1, 30 + GAP + 2)];
        let plan: Vec<_> = selections(&ranges, 1 << 20).collect();
        assert_eq!(plan.len(), 2);
        assert_eq!(plan[0].run, run(0, 30));
        assert_eq!(plan[0].wanted, [run(0, 10), run(20, 30)]);
    }

    #[test]
    fn ranges_that_go_back_are_asked_for_again() {
        let plan: Vec<_> = selections(&[(50, 60), (0, 10), (5, 7)], 1 << 20).collect();
        assert_eq!(plan.len(), 3);
    }

    #[test]
    fn a_range_without_end_is_planned_piece_by_piece() {
        assert_eq!(selections(&[(0, u64::MAX)], 1 << 20).take(3).count(), 3);
    }

    proptest! {
        #[test]
        fn pieces_cover_the_run(start in 0u64..1000, length in 0u64..1000, size in 1u64..100) {
            let whole = run(start, start + length);
            let mut at = start;
            for piece in pieces(whole, size) {
                prop_assert_eq!(piece.start, at);
                prop_assert!(piece.end - piece.start <= size && piece.start < piece.end);
                at = piece.end;
            }
            prop_assert_eq!(at, whole.end);
        }

        #[test]
        fn selections_give_the_wanted_bytes_and_no_long_gap(
            ranges in proptest::collection::vec((0u64..1 << 20, 0u64..1 << 18), 0..20), size in 1u64 << 10..1 << 20,
        ) {
            let ranges: Vec<_> = ranges.into_iter().map(|(start, length)| (start, start + length)).collect();
            let plan: Vec<_> = selections(&ranges, size).collect();
            let wanted: u64 = plan.iter().flat_map(|s| &s.wanted).map(|w| w.end - w.start).sum();
            prop_assert_eq!(wanted, ranges.iter().map(|(start, end)| end - start).sum::<u64>());
            for selection in &plan {
                prop_assert!(selection.run.end - selection.run.start <= size);
                prop_assert_eq!(selection.wanted.first().unwrap().start, selection.run.start);
                prop_assert_eq!(selection.wanted.last().unwrap().end, selection.run.end);
                for pair in selection.wanted.windows(2) {
                    prop_assert!(pair[1].start >= pair[0].end && pair[1].start - pair[0].end <= GAP);
                }
            }
        }
    }
}
