//! What a plugin is.

use std::ffi::OsString;
use std::io::Write;
use std::num::NonZeroUsize;
use std::path::Path;

use crate::command::CommandSpec;
use crate::failure::Answer;
use crate::path::BackupPath;
use crate::ranges::Ranges;
use crate::scope::Hook;
use crate::timestamp::Timestamp;

/// A storage plugin for gpbackup and gprestore: one method per command that every plugin must have,
/// and one per group of commands that a plugin may do without.
///
/// `config` is the path of the plugin's config file, which nobody but the plugin reads. A command that
/// returns `Ok` has done what it was asked for, so that exit 0 of `backup_data` means stored. Nothing
/// but the streams and the writers given may go to stdout, and nothing at all to stderr: gpbackup_helper
/// takes any byte there for a failure. What is returned as an error is printed by [`run`](crate::run).
pub trait Plugin: Sized + 'static {
    /// The plugin's name as `--version` gives it, without blanks.
    fn name(&self) -> &str;

    /// The plugin's version as `--version` gives it, without blanks. It must be the same on every host.
    fn version(&self) -> &str;

    /// Called before the first file or stream of a backup.
    fn setup_for_backup(&self, config: &Path, hook: &Hook) -> Answer;

    /// Called before the first file of a restore. The hook's directory must exist afterwards.
    fn setup_for_restore(&self, config: &Path, hook: &Hook) -> Answer;

    /// Called after the last file or stream of a backup, also of one that failed or was never set up.
    fn cleanup_for_backup(&self, config: &Path, hook: &Hook) -> Answer;

    /// The same for a restore.
    fn cleanup_for_restore(&self, config: &Path, hook: &Hook) -> Answer;

    /// Stores the local file under its remote name; the local file stays as it is.
    fn backup_file(&self, config: &Path, file: &BackupPath) -> Answer;

    /// Brings a stored file back to its local path, whose directory may not exist yet. A file that is
    /// not stored must fail, and a failure must leave an existing local file alone.
    fn restore_file(&self, config: &Path, file: &BackupPath) -> Answer;

    /// Stores what stdin brings, until its end, under the remote name. Stdin is untouched: neither
    /// locked nor buffered by this crate.
    fn backup_data(&self, config: &Path, data: &BackupPath) -> Answer;

    /// Writes a stored stream to stdout, which is as untouched. Nothing may be written that is not
    /// certain, nothing after the first failure, and a reader that has gone away is
    /// [`Failure::ReaderGone`](crate::Failure::ReaderGone).
    fn restore_data(&self, config: &Path, data: &BackupPath) -> Answer;

    /// Deletes everything stored for this timestamp, and nothing else.
    fn delete_backup(&self, config: &Path, timestamp: &Timestamp) -> Answer;

    /// The plugin as one that has `restore_data_subset`.
    fn subset(&self) -> Option<&dyn RestoreSubset> {
        None
    }

    /// The plugin as one that has `replicate_backup` and `delete_replica`.
    fn replication(&self) -> Option<&dyn Replication> {
        None
    }

    /// The plugin as one that has the six directory commands.
    fn directories(&self) -> Option<&dyn Directories> {
        None
    }

    /// Commands of this plugin alone, for people.
    fn own_commands() -> &'static [OwnCommand<Self>] {
        &[]
    }

    /// Told the one line that is about to go to stderr, for a log.
    fn note_failure(&self, _message: &str) {}
}

/// A plugin that can restore parts of a stream: `restore_data_subset`.
pub trait RestoreSubset {
    /// Writes the ranges of a stored stream to stdout, one after the other and nothing between them.
    /// A range beyond the end of the stream must fail. Otherwise as [`Plugin::restore_data`].
    fn restore_data_subset(&self, config: &Path, data: &BackupPath, ranges: &Ranges) -> Answer;
}

/// A plugin that keeps a second copy of a backup on request: `replicate_backup`, `delete_replica`.
pub trait Replication {
    /// Copies a stored backup to the second destination. Doing it twice is an error.
    fn replicate_backup(&self, config: &Path, timestamp: &Timestamp) -> Answer;

    /// Deletes that copy. A second time `out` gets `already deleted`, and it succeeds.
    fn delete_replica(&self, config: &Path, timestamp: &Timestamp, out: &mut dyn Write) -> Answer;
}

/// A plugin that keeps whole directories: `backup_directory`, `backup_directory_parallel`,
/// `restore_directory`, `restore_directory_parallel`, `list_directory`, `delete_directory`.
///
/// A directory is named from the root of the store. `jobs` is how many files move at once: 1 for the
/// plain commands, 1 to 1000 for the parallel ones, which take 5 where nothing is said, as by the Go plugin.
pub trait Directories {
    /// Stores every file below the local directory of this name.
    fn backup_directory(&self, config: &Path, directory: &str, jobs: NonZeroUsize) -> Answer;

    /// Brings every file below the stored directory back to the local directory of this name.
    fn restore_directory(&self, config: &Path, directory: &str, jobs: NonZeroUsize) -> Answer;

    /// Writes the full name and the size of every stored file below the directory to `out`, one a line;
    /// below the plugin's own root where no directory is given.
    fn list_directory(&self, config: &Path, directory: Option<&str>, out: &mut dyn Write)
    -> Answer;

    /// Deletes every stored file below the directory.
    fn delete_directory(&self, config: &Path, directory: &str) -> Answer;
}

/// A command that only this plugin has.
#[derive(Debug)]
pub struct OwnCommand<P> {
    /// Its name and arguments.
    pub spec: CommandSpec,
    /// Does it. The arguments are as many as `spec` declares; what people asked to see goes to `out`.
    pub run: fn(plugin: &P, arguments: &[OsString], out: &mut dyn Write) -> Answer,
}
