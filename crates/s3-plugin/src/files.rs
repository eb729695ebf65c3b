//! `backup_file`, `restore_file`: the files that gpbackup writes beside the data.

use std::fs::{self, File, Permissions};
use std::io;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;

use anyhow::{Context, bail};
use plugin_api::{Answer, BackupPath, Failure};
use s3_transport::{Error, Interrupt, Restored, SdkStore, Stored, Transport};

use crate::session;
use crate::streams::log_restored;

/// Stores a local file, which stays as it is.
pub(crate) fn backup(config: &Path, file: &BackupPath) -> Answer {
    session::run(config, async |session| {
        let key = session.key(file);
        let stored = store(&session.transport, &key, file.local(), &session.interrupt).await?;
        log::info!(
            "stored {} bytes of '{}' as '{key}'",
            stored.size,
            file.local().display()
        );
        Ok(())
    })
}

/// Brings a stored file back.
pub(crate) fn restore(config: &Path, file: &BackupPath) -> Answer {
    session::run(config, async |session| {
        let key = session.key(file);
        let fetching = fetch(&session.transport, &key, file.local());
        let restored = session.unless_interrupted(fetching).await?;
        log_restored(&key, &restored);
        Ok(())
    })
}

/// Stores the regular file `path` under `key`.
pub(crate) async fn store(
    transport: &Transport<SdkStore>,
    key: &str,
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
    Ok(transport.upload(key, file, interrupt).await?)
}

/// Brings the object `key` back as the file `path`, whose directory is made where it is missing and
/// there is such an object.
///
/// The file appears whole and on disk, or not at all: it is written beside its place under another
/// name, which vanishes when this fails or is dropped.
pub(crate) async fn fetch(
    transport: &Transport<SdkStore>,
    key: &str,
    path: &Path,
) -> Result<Restored, Failure> {
    let failed = || format!("cannot restore '{}'", path.display());
    let directory = path
        .parent()
        .filter(|parent| !parent.as_os_str().is_empty());
    let directory = directory.unwrap_or(Path::new("."));
    let mut beside = None;
    let open = || {
        fs::create_dir_all(directory)?;
        let file = tempfile::Builder::new()
            .prefix(".gpbackup_s3_plugin.")
            // Less the umask, as for any new file.
            .permissions(Permissions::from_mode(0o666))
            .tempfile_in(directory)?;
        beside.insert(file).as_file().try_clone()
    };
    let restored = match transport.download_to(key, open).await {
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
