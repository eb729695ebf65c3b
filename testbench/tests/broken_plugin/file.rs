//! Files: from the local disk to the store and back.

use std::fs::{self, File};
use std::io::Write as _;
use std::path::Path;

use crate::store::Store;
use crate::{Done, Silent, answer, fault, warn};

/// Stores the local file `path`.
pub(crate) fn backup(store: &Store, path: &str) -> Done {
    check_name(path)?;
    let mut bytes = match fs::read(path) {
        Err(_) if fault("missing-local-file-accepted") => return Ok(()),
        other => other.map_err(|error| format!("{path}: {error}"))?,
    };
    if fault("files-forgotten-where-empty") && bytes.is_empty() {
        return Ok(());
    }
    if fault("files-cut-at-100k") {
        bytes.truncate(100_000);
    }
    if fault("files-cut-at-500k") {
        bytes.truncate(500_000);
    }
    if fault("files-first-content-wins") && store.has(path) {
        return Ok(());
    }
    if fault("files-remember-their-directory") {
        bytes.splice(0..0, format!("{path}\n").into_bytes());
    }
    store.put(path, &bytes)?;
    match () {
        () if fault("original-deleted") => fs::remove_file(path)?,
        () if fault("original-rewritten") => fs::write(path, &bytes)?,
        () if fault("original-marked") => File::options()
            .append(true)
            .open(path)?
            .write_all(b"# stored\n")?,
        () => {}
    }
    chat()
}

/// Brings the local file `path` back.
pub(crate) fn restore(store: &Store, path: &str) -> Done {
    check_name(path)?;
    let mut bytes = match store.get(path) {
        Err(_) if fault("missing-file-accepted") => return Ok(()),
        Err(_) if fault("missing-file-an-error-page") => {
            return write(path, b"<h1>404 Not Found</h1>\n");
        }
        Err(_) if fault("missing-file-silent") => return Err(Box::new(Silent)),
        Err(failure) => {
            if fault("failed-restore-leaves-partial") {
                fs::write(path, "")?;
            }
            if fault("failed-restore-deletes-local") {
                let _ = fs::remove_file(path);
            }
            return Err(failure);
        }
        Ok(bytes) => bytes,
    };
    transform(&mut bytes, path)?;
    write(path, &bytes)?;
    chat()
}

fn transform(bytes: &mut Vec<u8>, path: &str) -> Done {
    if fault("files-get-a-newline") && bytes.last() != Some(&b'\n') {
        bytes.push(b'\n');
    }
    if fault("files-lose-their-first-byte") && !bytes.is_empty() {
        bytes.remove(0);
    }
    if fault("files-lose-newlines") {
        while bytes.ends_with(b"\n\n") {
            bytes.pop();
        }
    }
    if fault("files-lose-nuls") {
        bytes.retain(|byte| *byte != 0);
    }
    if fault("files-remember-their-directory") {
        let line = format!("{path}\n").into_bytes();
        *bytes = bytes
            .strip_prefix(line.as_slice())
            .ok_or("the file was stored from elsewhere")?
            .to_vec();
    }
    Ok(())
}

fn write(path: &str, bytes: &[u8]) -> Done {
    let parent = Path::new(path).parent().ok_or("no directory")?;
    if !fault("target-directory-not-made") {
        fs::create_dir_all(parent)?;
    }
    if fault("local-file-not-truncated") {
        File::options()
            .write(true)
            .create(true)
            .truncate(false)
            .open(path)?
            .write_all(bytes)?;
        return Ok(());
    }
    let partial = parent.join(format!(".partial.{}", std::process::id()));
    fs::write(&partial, bytes)?;
    if fault("temporary-file-left") {
        fs::copy(&partial, path)?;
    } else {
        fs::rename(&partial, path)?;
    }
    Ok(())
}

fn check_name(path: &str) -> Done {
    if fault("file-names-with-spaces-refused") && path.contains(' ')
        || fault("file-names-must-be-ascii") && !path.is_ascii()
        || fault("statistics-refused") && path.ends_with("_statistics.sql")
    {
        return Err("the name of the file is refused".into());
    }
    Ok(())
}

fn chat() -> Done {
    if fault("files-warn") {
        warn("took a while");
    }
    if fault("files-print") {
        answer("done")
    } else {
        Ok(())
    }
}
