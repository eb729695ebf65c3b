//! The whole report as one document that programs read.

use std::io;

use crate::report::Report;

pub(super) fn text(report: &Report) -> io::Result<String> {
    let mut text = serde_json::to_string_pretty(report)?;
    text.push('\n');
    Ok(text)
}
