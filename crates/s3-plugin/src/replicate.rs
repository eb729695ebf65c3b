//! `replicate_backup`, `delete_replica`: the copy of a whole backup at the second destination.

use std::collections::HashMap;
use std::io::Write;
use std::num::NonZeroUsize;
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use anyhow::anyhow;
use plugin_api::{Answer, Timestamp};
use s3_transport::{Copied, Entry, Error, Interrupt, Replicator, SdkStore, Transport};

use crate::directories::run_all;
use crate::session::{self, Session};

/// How many objects are copied at once.
const JOBS: NonZeroUsize = NonZeroUsize::new(6).unwrap();

/// Copies every object of the backup that the second destination does not have, or has otherwise.
///
/// # Errors
/// Where there is nothing to copy: the backup is not known, or it is already replicated.
pub(crate) fn replicate(config: &Path, timestamp: &Timestamp) -> Answer {
    session::run(config, async |session| {
        replicate_all(session, timestamp).await
    })
}

async fn replicate_all(session: &Session, timestamp: &Timestamp) -> Answer {
    let (destination, second) = session.second().await?;
    let (first, settings) = (session.first(), &session.settings);
    let prefix = timestamp.prefix();
    let (from, to) = (settings.destination.key(&prefix), destination.key(&prefix));
    let listing = async { tokio::try_join!(first.list(&from), list(&second, &to)) };
    let (here, there) = session.interrupt.or(listing).await?;
    let (count, timestamp) = (here.len(), timestamp.as_str());
    if count == 0 {
        Err(anyhow!("nothing is stored of backup {timestamp}"))?;
    }
    let jobs = first.copies(JOBS);
    let within = destination.shares_account(&settings.destination);
    let work = Arc::new(Work {
        replicator: Replicator::new(first.shared_by(jobs), second.shared_by(jobs), within),
        there: by_key(there),
        from,
        to,
        interrupt: session.interrupt.clone(),
        copied: AtomicUsize::new(0),
    });
    let one = |entry: Entry| {
        let work = work.clone();
        async move { work.replicate(&entry).await }
    };
    // The report comes last: it tells that a backup is whole, of the copy too.
    let report = format!("gpbackup_{timestamp}_report");
    let (last, others) = here
        .into_iter()
        .partition(|entry| entry.key.ends_with(&report));
    run_all::<Entry, _>(others, jobs, one).await?;
    run_all::<Entry, _>(last, jobs, one).await?;
    let copied = work.copied.load(Ordering::Relaxed);
    if copied == 0 {
        Err(anyhow!(
            "backup {timestamp} is already replicated: the second destination has its {count} objects"
        ))?;
    }
    log::info!("replicated backup {timestamp}: copied {copied} of its {count} objects");
    Ok(())
}

/// One run of `replicate_backup`.
struct Work {
    replicator: Replicator<SdkStore>,
    /// What the second destination has had from the start.
    there: HashMap<String, Entry>,
    /// The backup's prefix at the first destination.
    from: String,
    /// That at the second one.
    to: String,
    interrupt: Interrupt,
    /// How many objects were copied.
    copied: AtomicUsize,
}

impl Work {
    async fn replicate(&self, entry: &Entry) -> Answer {
        let name = entry.key.strip_prefix(&self.from).unwrap_or_default();
        let key = format!("{}{name}", self.to);
        if self.interrupt.or(self.is_there(entry, &key)).await? {
            return Ok(());
        }
        let copied = self.replicator.copy(&entry.key, &key, &self.interrupt);
        let how = match copied.await? {
            Copied::Through => "through this host",
            Copied::Within { verified: true } => "by the store, checksum compared",
            Copied::Within { verified: false } => "by the store, size compared",
        };
        self.copied.fetch_add(1, Ordering::Relaxed);
        log::info!("copied {} bytes to '{key}' ({how})", entry.size);
        Ok(())
    }

    /// Whether the second destination has the object already, of the same content.
    async fn is_there(&self, entry: &Entry, key: &str) -> Result<bool, Error> {
        match self.there.get(key) {
            Some(copy) if copy.size == entry.size => {
                let same_etag = copy.etag.is_some() && copy.etag == entry.etag;
                Ok(same_etag || self.replicator.same(&entry.key, key).await?)
            }
            _ => Ok(false),
        }
    }
}

fn by_key(entries: Vec<Entry>) -> HashMap<String, Entry> {
    let keyed = entries.into_iter().map(|entry| (entry.key.clone(), entry));
    keyed.collect()
}

/// Deletes every object of the backup at the second destination and nothing at the first; writes
/// `already deleted` to `out` where there is none.
pub(crate) fn delete(config: &Path, timestamp: &Timestamp, out: &mut dyn Write) -> Answer {
    session::run(config, async |session| {
        let (destination, second) = session.second().await?;
        let prefix = destination.key(&timestamp.prefix());
        let deleting = async {
            let deleted = second.delete_directory(&prefix).await;
            deleted.map_err(Error::at_second)
        };
        let timestamp = timestamp.as_str();
        match session.interrupt.or(deleting).await? {
            0 => writeln!(out, "already deleted")?,
            count => log::info!("deleted {count} objects of the replica of backup {timestamp}"),
        }
        Ok(())
    })
}

async fn list(second: &Transport<SdkStore>, prefix: &str) -> Result<Vec<Entry>, Error> {
    second.list(prefix).await.map_err(Error::at_second)
}
