//! A call of the plugin that has ended, and what a case asks of it.

use std::ffi::OsString;
use std::fmt;
use std::os::unix::process::ExitStatusExt as _;
use std::path::Path;
use std::process::ExitStatus;
use std::time::Duration;

use crate::payload;
use crate::trouble::{Trouble, Verdict, ensure};

/// How a call ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Ended {
    /// With this exit code.
    Code(i32),
    /// By this signal, which counts as non-zero.
    Signal(i32),
    /// It did not: it was killed at its deadline.
    Overdue,
}

impl From<ExitStatus> for Ended {
    fn from(status: ExitStatus) -> Self {
        match status.code() {
            Some(code) => Self::Code(code),
            None => Self::Signal(status.signal().unwrap_or_default()),
        }
    }
}

impl fmt::Display for Ended {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Code(code) => write!(f, "exit {code}"),
            Self::Signal(signal) => match nix::sys::signal::Signal::try_from(*signal) {
                Ok(signal) => write!(f, "ended by {signal}"),
                Err(_) => write!(f, "ended by signal {signal}"),
            },
            Self::Overdue => write!(f, "killed at its deadline"),
        }
    }
}

/// A call that has ended.
#[derive(Clone, Debug)]
pub(crate) struct Finished {
    /// What was called, the plugin first.
    pub(crate) argv: Vec<OsString>,
    /// How many bytes the plugin was given on stdin.
    pub(crate) stdin_len: u64,
    /// How it ended.
    pub(crate) ended: Ended,
    /// All of stdout that was read.
    pub(crate) stdout: Vec<u8>,
    /// All of stderr.
    pub(crate) stderr: Vec<u8>,
    /// From the start to the end.
    pub(crate) wall: Duration,
}

impl Finished {
    /// The plugin command, for reports.
    pub(crate) fn command(&self) -> String {
        let command = self
            .argv
            .get(1)
            .map(|arg| arg.to_string_lossy().into_owned());
        command.unwrap_or_else(|| "(none)".into())
    }

    /// The bytes that the plugin was given to store.
    pub(crate) fn uploaded(&self) -> u64 {
        match (self.command().as_str(), self.argv.last()) {
            ("backup_data", _) => self.stdin_len,
            ("backup_file", Some(path)) => std::fs::metadata(path).map_or(0, |found| found.len()),
            _ => 0,
        }
    }

    /// Whether the exit code was 0.
    pub(crate) fn ok(&self) -> bool {
        self.ended == Ended::Code(0)
    }

    /// Whether the plugin ended by itself, or by a signal, and did not claim success.
    pub(crate) fn failed(&self) -> bool {
        !self.ok() && self.ended != Ended::Overdue
    }

    /// Asks for exit code 0.
    pub(crate) fn succeeds(self) -> Verdict<Self> {
        ensure(self.ok(), || {
            format!(
                "{} should have succeeded: {}{}",
                self.command(),
                self.ended,
                self.said()
            )
        })?;
        Ok(self)
    }

    /// Asks for any end but exit code 0.
    pub(crate) fn fails(self) -> Verdict<Self> {
        match self.ended {
            Ended::Code(0) => Err(Trouble::plugin(format!(
                "{} should have failed: it ended with exit 0",
                self.command()
            ))),
            Ended::Overdue => Err(Trouble::plugin(format!(
                "{} should have failed: it hung until its deadline",
                self.command()
            ))),
            _ => Ok(self),
        }
    }

    /// Asks for a failure with a message on stderr and nothing on stdout.
    pub(crate) fn fails_with_message(self) -> Verdict<Self> {
        let this = self.fails()?;
        ensure(!this.stderr.trim_ascii().is_empty(), || {
            format!("{} failed without a message on stderr", this.command())
        })?;
        this.with_empty_stdout()
    }

    /// Asks for nothing on stdout.
    pub(crate) fn with_empty_stdout(self) -> Verdict<Self> {
        ensure(self.stdout.is_empty(), || {
            format!(
                "{} wrote to stdout: {}",
                self.command(),
                payload::excerpt(&self.stdout)
            )
        })?;
        Ok(self)
    }

    /// Asks for nothing on stderr.
    pub(crate) fn with_empty_stderr(self) -> Verdict<Self> {
        ensure(self.stderr.is_empty(), || {
            format!(
                "{} wrote to stderr: {}",
                self.command(),
                payload::excerpt(&self.stderr)
            )
        })?;
        Ok(self)
    }

    /// Asks for exactly `expected` on stdout.
    pub(crate) fn with_stdout(self, expected: &[u8]) -> Verdict<Self> {
        if let Some(difference) = payload::difference(expected, &self.stdout) {
            return Err(Trouble::plugin(format!(
                "stdout of {}: {difference}",
                self.command()
            )));
        }
        Ok(self)
    }

    fn said(&self) -> String {
        match self.stderr.trim_ascii() {
            [] => String::new(),
            text => format!(", {}", String::from_utf8_lossy(text)),
        }
    }
}

/// Asks that the file at `path` holds exactly `expected`.
pub(crate) fn file_holds(path: &Path, expected: &[u8]) -> Verdict {
    let got = std::fs::read(path).map_err(|error| {
        Trouble::plugin(format!("there is no readable {}: {error}", name_of(path)))
    })?;
    match payload::difference(expected, &got) {
        None => Ok(()),
        Some(difference) => Err(Trouble::plugin(format!("{}: {difference}", name_of(path)))),
    }
}

/// Asks that nothing is at `path`.
pub(crate) fn file_is_absent(path: &Path) -> Verdict {
    ensure(!path.exists(), || {
        format!("{} was left behind", name_of(path))
    })
}

fn name_of(path: &Path) -> String {
    path.file_name()
        .unwrap_or(path.as_os_str())
        .to_string_lossy()
        .into_owned()
}
