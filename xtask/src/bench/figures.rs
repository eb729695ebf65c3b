//! What one run cost, and what many runs say together.

use serde::{Deserialize, Serialize};

/// What the kernel and the server say of one run.
#[derive(Clone, Copy, Debug, Serialize, Deserialize)]
pub(crate) struct Figures {
    /// Seconds.
    pub(crate) wall: f64,
    /// Seconds of user and system time.
    pub(crate) cpu: f64,
    /// The largest resident size of one process, in bytes.
    pub(crate) peak: u64,
    /// Seconds from the start to the first byte on stdout.
    pub(crate) first_byte: Option<f64>,
    /// Requests that the server saw.
    #[serde(default)]
    pub(crate) requests: u64,
}

impl Figures {
    /// What both cost, one after the other.
    pub(crate) fn and(&self, other: &Self) -> Self {
        Self {
            wall: self.wall + other.wall,
            cpu: self.cpu + other.cpu,
            peak: self.peak.max(other.peak),
            first_byte: self.first_byte,
            requests: self.requests + other.requests,
        }
    }
}

/// The middle of some values, and how far they reach.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
pub(crate) struct Spread {
    pub(crate) median: f64,
    pub(crate) least: f64,
    pub(crate) most: f64,
}

impl Spread {
    /// Of at least one value; `None` of none.
    pub(crate) fn of(values: impl IntoIterator<Item = f64>) -> Option<Self> {
        let mut values: Vec<f64> = values.into_iter().collect();
        values.sort_by(f64::total_cmp);
        let (least, most) = (*values.first()?, *values.last()?);
        let middle = values.len() / 2;
        let median = match values.len() % 2 {
            0 => f64::midpoint(values[middle - 1], values[middle]),
            _ => values[middle],
        };
        Some(Self {
            median,
            least,
            most,
        })
    }

    /// Of the ratios of runs that were next to each other: what disturbed one disturbed both.
    pub(crate) fn ratio(
        ours: &[Figures],
        theirs: &[Figures],
        figure: fn(&Figures) -> f64,
    ) -> Option<Self> {
        let pairs = ours.iter().zip(theirs);
        Self::of(pairs.map(|(ours, theirs)| figure(ours) / figure(theirs)))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_median_lies_in_the_middle() {
        let check = |values: &[f64], median, least, most| {
            let expected = Spread {
                median,
                least,
                most,
            };
            assert_eq!(Spread::of(values.iter().copied()), Some(expected));
        };
        check(&[3.0, 1.0, 2.0], 2.0, 1.0, 3.0);
        check(&[4.0, 1.0, 2.0, 3.0], 2.5, 1.0, 4.0);
        assert_eq!(Spread::of([]), None);
    }
}
