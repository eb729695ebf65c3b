//! How large each part of an upload is, and how much memory the parts in flight may hold.
//!
//! A pure function of the part's number, so that a stream of unknown length never runs out of the
//! 10,000 parts that S3 allows: the parts start small and grow in steps. At default options,
//! where a stream has grown to
//!
//! | GiB | its parts | have MiB each | and hold MiB together |
//! | --- | --- | --- | --- |
//! | 1 | 103 | 10 | 70 |
//! | 32 | 3277 | 10 | 70 |
//! | 64 | 4082 | 80 | 160 |
//! | 128 | 4526 | 320 | 640 |
//! | 256 | 4868 | 640 | 1280 |
//! | 1024 | 6097 | 640 | 1280 |
//! | 5120 | 8388 | 2560 | 5120 |
//! | 12401 | 10000 | 5120 | 10240 |

/// The most parts that one multipart upload may have (S3 quotas page).
pub const MAX_PARTS: u32 = 10_000;
/// The least size of every part but the last: 5 MiB (S3 quotas page).
pub const MIN_PART: u64 = 5 * MIB;
/// The largest part, and the largest single PUT: 5 GiB (S3 quotas page).
pub const MAX_PART: u64 = 5 * 1024 * MIB;
/// The size of the first parts where the config names none.
///
/// 10 MiB on six connections keeps a line with 30 ms latency and 50 MB/s a connection 0.87 busy
/// (210 ms of sending for each 30 ms of waiting) at 70 MiB of buffers.
pub const DEFAULT_PART: u64 = 10 * MIB;

const MIB: u64 = 1 << 20;

/// From which part on the size is which multiple of the first part's size.
///
/// With 10 MiB parts: constant up to 32 GiB; 640 MiB at 1 TiB; 12 TiB in all.
const GROWTH: [(u32, u64); 10] = [
    (1, 1),
    (3_301, 2),
    (3_601, 4),
    (3_901, 8),
    (4_201, 16),
    (4_501, 32),
    (4_801, 64),
    (6_101, 128),
    (7_401, 256),
    (8_701, 512),
];

/// The sizes of the parts of one upload.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct PartPlan {
    first: u64,
    largest: u64,
    concurrency: u64,
    limit: Option<u64>,
}

impl PartPlan {
    /// A plan whose first parts have `first` bytes, with `concurrency` requests in flight.
    ///
    /// `max_memory` bounds what [`memory`](Self::memory) says, in bytes; it wins over the two
    /// others, down to one part in flight of the least size that S3 takes.
    pub fn new(first: u64, concurrency: usize, max_memory: Option<u64>) -> Self {
        let concurrency = concurrency.max(1) as u64;
        // One part is read while at least one other is sent.
        let largest = max_memory.map_or(MAX_PART, |limit| (limit / 2).clamp(MIN_PART, MAX_PART));
        let first = first.clamp(MIN_PART, largest);
        let room = max_memory.map_or(u64::MAX, |limit| (limit / first).saturating_sub(1));
        let concurrency = room.clamp(1, concurrency);
        Self {
            first,
            largest,
            concurrency,
            limit: max_memory,
        }
    }

    /// A plan for stores that take parts of any size: those of tests.
    pub fn of_any_size(first: u64, concurrency: usize) -> Self {
        let concurrency = concurrency.max(1) as u64;
        Self {
            first: first.max(1),
            largest: MAX_PART,
            concurrency,
            limit: None,
        }
    }

    /// The size of part `number` (from 1) in bytes; the stream's last part may be shorter.
    pub fn size(&self, number: u32) -> u64 {
        let step = GROWTH.iter().rev().find(|(from, _)| number >= *from);
        let factor = step.map_or(1, |(_, factor)| *factor);
        self.first.saturating_mul(factor).min(self.largest)
    }

    /// How many uploads may run side by side, each with a share of this plan and `beside` bytes more.
    pub(crate) fn jobs(&self, beside: u64) -> usize {
        let one = self.first.saturating_mul(2).saturating_add(beside);
        let room = self.limit.map_or(u64::MAX, |limit| limit / one);
        usize::try_from(room.clamp(1, self.concurrency)).unwrap_or(usize::MAX)
    }

