//! How a command is called.

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
