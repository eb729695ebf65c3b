//! Every command of the API: one declared slice, from which come parsing, usage errors and `--help`.

use crate::call::{Arguments, Call};
use crate::error::Error;

/// How a command is called.
#[derive(Clone, Copy, Debug)]
pub struct CommandSpec {
    /// Its name, the first argument.
    pub name: &'static str,
    /// The arguments after it.
    pub arguments: &'static [Argument],
    /// What it does, for `--help`.
    pub about: &'static str,
}

/// One argument of a command.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Argument {
    /// Must be given.
    Required(&'static str),
    /// May be left out, like all after it.
    Optional(&'static str),
}

impl CommandSpec {
    /// The arguments as people read them: `CONFIG [DIRECTORY]`.
    pub(crate) fn synopsis(&self) -> String {
        let shown = self.arguments.iter().map(|argument| match argument {
            Argument::Required(name) => (*name).to_owned(),
            Argument::Optional(name) => format!("[{name}]"),
        });
        shown.collect::<Vec<_>>().join(" ")
    }

    /// Whether `count` arguments are neither too few nor too many.
    pub(crate) fn takes(&self, count: usize) -> bool {
        let required = self
            .arguments
            .iter()
            .filter(|argument| matches!(argument, Argument::Required(_)));
        (required.count()..=self.arguments.len()).contains(&count)
    }
}

/// Which plugins have a command.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Group {
    /// All.
    Required,
    /// Those with [`Plugin::subset`](crate::Plugin::subset).
    Subset,
    /// Those with [`Plugin::replication`](crate::Plugin::replication).
    Replication,
    /// Those with [`Plugin::directories`](crate::Plugin::directories).
    Directories,
}

/// A command of the API.
pub(crate) struct Command {
    pub(crate) spec: CommandSpec,
    pub(crate) group: Group,
    /// Makes the call of arguments whose number is right.
    pub(crate) parse: fn(Arguments) -> Result<Call, Error>,
}

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

const fn command(
    group: Group,
    name: &'static str,
    arguments: &'static [Argument],
    about: &'static str,
    parse: fn(Arguments) -> Result<Call, Error>,
) -> Command {
    let spec = CommandSpec {
        name,
        arguments,
        about,
    };
    Command { spec, group, parse }
}

use Group::{Directories, Replication, Required, Subset};

/// All commands of the API, in the order of a backup's life.
pub(crate) const COMMANDS: &[Command] = &[
    command(
        Required,
        "plugin_api_version",
        &[],
        "prints the version of the plugin API",
        |_| Ok(Call::ApiVersion),
    ),
    command(
        Required,
        "--version",
        &[],
        "prints NAME version VERSION",
        |_| Ok(Call::Version),
    ),
    command(Required, "--help", &[], "prints this list", |_| {
        Ok(Call::Help)
    }),
    command(
        Required,
        "setup_plugin_for_backup",
        HOOK,
        "prepares a backup",
        |a| {
            Ok(Call::SetupForBackup {
                config: a.config(),
                hook: a.hook()?,
            })
        },
    ),
    command(
        Required,
        "setup_plugin_for_restore",
        HOOK,
        "prepares a restore",
        |a| {
            Ok(Call::SetupForRestore {
                config: a.config(),
                hook: a.hook()?,
            })
        },
    ),
    command(
        Required,
        "cleanup_plugin_for_backup",
        HOOK,
        "ends a backup",
        |a| {
            Ok(Call::CleanupForBackup {
                config: a.config(),
                hook: a.hook()?,
            })
        },
    ),
    command(
        Required,
        "cleanup_plugin_for_restore",
        HOOK,
        "ends a restore",
        |a| {
            Ok(Call::CleanupForRestore {
                config: a.config(),
                hook: a.hook()?,
            })
        },
    ),
    command(Required, "backup_file", FILE, "stores a file", |a| {
        Ok(Call::BackupFile {
            config: a.config(),
            file: a.backup_path()?,
        })
    }),
    command(Required, "restore_file", FILE, "brings a file back", |a| {
        Ok(Call::RestoreFile {
            config: a.config(),
            file: a.backup_path()?,
        })
    }),
    command(Required, "backup_data", DATA, "stores stdin", |a| {
        Ok(Call::BackupData {
            config: a.config(),
            data: a.backup_path()?,
        })
    }),
    command(
        Required,
        "restore_data",
        DATA,
        "writes a stored stream to stdout",
        |a| {
            Ok(Call::RestoreData {
                config: a.config(),
                data: a.backup_path()?,
            })
        },
    ),
    command(
        Subset,
        "restore_data_subset",
        SUBSET,
        "writes ranges of a stored stream to stdout",
        |a| {
            Ok(Call::RestoreDataSubset {
                config: a.config(),
                data: a.backup_path()?,
                offsets: a.offsets(),
            })
        },
    ),
    command(
        Required,
        "delete_backup",
        TIMESTAMP,
        "deletes a backup",
        |a| {
            Ok(Call::DeleteBackup {
                config: a.config(),
                timestamp: a.timestamp()?,
            })
        },
    ),
    command(
        Replication,
        "replicate_backup",
        TIMESTAMP,
        "copies a backup to the second destination",
        |a| {
            Ok(Call::ReplicateBackup {
                config: a.config(),
                timestamp: a.timestamp()?,
            })
        },
    ),
    command(
        Replication,
        "delete_replica",
        TIMESTAMP,
        "deletes that copy",
        |a| {
            Ok(Call::DeleteReplica {
                config: a.config(),
                timestamp: a.timestamp()?,
            })
        },
    ),
    command(
        Directories,
        "backup_directory",
        DIRECTORY,
        "stores the files of a directory",
        |a| {
            Ok(Call::BackupDirectory {
                config: a.config(),
                directory: a.directory()?,
                jobs: a.one_job(),
            })
        },
    ),
    command(
        Directories,
        "backup_directory_parallel",
        PARALLEL,
        "the same, several files at once",
        |a| {
            Ok(Call::BackupDirectory {
                config: a.config(),
                directory: a.directory()?,
                jobs: a.jobs()?,
            })
        },
    ),
    command(
        Directories,
        "restore_directory",
        DIRECTORY,
        "brings the files of a directory back",
        |a| {
            Ok(Call::RestoreDirectory {
                config: a.config(),
                directory: a.directory()?,
                jobs: a.one_job(),
            })
        },
    ),
    command(
        Directories,
        "restore_directory_parallel",
        PARALLEL,
        "the same, several files at once",
        |a| {
            Ok(Call::RestoreDirectory {
                config: a.config(),
                directory: a.directory()?,
                jobs: a.jobs()?,
            })
        },
    ),
    command(
        Directories,
        "list_directory",
        OPTIONAL_DIRECTORY,
        "lists stored files and their sizes",
        |a| {
            Ok(Call::ListDirectory {
                config: a.config(),
                directory: a.optional_directory()?,
            })
        },
    ),
    command(
        Directories,
        "delete_directory",
        DIRECTORY,
        "deletes the stored files of a directory",
        |a| {
            Ok(Call::DeleteDirectory {
                config: a.config(),
                directory: a.directory()?,
            })
        },
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
