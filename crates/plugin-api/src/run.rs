//! From argv to an exit code.

use std::ffi::OsString;
use std::io::{self, Write};
use std::process::ExitCode;

use crate::call::{Call, Offer};
use crate::error::Error;
use crate::failure::{Answer, Failure, one_line};
use crate::plugin::Plugin;
use crate::ranges::Ranges;

/// The version of the plugin API that this crate speaks.
pub const API_VERSION: &str = "0.5.0";

/// Does what the arguments ask for, the first of which is the program's name, and tells how it went:
/// 0 and nothing on stderr, or 1 and one line on stderr, which is missing where the reader of stdout
/// has gone away.
///
/// ```no_run
/// # use plugin_api::Plugin;
/// # fn main_of(my_plugin: impl Plugin) -> std::process::ExitCode {
/// plugin_api::run(&my_plugin, std::env::args_os())
/// # }
/// ```
pub fn run<P: Plugin>(plugin: &P, arguments: impl IntoIterator<Item = OsString>) -> ExitCode {
    let mut out = Output::new(io::stdout());
    let answer = dispatch(plugin, arguments.into_iter().skip(1), &mut out);
    match out.settle(answer) {
        Ok(()) => ExitCode::SUCCESS,
        Err(Failure::ReaderGone) => ExitCode::FAILURE,
        Err(Failure::Error(error)) => {
            let message = one_line(&*error);
            plugin.note_failure(&message);
            let line = format!("{}: {message}\n", plugin.name());
            // Where stderr is closed too, the exit code has to do.
            let _ = io::stderr().write_all(line.as_bytes());
            ExitCode::FAILURE
        }
    }
}

fn dispatch<P: Plugin>(
    plugin: &P,
    arguments: impl Iterator<Item = OsString>,
    out: &mut dyn Write,
) -> Answer {
    let offer = Offer::of(plugin);
    match offer.parse(arguments)? {
        Call::Help => Ok(out.write_all(help(plugin, &offer).as_bytes())?),
        Call::Version => Ok(writeln!(
            out,
            "{} version {}",
            plugin.name(),
            plugin.version()
        )?),
        Call::ApiVersion => Ok(writeln!(out, "{API_VERSION}")?),
        Call::SetupForBackup(config, hook) => plugin.setup_for_backup(&config, &hook),
        Call::SetupForRestore(config, hook) => plugin.setup_for_restore(&config, &hook),
        Call::CleanupForBackup(config, hook) => plugin.cleanup_for_backup(&config, &hook),
        Call::CleanupForRestore(config, hook) => plugin.cleanup_for_restore(&config, &hook),
        Call::BackupFile(config, file) => plugin.backup_file(&config, &file),
        Call::RestoreFile(config, file) => plugin.restore_file(&config, &file),
        Call::BackupData(config, data) => plugin.backup_data(&config, &data),
        Call::RestoreData(config, data) => plugin.restore_data(&config, &data),
        Call::DeleteBackup(config, timestamp) => plugin.delete_backup(&config, &timestamp),
        Call::Own(at, arguments) => (P::own_commands()[at].run)(plugin, &arguments, out),
        call => dispatch_optional(plugin, call, out),
    }
}

/// The commands that a plugin may do without. Only those it has are ever parsed.
fn dispatch_optional<P: Plugin>(plugin: &P, call: Call, out: &mut dyn Write) -> Answer {
    let (subset, replication, directories) =
        (plugin.subset(), plugin.replication(), plugin.directories());
    match call {
        Call::RestoreDataSubset(config, data, offsets) => {
            let ranges = Ranges::read(&offsets)?;
            has(subset)?.restore_data_subset(&config, &data, &ranges)
        }
        Call::ReplicateBackup(config, timestamp) => {
            has(replication)?.replicate_backup(&config, &timestamp)
        }
        Call::DeleteReplica(config, timestamp) => {
            has(replication)?.delete_replica(&config, &timestamp, out)
        }
        Call::BackupDirectory(config, directory, jobs) => {
            has(directories)?.backup_directory(&config, &directory, jobs)
        }
        Call::RestoreDirectory(config, directory, jobs) => {
            has(directories)?.restore_directory(&config, &directory, jobs)
        }
        Call::ListDirectory(config, directory) => {
            has(directories)?.list_directory(&config, directory.as_deref(), out)
        }
        Call::DeleteDirectory(config, directory) => {
            has(directories)?.delete_directory(&config, &directory)
        }
        _ => Err(Error::Withdrawn)?,
    }
}

fn has<T>(group: Option<T>) -> Result<T, Error> {
    group.ok_or(Error::Withdrawn)
}

/// The commands, one a line, those of the API first.
fn help<P: Plugin>(plugin: &P, offer: &Offer) -> String {
    let name = plugin.name();
    let mut text = format!("usage: {name} COMMAND [ARGUMENT]...\n\ncommands:\n");
    for spec in offer.specs() {
        let call = format!("{} {}", spec.name, spec.synopsis());
        text.push_str(&format!("  {}\n      {}\n", call.trim_end(), spec.about));
    }
    text
}

/// Stdout for answers to people: remembers that its reader went away, so that a command which only
/// passes on the error of a write ends as quietly as one that looks into it.
struct Output<W> {
    inner: W,
    reader_gone: bool,
}

impl<W: Write> Output<W> {
    fn new(inner: W) -> Self {
        Self {
            inner,
            reader_gone: false,
        }
    }

    /// The command's answer, once everything written has left the process.
    fn settle(&mut self, answer: Answer) -> Answer {
        let flushed = self.flush();
        if self.reader_gone {
            return Err(Failure::ReaderGone);
        }
        answer?;
        Ok(flushed?)
    }

    fn watch<T>(&mut self, result: io::Result<T>) -> io::Result<T> {
        self.reader_gone |=
            matches!(&result, Err(error) if error.kind() == io::ErrorKind::BrokenPipe);
        result
    }
}

impl<W: Write> Write for Output<W> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let result = self.inner.write(bytes);
        self.watch(result)
    }

    fn flush(&mut self) -> io::Result<()> {
        let result = self.inner.flush();
        self.watch(result)
    }
}

#[cfg(test)]
mod tests;
