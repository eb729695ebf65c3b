//! Objects in a directory: the last four components of a path are an object's name.

use std::fs;
use std::io::ErrorKind;
use std::path::{Path, PathBuf};

use crate::config::Config;
use crate::{Done, Failure};

/// Bytes of the checksum behind an object's own.
const CHECKSUM: usize = 8;

/// One place for objects, and maybe a second one.
pub(crate) struct Store {
    pub(crate) root: PathBuf,
    remote: Option<PathBuf>,
    replicates: bool,
}

impl Store {
    pub(crate) fn new(config: &Config) -> Result<Self, Failure> {
        let root = config.directory()?;
        fs::create_dir_all(&root)?;
        Ok(Self {
            root,
            remote: config.remote(),
            replicates: config.replicates(),
        })
    }

    /// Every place that an object of this store goes to.
    fn places(&self) -> Vec<&Path> {
        let remote = self.remote.as_deref().filter(|_| self.replicates);
        std::iter::once(self.root.as_path()).chain(remote).collect()
    }

    /// The object's name for the local `path`.
    pub(crate) fn key(path: &str) -> String {
        let parts: Vec<&str> = path.split('/').collect();
        parts[parts.len().saturating_sub(4)..].join("/")
    }

    /// Stores `bytes` for the local `path`.
    pub(crate) fn put(&self, path: &str, bytes: &[u8]) -> Done {
        self.put_key(&Self::key(path), bytes)
    }

    pub(crate) fn put_key(&self, key: &str, bytes: &[u8]) -> Done {
        let mut object = bytes.to_vec();
        object.extend(checksum(bytes));
        for place in self.places() {
            let to = place.join(key);
            let dir = to.parent().ok_or("no directory")?;
            fs::create_dir_all(dir)?;
            let partial = dir.join(format!(".partial.{}", std::process::id()));
            fs::write(&partial, &object)?;
            fs::rename(&partial, &to)?;
        }
        Ok(())
    }

    /// The bytes stored for the local `path`, which are what was stored or an error.
    pub(crate) fn get(&self, path: &str) -> Result<Vec<u8>, Failure> {
        self.get_key(&Self::key(path))
    }

    pub(crate) fn get_key(&self, key: &str) -> Result<Vec<u8>, Failure> {
        let mut object =
            fs::read(self.root.join(key)).map_err(|error| format!("object {key}: {error}"))?;
        let len = object
            .len()
            .checked_sub(CHECKSUM)
            .ok_or("the object is cut short")?;
        if checksum(&object[..len]) != object[len..] {
            return Err(format!("object {key} is damaged").into());
        }
        object.truncate(len);
        Ok(object)
    }

    /// Deletes the backup of `timestamp` everywhere.
    pub(crate) fn delete(&self, timestamp: &str) -> Done {
        for place in self.places() {
            remove(&backup_dir(place, timestamp))?;
        }
        Ok(())
    }

    /// Copies the backup of `timestamp` to the second place.
    pub(crate) fn replicate(&self, timestamp: &str) -> Done {
        let remote = self
            .remote
            .as_deref()
            .ok_or("config: no option remote_directory")?;
        let (from, to) = (
            backup_dir(&self.root, timestamp),
            backup_dir(remote, timestamp),
        );
        if to.exists() {
            return Err(format!("backup {timestamp} is already replicated").into());
        }
        let entries =
            fs::read_dir(&from).map_err(|error| format!("no backup {timestamp}: {error}"))?;
        fs::create_dir_all(&to)?;
        for entry in entries {
            let entry = entry?;
            fs::copy(entry.path(), to.join(entry.file_name()))?;
        }
        Ok(())
    }

    /// Deletes the copy of `timestamp` in the second place.
    pub(crate) fn delete_replica(&self, timestamp: &str) -> Done {
        let remote = self
            .remote
            .as_deref()
            .ok_or("config: no option remote_directory")?;
        let dir = backup_dir(remote, timestamp);
        if !dir.exists() {
            return crate::answer("already deleted");
        }
        remove(&dir)
    }
}

fn backup_dir(place: &Path, timestamp: &str) -> PathBuf {
    place.join("backups").join(&timestamp[..8]).join(timestamp)
}

/// Removes a directory with all in it, which need not be there.
pub(crate) fn remove(dir: &Path) -> Done {
    match fs::remove_dir_all(dir) {
        Err(error) if error.kind() != ErrorKind::NotFound => Err(error.into()),
        _ => Ok(()),
    }
}

/// FNV-1a: enough to see a flipped byte.
fn checksum(bytes: &[u8]) -> [u8; CHECKSUM] {
    let sum = bytes.iter().fold(0xcbf2_9ce4_8422_2325_u64, |sum, byte| {
        (sum ^ u64::from(*byte)).wrapping_mul(0x0100_0000_01b3)
    });
    sum.to_le_bytes()
}
