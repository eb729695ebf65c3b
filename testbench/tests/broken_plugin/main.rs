//! A filesystem plugin for proving the bench: right in every way, but for the one fault that the environment
//! variable `PLUGIN_FAULT` names. Where there are two right ways, `PLUGIN_VARIANT` names the other one:
//! `unknown-deletion-fails`, or `large-pipe`, which enlarges the pipe of restores and takes its time to end.
//!
//! Options: `directory`, where objects go; `remote_directory` and `replication: on`, where their copies go;
//! `secret_key`, which nobody needs. An object is a file: its bytes and, at the end, their checksum.

mod config;
mod directory;
mod file;
mod hook;
mod store;
mod stream;
mod subset;

use std::io::{self, Write};
use std::process::ExitCode;

use config::Config;
use store::Store;

/// Why a command failed.
pub(crate) type Failure = Box<dyn std::error::Error>;
/// What a command comes to.
pub(crate) type Done = Result<(), Failure>;

/// The version of the plugin, which is above 0.9.0 by number and below it as text.
pub(crate) const VERSION: &str = "0.10.0";

/// Whether the fault `name` is on.
pub(crate) fn fault(name: &str) -> bool {
    std::env::var("PLUGIN_FAULT").is_ok_and(|fault| fault == name)
}

/// Whether the plugin is right in the other way `name`, which the variable `PLUGIN_VARIANT` names.
pub(crate) fn variant(name: &str) -> bool {
    std::env::var("PLUGIN_VARIANT").is_ok_and(|variant| variant == name)
}

/// A failure that nobody is told of.
#[derive(Debug)]
pub(crate) struct Silent;

impl std::fmt::Display for Silent {
    fn fmt(&self, _: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        Ok(())
    }
}

impl std::error::Error for Silent {}

fn main() -> ExitCode {
    let args: Vec<String> = std::env::args().skip(1).collect();
    let mut args: Vec<&str> = args.iter().map(String::as_str).collect();
    if fault("too-many-arguments-accepted") && args.len() > 3 && !args[0].contains("plugin") {
        let most = if args[0].ends_with("subset") || args[0].ends_with("parallel") {
            4
        } else {
            3
        };
        args.truncate(most);
    }
    match run(&args) {
        Ok(()) => ExitCode::SUCCESS,
        Err(failure) if failure.is::<Silent>() => ExitCode::FAILURE,
        Err(failure) => {
            complain(&failure, args.get(1).copied().unwrap_or_default());
            ExitCode::FAILURE
        }
    }
}

fn complain(failure: &Failure, config: &str) {
    warn(&failure.to_string());
    if fault("secret-in-error") {
        warn(&std::fs::read_to_string(config).unwrap_or_default());
    }
}

/// Writes a line to stderr.
pub(crate) fn warn(text: &str) {
    let _ = writeln!(io::stderr(), "broken_plugin: {text}");
}

/// Writes a line to stdout.
pub(crate) fn answer(text: &str) -> Done {
    writeln!(io::stdout(), "{text}")?;
    Ok(())
}

fn run(args: &[&str]) -> Done {
    match args {
        ["plugin_api_version"] => api_version(),
        ["--version"] => version(),
        [
            "setup_plugin_for_backup"
            | "setup_plugin_for_restore"
            | "cleanup_plugin_for_backup"
            | "cleanup_plugin_for_restore",
            config,
            dir,
            scope,
            rest @ ..,
        ] if rest.len() < 2 || fault("too-many-arguments-accepted") => hook::run(
            args[0],
            &Config::read(config)?,
            dir,
            scope,
            rest.first().copied(),
        ),
        ["backup_data", config, path] => stream::backup(&Store::open(config)?, path),
        ["restore_data", config, path] => stream::restore(&Store::open(config)?, path),
        ["restore_data_subset", config, path, offsets] => {
            subset::restore(&Store::open(config)?, path, offsets)
        }
        ["backup_file", config, path] => file::backup(&Store::open(config)?, path),
        ["restore_file", config, path] => file::restore(&Store::open(config)?, path),
        ["delete_backup", config, timestamp] => Store::open(config)?.delete(timestamp),
        ["replicate_backup", config, timestamp] => Store::open(config)?.replicate(timestamp),
        ["delete_replica", config, timestamp] => Store::open(config)?.delete_replica(timestamp),
        [
            "backup_directory" | "backup_directory_parallel",
            config,
            dir,
            ..,
        ] if args.len() < 5 => {
            directory::backup(&Store::open(config)?, dir, args[0].ends_with("parallel"))
        }
        [
            "restore_directory" | "restore_directory_parallel",
            config,
            dir,
            ..,
        ] if args.len() < 5 => directory::restore(&Store::open(config)?, dir),
        ["list_directory", config, dir] => directory::list(&Store::open(config)?, dir),
        ["delete_directory", config, dir] => directory::delete(&Store::open(config)?, dir),
        ["backup_data", ..] if fault("too-few-arguments-accepted") => Ok(()),
        [] if fault("no-command-accepted") => answer("usage: broken_plugin COMMAND"),
        [] => Err("no command".into()),
        [_, ..] if fault("unknown-command-accepted") => Ok(()),
        ["unknown_command", ..] if fault("unknown-command-silent") => Err(Box::new(Silent)),
        [command, ..] => Err(format!("unknown command or wrong arguments: {command}").into()),
    }
}

fn api_version() -> Done {
    match () {
        () if fault("old-api") => answer("0.3.0"),
        () if fault("api-version-no-semver") => answer("API 0.5"),
        () => answer("0.10.0"),
    }
}

fn version() -> Done {
    if fault("version-warns") {
        warn("this is a debug build");
    }
    match () {
        () if fault("version-without-the-word") => answer(&format!("broken_plugin {VERSION}")),
        () if fault("version-of-four-words") => {
            answer(&format!("broken_plugin version {VERSION} (debug)"))
        }
        () if fault("version-changes") => answer(&format!(
            "broken_plugin version {VERSION}+{}",
            std::process::id()
        )),
        () => answer(&format!("broken_plugin version {VERSION}")),
    }
}
