//! `backup_file`, `restore_file`: the files that gpbackup writes beside the data.

use std::fs::{self, File, Permissions};
use std::io;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;

use anyhow::{Context, bail};
use plugin_api::{Answer, BackupPath, Failure};
use s3_transport::{Destinations, Error, Interrupt, Keys, Restored, SdkStore, Stored};

use crate::session;
use crate::streams::log_restored;

/// Stores a local file, which stays as it is.
pub(crate) fn backup(config: &Path, file: &BackupPath) -> Answer {
    session::run(config, async |session| {
        let keys = session.keys(file.name());
        let (destinations, local) = (&session.destinations, file.local());
        let storing = store(destinations, &keys, local, &session.interrupt);
        let stored = storing.await?;
        log::info!(
            "stored {} bytes of '{}' as '{}'",
            stored.size,
            local.display(),
            keys.first
        );
        Ok(())
    })
}

/// Brings a stored file back.
pub(crate) fn restore(config: &Path, file: &BackupPath) -> Answer {
    session::run(config, async |session| {
        let keys = session.keys(file.name());
        let fetching = fetch(&session.destinations, &keys, file.local());
        let restored = session.interrupt.or(fetching).await?;
        log_restored(&keys.first, &restored);
        Ok(())
    })
}

/// Stores the regular file `path` under its key in each destination.
pub(crate) async fn store(
    destinations: &Destinations<SdkStore>,
    keys: &Keys,
    path: &Path,
    interrupt: &Interrupt,
) -> Result<Stored, Failure> {
    let opened = || -> anyhow::Result<File> {
        // Looked at first, as opening a pipe would wait for its writer.
        if !fs::metadata(path)?.is_file() {
            bail!("it is no regular file");
        }
        Ok(File::open(path)?)
    };
    let file = opened().with_context(|| format!("cannot back up '{}'", path.display()))?;
    Ok(destinations.upload(keys, file, interrupt).await?)
}

/// Brings an object back as the file `path`, whose directory is made where it is missing and there is
/// such an object.
///
/// The file appears whole and on disk, or not at all: it is written beside its place under another
/// name, which vanishes when this fails or is dropped.
pub(crate) async fn fetch(
    destinations: &Destinations<SdkStore>,
    keys: &Keys,
    path: &Path,
) -> Result<Restored, Failure> {
    let failed = || format!("cannot restore '{}'", path.display());
    let directory = path
        .parent()
        .filter(|parent| !parent.as_os_str().is_empty());
    let directory = directory.unwrap_or(Path::new("."));
    let mut beside = None;
    let mut open = || {
        fs::create_dir_all(directory)?;
        let file = tempfile::Builder::new()
            .prefix(".gpbackup_s3_plugin.")
            // Less the umask, as for any new file.
            .permissions(Permissions::from_mode(0o666))
            .tempfile_in(directory)?;
        beside.insert(file).as_file().try_clone()
    };
    let restored = match destinations.download_to(keys, &mut open).await {
        Err(error @ Error::Damaged { .. }) => anew(destinations, keys, error, open).await,
        restored => restored,
    };
    let restored = match restored {
        Err(error @ Error::Sink(_)) => Err(error).with_context(failed)?,
        restored => restored?,
    };
    let placed = || -> io::Result<()> {
        let file = beside.ok_or(io::ErrorKind::NotFound)?;
        file.as_file().sync_all()?;
        file.persist(path)?;
        File::open(directory)?.sync_all()
    };
    placed().with_context(failed)?;
    Ok(restored)
}

/// Reads an object that has turned out to be `damaged` at the first destination from the second one:
/// unlike a stream, a file can be begun again.
async fn anew(
    destinations: &Destinations<SdkStore>,
    keys: &Keys,
    damaged: Error,
    open: impl FnOnce() -> io::Result<File>,
) -> Result<Restored, Error> {
    let Some((second, key)) = destinations.second.as_ref().zip(keys.second.as_ref()) else {
        return Err(damaged);
    };
    let first = damaged.chain();
    log::warn!("'{key}' is restored from the second destination: {first}");
    let restored = second.transport.download_to(key, open).await;
    restored.map_err(|source| Error::Neither {
        first,
        source: Box::new(source),
    })
}
