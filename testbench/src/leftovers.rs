//! What a run stored, read off the calls that it made, and its deletion at the end.

use std::collections::BTreeSet;
use std::path::{Component, Path};

use crate::bench::Bench;
use crate::finished::Ended;
use crate::transcript::Exchange;
use crate::trouble::{Trouble, Verdict};

/// How many deletions are made side by side.
const DELETERS: usize = 8;

/// What every directory's prefix begins with.
pub(crate) const DIRECTORIES: &str = "plugin_bench_";

/// Something that a plugin stores and deletes as one.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Thing {
    /// What has this timestamp.
    Backup(String),
    /// What `replicate_backup` copied of it to the second destination.
    Replica(String),
    /// What is below this prefix.
    Directory(String),
}

/// What the run stored so far.
#[derive(Debug, Default)]
pub(crate) struct Stored {
    /// What the plugin did not refuse to store, and has not told to be deleted since.
    kept: BTreeSet<Thing>,
    /// Every prefix that it was asked to store: a call that fails may have stored a part.
    directories: BTreeSet<String>,
}

impl Stored {
    /// Takes note of `calls`, which are in the order in which they ended.
    pub(crate) fn note(&mut self, calls: &[Exchange]) {
        for call in calls {
            if let [_, command, _, name, ..] = call.argv.as_slice() {
                self.note_one(command, name, &call.ended);
            }
        }
    }

    fn note_one(&mut self, command: &str, name: &str, ended: &str) {
        let (stores, thing) = match command {
            "backup_data" | "backup_file" => (true, Thing::Backup(timestamp_of(name))),
            "delete_backup" => (false, Thing::Backup(name.into())),
            "replicate_backup" => (true, Thing::Replica(name.into())),
            "delete_replica" => (false, Thing::Replica(name.into())),
            "backup_directory" | "backup_directory_parallel" => {
                let prefix = prefix_of(name);
                // Whatever else a case may name, nothing but the bench's own is ever deleted.
                if !prefix.starts_with(DIRECTORIES) {
                    return;
                }
                self.directories.insert(prefix.clone());
                (true, Thing::Directory(prefix))
            }
            "delete_directory" => (false, Thing::Directory(name.into())),
            _ => return,
        };
        let done = ended == Ended::Code(0).to_string();
        // A plugin that was killed could not take away what it had begun.
        let killed = !ended.starts_with("exit");
        if stores && (done || killed) {
            self.kept.insert(thing);
        } else if !stores && done {
            self.kept.remove(&thing);
        }
    }

    /// Every prefix under which directories were stored.
    pub(crate) fn directories(&self) -> impl Iterator<Item = &str> {
        self.directories.iter().map(String::as_str)
    }

    /// Deletes at every destination what the run may have stored, and tells what may be left.
    ///
    /// A deletion that fails is told only of what the plugin keeps for all that the bench knows: where there
    /// is nothing, a plugin may fail to delete it.
    pub(crate) fn delete(&mut self, bench: &Bench) -> Vec<String> {
        let destroyed = bench.primary_is_destroyed();
        let first = Some(bench.settings.config.as_path()).filter(|_| !destroyed);
        let second = bench.settings.secondary.as_deref();
        if let Some(config) = first.or(second) {
            // How a hook ends is judged elsewhere.
            side_by_side(&bench.claimed_timestamps(), |timestamp| {
                bench.take_down(*timestamp, config)
            });
        }
        let mut notes = Vec::new();
        if let Some(config) = first {
            notes.extend(self.delete_at_first(bench, config));
        }
        if let Some(config) = second {
            notes.extend(self.delete_at_second(bench, config, destroyed));
        }
        notes
    }

    fn delete_at_first(&mut self, bench: &Bench, config: &Path) -> Vec<String> {
        let replicates = bench.config.option("replication") == Some("on");
        let mut notes = Vec::new();
        for (thing, ended) in delete_all(bench, config, self.things(bench, Thing::Backup)) {
            match (ended, &thing) {
                (Err(trouble), _) => notes.extend(self.note_left(&thing, &trouble)),
                (Ok(()), Thing::Backup(name)) if replicates => {
                    self.kept.remove(&Thing::Replica(name.clone()));
                }
                (Ok(()), _) => {}
            }
        }
        notes
    }

    /// Without a first destination, all that is kept is here.
    fn delete_at_second(&self, bench: &Bench, config: &Path, only: bool) -> Vec<String> {
        let kind = if only { Thing::Backup } else { Thing::Replica };
        let ended = delete_all(bench, config, self.things(bench, kind));
        let failed = ended
            .into_iter()
            .filter(|(thing, _)| only || !matches!(thing, Thing::Directory(_)))
            .filter_map(|(thing, ended)| self.note_left(&thing, &ended.err()?));
        failed.collect()
    }

