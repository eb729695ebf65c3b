//! `--json FILE`: the whole report as one document.

use std::io;
use std::path::PathBuf;

use crate::event::{Event, Reporter};

/// Writes the report to a file when the run is over.
pub struct Json {
    path: PathBuf,
}

impl Json {
    /// Writes to `path`, replacing what is there.
    pub fn new(path: PathBuf) -> Self {
        Self { path }
    }
}

impl Reporter for Json {
    fn event(&mut self, event: &Event<'_>) -> io::Result<()> {
        let Event::End(report) = event else {
            return Ok(());
        };
        let mut text = serde_json::to_string_pretty(report)?;
        text.push('\n');
        std::fs::write(&self.path, text)
    }
}
