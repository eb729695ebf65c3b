//! Hooks: at which scope, and for which content, one is called.

use std::fmt;
use std::path::{Path, PathBuf};

use crate::error::Error;
use crate::path::BackupPath;
use crate::timestamp::Timestamp;

/// At which level of the cluster a hook runs.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Scope {
    /// Once for the cluster; spelled `coordinator`, or `master` by today's gpbackup.
    Coordinator,
    /// Once for every host, or once for each of its segments, side by side.
    SegmentHost,
    /// Once for every primary segment.
    Segment,
}

impl Scope {
    /// Reads a scope as gpbackup spells it.
    ///
    /// # Errors
    /// [`Error::Scope`] for anything else.
    pub fn parse(text: &str) -> Result<Self, Error> {
        match text {
            "coordinator" | "master" => Ok(Self::Coordinator),
            "segment_host" => Ok(Self::SegmentHost),
            "segment" => Ok(Self::Segment),
            _ => Err(Error::Scope(text.to_owned())),
        }
    }
}

impl fmt::Display for Scope {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Coordinator => "coordinator",
            Self::SegmentHost => "segment_host",
            Self::Segment => "segment",
        })
    }
}

/// The number of a segment's content; -1 is the coordinator.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct ContentId(i32);

impl ContentId {
    /// Reads `-1`, `0` and so on, with or without literal quote characters around it, as gpbackup
    /// quotes it once more than the shell takes away (recorded on a Greenplum 6 cluster).
    ///
    /// # Errors
    /// [`Error::ContentId`] for what is no number, or one below -1.
    pub fn parse(text: &str) -> Result<Self, Error> {
        let inner = text
            .strip_prefix('"')
            .and_then(|rest| rest.strip_suffix('"'));
        match inner.unwrap_or(text).parse() {
            Ok(number) if number >= -1 => Ok(Self(number)),
            _ => Err(Error::ContentId(text.to_owned())),
        }
    }

    /// The number itself, at least -1.
    pub fn get(self) -> i32 {
        self.0
    }
}

impl fmt::Display for ContentId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

/// What a setup or cleanup hook is told, besides the config.
///
/// Hooks of one scope run side by side, and a failing one is tried again: they must be idempotent.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Hook {
    /// The directory of the content that the call is for, where gpbackup keeps local backup files:
    /// `…/backups/<YYYYMMDD>/<timestamp>`. It need not exist; setup for restore creates it.
    pub directory: PathBuf,
    /// The level of the cluster.
    pub scope: Scope,
    /// The content; none at scope `segment_host`.
    pub content: Option<ContentId>,
}

impl Hook {
    /// The timestamp of the run, which is the directory's last component.
    ///
    /// # Errors
    /// [`Error::Timestamp`] where that is no timestamp.
    pub fn timestamp(&self) -> Result<Timestamp, Error> {
        let last = self.directory.file_name().unwrap_or_default();
        Timestamp::parse(&last.to_string_lossy())
    }

    /// A file in the directory, with its remote name.
    ///
    /// # Errors
    /// [`Error::BackupPath`] where the directory has fewer than three components.
    pub fn file(&self, name: impl AsRef<Path>) -> Result<BackupPath, Error> {
        BackupPath::parse(self.directory.join(name))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn master_is_the_coordinator() {
        assert_eq!(Scope::parse("master").unwrap(), Scope::Coordinator);
        for text in ["coordinator", "segment_host", "segment"] {
            assert_eq!(Scope::parse(text).unwrap().to_string(), text);
        }
        for text in ["", "Master", "host", "segment "] {
            assert!(Scope::parse(text).is_err(), "{text:?}");
        }
    }

    #[test]
    fn a_content_id_may_be_quoted() {
        for (text, expected) in [("-1", -1), ("0", 0), ("\"-1\"", -1), ("\"17\"", 17)] {
            assert_eq!(ContentId::parse(text).unwrap().get(), expected);
        }
        for text in ["", "\"", "\"\"", "\"0", "-2", "x", "1.0", "99999999999"] {
            assert!(ContentId::parse(text).is_err(), "{text:?}");
        }
    }

    #[test]
    fn a_hook_knows_its_timestamp_and_files() {
        let mut hook = Hook {
            directory: "/data/gpseg0/backups/20260101/20260101010101/".into(),
            scope: Scope::Segment,
            content: None,
        };
        assert_eq!(hook.timestamp().unwrap().as_str(), "20260101010101");
        let report = hook.file("gpbackup_20260101010101_report").unwrap();
        assert_eq!(
            report.name(),
            "backups/20260101/20260101010101/gpbackup_20260101010101_report"
        );
        hook.directory = "/tmp".into();
        assert!(hook.timestamp().is_err());
        assert!(hook.file("x").is_err());
    }
}
