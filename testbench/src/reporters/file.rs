//! `--json FILE`, `--junit FILE`, `--html FILE`: the whole report as a file.

use std::fs::File;
use std::io::{self, Write as _};
use std::path::PathBuf;

use super::{html, json, junit};
use crate::event::{Event, Reporter};
use crate::report::Report;

/// The form of a report that is a file.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Form {
    /// One document that programs read.
    Json,
    /// JUnit XML, as CI servers read it.
    Junit,
    /// One page that needs nothing else.
    Html,
}

impl Form {
    fn text(self, report: &Report) -> io::Result<String> {
        match self {
            Self::Json => json::text(report),
            Self::Junit => junit::text(report),
            Self::Html => Ok(html::page(report).into_string()),
        }
    }
}

/// Writes the report to a file when the run is over.
pub struct FileReport {
    form: Form,
    path: PathBuf,
    file: File,
}

impl FileReport {
    /// Opens `path` now, so that a wrong one is told before the run; what is there is replaced at its end.
    ///
    /// # Errors
    /// Where the file can be neither opened nor made. The message names it.
    pub fn open(form: Form, path: PathBuf) -> io::Result<Self> {
        let mut options = File::options();
        match options.write(true).create(true).truncate(false).open(&path) {
            Ok(file) => Ok(Self { form, path, file }),
            Err(error) => Err(io::Error::other(format!("{path:?}: {error}"))),
        }
    }

    fn replace(&mut self, text: &str) -> io::Result<()> {
        // A pipe or a terminal has nothing to cut off.
        if self.file.metadata()?.is_file() {
            self.file.set_len(0)?;
        }
        self.file.write_all(text.as_bytes())
    }
}

impl Reporter for FileReport {
    fn event(&mut self, event: &Event<'_>) -> io::Result<()> {
        let Event::End(report) = event else {
            return Ok(());
        };
        self.form
            .text(report)
            .and_then(|text| self.replace(&text))
            .map_err(|error| io::Error::other(format!("{:?}: {error}", self.path)))
    }
}
