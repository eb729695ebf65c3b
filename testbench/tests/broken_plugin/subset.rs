//! Ranges of a stream.

use crate::store::Store;
use crate::stream::deliver;
use crate::{Done, Failure, fault, warn};

/// Writes the ranges that the file `offsets` names to stdout.
pub(crate) fn restore(store: &Store, path: &str, offsets: &str) -> Done {
    let text = match std::fs::read_to_string(offsets) {
        Err(_) if fault("missing-offsets-accepted") => "0".to_owned(),
        other => other.map_err(|error| format!("offsets {offsets}: {error}"))?,
    };
    let mut ranges = ranges(&text)?;
    let bytes = match store.get(path) {
        Err(_) if fault("subset-of-nothing-accepted") => return Ok(()),
        other => other?,
    };
    if fault("subset-only-first-range") {
        ranges.truncate(1);
    }
    if fault("subset-hundred-ranges") && ranges.len() > 100 {
        return Err("more than 100 ranges".into());
    }
    let mut all = Vec::new();
    for range in ranges {
        all.extend(pick(&bytes, range)?);
        if fault("subset-newlines-between") {
            all.push(b'\n');
        }
    }
    deliver(&all)?;
    if fault("subset-warns") {
        warn("took a while");
    }
    Ok(())
}

fn pick(bytes: &[u8], (start, end): (usize, usize)) -> Result<&[u8], Failure> {
    let len = bytes.len();
    let end = if fault("subset-end-inclusive") {
        (end + 1).min(len.max(end))
    } else {
        end
    };
    let (start, end) = if fault("subset-clamped") {
        (start.min(len), end.min(len))
    } else {
        (start, end)
    };
    let refused = fault("subset-without-last-byte") && end == len && start < end
        || fault("subset-zero-length-refused") && start == end
        || fault("subset-within-20k") && end > 20_000
        || fault("subset-within-600k") && end > 600_000;
    let found = bytes.get(start..end).filter(|_| !refused);
    found.ok_or_else(|| "a range is out of bounds".into())
}

fn ranges(text: &str) -> Result<Vec<(usize, usize)>, Failure> {
    let lenient = fault("malformed-offsets-accepted");
    let numbers: Result<Vec<usize>, _> = text.split_whitespace().map(str::parse).collect();
    let numbers = match numbers {
        Err(_) if lenient => return Ok(Vec::new()),
        other => other.map_err(|_| "offsets: no number")?,
    };
    let Some((count, rest)) = numbers.split_first() else {
        return if lenient {
            Ok(Vec::new())
        } else {
            Err("offsets: empty".into())
        };
    };
    let ranges: Vec<(usize, usize)> = rest
        .chunks_exact(2)
        .map(|pair| (pair[0], pair[1]))
        .collect();
    let backwards = ranges.iter().any(|(start, end)| start > end);
    if (rest.len() != count * 2 || backwards) && !lenient {
        return Err("offsets: wrong count or wrong order".into());
    }
    Ok(ranges)
}
