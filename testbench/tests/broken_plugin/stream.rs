//! Streams: from stdin to the store and from the store to stdout.

use std::io::{self, Read as _, Write as _};

use crate::store::Store;
use crate::{Done, Failure};

/// Stores stdin for `path`.
pub(crate) fn backup(store: &Store, path: &str) -> Done {
    let mut bytes = Vec::new();
    io::stdin().read_to_end(&mut bytes)?;
    store.put(path, &bytes)
}

/// Writes what is stored for `path` to stdout.
pub(crate) fn restore(store: &Store, path: &str) -> Done {
    let bytes = store.get(path)?;
    deliver(&bytes)
}

/// Writes the ranges that the file `offsets` names to stdout.
pub(crate) fn restore_subset(store: &Store, path: &str, offsets: &str) -> Done {
    let text =
        std::fs::read_to_string(offsets).map_err(|error| format!("offsets {offsets}: {error}"))?;
    let ranges = ranges(&text)?;
    let bytes = store.get(path)?;
    let mut all = Vec::new();
    for (start, end) in ranges {
        all.extend(bytes.get(start..end).ok_or("a range is out of bounds")?);
    }
    deliver(&all)
}

fn deliver(bytes: &[u8]) -> Done {
    let mut stdout = io::stdout().lock();
    stdout.write_all(bytes)?;
    stdout.flush()?;
    Ok(())
}

fn ranges(text: &str) -> Result<Vec<(usize, usize)>, Failure> {
    let numbers: Vec<usize> = text
        .split_whitespace()
        .map(str::parse)
        .collect::<Result<_, _>>()
        .map_err(|_| "offsets: no number")?;
    let (count, rest) = numbers.split_first().ok_or("offsets: empty")?;
    if rest.len() != count * 2 {
        return Err("offsets: wrong count".into());
    }
    let ranges: Vec<(usize, usize)> = rest.chunks(2).map(|pair| (pair[0], pair[1])).collect();
    if ranges.iter().any(|(start, end)| start > end) {
        return Err("offsets: a range ends before it starts".into());
    }
    Ok(ranges)
}
