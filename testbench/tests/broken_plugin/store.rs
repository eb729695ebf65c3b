//! Objects in a directory: the last four components of a path are an object's name.

use std::fs::{self, File};
use std::io::{ErrorKind, Write as _};
use std::path::{Path, PathBuf};

use crate::config::Config;
use crate::{Done, Failure, answer, fault, variant};

/// Bytes of the checksum behind an object's own.
const CHECKSUM: usize = 8;

/// One place for objects, and maybe a second one.
pub(crate) struct Store {
    pub(crate) root: PathBuf,
    remote: Option<PathBuf>,
    replicates: bool,
}

impl Store {
    /// The store that the config file at `path` names.
    pub(crate) fn open(path: &str) -> Result<Self, Failure> {
        let config = Config::read(path)?;
        let root = config.directory()?;
        fs::create_dir_all(&root)?;
        Ok(Self {
            root,
            remote: config.remote(),
            replicates: config.replicates(),
        })
    }

    fn second(&self) -> Option<&Path> {
        self.remote
            .as_deref()
            .filter(|_| self.replicates && !fault("second-destination-ignored"))
    }

    /// The object's name for the local `path`.
    fn key(path: &str) -> String {
        let parts: Vec<&str> = path.split('/').collect();
        parts[parts.len().saturating_sub(4)..].join("/")
    }

    /// Whether there is an object for the local `path`.
    pub(crate) fn has(&self, path: &str) -> bool {
        self.root.join(Self::key(path)).exists()
    }

    /// An object for the local `path`, to be written bit by bit.
    pub(crate) fn create(&self, path: &str) -> Result<Object<'_>, Failure> {
        self.create_key(&Self::key(path))
    }

    fn create_key(&self, key: &str) -> Result<Object<'_>, Failure> {
        let to = self.root.join(key);
        let dir = to.parent().ok_or("no directory")?;
        fs::create_dir_all(dir)?;
        let name = to
            .file_name()
            .unwrap_or_default()
            .to_string_lossy()
            .into_owned();
        let partial = match () {
            () if fault("one-temporary-name") => self.root.join(".partial"),
            () if fault("temporary-name-of-the-object") => {
                dir.join(format!(".partial.{name:.100}"))
            }
            () => dir.join(format!(".partial.{}", std::process::id())),
        };
        if fault("broken-upload-blocks-the-name") {
            let mark = self.root.join("begun").join(key);
            fs::create_dir_all(mark.parent().ok_or("no directory")?)?;
            File::create_new(mark).map_err(|_| "this object is being written")?;
        }
        if fault("older-object-deleted-first") {
            let _ = fs::remove_file(&to);
        }
        if fault("deleted-timestamps-blocked")
            && self
                .root
                .join("deleted")
                .join(&key[key.len().min(17)..key.len().min(31)])
                .exists()
        {
            return Err("this backup was deleted".into());
        }
        let file = File::create(&partial)?;
        Ok(Object {
            store: self,
            key: key.to_owned(),
            partial,
            file,
            sum: SEED,
            len: 0,
        })
    }

    /// Stores `bytes` for the local `path`.
    pub(crate) fn put(&self, path: &str, bytes: &[u8]) -> Done {
        self.put_key(&Self::key(path), bytes)
    }

    pub(crate) fn put_key(&self, key: &str, bytes: &[u8]) -> Done {
        let mut object = self.create_key(key)?;
        object.write(bytes)?;
        object.finish()
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
        let sum = object.split_off(len);
        if sum == checksum(SEED, &object).to_le_bytes() || fault("checksums-unchecked") {
            return Ok(object);
        }
        if fault("checksums-checked-too-late") {
            crate::stream::deliver(&object)?;
        }
        if fault("doubtful-files-delivered") && key.ends_with("_file") {
            return Ok(object);
        }
        Err(format!("object {key} is damaged").into())
    }

    /// Deletes the backup of `timestamp` everywhere.
    pub(crate) fn delete(&self, timestamp: &str) -> Done {
        if timestamp.len() != 14 || !timestamp.bytes().all(|byte| byte.is_ascii_digit()) {
            return self.delete_malformed(timestamp);
        }
        let day = self.root.join("backups").join(&timestamp[..8]);
        let dir = day.join(timestamp);
        if variant("unknown-deletion-fails") && !dir.exists() {
            return Err(format!("no backup {timestamp}").into());
        }
        let mark = self.root.join("deleted").join(timestamp);
        let again = mark.exists();
        fs::create_dir_all(mark)?;
        if fault("deletes-nothing") {
            return Ok(());
        }
        if fault("deletes-the-whole-day")
            || fault("deletes-the-day-of-the-unknown") && !dir.exists() && !again
            || fault("second-deletion-deletes-the-day") && again
        {
            remove(&day)?;
        }
        if fault("deletes-streams-only") {
            return remove_objects(&dir, |name| !name.ends_with("_file"), usize::MAX);
        }
        if fault("deletes-files-only") {
            return remove_objects(&dir, |name| name.ends_with("_file"), usize::MAX);
        }
        if fault("deletes-one-page") {
            return remove_objects(&dir, |_| true, 1000);
        }
        remove(&dir)?;
        match self.second() {
            Some(_) if fault("second-destination-not-deleted") => Ok(()),
            Some(second) if fault("second-destination-loses-the-day") => {
                remove(&second.join("backups").join(&timestamp[..8]))
            }
            Some(second) if fault("second-destination-keeps-files") => remove_objects(
                &backup_dir(second, timestamp),
                |name| !name.ends_with("_file"),
                usize::MAX,
            ),
            Some(second) => remove(&backup_dir(second, timestamp)),
            None => Ok(()),
        }
    }

    fn delete_malformed(&self, timestamp: &str) -> Done {
        if fault("malformed-timestamps-accepted") {
            return Ok(());
        }
        if fault("timestamp-prefixes-deleted") && timestamp.len() == 8 {
            remove(&self.root.join("backups").join(timestamp))?;
        }
        Err(format!("{timestamp:?} is not a timestamp of 14 digits").into())
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
        if fault("replicates-nothing") || fault("unknown-replicated") && !from.exists() {
            return Ok(());
        }
        if to.exists() && !fault("replicated-twice") {
            return Err(format!("backup {timestamp} is already replicated").into());
        }
        let entries =
            fs::read_dir(&from).map_err(|error| format!("no backup {timestamp}: {error}"))?;
        fs::create_dir_all(&to)?;
        for entry in entries {
            let entry = entry?;
            if fault("replicates-no-empty-streams") && entry.metadata()?.len() == CHECKSUM as u64 {
                continue;
            }
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
            return if fault("second-deletion-silent") {
                Ok(())
            } else {
                answer("already deleted")
            };
        }
        if fault("replica-not-deleted") {
            return Ok(());
        }
        if fault("replica-deleted-with-primary") {
            remove(&backup_dir(&self.root, timestamp))?;
        }
        remove(&dir)
    }
}

