//! Streams: from stdin to the store and from the store to stdout.

use std::io::{self, ErrorKind, Read as _, Write as _};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc;
use std::thread;
use std::time::Duration;

use nix::fcntl::{FcntlArg, fcntl};
use signal_hook::consts::{SIGINT, SIGTERM};

use crate::store::{Object, Store};
use crate::{Done, Failure, Silent, answer, fault, variant, warn};

/// The pipe of a plugin that wants few switches between itself and its reader.
const LARGE_PIPE: i32 = 256 * 1024;

/// Stores stdin for `path`.
pub(crate) fn backup(store: &Store, path: &str) -> Done {
    check(path)?;
    let signalled = Arc::new(AtomicBool::new(false));
    for (signal, name) in [(SIGTERM, "sigterm"), (SIGINT, "sigint")] {
        if fault(&format!("{name}-ignored-in-backup")) {
            signal_hook::flag::register(signal, Arc::clone(&signalled))?;
        }
        if fault(&format!("{name}-stores-what-came")) {
            signal_hook::flag::register(signal, Arc::clone(&signalled))?;
        }
    }
    let mut object = store.create(path)?;
    let mut count = 0;
    let mut take = |bytes: &[u8]| -> Done {
        count += bytes.len();
        object.write(&cleaned(bytes, count))
    };
    let store_now = fault("sigterm-stores-what-came") || fault("sigint-stores-what-came");
    read(&mut take, &|| {
        store_now && signalled.load(Ordering::Relaxed)
    })?;
    if store_now && signalled.load(Ordering::Relaxed) {
        object.finish()?;
        return Err("interrupted".into());
    }
    finish(store, path, object, count)
}

fn finish(store: &Store, path: &str, object: Object<'_>, count: usize) -> Done {
    if fault("empty-streams-forgotten") && count == 0
        || fault("streams-first-content-wins") && store.has(path)
    {
        return Ok(());
    }
    match object.finish() {
        Err(_) if fault("store-errors-swallowed") => {}
        other => other?,
    }
    if fault("backup-data-warns") {
        warn("took a while");
    }
    if fault("backup-data-prints") {
        answer("done")
    } else {
        Ok(())
    }
}

fn check(path: &str) -> Done {
    if fault("stream-names-with-spaces-refused") && path.contains(' ')
        || fault("stream-names-must-be-ascii") && !path.is_ascii()
        || fault("content-minus-one-refused") && path.contains("gpbackup_-1_")
        || fault("home-needed") && std::env::var_os("HOME").is_none()
    {
        return Err("the call is refused".into());
    }
    Ok(())
}

/// What a fault makes of a chunk, `count` bytes after the beginning of the stream.
fn cleaned(bytes: &[u8], count: usize) -> Vec<u8> {
    let mut bytes = bytes.to_vec();
    if fault("streams-lose-nuls") {
        bytes.retain(|byte| *byte != 0);
    }
    for (name, limit) in [
        ("streams-cut-at-100k", 100_000),
        ("streams-cut-at-500k", 500_000),
    ] {
        if fault(name) {
            bytes.truncate(bytes.len().saturating_sub(count.saturating_sub(limit)));
        }
    }
    bytes
}

/// Reads stdin to its end, or until `stop`.
fn read(take: &mut dyn FnMut(&[u8]) -> Done, stop: &dyn Fn() -> bool) -> Done {
    let (sender, chunks) = mpsc::channel();
    thread::spawn(move || {
        let mut buffer = vec![0; 65536];
        loop {
            match io::stdin().read(&mut buffer) {
                Err(error) if error.kind() == ErrorKind::Interrupted => {}
                Ok(0) | Err(_) => return,
                Ok(len) => {
                    if sender.send(buffer[..len].to_vec()).is_err() {
                        return;
                    }
                }
            }
        }
    });
    let pause = if fault("pauses-end-the-stream") {
        45
    } else {
        10
    };
    loop {
        match chunks.recv_timeout(Duration::from_millis(pause)) {
            Ok(chunk) => {
                take(&chunk)?;
                if fault("only-the-first-read-stored") {
                    chunks.iter().for_each(drop);
                    return Ok(());
                }
            }
            Err(mpsc::RecvTimeoutError::Disconnected) => return Ok(()),
            Err(mpsc::RecvTimeoutError::Timeout) if fault("pauses-end-the-stream") => return Ok(()),
            Err(mpsc::RecvTimeoutError::Timeout) if stop() => return Ok(()),
            Err(mpsc::RecvTimeoutError::Timeout) => {}
        }
    }
}

/// Writes what is stored for `path` to stdout.
pub(crate) fn restore(store: &Store, path: &str) -> Done {
    check(path)?;
    for (signal, name) in [(SIGTERM, "sigterm"), (SIGINT, "sigint")] {
        if fault(&format!("{name}-ignored-in-restore")) || fault("deaf-behind-a-large-pipe") {
            signal_hook::flag::register(signal, Arc::new(AtomicBool::new(false)))?;
        }
    }
    let large_pipe = variant("large-pipe");
    if large_pipe || fault("deaf-behind-a-large-pipe") {
        fcntl(io::stdout(), FcntlArg::F_SETPIPE_SZ(LARGE_PIPE))?;
    }
    let mut bytes = match store.get(path) {
        Err(failure) => return missing(failure),
        Ok(bytes) => bytes,
    };
    transform(&mut bytes, path);
    let lock = std::fs::File::create(store.root.join("restore.lock"))?;
    if fault("large-restores-one-at-a-time") && bytes.len() > 4500 {
        lock.try_lock()
            .map_err(|_| "another stream is being restored")?;
    }
    if fault("stalled-reader-given-up") {
        thread::spawn(|| {
            thread::sleep(Duration::from_millis(900));
            std::process::exit(1);
        });
    }
    deliver(&bytes)?;
    if large_pipe {
        // A busy machine: all is delivered, and the process not yet at its end.
        thread::sleep(Duration::from_millis(400));
    }
    if fault("restore-data-warns") {
        warn("took a while");
    }
    Ok(())
}

fn missing(failure: Failure) -> Done {
    match () {
        () if fault("missing-stream-accepted") => Ok(()),
        () if fault("missing-stream-silent") => Err(Box::new(Silent)),
        () if fault("failures-printed-on-stdout") => {
            answer(&failure.to_string())?;
            Err(failure)
        }
        () => Err(failure),
    }
}

fn transform(bytes: &mut Vec<u8>, path: &str) {
    if fault("streams-lose-their-last-byte") {
        bytes.pop();
    }
    if fault("streams-get-a-newline") {
        bytes.push(b'\n');
    }
    if fault("streams-lose-newlines") {
        while bytes.ends_with(b"\n\n") {
            bytes.pop();
        }
    }
    if fault("gzip-headers-stripped") && path.ends_with(".gz") && bytes.starts_with(b"\x1f\x8b") {
        bytes.drain(..10);
    }
}

/// Writes `bytes` to stdout.
pub(crate) fn deliver(bytes: &[u8]) -> Done {
    let deaf = fault("early-close-hangs") || fault("deaf-behind-a-large-pipe");
    let mut stdout = io::stdout().lock();
    let written = stdout.write_all(bytes).and_then(|()| stdout.flush());
    match written {
        Err(error) if error.kind() == ErrorKind::BrokenPipe && deaf => loop {
            thread::park();
        },
        other => Ok(other?),
    }
}
