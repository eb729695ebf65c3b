//! `backup_data`, `restore_data`, `restore_data_subset`: the data of a table or of a segment.

use std::fs::File;
use std::io;
use std::os::fd::{AsFd, BorrowedFd};
use std::os::unix::fs::MetadataExt;
use std::path::Path;

use anyhow::bail;
use nix::fcntl::{FcntlArg, OFlag, fcntl};
use plugin_api::{Answer, BackupPath, Ranges};
use s3_transport::Restored;

use crate::session;

/// How large the pipe from the database is made: 1 MiB, the most that Linux gives without privileges.
/// The default of 64 KiB costs a switch between the two processes for each 64 KiB.
const PIPE: i32 = 1 << 20;

/// Stores stdin.
pub(crate) fn backup(config: &Path, data: &BackupPath) -> Answer {
    session::run(config, async |session| {
        let key = session.key(data);
        let stdin = unbuffered(io::stdin().as_fd())?;
        refuse_closed(&stdin)?;
        // A file or a socket has no such size, and a user's pipes may be used up: it works all the same.
        let _ = fcntl(&stdin, FcntlArg::F_SETPIPE_SZ(PIPE));
        let stored = session
            .transport
            .upload(&key, stdin, &session.interrupt)
            .await?;
        log::info!(
            "stored {} bytes as '{key}' (parts: {})",
            stored.size,
            stored.parts
        );
        Ok(())
    })
}

/// Writes a stored stream to stdout.
pub(crate) fn restore(config: &Path, data: &BackupPath) -> Answer {
    session::run(config, async |session| {
        let key = session.key(data);
        let stdout = unbuffered(io::stdout().as_fd())?;
        let restored = session
            .unless_interrupted(async { Ok(session.transport.download(&key, stdout).await?) })
            .await?;
        log_restored(&key, &restored);
        Ok(())
    })
}

/// Writes some ranges of a stored stream to stdout.
pub(crate) fn restore_subset(config: &Path, data: &BackupPath, ranges: &Ranges) -> Answer {
    session::run(config, async |session| {
        let key = session.key(data);
        let stdout = unbuffered(io::stdout().as_fd())?;
        let ranges: Vec<_> = ranges
            .iter()
            .map(|range| (range.start, range.end))
            .collect();
        let restored = session
            .unless_interrupted(async {
                Ok(session
                    .transport
                    .download_ranges(&key, &ranges, stdout)
                    .await?)
            })
            .await?;
        log::info!(
            "restored {} bytes in {} ranges of '{key}'",
            restored.size,
            ranges.len()
        );
        Ok(())
    })
}

/// Refuses a stdin that was closed when the process began: nothing can be read from it, and an empty
/// stream would be stored as if it were the data.
///
/// The standard library has opened `/dev/null` in its place, for reading and writing; `</dev/null`
/// opens it for reading alone.
fn refuse_closed(stdin: &File) -> anyhow::Result<()> {
    let mode = OFlag::from_bits_truncate(fcntl(stdin, FcntlArg::F_GETFL)?) & OFlag::O_ACCMODE;
    let null = std::fs::metadata("/dev/null").map(|null| null.rdev());
    if mode == OFlag::O_RDWR
        && null.is_ok_and(|null| stdin.metadata().is_ok_and(|m| m.rdev() == null))
    {
        bail!("stdin is closed: there is no stream to store");
    }
    Ok(())
}

/// Says what was restored, and whether a checksum proved it.
pub(crate) fn log_restored(key: &str, restored: &Restored) {
    let proof = match restored.verified {
        true => "checksum verified",
        false => "the store has no checksum of it; its length was compared",
    };
    log::info!("restored {} bytes from '{key}' ({proof})", restored.size);
}

/// The stream itself, without the standard library's buffer and lock.
///
/// A pipe to a reader keeps its size: the less of the stream it holds, the sooner a reader that has
/// gone away is noticed.
fn unbuffered(stream: BorrowedFd<'_>) -> io::Result<File> {
    Ok(stream.try_clone_to_owned()?.into())
}