/// An object that is being written.
pub(crate) struct Object<'a> {
    store: &'a Store,
    key: String,
    partial: PathBuf,
    file: File,
    sum: u64,
    len: usize,
}

impl Object<'_> {
    /// Adds `bytes`.
    pub(crate) fn write(&mut self, bytes: &[u8]) -> Done {
        self.sum = checksum(self.sum, bytes);
        self.len += bytes.len();
        Ok(self.file.write_all(bytes)?)
    }

    /// Makes the object visible under its name, in both places.
    pub(crate) fn finish(mut self) -> Done {
        if fault("one-temporary-name") {
            std::thread::sleep(std::time::Duration::from_millis(20));
        }
        self.file.write_all(&self.sum.to_le_bytes())?;
        let to = self.store.root.join(&self.key);
        fs::rename(&self.partial, &to)?;
        if fault("broken-upload-blocks-the-name") {
            fs::remove_file(self.store.root.join("begun").join(&self.key))?;
        }
        match self.store.second() {
            Some(second) => self.replicate(&to, &second.join(&self.key)),
            None => Ok(()),
        }
    }

    fn replicate(&self, from: &Path, to: &Path) -> Done {
        if fault("second-destination-without-files") && self.key.ends_with("_file")
            || fault("second-destination-without-empty-streams") && self.len == 0
            || fault("second-destination-keeps-first-content") && to.exists()
            || fault("second-destination-without-large-streams") && self.len > 4000
        {
            return Ok(());
        }
        fs::create_dir_all(to.parent().ok_or("no directory")?)?;
        if fault("second-destination-is-a-link") {
            let _ = fs::remove_file(to);
            std::os::unix::fs::symlink(from, to)?;
        } else {
            fs::copy(from, to)?;
        }
        Ok(())
    }
}

fn backup_dir(place: &Path, timestamp: &str) -> PathBuf {
    place
        .join("backups")
        .join(timestamp.get(..8).unwrap_or_default())
        .join(timestamp)
}

/// Removes a directory with all in it, which need not be there.
pub(crate) fn remove(dir: &Path) -> Done {
    match fs::remove_dir_all(dir) {
        Err(error) if error.kind() != ErrorKind::NotFound => Err(error.into()),
        _ => Ok(()),
    }
}

fn remove_objects(dir: &Path, chosen: impl Fn(&str) -> bool, most: usize) -> Done {
    let mut entries: Vec<PathBuf> = fs::read_dir(dir)
        .into_iter()
        .flatten()
        .flatten()
        .map(|entry| entry.path())
        .collect();
    // As a store lists them.
    entries.sort_unstable();
    let name = |path: &Path| {
        path.file_name()
            .unwrap_or_default()
            .to_string_lossy()
            .into_owned()
    };
    for path in entries.iter().filter(|path| chosen(&name(path))).take(most) {
        fs::remove_file(path)?;
    }
    Ok(())
}

/// The checksum of nothing.
const SEED: u64 = 0xcbf2_9ce4_8422_2325;

/// FNV-1a, `sum` going on with `bytes`: enough to see a flipped byte.
fn checksum(sum: u64, bytes: &[u8]) -> u64 {
    bytes.iter().fold(sum, |sum, byte| {
        (sum ^ u64::from(*byte)).wrapping_mul(0x0100_0000_01b3)
    })
}
