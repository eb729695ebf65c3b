//! What can be wrong with a config file.

use std::fmt;
use std::io;
use std::path::PathBuf;

/// Why there are no settings.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The file cannot be read.
    #[error("config file {} cannot be read", path.display())]
    Unreadable {
        /// The file.
        path: PathBuf,
        /// What the system said.
        source: io::Error,
    },
    /// The file was read and is not usable.
    #[error("config file {}", path.display())]
    Invalid {
        /// The file.
        path: PathBuf,
        /// Everything that is wrong with it.
        source: Problems,
    },
}

/// Everything that is wrong with one file, on one line: `bucket: required …; regoin: unknown option …`.
#[derive(Debug)]
pub struct Problems(pub(crate) Vec<Problem>);

impl Problems {
    /// The problems, in the order in which they were found; never none.
    pub fn iter(&self) -> impl Iterator<Item = &Problem> {
        self.0.iter()
    }
}

impl std::error::Error for Problems {}

impl fmt::Display for Problems {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (at, problem) in self.0.iter().enumerate() {
            let separator = if at == 0 { "" } else { "; " };
            write!(f, "{separator}{problem}")?;
        }
        Ok(())
    }
}

/// One thing that is wrong.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Problem {
    /// The key to look at; `None` where the file as a whole is meant.
    pub key: Option<String>,
    /// What is wrong, with the value (a secret's never) and the accepted form.
    pub message: String,
}

impl Problem {
    pub(crate) fn of(key: &str, message: impl Into<String>) -> Self {
        Self {
            key: Some(key.to_owned()),
            message: message.into(),
        }
    }

    pub(crate) fn of_file(message: impl Into<String>) -> Self {
        Self {
            key: None,
            message: message.into(),
        }
    }
}

impl fmt::Display for Problem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if let Some(key) = &self.key {
            // A key that was mistyped may hold anything, also a line break.
            write!(f, "{}: ", key.escape_debug())?;
        }
        f.write_str(&self.message)
    }
}
