//! The config file as its readers see it.

#![cfg(test)]

mod documentation;
mod file;
mod problems;
mod remote;
mod spelling;
mod values;

/// A file with the options that are always needed, and `more`, one `key: value` a line.
fn file(more: &str) -> String {
    let mut text =
        String::from("executablepath: $GPHOME/bin/x\noptions:\n  bucket: b\n  folder: f\n");
    for line in more.lines() {
        text += &format!("  {line}\n");
    }
    text
}

/// The same with a region, so that it is complete.
fn complete(more: &str) -> String {
    file(&format!("region: us-west-2\n{more}"))
}
