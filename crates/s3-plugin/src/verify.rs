//! `verify`: reads a whole backup back, without a database and without writing anything.

use std::io::Write;
use std::num::NonZeroUsize;
use std::path::Path;

use plugin_api::{Answer, Timestamp};
use s3_transport::{Entry, Error, Restored};
use tokio::task::JoinSet;

use crate::session::{self, Session};

/// How many objects are read at once.
const JOBS: NonZeroUsize = NonZeroUsize::new(4).unwrap();

/// How one object turned out.
struct Line {
    entry: Entry,
    result: Result<Restored, Error>,
}

/// Reads every object of the backup and writes a line for each to `out`: `ok` where its checksum
/// was compared, `unproven` where the store has none, `BAD` with the reason where it cannot be
/// restored, which makes the command fail.
pub(crate) fn verify(config: &Path, timestamp: &str, out: &mut dyn Write) -> Answer {
    let timestamp = Timestamp::parse(timestamp)?;
    session::run(config, async |session| {
        let prefix = session.settings.destination.key(&timestamp.prefix());
        let reading = async { Ok(read_all(session, &format!("{prefix}/")).await?) };
        let lines = session.unless_interrupted(reading).await?;
        report(&timestamp, &lines, out)
    })
}

async fn read_all(session: &Session, prefix: &str) -> Result<Vec<Line>, Error> {
    let transport = session.transport.shared_by(JOBS);
    let mut entries = session.transport.list(prefix).await?.into_iter();
    let mut running = JoinSet::new();
    let mut lines = Vec::new();
    loop {
        while running.len() < JOBS.get() {
            let Some(entry) = entries.next() else { break };
            let transport = transport.clone();
            running.spawn(async move {
                let result = transport.download(&entry.key, std::io::sink()).await;
                Line { entry, result }
            });
        }
        match running.join_next().await {
            None => break,
            Some(Ok(line)) => lines.push(line),
            Some(Err(error)) => std::panic::resume_unwind(error.into_panic()),
        }
    }
    lines.sort_by(|a, b| a.entry.key.cmp(&b.entry.key));
    Ok(lines)
}

fn report(timestamp: &Timestamp, lines: &[Line], out: &mut dyn Write) -> Answer {
    let mut bad = 0;
    for Line { entry, result } in lines {
        let (key, size) = (&entry.key, entry.size);
        match result {
            Ok(restored) if restored.verified => writeln!(out, "ok        {size:>16}  {key}")?,
            Ok(_) => writeln!(out, "unproven  {size:>16}  {key}")?,
            Err(error) => {
                bad += 1;
                writeln!(out, "BAD       {size:>16}  {key}: {}", causes(error))?;
            }
        }
    }
    let (count, timestamp) = (lines.len(), timestamp.as_str());
    if count == 0 {
        Err(anyhow::anyhow!("nothing is stored of backup {timestamp}"))?;
    }
    if bad > 0 {
        Err(anyhow::anyhow!(
            "{bad} of the {count} objects of backup {timestamp} cannot be restored"
        ))?;
    }
    log::info!("read {count} objects of backup {timestamp}");
    Ok(())
}

/// The error and what it came from.
fn causes(error: &Error) -> String {
    let mut text = error.to_string();
    let mut cause = std::error::Error::source(error);
    while let Some(error) = cause {
        text = format!("{text}: {error}");
        cause = error.source();
    }
    text
}
