//! argv as a value: which command, with which typed arguments.

use std::ffi::OsString;
use std::num::NonZeroUsize;
use std::path::PathBuf;

use crate::command::{Command, CommandSpec, Group};
use crate::commands::COMMANDS;
use crate::error::Error;
use crate::path::BackupPath;
use crate::plugin::Plugin;
use crate::scope::{ContentId, Hook, Scope};
use crate::timestamp::Timestamp;

/// One call of a plugin, checked as far as it can be without the config file.
///
/// The variants are the commands of [`Plugin`], their fields the arguments in their order, of which
/// the first is the path of the config file.
#[derive(Clone, Debug, PartialEq, Eq)]
#[expect(missing_docs, reason = "the methods of Plugin tell what each one does")]
pub enum Call {
    Help,
    Version,
    ApiVersion,
    SetupForBackup(PathBuf, Hook),
    SetupForRestore(PathBuf, Hook),
    CleanupForBackup(PathBuf, Hook),
    CleanupForRestore(PathBuf, Hook),
    BackupFile(PathBuf, BackupPath),
    RestoreFile(PathBuf, BackupPath),
    BackupData(PathBuf, BackupPath),
    RestoreData(PathBuf, BackupPath),
    /// The last one is the path of the offsets file.
    RestoreDataSubset(PathBuf, BackupPath, PathBuf),
    DeleteBackup(PathBuf, Timestamp),
    ReplicateBackup(PathBuf, Timestamp),
    DeleteReplica(PathBuf, Timestamp),
    /// With the number of jobs, like the next one.
    BackupDirectory(PathBuf, String, NonZeroUsize),
    RestoreDirectory(PathBuf, String, NonZeroUsize),
    ListDirectory(PathBuf, Option<String>),
    DeleteDirectory(PathBuf, String),
    /// A command of the plugin alone: its place among [`Plugin::own_commands`], and all its arguments.
    Own(usize, Vec<OsString>),
}

/// The commands that a plugin has.
pub struct Offer {
    commands: Vec<&'static Command>,
    own: Vec<CommandSpec>,
}

impl Offer {
    /// Those of this plugin.
    pub fn of<P: Plugin>(plugin: &P) -> Self {
        let has = |group| match group {
            Group::Required => true,
            Group::Subset => plugin.subset().is_some(),
            Group::Replication => plugin.replication().is_some(),
            Group::Directories => plugin.directories().is_some(),
        };
        Self {
            commands: COMMANDS
                .iter()
                .filter(|command| has(command.group))
                .collect(),
            own: P::own_commands()
                .iter()
                .map(|command| command.spec)
                .collect(),
        }
    }

    /// All that the API has, and none of a plugin's own: what a caller may send.
    pub fn complete() -> Self {
        Self {
            commands: COMMANDS.iter().collect(),
            own: Vec::new(),
        }
    }

    /// How each command is called: those of the API, then the plugin's own.
    pub fn specs(&self) -> impl Iterator<Item = &CommandSpec> {
        self.commands
            .iter()
            .map(|command| &command.spec)
            .chain(&self.own)
    }

    /// Makes a call of the arguments behind the program's name.
    ///
    /// Every argument is taken as it stands: what begins with a minus (contentID `-1`) is no option.
    ///
    /// # Errors
    /// No command or one that is not offered, the wrong number of arguments, or an argument of the wrong form.
    pub fn parse(&self, arguments: impl IntoIterator<Item = OsString>) -> Result<Call, Error> {
        let mut arguments = arguments.into_iter();
        let name = arguments.next().ok_or(Error::NoCommand)?;
        let arguments: Vec<_> = arguments.collect();
        if let Some(command) = self
            .commands
            .iter()
            .find(|command| name == command.spec.name)
        {
            check_count(&command.spec, arguments.len())?;
            return (command.parse)(Arguments(arguments));
        }
        let Some(at) = self.own.iter().position(|spec| name == spec.name) else {
            return Err(self.unknown(name));
        };
        check_count(&self.own[at], arguments.len())?;
        Ok(Call::Own(at, arguments))
    }

    /// An unknown command, and the one that was probably meant: at most a third of its letters differ.
    fn unknown(&self, name: OsString) -> Error {
        let name = name.to_string_lossy().into_owned();
        let near = self.specs().filter_map(|spec| {
            let edits = strsim::damerau_levenshtein(&name, spec.name);
            (edits <= name.chars().count() / 3).then_some((edits, spec.name))
        });
        let nearest = near.min().map(|(_, name)| name);
        Error::UnknownCommand { name, nearest }
    }
}

