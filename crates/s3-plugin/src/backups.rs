//! `delete_backup`, `list_backups`: backups as a whole.

use std::collections::BTreeMap;
use std::io::Write;
use std::path::Path;

use plugin_api::{Answer, Timestamp};
use s3_transport::Entry;

use crate::session;

/// Deletes every object of one backup, in the second destination too with `replication: on`.
pub(crate) fn delete(config: &Path, timestamp: &Timestamp) -> Answer {
    session::run(config, async |session| {
        let prefixes = session.keys(&timestamp.prefix());
        let deleting = session.destinations.delete_directory(&prefixes);
        let count = session.interrupt.or(deleting).await?;
        log::info!("deleted {count} objects of backup {}", timestamp.as_str());
        Ok(())
    })
}

/// Lists the backups of the config's folder, oldest first.
pub(crate) fn list(config: &Path, out: &mut dyn Write) -> Answer {
    session::run(config, async |session| {
        let prefix = session.settings.destination.key("backups/");
        let listing = session.first().list(&prefix);
        let entries = session.interrupt.or(listing).await?;
        writeln!(
            out,
            "{:<14}  {:>8}  {:>16}  STATE",
            "TIMESTAMP", "OBJECTS", "BYTES"
        )?;
        for (timestamp, backup) in summaries(&prefix, &entries) {
            let state = match backup.reported {
                true => "complete",
                false => "without report",
            };
            writeln!(
                out,
                "{timestamp:<14}  {:>8}  {:>16}  {state}",
                backup.objects, backup.bytes
            )?;
        }
        Ok(())
    })
}

/// One backup of a listing.
#[derive(Debug, Default, PartialEq, Eq)]
struct Summary {
    objects: u64,
    bytes: u64,
    /// Whether gpbackup came to its end: the report is its last file, and setup leaves an empty one.
    reported: bool,
}

/// The backups among the objects below `prefix`, by timestamp.
fn summaries<'a>(prefix: &str, entries: &'a [Entry]) -> BTreeMap<&'a str, Summary> {
    let mut backups: BTreeMap<&str, Summary> = BTreeMap::new();
    for entry in entries {
        let Some(name) = entry.key.strip_prefix(prefix) else {
            continue;
        };
        let Some((_, rest)) = name.split_once('/') else {
            continue;
        };
        let Some((timestamp, file)) = rest.split_once('/') else {
            continue;
        };
        if Timestamp::parse(timestamp).is_err() {
            continue;
        }
        let backup = backups.entry(timestamp).or_default();
        backup.objects += 1;
        backup.bytes += entry.size;
        backup.reported |= file == format!("gpbackup_{timestamp}_report") && entry.size > 0;
    }
    backups
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn objects_are_summed_up_by_timestamp() {
        let entry = |key: &str, size| Entry {
            key: key.to_owned(),
            size,
            etag: None,
        };
        let entries = [
            entry(
                "f/backups/20260101/20260101000000/gpbackup_0_20260101000000.gz",
                10,
            ),
            entry(
                "f/backups/20260101/20260101000000/gpbackup_20260101000000_report",
                5,
            ),
            entry(
                "f/backups/20260102/20260102000000/gpbackup_20260102000000_report",
                0,
            ),
            entry("f/backups/20260102/notes/readme", 1),
            entry("f/backups/stray", 1),
        ];
        let backups = summaries("f/backups/", &entries);
        assert_eq!(backups.len(), 2);
        let first = Summary {
            objects: 2,
            bytes: 15,
            reported: true,
        };
        assert_eq!(backups["20260101000000"], first);
        assert!(!backups["20260102000000"].reported);
    }
}
