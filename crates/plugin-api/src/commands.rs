//! Every command of the API: one declared slice, from which come parsing, usage errors and `--help`.

use std::num::NonZeroUsize;

use crate::call::{Arguments, Call};
use crate::command::Group::{self, Directories, Replication, Required, Subset};
use crate::command::{Argument, Command, CommandSpec};
use crate::error::Error;

/// How many files the plain directory commands move at once.
const ONE_JOB: NonZeroUsize = NonZeroUsize::MIN;

const CONFIG: Argument = Argument::Required("CONFIG");
const HOOK: &[Argument] = &[
    CONFIG,
    Argument::Required("LOCAL_BACKUP_DIR"),
    Argument::Required("SCOPE"),
    Argument::Optional("CONTENT_ID"),
];
const FILE: &[Argument] = &[CONFIG, Argument::Required("FILE")];
const DATA: &[Argument] = &[CONFIG, Argument::Required("DATA_FILE")];
const SUBSET: &[Argument] = &[
    CONFIG,
    Argument::Required("DATA_FILE"),
    Argument::Required("OFFSETS_FILE"),
];
const TIMESTAMP: &[Argument] = &[CONFIG, Argument::Required("TIMESTAMP")];
const DIRECTORY: &[Argument] = &[CONFIG, Argument::Required("DIRECTORY")];
const OPTIONAL_DIRECTORY: &[Argument] = &[CONFIG, Argument::Optional("DIRECTORY")];
const PARALLEL: &[Argument] = &[
    CONFIG,
    Argument::Required("DIRECTORY"),
    Argument::Optional("PARALLELISM"),
];

const fn spec(
    name: &'static str,
    arguments: &'static [Argument],
    about: &'static str,
) -> CommandSpec {
    CommandSpec {
        name,
        arguments,
        about,
    }
}

const fn command(
    group: Group,
    spec: CommandSpec,
    parse: fn(Arguments) -> Result<Call, Error>,
) -> Command {
    Command { spec, group, parse }
}

/// All commands of the API, in the order of a backup's life.
pub(crate) const COMMANDS: &[Command] = &[
    command(
        Required,
        spec(
            "plugin_api_version",
            &[],
            "prints the version of the plugin API",
        ),
        |_| Ok(Call::ApiVersion),
    ),
    command(
        Required,
        spec("--version", &[], "prints NAME version VERSION"),
        |_| Ok(Call::Version),
    ),
    command(Required, spec("--help", &[], "prints this list"), |_| {
        Ok(Call::Help)
    }),
    command(
        Required,
        spec("setup_plugin_for_backup", HOOK, "prepares a backup"),
        |a| Ok(Call::SetupForBackup(a.config(), a.hook()?)),
    ),
    command(
        Required,
        spec("setup_plugin_for_restore", HOOK, "prepares a restore"),
        |a| Ok(Call::SetupForRestore(a.config(), a.hook()?)),
    ),
    command(
        Required,
        spec("cleanup_plugin_for_backup", HOOK, "ends a backup"),
        |a| Ok(Call::CleanupForBackup(a.config(), a.hook()?)),
    ),
    command(
        Required,
        spec("cleanup_plugin_for_restore", HOOK, "ends a restore"),
        |a| Ok(Call::CleanupForRestore(a.config(), a.hook()?)),
    ),
    command(Required, spec("backup_file", FILE, "stores a file"), |a| {
        Ok(Call::BackupFile(a.config(), a.backup_path()?))
    }),
    command(
        Required,
        spec("restore_file", FILE, "brings a file back"),
        |a| Ok(Call::RestoreFile(a.config(), a.backup_path()?)),
    ),
    command(Required, spec("backup_data", DATA, "stores stdin"), |a| {
        Ok(Call::BackupData(a.config(), a.backup_path()?))
    }),
    command(
        Required,
        spec("restore_data", DATA, "writes a stored stream to stdout"),
        |a| Ok(Call::RestoreData(a.config(), a.backup_path()?)),
    ),
    command(
        Subset,
        spec(
            "restore_data_subset",
            SUBSET,
            "writes ranges of a stored stream to stdout",
        ),
        |a| {
            Ok(Call::RestoreDataSubset(
                a.config(),
                a.backup_path()?,
                a.offsets(),
            ))
        },
    ),
    command(
        Required,
        spec("delete_backup", TIMESTAMP, "deletes a backup"),
        |a| Ok(Call::DeleteBackup(a.config(), a.timestamp()?)),
    ),
    command(
        Replication,
        spec(
            "replicate_backup",
            TIMESTAMP,
            "copies a backup to the second destination",
        ),
        |a| Ok(Call::ReplicateBackup(a.config(), a.timestamp()?)),
    ),
    command(
        Replication,
        spec("delete_replica", TIMESTAMP, "deletes that copy"),
        |a| Ok(Call::DeleteReplica(a.config(), a.timestamp()?)),
    ),
    command(
        Directories,
        spec(
            "backup_directory",
            DIRECTORY,
            "stores the files of a directory",
        ),
        |a| Ok(Call::BackupDirectory(a.config(), a.directory()?, ONE_JOB)),
    ),
    command(
        Directories,
        spec(
            "backup_directory_parallel",
            PARALLEL,
            "the same, several files at once",
        ),
        |a| Ok(Call::BackupDirectory(a.config(), a.directory()?, a.jobs()?)),
    ),
    command(
        Directories,
        spec(
            "restore_directory",
            DIRECTORY,
            "brings the files of a directory back",
        ),
        |a| Ok(Call::RestoreDirectory(a.config(), a.directory()?, ONE_JOB)),
    ),
    command(
        Directories,
        spec(
            "restore_directory_parallel",
            PARALLEL,
            "the same, several files at once",
        ),
        |a| {
            Ok(Call::RestoreDirectory(
                a.config(),
                a.directory()?,
                a.jobs()?,
            ))
        },
    ),
    command(
        Directories,
        spec(
            "list_directory",
            OPTIONAL_DIRECTORY,
            "lists stored files and their sizes",
        ),
        |a| Ok(Call::ListDirectory(a.config(), a.optional_directory()?)),
    ),
    command(
        Directories,
        spec(
            "delete_directory",
            DIRECTORY,
            "deletes the stored files of a directory",
        ),
        |a| Ok(Call::DeleteDirectory(a.config(), a.directory()?)),
    ),
];

