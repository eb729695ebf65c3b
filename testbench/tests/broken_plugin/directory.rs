//! The directory commands: the argument is a local path and the prefix of the objects' names.

use std::fs;
use std::path::Path;

use crate::store::{Store, remove};
use crate::{Done, Failure, answer, fault};

/// Stores every file below `dir`.
pub(crate) fn backup(store: &Store, dir: &str, parallel: bool) -> Done {
    for (number, file) in files(Path::new(checked(dir)?))?.into_iter().enumerate() {
        if parallel && fault("parallel-directories-lose-files") && number % 2 == 1 {
            continue;
        }
        let mut bytes = fs::read(&file)?;
        if fault("directories-take-text-only") {
            bytes = String::from_utf8_lossy(&bytes).into_owned().into_bytes();
        }
        store.put_key(&file, &bytes)?;
    }
    Ok(())
}

/// Brings every file below `dir` back to where it was.
pub(crate) fn restore(store: &Store, dir: &str) -> Done {
    let page = if fault("directories-of-one-page") {
        1000
    } else {
        usize::MAX
    };
    for key in keys(store, dir)?.into_iter().take(page) {
        let bytes = store.get_key(&key)?;
        let to = match Path::new(&key).file_name() {
            Some(name) if fault("directories-flattened") => Path::new(dir).join(name),
            _ => Path::new(&key).to_owned(),
        };
        fs::create_dir_all(to.parent().ok_or("no directory")?)?;
        fs::write(to, bytes)?;
    }
    Ok(())
}

/// Prints the name and the size of every object below `dir`.
pub(crate) fn list(store: &Store, dir: &str) -> Done {
    for key in keys(store, dir)? {
        let told = match Path::new(&key).file_name() {
            Some(name) if fault("base-names-listed") => name.to_string_lossy().into_owned(),
            _ => key.clone(),
        };
        answer(&format!("{told} {}", store.get_key(&key)?.len()))?;
    }
    Ok(())
}

/// Deletes every object below `dir`.
pub(crate) fn delete(store: &Store, dir: &str) -> Done {
    if fault("directories-not-deleted") {
        return Ok(());
    }
    let path = store.root.join(checked(dir)?);
    if fault("directories-deleted-by-prefix") {
        let name = path
            .file_name()
            .unwrap_or_default()
            .to_string_lossy()
            .into_owned();
        for entry in fs::read_dir(path.parent().ok_or("no directory")?)?.flatten() {
            if entry.file_name().to_string_lossy().starts_with(&name) {
                remove(&entry.path())?;
            }
        }
    }
    remove(&path)
}

fn checked(dir: &str) -> Result<&str, Failure> {
    let parts: Vec<&str> = dir.split('/').collect();
    if dir.trim_matches('/').is_empty() || parts.contains(&"..") && !fault("parents-accepted") {
        return Err(format!("{dir:?} is no directory of objects").into());
    }
    Ok(dir)
}

/// The names of all objects below `dir`, which is an error when there are none.
fn keys(store: &Store, dir: &str) -> Result<Vec<String>, Failure> {
    let root = store.root.join(checked(dir)?);
    let found = files(&root)?;
    let key = |file: &String| {
        Path::new(file)
            .strip_prefix(&store.root)
            .ok()?
            .to_str()
            .map(str::to_owned)
    };
    let keys: Vec<String> = found.iter().filter_map(key).collect();
    if keys.is_empty() {
        Err(format!("there is nothing below {dir}").into())
    } else {
        Ok(keys)
    }
}

fn files(dir: &Path) -> Result<Vec<String>, Failure> {
    let mut found = Vec::new();
    for entry in fs::read_dir(dir).map_err(|error| format!("{}: {error}", dir.display()))? {
        let path = entry?.path();
        if path.is_dir() {
            found.extend(files(&path)?);
        } else {
            found.push(path.to_str().ok_or("a name that is no UTF-8")?.to_owned());
        }
    }
    found.sort();
    Ok(found)
}
