//! The directory commands: the argument is a local path and the prefix of the objects' names.

use std::fs;
use std::path::Path;

use crate::store::{Store, remove};
use crate::{Done, Failure};

/// Stores every file below `dir`.
pub(crate) fn backup(store: &Store, dir: &str) -> Done {
    for file in files(Path::new(checked(dir)?))? {
        store.put_key(&file, &fs::read(&file)?)?;
    }
    Ok(())
}

/// Brings every file below `dir` back to where it was.
pub(crate) fn restore(store: &Store, dir: &str) -> Done {
    for key in keys(store, dir)? {
        let bytes = store.get_key(&key)?;
        fs::create_dir_all(Path::new(&key).parent().ok_or("no directory")?)?;
        fs::write(&key, bytes)?;
    }
    Ok(())
}

/// Prints the name and the size of every object below `dir`.
pub(crate) fn list(store: &Store, dir: &str) -> Done {
    for key in keys(store, dir)? {
        crate::answer(&format!("{key} {}", store.get_key(&key)?.len()))?;
    }
    Ok(())
}

/// Deletes every object below `dir`.
pub(crate) fn delete(store: &Store, dir: &str) -> Done {
    remove(&store.root.join(checked(dir)?))
}

fn checked(dir: &str) -> Result<&str, Failure> {
    let parts: Vec<&str> = dir.split('/').collect();
    if dir.trim_matches('/').is_empty() || parts.contains(&"..") {
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
