//! What each command of the plugin API does, in a line or two.

use std::ffi::OsString;
use std::io::Write;
use std::num::NonZeroUsize;
use std::path::Path;

use plugin_api::{
    Answer, Argument, BackupPath, CommandSpec, Directories, Hook, OwnCommand, Plugin, Ranges,
    Replication, RestoreSubset, Timestamp,
};

use crate::{
    backups, check, directories, files, hooks, logfile, replicate, streams, uploads, verify,
};

/// The plugin's name, as it is published and as its log is named.
pub(crate) const NAME: &str = "gpbackup_s3_plugin";

/// The S3 plugin: without state, as every command is a process of its own.
#[derive(Debug)]
pub(crate) struct S3Plugin;

impl Plugin for S3Plugin {
    fn name(&self) -> &str {
        NAME
    }

    fn version(&self) -> &str {
        env!("PLUGIN_VERSION")
    }

    fn setup_for_backup(&self, config: &Path, hook: &Hook) -> Answer {
        hooks::setup_for_backup(config, hook)
    }

    fn setup_for_restore(&self, config: &Path, hook: &Hook) -> Answer {
        hooks::setup_for_restore(config, hook)
    }

    /// Nothing is left behind by any command, so there is nothing to clean up.
    fn cleanup_for_backup(&self, _: &Path, _: &Hook) -> Answer {
        Ok(())
    }

    fn cleanup_for_restore(&self, _: &Path, _: &Hook) -> Answer {
        Ok(())
    }

    fn backup_file(&self, config: &Path, file: &BackupPath) -> Answer {
        files::backup(config, file)
    }

    fn restore_file(&self, config: &Path, file: &BackupPath) -> Answer {
        files::restore(config, file)
    }

    fn backup_data(&self, config: &Path, data: &BackupPath) -> Answer {
        streams::backup(config, data)
    }

    fn restore_data(&self, config: &Path, data: &BackupPath) -> Answer {
        streams::restore(config, data)
    }

    fn delete_backup(&self, config: &Path, timestamp: &Timestamp) -> Answer {
        backups::delete(config, timestamp)
    }

    fn subset(&self) -> Option<&dyn RestoreSubset> {
        Some(self)
    }

    fn replication(&self) -> Option<&dyn Replication> {
        Some(self)
    }

    fn directories(&self) -> Option<&dyn Directories> {
        Some(self)
    }

    fn own_commands() -> &'static [OwnCommand<Self>] {
        const CONFIG: &[Argument] = &[Argument::Required("CONFIG")];
        &[
            OwnCommand {
                spec: CommandSpec {
                    name: "check",
                    arguments: CONFIG,
                    about: "checks the config file, and that its bucket can be written, read and listed",
                },
                run: |_, arguments, out| check::check(path(arguments), out),
            },
            OwnCommand {
                spec: CommandSpec {
                    name: "list_backups",
                    arguments: CONFIG,
                    about: "lists the backups in the bucket: timestamp, objects, bytes, state",
                },
                run: |_, arguments, out| backups::list(path(arguments), out),
            },
            OwnCommand {
                spec: CommandSpec {
                    name: "verify",
                    arguments: &[
                        Argument::Required("CONFIG"),
                        Argument::Required("TIMESTAMP"),
                    ],
                    about: "reads every object of a backup and compares its checksum",
                },
                run: |_, arguments, out| verify::verify(path(arguments), &arguments[1], out),
            },
            OwnCommand {
                spec: CommandSpec {
                    name: "clean_uploads",
                    arguments: &[Argument::Required("CONFIG"), Argument::Optional("AGE")],
                    about: "aborts the uploads that were begun longer ago than AGE (24h) and never ended",
                },
                run: |_, arguments, out| {
                    uploads::clean(path(arguments), arguments.get(1).map(|age| &**age), out)
                },
            },
        ]
    }

    fn note_failure(&self, message: &str) {
        logfile::error(message);
    }
}

/// The first argument, which every command requires.
fn path(arguments: &[OsString]) -> &Path {
    Path::new(&arguments[0])
}

impl RestoreSubset for S3Plugin {
    fn restore_data_subset(&self, config: &Path, data: &BackupPath, ranges: &Ranges) -> Answer {
        streams::restore_subset(config, data, ranges)
    }
}

impl Replication for S3Plugin {
    fn replicate_backup(&self, config: &Path, timestamp: &Timestamp) -> Answer {
        replicate::replicate(config, timestamp)
    }

    fn delete_replica(&self, config: &Path, timestamp: &Timestamp, out: &mut dyn Write) -> Answer {
        replicate::delete(config, timestamp, out)
    }
}

impl Directories for S3Plugin {
    fn backup_directory(&self, config: &Path, directory: &str, jobs: NonZeroUsize) -> Answer {
        directories::backup(config, directory, jobs)
    }

    fn restore_directory(&self, config: &Path, directory: &str, jobs: NonZeroUsize) -> Answer {
        directories::restore(config, directory, jobs)
    }

    fn list_directory(
        &self,
        config: &Path,
        directory: Option<&str>,
        out: &mut dyn Write,
    ) -> Answer {
        directories::list(config, directory, out)
    }

    fn delete_directory(&self, config: &Path, directory: &str) -> Answer {
        directories::delete(config, directory)
    }
}