    /// The same sizes with one of `jobs` shares of the requests in flight.
    pub(crate) fn shared_by(self, jobs: usize) -> Self {
        let concurrency = (self.concurrency / jobs.max(1) as u64).max(1);
        Self {
            concurrency,
            ..self
        }
    }

    /// How many parts are sent at once, at the most.
    pub fn concurrency(&self) -> usize {
        usize::try_from(self.concurrency).unwrap_or(usize::MAX)
    }

    /// How many bytes the parts read, waiting and in flight may hold together, while part
    /// `number` is read.
    ///
    /// The first size's budget, until two parts of the grown size no longer fit in it: so fewer
    /// parts are in flight as they grow, but never less than one beside the one being read.
    pub fn memory(&self, number: u32) -> u64 {
        let budget = self.first.saturating_mul(self.concurrency + 1);
        budget.max(self.size(number).saturating_mul(2))
    }

    /// The longest stream that this plan can store, in bytes.
    pub fn longest_stream(&self) -> u64 {
        (1..=MAX_PARTS).map(|number| self.size(number)).sum()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    const GIB: u64 = 1 << 30;

    /// The part in which byte `offset` of a stream lies.
    fn part_at(plan: &PartPlan, offset: u64) -> u32 {
        let mut end = 0;
        (1..=MAX_PARTS)
            .find(|number| {
                end += plan.size(*number);
                offset < end
            })
            .expect("the offset lies within the plan")
    }

    fn default_plan() -> PartPlan {
        PartPlan::new(DEFAULT_PART, 6, None)
    }

    #[test]
    fn default_memory_grows_as_documented() {
        let plan = default_plan();
        let memory = |offset| plan.memory(part_at(&plan, offset));
        assert_eq!(memory(0), 70 * MIB);
        assert_eq!(memory(32 * GIB - 1), 70 * MIB);
        assert!(memory(1024 * GIB - 1) <= 1331 * MIB, "1.3 GiB at 1 TiB");
    }

    #[test]
    fn the_table_above_tells_what_the_plan_does() {
        let plan = default_plan();
        let rows: Vec<Vec<u64>> = include_str!("plan.rs")
            .lines()
            .filter_map(|line| line.strip_prefix("//! | ")?.strip_suffix(" |"))
            .map(|row| {
                row.split(" | ")
                    .map_while(|cell| cell.parse().ok())
                    .collect()
            })
            .filter(|row: &Vec<u64>| !row.is_empty())
            .collect();
        assert!(rows.len() > 5);
        for row in rows {
            let part = part_at(&plan, row[0] * GIB - 1);
            let (size, memory) = (plan.size(part) / MIB, plan.memory(part) / MIB);
            assert_eq!(row, [row[0], part.into(), size, memory]);
        }
    }

    #[test]
    fn sixty_four_gib_pass_two_steps_of_growth() {
        let plan = default_plan();
        assert!(plan.size(part_at(&plan, 64 * GIB - 1)) >= 4 * plan.size(1));
    }

    #[test]
    fn every_part_size_reaches_five_tib() {
        for first in [MIN_PART, DEFAULT_PART, 500 * MIB, MAX_PART] {
            assert!(PartPlan::new(first, 6, None).longest_stream() >= 5 * 1024 * GIB);
        }
    }

    proptest! {
        #[test]
        fn sizes_stay_within_the_limits_of_s3(
            first in 1..2 * MAX_PART, concurrency in 1usize..64, number in 1..=MAX_PARTS,
        ) {
            let plan = PartPlan::new(first, concurrency, None);
            prop_assert!((MIN_PART..=MAX_PART).contains(&plan.size(number)));
            prop_assert!(plan.size(number) <= plan.size(MAX_PARTS));
        }

        #[test]
        fn max_memory_wins(
            first in 1..2 * MAX_PART, concurrency in 1usize..64,
            limit in 2 * MIN_PART..200 * GIB, number in 1..=MAX_PARTS,
        ) {
            let plan = PartPlan::new(first, concurrency, Some(limit));
            prop_assert!(plan.memory(number) <= limit);
            prop_assert!(plan.concurrency() <= concurrency);
        }
    }
}
