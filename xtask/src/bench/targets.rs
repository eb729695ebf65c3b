//! What the plugin may cost at most, each figure beside another one of the same run.

use std::fmt;

use super::Scheme;
use super::figures::{Figures, Spread};
use super::run::{Played, Runs};
use super::tool::{CURL, CURL_AND_SHA256, GO, OURS};

const MIB: f64 = 1024.0 * 1024.0;

/// One goal.
struct Target {
    /// Every scheme where none is named.
    scheme: Option<Scheme>,
    work: &'static str,
    figure: Figure,
    measured_by: Yardstick,
    at_most: f64,
}

/// What is compared.
#[derive(Clone, Copy)]
enum Figure {
    Wall,
    Cpu,
    PeakMib,
    FirstByte,
    Requests,
}

/// What it is compared with.
#[derive(Clone, Copy)]
enum Yardstick {
    /// Another tool at the same work.
    Tool(&'static str),
    /// The plugin itself at another work.
    Work(&'static str),
    /// Nothing: the figure itself is bounded.
    Itself,
}

const fn target(
    scheme: Option<Scheme>,
    work: &'static str,
    figure: Figure,
    measured_by: Yardstick,
    at_most: f64,
) -> Target {
    Target {
        scheme,
        work,
        figure,
        measured_by,
        at_most,
    }
}

/// All goals, for default options on two cores.
const TARGETS: [Target; 17] = {
    use Figure::{Cpu, FirstByte, PeakMib, Requests, Wall};
    use Yardstick::{Itself, Tool, Work};
    const HTTP: Option<Scheme> = Some(Scheme::Http);
    const HTTPS: Option<Scheme> = Some(Scheme::Https);
    [
        target(HTTP, "backup_data", Cpu, Tool(CURL_AND_SHA256), 1.2),
        target(HTTP, "backup_data", Cpu, Tool(GO), 0.45),
        target(HTTP, "backup_data", Wall, Tool(GO), 0.55),
        target(HTTPS, "backup_data", Cpu, Tool(CURL), 0.5),
        target(HTTPS, "backup_data", Wall, Tool(CURL), 0.5),
        target(HTTPS, "backup_data", Cpu, Tool(GO), 0.3),
        target(HTTP, "restore_data", Cpu, Tool(CURL), 0.75),
        target(HTTPS, "restore_data", Cpu, Tool(CURL), 1.0),
        target(None, "restore_data", Wall, Tool(CURL), 1.0),
        target(None, "restore_data", Wall, Tool(GO), 1.0),
        target(None, "restore_data", FirstByte, Work("restore_small"), 1.5),
        target(None, "backup_file", Wall, Tool(GO), 0.6),
        target(None, "backup_file", PeakMib, Itself, 16.0),
        target(None, "backup_file", Requests, Itself, 1.0),
        target(None, "backup_data", PeakMib, Itself, 96.0),
        target(None, "restore_data", PeakMib, Itself, 96.0),
        target(None, "tables", Wall, Tool(GO), 1.0),
    ]
};

impl Figure {
    fn name(self) -> &'static str {
        match self {
            Self::Wall => "wall time",
            Self::Cpu => "CPU time",
            Self::PeakMib => "peak memory, MiB",
            Self::FirstByte => "time to the first byte",
            Self::Requests => "requests",
        }
    }

    fn of(self) -> fn(&Figures) -> f64 {
        match self {
            Self::Wall => |run| run.wall,
            Self::Cpu => |run| run.cpu,
            Self::PeakMib => |run| run.peak as f64 / MIB,
            Self::FirstByte => |run| run.first_byte.unwrap_or(f64::NAN),
            Self::Requests => |run| run.requests as f64,
        }
    }
}

impl Target {
    /// What was measured; none where this run had not all that it takes.
    fn measured(&self, played: &Played, all: &[Played]) -> Option<Spread> {
        let figure = self.figure.of();
        let ours = find(played, OURS)?;
        match self.measured_by {
            Yardstick::Tool(name) => Spread::ratio(&ours.runs, &find(played, name)?.runs, figure),
            Yardstick::Work(name) => {
                let same_scheme = |other: &&Played| other.scheme == played.scheme;
                let other = all
                    .iter()
                    .filter(same_scheme)
                    .find(|other| other.work == name)?;
                Spread::ratio(&ours.runs, &find(other, OURS)?.runs, figure)
            }
            Yardstick::Itself => Spread::of(ours.runs.iter().map(figure)),
        }
    }

    fn yardstick(&self) -> String {
        match self.measured_by {
            Yardstick::Tool(name) => format!(", × that of {name}"),
            Yardstick::Work(name) => format!(", × that of {name}"),
            Yardstick::Itself => String::new(),
        }
    }
}

fn find<'a>(played: &'a Played, tool: &str) -> Option<&'a Runs> {
    played.tools.iter().find(|runs| runs.tool == tool)
}

/// Writes a table of the goals that this run can judge: by their medians, as single runs are noisy.
pub(crate) fn write(f: &mut fmt::Formatter<'_>, all: &[Played]) -> fmt::Result {
    let mut lines = Vec::new();
    for played in all {
        for target in &TARGETS {
            let here = target.work == played.work
                && target.scheme.is_none_or(|scheme| scheme == played.scheme);
            let Some(measured) = here.then(|| target.measured(played, all)).flatten() else {
                continue;
            };
            let met = match measured.median <= target.at_most {
                true => "yes",
                false => "NO",
            };
            lines.push(format!(
                "| {} {}: {}{} | {} | {:.2} ({:.2}–{:.2}) | {met} |",
                played.scheme.name(),
                played.work,
                target.figure.name(),
                target.yardstick(),
                target.at_most,
                measured.median,
                measured.least,
                measured.most,
            ));
        }
    }
    if lines.is_empty() {
        return Ok(());
    }
    writeln!(f, "\n| goal | at most | measured | met |")?;
    writeln!(f, "| --- | --- | --- | --- |")?;
    lines.iter().try_for_each(|line| writeln!(f, "{line}"))
}
