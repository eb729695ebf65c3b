//! The setup hooks: prove that the bucket can be used, before gpbackup or gprestore relies on it.

use std::fs;
use std::path::Path;
use std::time::Duration;

use anyhow::{Context, anyhow};
use plugin_api::{Answer, Failure, Hook, Scope};
use s3_transport::{Destinations, Error, Keys, Kind, Patience, SdkStore, Transport};

use crate::advice::Side;
use crate::session::{self, Session};

/// How long a hook may take: a mistake in the config file is told within 15 s.
const DEADLINE: Duration = Duration::from_secs(13);

/// Proves, on the coordinator and on every segment host, that the bucket takes an object and gives
/// it back.
///
/// As by the Go plugin, that object is an empty report, which the real report of the backup replaces
/// in the end. A report that is there and not empty is left alone.
pub(crate) fn setup_for_backup(config: &Path, hook: &Hook) -> Answer {
    if hook.scope == Scope::Segment {
        return Ok(());
    }
    let report = hook.file(format!("gpbackup_{}_report", hook.timestamp()?.as_str()))?;
    session::run(config, async |session| {
        let destinations = session
            .destinations
            .map(|transport| transport.with_patience(Patience::of_checks()));
        let keys = session.keys(report.name());
        let proving = async {
            match both(session, &destinations, &keys, prove).await {
                (first, None) => first,
                (first, Some(second)) if is_required(&destinations) => first.and(second),
                (first, Some(Err(why))) => {
                    let why = line(why);
                    log::warn!("the second destination is not written to: {why}");
                    first
                }
                (first, Some(Ok(()))) => first,
            }
        };
        session.interrupt.or(proving).await?;
        if session.settings.max_memory.is_some() {
            let gib = destinations.first.longest_stream() >> 30;
            log::info!("the largest stream that max_memory allows has {gib} GiB");
        }
        let bucket = destinations.first.bucket();
        log::info!("bucket '{bucket}' can be written and read");
        Ok(())
    })
}

/// Makes the local backup directory, and proves on the coordinator and on every segment host that
/// the bucket answers to these credentials.
pub(crate) fn setup_for_restore(config: &Path, hook: &Hook) -> Answer {
    let directory = &hook.directory;
    fs::create_dir_all(directory)
        .with_context(|| format!("cannot make the directory '{}'", directory.display()))?;
    if hook.scope == Scope::Segment {
        return Ok(());
    }
    session::run(config, async |session| {
        let destinations = session
            .destinations
            .map(|transport| transport.with_patience(Patience::of_checks()));
        let proving = async {
            let folders = session.keys("");
            match both(session, &destinations, &folders, answers).await {
                (first, None) => first,
                // Either of them is enough to restore from.
                (Ok(()), Some(Err(why))) | (Err(why), Some(Ok(()))) => {
                    let why = line(why);
                    log::warn!("one of the two destinations cannot be restored from: {why}");
                    Ok(())
                }
                (first, Some(_)) => first,
            }
        };
        session.interrupt.or(proving).await?;
        let bucket = destinations.first.bucket();
        log::info!("bucket '{bucket}' answers, or its replica does");
        Ok(())
    })
}

fn is_required(destinations: &Destinations<SdkStore>) -> bool {
    let second = destinations.second.as_ref();
    second.is_some_and(|second| second.required)
}

/// Tries both destinations side by side, each with its own key.
async fn both(
    session: &Session,
    destinations: &Destinations<SdkStore>,
    keys: &Keys,
    proving: impl AsyncFn(&Transport<SdkStore>, &str) -> Result<(), Error>,
) -> (Answer, Option<Answer>) {
    let first = soon(
        Side::first(&session.settings.destination),
        proving(&destinations.first, &keys.first),
    );
    let second = async {
        let second = destinations.second.as_ref()?;
        let (place, key) = session.replicated().zip(keys.second.as_ref())?;
        let proving = async {
            let proven = proving(&second.transport, key).await;
            proven.map_err(Error::at_second)
        };
        Some(soon(Side::second(place), proving).await)
    };
    tokio::join!(first, second)
}

/// A failure as one line of the log.
fn line(failure: Failure) -> String {
    match failure {
        Failure::ReaderGone => "the reader went away".to_owned(),
        Failure::Error(error) => format!("{:#}", anyhow::Error::from_boxed(error)),
    }
}

/// Ends `proving` within the time that a hook may take, whatever its requests add up to.
async fn soon(side: Side<'_>, proving: impl Future<Output = Result<(), Error>>) -> Answer {
    match tokio::time::timeout(DEADLINE, proving).await {
        Ok(proven) => Ok(proven?),
        Err(_) => {
            let seconds = DEADLINE.as_secs();
            let place = side.place();
            Err(anyhow!(
                "the store did not answer within {seconds} s; check {place}"
            ))?
        }
    }
}

/// Proves that an object can be written under `key` and read back, without ever replacing one that
/// has content.
async fn prove(transport: &Transport<SdkStore>, key: &str) -> Result<(), Error> {
    let size = match transport.list_some(key, 1).await {
        Ok(page) => page
            .entries
            .iter()
            .find(|entry| entry.key == key)
            .map(|entry| entry.size),
        Err(error) if error.kind() == Some(&Kind::Denied) => {
            log::info!(
                "listing is denied, which delete_backup needs: {}",
                error.chain()
            );
            size(transport, key).await?
        }
        Err(error) => return Err(error),
    };
    if size.is_none_or(|size| size == 0) {
        transport.put_empty_if_absent(key).await?;
    }
    transport.download(key, std::io::sink()).await.map(drop)
}

/// The size of the object, where there is one.
async fn size(transport: &Transport<SdkStore>, key: &str) -> Result<Option<u64>, Error> {
    match transport.head(key).await {
        Ok(object) => Ok(Some(object.size)),
        // Without the permission to list, S3 answers 403 for an object that is not there.
        Err(error) if matches!(error.kind(), Some(Kind::NoSuchKey | Kind::Denied)) => Ok(None),
        Err(error) => Err(error),
    }
}

/// Proves that the bucket answers to the credentials. That they may not list it is no failure.
async fn answers(transport: &Transport<SdkStore>, folder: &str) -> Result<(), Error> {
    match transport.list_some(folder, 1).await {
        Err(error) if error.kind() == Some(&Kind::Denied) => {
            log::info!(
                "listing is denied, which a restore does not need: {}",
                error.chain()
            );
            Ok(())
        }
        result => result.map(drop),
    }
}
