//! The setup hooks: prove that the bucket can be used, before gpbackup or gprestore relies on it.

use std::fs;
use std::path::Path;
use std::time::Duration;

use anyhow::{Context, anyhow};
use plugin_api::{Answer, Hook, Scope};
use s3_transport::{Error, Kind, Patience, SdkStore, Transport};

use crate::advice;
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
        let transport = session.transport.with_patience(Patience::of_checks());
        let proving = async { Ok(prove(&transport, &session.key(&report)).await?) };
        session.unless_interrupted(soon(session, proving)).await?;
        if session.settings.max_memory.is_some() {
            let gib = transport.longest_stream() >> 30;
            log::info!("the largest stream that max_memory allows has {gib} GiB");
        }
        log::info!("bucket '{}' can be written and read", transport.bucket());
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
        let transport = session.transport.with_patience(Patience::of_checks());
        let folder = session.settings.destination.key("");
        let proving = async { Ok(answers(&transport, &folder).await?) };
        session.unless_interrupted(soon(session, proving)).await?;
        log::info!("bucket '{}' answers", transport.bucket());
        Ok(())
    })
}

/// Ends `proving` within the time that a hook may take, whatever its requests add up to.
async fn soon(session: &Session, proving: impl Future<Output = Answer>) -> Answer {
    match tokio::time::timeout(DEADLINE, proving).await {
        Ok(answer) => answer,
        Err(_) => {
            let seconds = DEADLINE.as_secs();
            let place = advice::place(&session.settings);
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
