//! `backup_data`, `restore_data`, `restore_data_subset`: the data of a table or of a segment.

use std::fs::File;
use std::io;
use std::os::fd::{AsFd, BorrowedFd};
use std::os::unix::fs::MetadataExt;
use std::path::Path;
use std::thread;
use std::time::Duration;

use anyhow::bail;
use nix::errno::Errno;
use nix::fcntl::{FcntlArg, OFlag, fcntl};
use nix::poll::{PollFd, PollFlags, PollTimeout, poll};
use plugin_api::{Answer, BackupPath, Failure, Ranges};
use s3_transport::{Error, Restored};
use tokio::sync::oneshot;
use tokio::time::timeout;

use crate::session;

/// How large the pipe from or to the database is made: 256 KiB, as much as is read or written at once.
///
/// The default of 64 KiB costs a switch between the two processes for each 64 KiB. Dozens of larger
/// ones would use up what Linux lets one user's pipes hold (64 MiB), after which each new pipe of the
/// database has 8 KiB.
const PIPE: i32 = 256 << 10;

/// How long a restore may still take to end when its reader has gone.
const LAST_WRITE: Duration = Duration::from_secs(1);

/// Stores stdin.
pub(crate) fn backup(config: &Path, data: &BackupPath) -> Answer {
    session::run(config, async |session| {
        let keys = session.keys(data.name());
        let stdin = unbuffered(io::stdin().as_fd())?;
        refuse_closed(&stdin)?;
        let stored = session
            .destinations
            .upload(&keys, stdin, &session.interrupt)
            .await?;
        log::info!(
            "stored {} bytes as '{}' (parts: {})",
            stored.size,
            keys.first,
            stored.parts
        );
        Ok(())
    })
}

/// Writes a stored stream to stdout.
pub(crate) fn restore(config: &Path, data: &BackupPath) -> Answer {
    session::run(config, async |session| {
        let keys = session.keys(data.name());
        let stdout = unbuffered(io::stdout().as_fd())?;
        let restoring = while_read(session.destinations.download(&keys, stdout));
        let restored = session.interrupt.or(restoring).await?;
        log_restored(&keys.first, &restored);
        Ok(())
    })
}

/// Writes some ranges of a stored stream to stdout.
pub(crate) fn restore_subset(config: &Path, data: &BackupPath, ranges: &Ranges) -> Answer {
    session::run(config, async |session| {
        let keys = session.keys(data.name());
        let stdout = unbuffered(io::stdout().as_fd())?;
        let ranges: Vec<_> = ranges
            .iter()
            .map(|range| (range.start, range.end))
            .collect();
        let restoring = while_read(session.destinations.download_ranges(&keys, &ranges, stdout));
        let restored = session.interrupt.or(restoring).await?;
        log::info!(
            "restored {} bytes in {} ranges of '{}'",
            restored.size,
            ranges.len(),
            keys.first
        );
        Ok(())
    })
}

/// Ends `restoring` soon after the reader of stdout has gone, of which no write tells while the store
/// is silent.
async fn while_read(
    restoring: impl Future<Output = Result<Restored, Error>>,
) -> Result<Restored, Failure> {
    let mut restoring = std::pin::pin!(restoring);
    let restored = tokio::select! {
        restored = &mut restoring => restored,
        // A reader may go when it has all it wants: what is already written counts as restored.
        () = reader_gone() => timeout(LAST_WRITE, restoring)
            .await
            .unwrap_or(Err(Error::ReaderGone)),
    };
    Ok(restored?)
}

/// Waits until nobody can read any more what is written to stdout; a file never comes to that.
async fn reader_gone() {
    let (sender, gone) = oneshot::channel();
    let watch = move || {
        let stdout = io::stdout();
        // Errors are told without being asked for.
        let mut watched = [PollFd::new(stdout.as_fd(), PollFlags::empty())];
        while poll(&mut watched, PollTimeout::NONE) == Err(Errno::EINTR) {}
        // Where nobody waits for it, the restore has ended.
        sender.send(()).ok();
    };
    // Without the thread, the next write tells.
    match thread::Builder::new()
        .name("reader".to_owned())
        .spawn(watch)
    {
        Ok(_) if gone.await.is_ok() => {}
        _ => std::future::pending().await,
    }
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
fn unbuffered(stream: BorrowedFd<'_>) -> io::Result<File> {
    // A file or a socket has no such size, and all pipes of a user may be used up: it works all the same.
    let _ = fcntl(stream, FcntlArg::F_SETPIPE_SZ(PIPE));
    Ok(stream.try_clone_to_owned()?.into())
}