#[cfg(test)]
mod tests {
    use super::*;
    use crate::call::Offer;

    /// Arguments that every command of this synopsis accepts.
    fn plausible(argument: &Argument) -> &'static str {
        match argument {
            Argument::Required(name) | Argument::Optional(name) => match *name {
                "LOCAL_BACKUP_DIR" => "/data/backups/20260101/20260101010101",
                "SCOPE" => "segment",
                "CONTENT_ID" => "\"-1\"",
                "FILE" | "DATA_FILE" => "/data/backups/20260101/20260101010101/file",
                "TIMESTAMP" => "20260101010101",
                "PARALLELISM" => "7",
                _ => "/some/path",
            },
        }
    }

    #[test]
    fn a_name_stands_once() {
        for (at, command) in COMMANDS.iter().enumerate() {
            let name = command.spec.name;
            assert!(
                COMMANDS[..at].iter().all(|other| other.spec.name != name),
                "{name} stands twice"
            );
        }
    }

    #[test]
    fn optional_arguments_come_last() {
        for command in COMMANDS {
            let arguments = command.spec.arguments;
            let optional = |argument: &Argument| matches!(argument, Argument::Optional(_));
            assert!(
                arguments.is_sorted_by_key(optional),
                "{}",
                command.spec.name
            );
        }
    }

    #[test]
    fn every_command_takes_its_arguments_and_no_other_number() {
        let offer = Offer::complete();
        for spec in offer.specs() {
            let arguments: Vec<_> = spec.arguments.iter().map(plausible).collect();
            for count in 0..=arguments.len() + 1 {
                let given = arguments
                    .iter()
                    .copied()
                    .chain(["/one/too/many/arguments"])
                    .take(count);
                let call = offer.parse([spec.name].into_iter().chain(given).map(Into::into));
                match call {
                    Ok(_) => assert!(spec.takes(count), "{} took {count} arguments", spec.name),
                    Err(Error::ArgumentCount { .. }) => {
                        assert!(!spec.takes(count), "{} refused {count}", spec.name)
                    }
                    Err(error) => panic!("{} {arguments:?}: {error}", spec.name),
                }
            }
        }
    }
}
