//! Which bytes of a stream a filtered restore wants.

use std::ops::Range;
use std::path::Path;

use crate::error::Error;

/// Byte ranges of the stream that was given to `backup_data`, in the order in which they are wanted.
///
/// Starts are inclusive, ends exclusive; a range may be empty, and ranges may touch or overlap.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Ranges(Vec<Range<u64>>);

impl Ranges {
    /// Reads an offsets file.
    ///
    /// # Errors
    /// [`Error::OffsetsUnreadable`], or [`Error::Offsets`] as by [`Ranges::parse`].
    pub fn read(path: &Path) -> Result<Self, Error> {
        let text = std::fs::read_to_string(path).map_err(|source| Error::OffsetsUnreadable {
            path: path.to_owned(),
            source,
        })?;
        Self::parse(&text).map_err(|wrong| Error::Offsets {
            path: path.to_owned(),
            wrong,
        })
    }

    /// Reads `N start1 end1 … startN endN`, decimal numbers with blanks or line breaks between them.
    ///
    /// # Errors
    /// What is wrong and at which number or range, where a word is no number, there are not exactly
    /// N ranges, or one ends before its start.
    pub fn parse(text: &str) -> Result<Self, String> {
        let mut numbers = text
            .split_ascii_whitespace()
            .zip(1..)
            .map(|(word, at)| number(word, at));
        let count = numbers
            .next()
            .ok_or("is empty, where N start1 end1 … is wanted")??;
        let mut ranges = Vec::new();
        while let Some(start) = numbers.next() {
            let at = ranges.len() + 1;
            let start = start?;
            let end = numbers.next().ok_or(format!("ends within range {at}"))??;
            if end < start {
                return Err(format!(
                    "range {at} ends at {end}, before its start {start}"
                ));
            }
            ranges.push(start..end);
        }
        if ranges.len() as u64 != count {
            return Err(format!(
                "announces {count} ranges and holds {}",
                ranges.len()
            ));
        }
        Ok(Self(ranges))
    }

    /// The ranges in order.
    pub fn iter(&self) -> impl Iterator<Item = Range<u64>> {
        self.0.iter().cloned()
    }

    /// How many bytes they are together; saturates, as ranges may overlap.
    pub fn total(&self) -> u64 {
        self.0
            .iter()
            .fold(0, |sum, range| sum.saturating_add(range.end - range.start))
    }
}

fn number(word: &str, at: usize) -> Result<u64, String> {
    let digits = word.bytes().all(|b| b.is_ascii_digit());
    let parsed = word.parse().ok().filter(|_| digits);
    parsed.ok_or_else(|| {
        format!(
            "number {at}, {word:?}, is no whole number from 0 to {}",
            u64::MAX
        )
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[track_caller]
    fn refused(text: &str, expected: &str) {
        let message = Ranges::parse(text).unwrap_err();
        assert!(message.contains(expected), "{text:?}: {message}");
    }

    #[test]
    fn ranges_are_read_in_order() {
        let ranges = Ranges::parse("2 0 700000 900000 900001\n").unwrap();
        assert_eq!(
            ranges.iter().collect::<Vec<_>>(),
            [0..700_000, 900_000..900_001]
        );
        assert_eq!(ranges.total(), 700_001);
        assert_eq!(Ranges::parse(" 1\t5\r\n5 ").unwrap().total(), 0);
        assert_eq!(Ranges::parse("0").unwrap().iter().count(), 0);
    }

    #[test]
    fn a_malformed_file_is_refused_with_its_position() {
        refused("", "is empty");
        refused(" \n", "is empty");
        refused("x 1 2", "number 1, \"x\"");
        refused("1 1 -2", "number 3, \"-2\"");
        refused("1 1 +2", "number 3, \"+2\"");
        refused("1 0 18446744073709551616", "number 3");
        refused("2 0 1 9 5", "range 2 ends at 5, before its start 9");
        refused("2 0 1 9", "ends within range 2");
        refused("2 0 1", "announces 2 ranges and holds 1");
        refused("1 0 1 2 3", "announces 1 ranges and holds 2");
        refused("18446744073709551615 0 1", "holds 1");
    }

    proptest! {
        #[test]
        fn what_was_written_is_read(pairs in proptest::collection::vec((any::<u64>(), any::<u64>()), 0..40), blank in "[ \n\t]{1,3}") {
            let expected: Vec<_> = pairs.iter().map(|&(a, b)| a.min(b)..a.max(b)).collect();
            let mut text = expected.len().to_string();
            for range in &expected {
                text += &format!("{blank}{}{blank}{}", range.start, range.end);
            }
            prop_assert_eq!(Ranges::parse(&text).unwrap().iter().collect::<Vec<_>>(), expected);
        }

        #[test]
        fn no_text_panics(text in "[0-9 x\n-]{0,40}") {
            if let Ok(ranges) = Ranges::parse(&text) {
                prop_assert!(ranges.iter().all(|range| range.start <= range.end));
            }
        }
    }
}
