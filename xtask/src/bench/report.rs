//! The table and the JSON.

use std::fmt;
use std::path::Path;

use anyhow::{Context, Result};
use serde::Serialize;

use super::figures::{Figures, Spread};
use super::run::{Played, Runs};
use super::targets;

/// From this many bytes on the cost is told per GiB, too.
const LARGE: u64 = 16 * 1024 * 1024; // 16 MiB

/// Everything that a benchmark found.
#[derive(Serialize)]
pub(crate) struct Report {
    /// The processor's name and how many of it there are.
    machine: String,
    /// Bytes of the plugin's executable.
    executable_bytes: u64,
    pub(crate) played: Vec<Played>,
}

impl Report {
    pub(crate) fn new(plugin: &Path) -> Result<Self> {
        Ok(Self {
            machine: machine(),
            executable_bytes: std::fs::metadata(plugin)?.len(),
            played: Vec::new(),
        })
    }

    pub(crate) fn add(&mut self, played: Played) {
        self.played.push(played);
    }

    pub(crate) fn write_json(&self, file: &Path) -> Result<()> {
        let json = serde_json::to_vec_pretty(self)?;
        std::fs::write(file, json).with_context(|| format!("cannot write {}", file.display()))
    }
}

fn machine() -> String {
    let cores = std::thread::available_parallelism().map_or(0, usize::from);
    let info = std::fs::read_to_string("/proc/cpuinfo").unwrap_or_default();
    let model = info
        .lines()
        .find_map(|line| line.strip_prefix("model name")?.split_once(": "))
        .map_or("unknown", |(_, model)| model);
    format!("{cores} x {model}")
}

/// Medians by tool; of the others, how ours compares: the ratio's median, least and most.
impl fmt::Display for Report {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "machine: {}", self.machine)?;
        writeln!(f, "executable: {} bytes\n", self.executable_bytes)?;
        writeln!(
            f,
            "| work | tool | wall s | CPU s | CPU s/GiB | peak MiB | first byte ms | requests | ours/its wall | ours/its CPU |"
        )?;
        writeln!(
            f,
            "| --- | --- | --- | --- | --- | --- | --- | --- | --- | --- |"
        )?;
        for played in &self.played {
            let ours = played.tools.first();
            for runs in &played.tools {
                write_row(f, played, runs, ours)?;
            }
        }
        targets::write(f, &self.played)
    }
}

fn write_row(
    f: &mut fmt::Formatter<'_>,
    played: &Played,
    runs: &Runs,
    ours: Option<&Runs>,
) -> fmt::Result {
    let median = |figure: fn(&Figures) -> f64| {
        Spread::of(runs.runs.iter().map(figure)).map_or(f64::NAN, |spread| spread.median)
    };
    let (wall, cpu) = (median(|run| run.wall), median(|run| run.cpu));
    let first = Spread::of(runs.runs.iter().filter_map(|run| run.first_byte));
    let first = first.map_or_else(String::new, |spread| format!("{:.1}", spread.median * 1e3));
    let ratio = |figure| match ours {
        Some(ours) if ours.tool != runs.tool => Spread::ratio(&ours.runs, &runs.runs, figure)
            .map_or_else(String::new, |ratio| {
                format!("{:.2} ({:.2}–{:.2})", ratio.median, ratio.least, ratio.most)
            }),
        _ => String::new(),
    };
    // Of a small file, what a GiB would cost says nothing.
    let per_gib = match played.bytes {
        bytes if bytes < LARGE => String::new(),
        bytes => format!("{:.2}", cpu / bytes as f64 * f64::from(1 << 30)),
    };
    writeln!(
        f,
        "| {} {} | {} | {wall:.3} | {cpu:.3} | {per_gib} | {:.1} | {first} | {} | {} | {} |",
        played.scheme.name(),
        played.work,
        runs.tool,
        median(|run| run.peak as f64) / f64::from(1 << 20),
        median(|run| run.requests as f64),
        ratio(|run| run.wall),
        ratio(|run| run.cpu),
    )
}
