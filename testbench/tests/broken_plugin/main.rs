//! A filesystem plugin for proving the bench: right in every way, but for the one fault that the environment
//! variable `PLUGIN_FAULT` names.
//!
//! Options: `directory`, where objects go; `remote_directory` and `replication: on`, where their copies go;
//! `secret_key`, which nobody needs. An object is a file: its bytes and, at the end, their checksum.

mod config;
mod directory;
mod store;
mod stream;

use std::io::{self, Write};
use std::path::Path;
use std::process::ExitCode;

use config::Config;
use store::Store;

/// Why a command failed.
pub(crate) type Failure = Box<dyn std::error::Error>;
/// What a command comes to.
pub(crate) type Done = Result<(), Failure>;

/// The version of the plugin, which is above 0.9.0 by number and below it as text.
const VERSION: &str = "0.10.0";

/// Whether the fault `name` is on.
pub(crate) fn fault(name: &str) -> bool {
    std::env::var("PLUGIN_FAULT").is_ok_and(|fault| fault == name)
}

fn main() -> ExitCode {
    let args: Vec<String> = std::env::args().skip(1).collect();
    let args: Vec<&str> = args.iter().map(String::as_str).collect();
    match run(&args) {
        Ok(()) => ExitCode::SUCCESS,
        Err(failure) => {
            let _ = writeln!(io::stderr(), "broken_plugin: {failure}");
            ExitCode::FAILURE
        }
    }
}

fn run(args: &[&str]) -> Done {
    match args {
        ["plugin_api_version"] => answer("0.10.0"),
        ["--version"] => answer(&format!("broken_plugin version {VERSION}")),
        [
            "setup_plugin_for_backup"
            | "setup_plugin_for_restore"
            | "cleanup_plugin_for_backup"
            | "cleanup_plugin_for_restore",
            config,
            dir,
            scope,
            rest @ ..,
        ] if rest.len() < 2 => hook(
            args[0],
            &Config::read(config)?,
            dir,
            scope,
            rest.first().copied(),
        ),
        ["backup_data", config, path] => stream::backup(&Store::new(&Config::read(config)?)?, path),
        ["restore_data", config, path] => {
            stream::restore(&Store::new(&Config::read(config)?)?, path)
        }
        ["restore_data_subset", config, path, offsets] => {
            stream::restore_subset(&Store::new(&Config::read(config)?)?, path, offsets)
        }
        ["backup_file", config, path] => {
            let store = Store::new(&Config::read(config)?)?;
            store.put(path, &std::fs::read(path)?)
        }
        ["restore_file", config, path] => {
            let store = Store::new(&Config::read(config)?)?;
            restore_file(&store, path)
        }
        ["delete_backup", config, timestamp] => {
            Store::new(&Config::read(config)?)?.delete(checked(timestamp)?)
        }
        ["replicate_backup", config, timestamp] => {
            Store::new(&Config::read(config)?)?.replicate(checked(timestamp)?)
        }
        ["delete_replica", config, timestamp] => {
            Store::new(&Config::read(config)?)?.delete_replica(checked(timestamp)?)
        }
        [
            "backup_directory" | "backup_directory_parallel",
            config,
            dir,
            ..,
        ] if args.len() < 5 => directory::backup(&Store::new(&Config::read(config)?)?, dir),
        [
            "restore_directory" | "restore_directory_parallel",
            config,
            dir,
            ..,
        ] if args.len() < 5 => directory::restore(&Store::new(&Config::read(config)?)?, dir),
        ["list_directory", config, dir] => {
            directory::list(&Store::new(&Config::read(config)?)?, dir)
        }
        ["delete_directory", config, dir] => {
            directory::delete(&Store::new(&Config::read(config)?)?, dir)
        }
        [] => Err("no command".into()),
        [command, ..] => Err(format!("unknown command or wrong arguments: {command}").into()),
    }
}

fn answer(text: &str) -> Done {
    writeln!(io::stdout(), "{text}")?;
    Ok(())
}

fn checked(timestamp: &str) -> Result<&str, Failure> {
    if timestamp.len() == 14 && timestamp.bytes().all(|byte| byte.is_ascii_digit()) {
        Ok(timestamp)
    } else {
        Err(format!("{timestamp:?} is not a timestamp of 14 digits").into())
    }
}

fn hook(name: &str, config: &Config, dir: &str, scope: &str, content: Option<&str>) -> Done {
    if !["coordinator", "master", "segment_host", "segment"].contains(&scope) {
        return Err(format!("unknown scope {scope}").into());
    }
    if let Some(content) = content {
        let number = content.trim_matches('"');
        number
            .parse::<i32>()
            .map_err(|error| format!("contentID {content}: {error}"))?;
    }
    std::fs::create_dir_all(config.directory()?)?;
    if name == "setup_plugin_for_restore" {
        std::fs::create_dir_all(dir)?;
    }
    Ok(())
}

fn restore_file(store: &Store, path: &str) -> Done {
    let bytes = store.get(path)?;
    let parent = Path::new(path).parent().ok_or("no directory")?;
    std::fs::create_dir_all(parent)?;
    let partial = parent.join(format!(".partial.{}", std::process::id()));
    std::fs::write(&partial, bytes)?;
    std::fs::rename(partial, path)?;
    Ok(())
}
