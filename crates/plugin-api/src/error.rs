//! What can be wrong with a call.

use std::io;
use std::path::PathBuf;

/// Why a call was refused before the plugin saw it.
///
/// A message quotes what was given and says what is accepted, on one line.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// There was no command.
    #[error("no command given, --help lists them")]
    NoCommand,
    /// There is no such command, or this plugin does without it: the two look the same.
    #[error(
        "unknown command {name:?}{}, --help lists the commands",
        nearest.map(|near| format!(" (did you mean {near}?)")).unwrap_or_default()
    )]
    UnknownCommand {
        /// What was given.
        name: String,
        /// The command that was probably meant.
        nearest: Option<&'static str>,
    },
    /// There were too few or too many arguments.
    #[error("{command} takes {accepted} and got {count}")]
    ArgumentCount {
        /// The command.
        command: &'static str,
        /// Its arguments, as in `CONFIG FILE`.
        accepted: String,
        /// How many there were, in words.
        count: String,
    },
    /// The plugin had a group of commands and, asked again, had it not: the answer may not change.
    #[error("the plugin does not have this command any more")]
    Withdrawn,
    /// An argument that must be text is none.
    #[error("argument {0:?} is no UTF-8 text")]
    NotText(std::ffi::OsString),
    /// A scope that the API does not have.
    #[error("scope {0:?} is none of coordinator (or master), segment_host, segment")]
    Scope(String),
    /// A contentID that is no number.
    #[error("contentID {0:?} is no whole number from -1 up")]
    ContentId(String),
    /// A timestamp of another form.
    #[error("timestamp {0:?} is not 14 digits (YYYYMMDDHHMMSS)")]
    Timestamp(String),
    /// A path from which no remote name can be made.
    #[error(
        "path {path:?} {wrong}, the remote name is made of its last four components, backups/<YYYYMMDD>/<timestamp>/<file>"
    )]
    BackupPath {
        /// The path.
        path: PathBuf,
        /// What is wrong with it, in words that go on from the path.
        wrong: &'static str,
    },
    /// A degree of parallelism out of range.
    #[error("parallelism {0:?} is no whole number from 1 to 1000")]
    Parallelism(String),
    /// The offsets file of `restore_data_subset` cannot be read.
    #[error("offsets file {} cannot be read", path.display())]
    OffsetsUnreadable {
        /// The file.
        path: PathBuf,
        /// What the system said.
        source: io::Error,
    },
    /// The offsets file holds something else than `N start1 end1 … startN endN`.
    #[error("offsets file {}: {wrong}", path.display())]
    Offsets {
        /// The file.
        path: PathBuf,
        /// What is wrong, and where.
        wrong: String,
    },
}
