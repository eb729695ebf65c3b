//! `verify`: reads a whole backup back, without a database and without writing anything.

use std::ffi::OsStr;
use std::io::Write;
use std::num::NonZeroUsize;
use std::path::Path;

use anyhow::{Context, anyhow};
use plugin_api::{Answer, Timestamp};
use s3_transport::{Entry, Error, Restored};
use tokio::task::JoinSet;

use crate::session::{self, Session};

/// How many objects are read at once.
const JOBS: NonZeroUsize = NonZeroUsize::new(4).unwrap();

/// Reads every object of the backup and writes a line for each to `out`, as it is done: `ok` where
/// its checksum was compared, `unproven` where the store has none, `BAD` with the reason where it
/// cannot be restored.
///
/// Fails where an object is bad, where there is none, and where the report is missing or still the
/// empty one of the setup hook: that backup never came to its end.
pub(crate) fn verify(config: &Path, timestamp: &OsStr, out: &mut dyn Write) -> Answer {
    let timestamp = Timestamp::parse(&timestamp.to_string_lossy())?;
    session::run(config, async |session| {
        session
            .interrupt
            .or(read_all(session, &timestamp, out))
            .await
    })
}

async fn read_all(session: &Session, timestamp: &Timestamp, out: &mut dyn Write) -> Answer {
    let prefix = session.settings.destination.key(&timestamp.prefix());
    let entries = session.first().list(&prefix).await?;
    let (count, timestamp) = (entries.len(), timestamp.as_str());
    let report = format!("{prefix}gpbackup_{timestamp}_report");
    let reported = entries
        .iter()
        .any(|entry| entry.key == report && entry.size > 0);
    let bad = read(session, entries, out).await?;
    if count == 0 {
        Err(anyhow!("nothing is stored of backup {timestamp}"))?;
    }
    if bad > 0 {
        Err(anyhow!(
            "{bad} of the {count} objects of backup {timestamp} cannot be restored"
        ))?;
    }
    if !reported {
        Err(anyhow!(
            "backup {timestamp} has no report: it did not come to its end"
        ))?;
    }
    log::info!("read {count} objects of backup {timestamp}");
    Ok(())
}

/// Reads the objects, several at a time; how many are bad.
async fn read(
    session: &Session,
    entries: Vec<Entry>,
    out: &mut dyn Write,
) -> anyhow::Result<usize> {
    let jobs = session.first().reads(JOBS);
    let transport = session.first().shared_by(jobs);
    let mut entries = entries.into_iter();
    let mut running = JoinSet::new();
    let mut bad = 0;
    loop {
        while running.len() < jobs.get() {
            let Some(entry) = entries.next() else { break };
            let transport = transport.clone();
            running.spawn(async move {
                let result = transport.download(&entry.key, std::io::sink()).await;
                (entry, result)
            });
        }
        let Some(done) = running.join_next().await else {
            return Ok(bad);
        };
        let (entry, result) = done?;
        bad += usize::from(result.is_err());
        writeln!(out, "{}", line(&entry, result)).context("cannot write the table")?;
    }
}

fn line(entry: &Entry, result: Result<Restored, Error>) -> String {
    let (key, size) = (&entry.key, entry.size);
    match result {
        Ok(restored) if restored.verified => format!("ok        {size:>16}  {key}"),
        Ok(_) => format!("unproven  {size:>16}  {key}"),
        Err(error) => format!("BAD       {size:>16}  {key}: {}", error.chain()),
    }
}