    /// Everything that may have been stored, the backups as things of this `kind`.
    fn things(&self, bench: &Bench, kind: fn(String) -> Thing) -> Vec<Thing> {
        let claimed = bench.claimed_timestamps();
        let backups = claimed.iter().map(|timestamp| kind(timestamp.to_string()));
        let directories = self.directories.iter().cloned().map(Thing::Directory);
        backups.chain(directories).collect()
    }

    fn note_left(&self, thing: &Thing, trouble: &Trouble) -> Option<String> {
        let kept = self.kept.contains(thing);
        kept.then(|| format!("{} may be left: {trouble}", thing.name()))
    }
}

impl Thing {
    fn name(&self) -> String {
        match self {
            Self::Backup(name) => format!("backup {name}"),
            Self::Replica(name) => format!("the copy of backup {name} at the second destination"),
            Self::Directory(name) => format!("directory {name}"),
        }
    }

    /// Deletes it at the destination of `config`.
    fn delete(&self, bench: &Bench, config: &Path) -> Verdict {
        let (command, name) = match self {
            Self::Backup(name) | Self::Replica(name) => ("delete_backup", name),
            Self::Directory(name) => ("delete_directory", name),
        };
        let call = bench.call(command, &bench.aside).arg(config).arg(name);
        call.cwd(&bench.work).run()?.succeeds()?;
        Ok(())
    }
}

/// Deletes `things` at the destination of `config`, and tells how that ended for each.
fn delete_all(bench: &Bench, config: &Path, things: Vec<Thing>) -> Vec<(Thing, Verdict)> {
    let ended = side_by_side(&things, |thing| thing.delete(bench, config));
    things.into_iter().zip(ended).collect()
}

fn side_by_side<T: Sync>(items: &[T], work: impl Fn(&T) -> Verdict + Sync) -> Vec<Verdict> {
    let panicked = || Trouble::bench("its deletion panicked; please report this bench's bug");
    let mut ended = Vec::new();
    for batch in items.chunks(DELETERS) {
        std::thread::scope(|scope| {
            let running: Vec<_> = batch
                .iter()
                .map(|item| scope.spawn(|| work(item)))
                .collect();
            ended.extend(
                running
                    .into_iter()
                    .map(|thread| thread.join().unwrap_or_else(|_| Err(panicked()))),
            );
        });
    }
    ended
}

/// The timestamp under which the local `path` is stored: the last component but one.
fn timestamp_of(path: &str) -> String {
    let parent = Path::new(path).parent().and_then(Path::file_name);
    parent.unwrap_or_default().to_string_lossy().into_owned()
}

/// The first component of a directory's path, which is the bench's own.
fn prefix_of(dir: &str) -> String {
    let first = Path::new(dir).components().find_map(|part| match part {
        Component::Normal(name) => Some(name.to_string_lossy().into_owned()),
        _ => None,
    });
    first.unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use std::slice::from_ref;

    use super::*;

    /// Calls `command name: ended`, and what is kept after them.
    #[track_caller]
    fn check(calls: &[(&str, &str, &str)], kept: &[Thing]) {
        let mut stored = Stored::default();
        for (command, name, ended) in calls {
            stored.note_one(command, name, ended);
        }
        assert_eq!(stored.kept.into_iter().collect::<Vec<_>>(), kept);
    }

    #[test]
    fn what_was_stored_and_not_deleted_is_kept() {
        let path = "/data/gpseg0/backups/99540102/99540102030405/gpbackup_0_99540102030405_1";
        let stamp = "99540102030405";
        let (backup, replica) = (Thing::Backup(stamp.into()), Thing::Replica(stamp.into()));
        let directory = Thing::Directory("plugin_bench_1".into());
        check(&[("backup_data", path, "exit 0")], from_ref(&backup));
        check(&[("backup_file", path, "exit 1")], &[]);
        check(&[("backup_directory", "/data/dir", "exit 0")], &[]);
        check(&[("backup_directory", "..", "exit 0")], &[]);
        check(
            &[("backup_data", path, "ended by SIGKILL")],
            from_ref(&backup),
        );
        check(
            &[
                ("backup_data", path, "exit 0"),
                ("delete_backup", stamp, "exit 1"),
            ],
            from_ref(&backup),
        );
        check(
            &[
                ("backup_data", path, "exit 0"),
                ("delete_backup", stamp, "exit 0"),
            ],
            &[],
        );
        check(
            &[
                ("backup_data", path, "exit 0"),
                ("replicate_backup", stamp, "exit 0"),
                ("delete_replica", stamp, "exit 1"),
                ("delete_backup", stamp, "exit 0"),
            ],
            &[replica],
        );
        check(
            &[
                ("backup_directory", "plugin_bench_1/dir", "exit 0"),
                ("delete_directory", "plugin_bench_1/dir", "exit 0"),
            ],
            &[directory],
        );
    }
}