fn check_count(spec: &CommandSpec, count: usize) -> Result<(), Error> {
    if spec.takes(count) {
        return Ok(());
    }
    let accepted = match spec.arguments.len() {
        0 => "no arguments".to_owned(),
        _ => spec.synopsis(),
    };
    let count = match count {
        0 => "none".to_owned(),
        1 => "1 argument".to_owned(),
        _ => format!("{count} arguments"),
    };
    let command = spec.name;
    Err(Error::ArgumentCount {
        command,
        accepted,
        count,
    })
}

/// The arguments behind a command's name, whose number has been checked.
pub(crate) struct Arguments(Vec<OsString>);

impl Arguments {
    fn at(&self, index: usize) -> OsString {
        self.0.get(index).cloned().unwrap_or_default()
    }

    fn text(&self, index: usize) -> Result<String, Error> {
        self.at(index).into_string().map_err(Error::NotText)
    }

    pub(crate) fn config(&self) -> PathBuf {
        self.at(0).into()
    }

    pub(crate) fn hook(&self) -> Result<Hook, Error> {
        let content = match self.0.get(3) {
            Some(_) => Some(ContentId::parse(&self.text(3)?)?),
            None => None,
        };
        Ok(Hook {
            directory: self.at(1).into(),
            scope: Scope::parse(&self.text(2)?)?,
            content,
        })
    }

    pub(crate) fn backup_path(&self) -> Result<BackupPath, Error> {
        BackupPath::parse(self.at(1))
    }

    pub(crate) fn offsets(&self) -> PathBuf {
        self.at(2).into()
    }

    pub(crate) fn timestamp(&self) -> Result<Timestamp, Error> {
        Timestamp::parse(&self.text(1)?)
    }

    pub(crate) fn directory(&self) -> Result<String, Error> {
        self.text(1)
    }

    pub(crate) fn optional_directory(&self) -> Result<Option<String>, Error> {
        self.0.get(1).map(|_| self.text(1)).transpose()
    }

    pub(crate) fn jobs(&self) -> Result<NonZeroUsize, Error> {
        const BY_DEFAULT: NonZeroUsize = NonZeroUsize::new(5).unwrap();
        const MOST: usize = 1000;
        if self.0.len() < 3 {
            return Ok(BY_DEFAULT);
        }
        let text = self.text(2)?;
        match text.parse::<NonZeroUsize>() {
            Ok(jobs) if jobs.get() <= MOST => Ok(jobs),
            _ => Err(Error::Parallelism(text)),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn parse(arguments: &[&str]) -> Result<Call, Error> {
        Offer::complete().parse(arguments.iter().map(OsString::from))
    }

    #[test]
    fn parallelism_has_a_default_and_bounds() {
        let jobs = |arguments: &[&str]| match parse(arguments) {
            Ok(Call::BackupDirectory(_, _, jobs)) => Some(jobs.get()),
            _ => None,
        };
        assert_eq!(jobs(&["backup_directory", "c", "d"]), Some(1));
        assert_eq!(jobs(&["backup_directory_parallel", "c", "d"]), Some(5));
        assert_eq!(
            jobs(&["backup_directory_parallel", "c", "d", "1000"]),
            Some(1000)
        );
        for wrong in ["", "0", "-1", "1001", "many"] {
            assert_eq!(
                jobs(&["backup_directory_parallel", "c", "d", wrong]),
                None,
                "{wrong:?}"
            );
        }
    }

    #[test]
    fn a_leading_minus_is_no_option() {
        let call = parse(&[
            "setup_plugin_for_backup",
            "--help",
            "-x",
            "coordinator",
            "-1",
        ])
        .unwrap();
        let Call::SetupForBackup(config, hook) = call else {
            panic!("{call:?}")
        };
        assert_eq!((config, hook.directory), ("--help".into(), "-x".into()));
        assert_eq!(hook.content.map(ContentId::get), Some(-1));
    }

    proptest! {
        #[test]
        fn no_argument_panics(at in 0..COMMANDS.len(), arguments in proptest::collection::vec(any::<OsString>(), 0..6)) {
            let name = OsString::from(COMMANDS[at].spec.name);
            let _ = Offer::complete().parse([name].into_iter().chain(arguments));
        }
    }
}
