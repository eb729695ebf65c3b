//! What a person sees on the terminal.

use std::io::{self, Write};

use anstyle::{AnsiColor, Style};

use super::transcript;
use crate::event::{Event, Reporter};
use crate::report::{CaseReport, CommandCost, Counts, Header, Outcome, Report, Verdict};

/// Tells the run line by line.
pub struct Human<W> {
    out: W,
    /// Whether colours, and lines that are written over, can be used.
    terminal: bool,
    group: &'static str,
    /// A line that the next one writes over.
    pending: bool,
}

impl<W: Write> Human<W> {
    /// Writes to `out`, with colours and progress where it is a `terminal`.
    pub fn new(out: W, terminal: bool) -> Self {
        Self {
            out,
            terminal,
            group: "",
            pending: false,
        }
    }

    fn paint(&self, style: Style, text: &str) -> String {
        if self.terminal {
            format!("{style}{text}{style:#}")
        } else {
            text.to_owned()
        }
    }

    fn start(&mut self, header: &Header) -> io::Result<()> {
        writeln!(
            self.out,
            "plugin   {} ({})",
            header.plugin,
            or_unknown(&header.plugin_version)
        )?;
        writeln!(self.out, "API      {}", or_unknown(&header.api_version))?;
        writeln!(self.out, "config   {}", header.config_path)?;
        if let Some(secondary) = &header.secondary_path {
            writeln!(self.out, "second   {secondary}")?;
        }
        writeln!(self.out, "level    {}", header.level.name())?;
        writeln!(self.out, "bench    {}", header.bench_version)
    }

    fn progress(&mut self, text: &str) -> io::Result<()> {
        if self.terminal {
            write!(self.out, "\r\x1b[K  …    {text}")?;
            self.out.flush()?;
            self.pending = true;
        }
        Ok(())
    }

    fn clear(&mut self) -> io::Result<()> {
        if std::mem::take(&mut self.pending) {
            write!(self.out, "\r\x1b[K")?;
        }
        Ok(())
    }

    fn case(&mut self, case: &CaseReport) -> io::Result<()> {
        self.clear()?;
        if case.outcome == Outcome::Disabled {
            return Ok(());
        }
        if self.group != case.group {
            self.group = case.group;
            writeln!(
                self.out,
                "\n{}",
                self.paint(Style::new().bold(), case.group)
            )?;
        }
        let word = self.paint(style(case.outcome), &format!("{:5}", case.outcome.name()));
        let obligation = case.obligation.name();
        let name = &case.name;
        match (&case.reason, case.outcome) {
            (Some(reason), Outcome::Skip) => writeln!(self.out, "  {word} {name}: {reason}")?,
            (Some(reason), _) => {
                let expected = if case.expected_failure {
                    ", as expected"
                } else {
                    ""
                };
                writeln!(
                    self.out,
                    "  {word} {name} ({obligation}{expected}): {reason}"
                )?;
                writeln!(self.out, "        proves: {}", case.clause)?;
                for line in case.transcript.iter().flat_map(transcript::lines) {
                    writeln!(self.out, "        {line}")?;
                }
            }
            (None, _) => {
                let surprise = if case.passed_unexpectedly() {
                    ": it was expected to fail"
                } else {
                    ""
                };
                writeln!(self.out, "  {word} {name} {:.2} s{surprise}", case.seconds)?;
            }
        }
        self.out.flush()
    }

    fn end(&mut self, report: &Report) -> io::Result<()> {
        self.clear()?;
        self.groups(report)?;
        self.costs(report)?;
        for line in &report.throughput {
            let rate = line.megabytes_per_second();
            writeln!(
                self.out,
                "{rate:>8.1} MB/s {:>8.1} s  {}",
                line.seconds, line.what
            )?;
        }
        let uploaded = report.uploaded_bytes as f64 / 1e6;
        writeln!(
            self.out,
            "{uploaded:.2} MB uploaded in {:.1} s",
            report.seconds
        )?;
        for note in &report.notes {
            writeln!(self.out, "note: {note}")?;
        }
        let failed = |case: &&CaseReport| matches!(case.outcome, Outcome::Fail | Outcome::Error);
        for case in report.cases.iter().filter(failed) {
            let word = self.paint(style(case.outcome), case.outcome.name());
            let reason = case.reason.as_deref().unwrap_or_default();
            writeln!(
                self.out,
                "{word} {} ({}): {reason}",
                case.name,
                case.obligation.name()
            )?;
        }
        let colour = if report.verdict == Verdict::Passed {
            AnsiColor::Green
        } else {
            AnsiColor::Red
        };
        let line = self.paint(
            Style::new().bold().fg_color(Some(colour.into())),
            &report.last_line(),
        );
        writeln!(self.out, "{line}")?;
        self.out.flush()
    }

    fn groups(&mut self, report: &Report) -> io::Result<()> {
        writeln!(
            self.out,
            "\n{:14}{:>6}{:>6}{:>6}{:>6}{:>10}",
            "group", "pass", "fail", "error", "skip", "disabled"
        )?;
        for (group, counts) in &report.groups {
            let Counts {
                pass,
                fail,
                error,
                skip,
                disabled,
                ..
            } = counts;
            writeln!(
                self.out,
                "{group:14}{pass:>6}{fail:>6}{error:>6}{skip:>6}{disabled:>10}"
            )?;
        }
        Ok(())
    }

    fn costs(&mut self, report: &Report) -> io::Result<()> {
        writeln!(
            self.out,
            "\n{:28}{:>6}{:>9}{:>9}{:>9}{:>10}",
            "command", "calls", "wall s", "longest", "CPU s", "peak MB"
        )?;
        for (command, cost) in &report.costs {
            let CommandCost {
                calls,
                wall_seconds,
                longest_seconds,
                cpu_seconds,
                ..
            } = cost;
            let peak = report.peak(cost);
            let command: String = command.chars().take(27).collect();
            writeln!(
                self.out,
                "{command:28}{calls:>6}{wall_seconds:>9.2}{longest_seconds:>9.2}{cpu_seconds:>9.2}{peak:>10}"
            )?;
        }
        Ok(())
    }
}

impl<W: Write> Reporter for Human<W> {
    fn event(&mut self, event: &Event<'_>) -> io::Result<()> {
        match event {
            Event::Start(header) => self.start(header),
            Event::CaseStart { name } => self.progress(name),
            Event::CaseRuns { name, elapsed } => {
                self.progress(&format!("{name} {} s", elapsed.as_secs()))
            }
            Event::CaseEnd(case) => self.case(case),
            Event::End(report) => self.end(report),
        }
    }
}

fn style(outcome: Outcome) -> Style {
    let colour = match outcome {
        Outcome::Pass => AnsiColor::Green,
        Outcome::Fail => AnsiColor::Red,
        Outcome::Error => AnsiColor::Magenta,
        Outcome::Skip | Outcome::Disabled => AnsiColor::Yellow,
    };
    Style::new().fg_color(Some(colour.into()))
}

fn or_unknown(text: &str) -> &str {
    if text.is_empty() {
        "version unknown"
    } else {
        text
    }
}
