//! Timestamps that no real backup has.

use std::fmt;
use std::path::{Path, PathBuf};

/// The lowest and the highest timestamp of the published bench: it subtracts a random number of five
/// bytes from the highest one. They are of years from 9890 on, and pass no calendar check.
const RANGE: std::ops::Range<u64> = 98_900_488_372_225..99_999_999_999_999;

/// The 14 digits that name a backup.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(crate) struct Timestamp(u64);

impl Timestamp {
    /// Any timestamp whose next one has the same date.
    pub(crate) fn random() -> Self {
        loop {
            let candidate = Self(fastrand::u64(RANGE));
            if candidate.date() == candidate.next().date() {
                return candidate;
            }
        }
    }

    /// The next one.
    pub(crate) fn next(self) -> Self {
        Self(self.0 + 1)
    }

    /// Its first eight digits.
    pub(crate) fn date(self) -> String {
        self.to_string()[..8].to_owned()
    }

    /// The backup directory of a segment's data directory `data`: `<data>/backups/<date>/<timestamp>`.
    pub(crate) fn dir(self, data: &Path) -> PathBuf {
        data.join("backups")
            .join(self.date())
            .join(self.to_string())
    }
}

impl fmt::Display for Timestamp {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:014}", self.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn timestamps_are_of_the_published_range() {
        for _ in 0..1000 {
            let timestamp = Timestamp::random();
            assert!(RANGE.contains(&timestamp.0));
            assert_eq!(timestamp.to_string().len(), 14);
            assert_eq!(timestamp.date(), timestamp.next().date());
        }
    }

    #[test]
    fn a_backup_directory_ends_in_date_and_timestamp() {
        let dir = Timestamp(99_540_102_030_405).dir(Path::new("/data/gpseg0"));
        assert_eq!(
            dir,
            Path::new("/data/gpseg0/backups/99540102/99540102030405")
        );
    }
}
