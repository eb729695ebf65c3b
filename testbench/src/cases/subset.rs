//! `restore_data_subset`, where the plugin has it.

use std::path::{Path, PathBuf};

use crate::case::{Group, must};
use crate::finished::Finished;
use crate::need::Need;
use crate::payload;
use crate::scene::Scene;
use crate::trouble::Verdict;

const NEEDS: &[Need] = &[Need::Command("restore_data_subset")];
const RANGES: &str =
    "contract: the ranges N start1 end1 …, start inclusive, end exclusive, one after the other";
const REFUSED: &str = "contract: a restore that cannot deliver every byte must fail";

pub(crate) static GROUP: Group = Group {
    name: "subset",
    about: "restore_data_subset",
    cases: &[
        must("small", "script: bytes 3 to 9 of 1,000", |scene| {
            delivers(scene, 1001, &[(3, 10)])
        })
        .needs(NEEDS),
        must(
            "large-one-range",
            "script: one byte of a large stream (30 KB here)",
            |scene| delivers(scene, 30_000, &[(27_000, 27_001)]),
        )
        .needs(NEEDS),
        must(
            "large-two-ranges",
            "script: the beginning and one later byte of a large stream (30 KB here)",
            |scene| delivers(scene, 30_000, &[(0, 21_000), (27_000, 27_001)]),
        )
        .needs(NEEDS),
        must(
            "published-large",
            "script: the published ranges of 1 MB",
            published_large,
        )
        .needs(NEEDS)
        .full(),
        must("zero-length", RANGES, |scene| {
            delivers(scene, 1000, &[(5, 5), (7, 9), (1000, 1000)])
        })
        .needs(NEEDS),
        must("to-the-last-byte", RANGES, |scene| {
            delivers(scene, 1000, &[(0, 1), (400, 1000)])
        })
        .needs(NEEDS),
        must("whole", RANGES, |scene| delivers(scene, 1000, &[(0, 1000)])).needs(NEEDS),
        must("thousand-ranges", RANGES, thousand_ranges).needs(NEEDS),
        must("out-of-bounds", REFUSED, out_of_bounds).needs(NEEDS),
        must("malformed-offsets", REFUSED, malformed_offsets).needs(NEEDS),
        must("missing-offsets", REFUSED, missing_offsets).needs(NEEDS),
        must("missing-stream", REFUSED, missing_stream).needs(NEEDS),
        must(
            "stderr-empty",
            "gpbackup: gpbackup_helper takes any byte on stderr for a failure",
            stderr_empty,
        )
        .needs(NEEDS),
    ],
};

type Range = (usize, usize);

fn stream(scene: &Scene<'_>, len: usize) -> Verdict<(PathBuf, Vec<u8>)> {
    let path = scene.path("data")?;
    let bytes = payload::text(&scene.slug, len);
    scene.backup_data(&path, &bytes)?;
    Ok((path, bytes))
}

fn offsets(ranges: &[Range]) -> String {
    let count = ranges.len().to_string();
    ranges
        .iter()
        .fold(count, |text, (start, end)| format!("{text} {start} {end}"))
}

fn subset(scene: &Scene<'_>, path: &Path, offsets: &str) -> Verdict<Finished> {
    let file = scene.dir.join("offsets");
    std::fs::write(&file, offsets)?;
    scene.call("restore_data_subset").arg(path).arg(&file).run()
}

fn asks(scene: &Scene<'_>, path: &Path, bytes: &[u8], ranges: &[Range]) -> Verdict {
    let expected: Vec<u8> = ranges
        .iter()
        .flat_map(|(start, end)| bytes[*start..*end].to_vec())
        .collect();
    subset(scene, path, &offsets(ranges))?
        .succeeds()?
        .with_stdout(&expected)?;
    Ok(())
}

fn delivers(scene: &Scene<'_>, len: usize, ranges: &[Range]) -> Verdict {
    let (path, bytes) = stream(scene, len)?;
    asks(scene, &path, &bytes, ranges)
}

fn published_large(scene: &Scene<'_>) -> Verdict {
    let (path, bytes) = stream(scene, 1_000_001)?;
    asks(scene, &path, &bytes, &[(900_000, 900_001)])?;
    asks(scene, &path, &bytes, &[(0, 700_000), (900_000, 900_001)])
}

fn thousand_ranges(scene: &Scene<'_>) -> Verdict {
    let ranges: Vec<Range> = (0..1000)
        .map(|number| (number * 5, number * 5 + 1 + number % 4))
        .collect();
    delivers(scene, 5000, &ranges)
}

fn out_of_bounds(scene: &Scene<'_>) -> Verdict {
    let (path, _) = stream(scene, 100)?;
    for text in ["1 50 101", "1 101 200", "2 0 10 100 1000"] {
        subset(scene, &path, text)?.fails()?;
    }
    Ok(())
}

fn malformed_offsets(scene: &Scene<'_>) -> Verdict {
    let (path, _) = stream(scene, 100)?;
    for text in [
        "",
        "1",
        "2 0 10",
        "1 ten 20",
        "1 20 10",
        "1 -5 10",
        "1 0 10 20 30",
        "x 0 10",
    ] {
        subset(scene, &path, text)?.fails()?;
    }
    Ok(())
}

fn missing_offsets(scene: &Scene<'_>) -> Verdict {
    let (path, _) = stream(scene, 100)?;
    let missing = scene.dir.join("there_are_no_offsets");
    scene
        .call("restore_data_subset")
        .arg(&path)
        .arg(&missing)
        .run()?
        .fails_with_message()?;
    Ok(())
}

fn missing_stream(scene: &Scene<'_>) -> Verdict {
    subset(scene, &scene.path("missing")?, "1 0 10")?.fails_with_message()?;
    Ok(())
}

fn stderr_empty(scene: &Scene<'_>) -> Verdict {
    let (path, _) = stream(scene, 100)?;
    subset(scene, &path, "1 0 10")?
        .succeeds()?
        .with_empty_stderr()?;
    Ok(())
}
