//! A complete gpbackup plugin that keeps backups below a directory, on a disk of its own or a mount
//! that all hosts share:
//!
//! ```yaml
//! executablepath: /usr/local/bin/filesystem_plugin
//! options:
//!   directory: /mnt/backups
//! ```

use std::ffi::OsString;
use std::fs::{self, File};
use std::io::{self, ErrorKind, Read, Seek, SeekFrom, Write};
use std::os::fd::AsFd;
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use anyhow::{Context, ensure};
use plugin_api::{
    Answer, Argument, BackupPath, CommandSpec, Failure, Hook, OwnCommand, Plugin, Ranges,
    RestoreSubset, Timestamp,
};
use tempfile::NamedTempFile;

fn main() -> ExitCode {
    plugin_api::run(&FilesystemPlugin, std::env::args_os())
}

struct FilesystemPlugin;

impl Plugin for FilesystemPlugin {
    fn name(&self) -> &str {
        "filesystem_plugin"
    }

    fn version(&self) -> &str {
        env!("CARGO_PKG_VERSION")
    }

    fn setup_for_backup(&self, config: &Path, _: &Hook) -> Answer {
        let root = root(config)?;
        fs::create_dir_all(&root).with_context(|| format!("cannot create {}", root.display()))?;
        Ok(())
    }

    fn setup_for_restore(&self, config: &Path, hook: &Hook) -> Answer {
        let root = root(config)?;
        fs::read_dir(&root).with_context(|| format!("cannot read {}", root.display()))?;
        let directory = &hook.directory;
        fs::create_dir_all(directory)
            .with_context(|| format!("cannot create {}", directory.display()))?;
        Ok(())
    }

    fn cleanup_for_backup(&self, config: &Path, _: &Hook) -> Answer {
        root(config)?;
        Ok(())
    }

    fn cleanup_for_restore(&self, config: &Path, _: &Hook) -> Answer {
        root(config)?;
        Ok(())
    }

    fn backup_file(&self, config: &Path, file: &BackupPath) -> Answer {
        let stored = root(config)?.join(file.name());
        Ok(write_whole(&stored, &mut open(file.local())?)?)
    }

    fn restore_file(&self, config: &Path, file: &BackupPath) -> Answer {
        let stored = root(config)?.join(file.name());
        Ok(write_whole(file.local(), &mut open(&stored)?)?)
    }

    fn backup_data(&self, config: &Path, data: &BackupPath) -> Answer {
        let stored = root(config)?.join(data.name());
        let mut stdin = File::from(io::stdin().as_fd().try_clone_to_owned()?);
        Ok(write_whole(&stored, &mut stdin)?)
    }

    fn restore_data(&self, config: &Path, data: &BackupPath) -> Answer {
        let stored = root(config)?.join(data.name());
        write_to_stdout(&mut open(&stored)?)?;
        Ok(())
    }

    fn delete_backup(&self, config: &Path, timestamp: &Timestamp) -> Answer {
        let directory = root(config)?.join(timestamp.prefix());
        match fs::remove_dir_all(&directory) {
            Err(error) if error.kind() != ErrorKind::NotFound => {
                Err(error).with_context(|| format!("cannot delete {}", directory.display()))?
            }
            _ => Ok(()),
        }
    }

    fn subset(&self) -> Option<&dyn RestoreSubset> {
        Some(self)
    }

    fn own_commands() -> &'static [OwnCommand<Self>] {
        &[OwnCommand {
            spec: CommandSpec {
                name: "list_backups",
                arguments: &[Argument::Required("CONFIG")],
                about: "lists the timestamps of the backups",
            },
            run: list_backups,
        }]
    }
}

impl RestoreSubset for FilesystemPlugin {
    fn restore_data_subset(&self, config: &Path, data: &BackupPath, ranges: &Ranges) -> Answer {
        let mut file = open(&root(config)?.join(data.name()))?;
        let size = file.metadata()?.len();
        for range in ranges.iter() {
            ensure_within(&range, size)?;
        }
        for range in ranges.iter() {
            file.seek(SeekFrom::Start(range.start))?;
            let wanted = range.end - range.start;
            let written = write_to_stdout(&mut (&mut file).take(wanted))?;
            ensure_all(written, wanted)?;
        }
        Ok(())
    }
}

fn ensure_within(range: &std::ops::Range<u64>, size: u64) -> anyhow::Result<()> {
    ensure!(
        range.end <= size,
        "range {} to {} is not within the stream of {size} bytes",
        range.start,
        range.end
    );
    Ok(())
}

fn ensure_all(written: u64, wanted: u64) -> anyhow::Result<()> {
    ensure!(
        written == wanted,
        "the stream became shorter while it was read"
    );
    Ok(())
}

/// The directory that the config file names.
fn root(config: &Path) -> anyhow::Result<PathBuf> {
    #[derive(serde::Deserialize)]
    struct Config {
        options: Options,
    }
    // gpbackup adds options of its own, so that unknown ones are no error here.
    #[derive(serde::Deserialize)]
    struct Options {
        directory: PathBuf,
    }
    let show = || format!("config file {}", config.display());
    let text = fs::read_to_string(config).with_context(show)?;
    let config: Config = serde_yaml::from_str(&text).with_context(show)?;
    ensure!(
        config.options.directory.is_absolute(),
        "directory: {:?} is no absolute path",
        config.options.directory
    );
    Ok(config.options.directory)
}

fn open(path: &Path) -> anyhow::Result<File> {
    File::open(path).with_context(|| format!("cannot open {}", path.display()))
}

/// Writes a file that is there as a whole or not at all, whatever happens meanwhile.
fn write_whole(path: &Path, content: &mut File) -> anyhow::Result<()> {
    let mut write = || -> io::Result<()> {
        let directory = path.parent().unwrap_or(Path::new("."));
        fs::create_dir_all(directory)?;
        let mut file = NamedTempFile::new_in(directory)?;
        io::copy(content, file.as_file_mut())?;
        file.as_file().sync_all()?;
        file.persist(path)?;
        Ok(())
    };
    write().with_context(|| format!("cannot write {}", path.display()))
}

/// Writes to stdout and tells how many bytes; without a buffer, so that an error is met where it arises.
fn write_to_stdout(content: &mut impl Read) -> Result<u64, Failure> {
    let mut stdout = File::from(io::stdout().as_fd().try_clone_to_owned()?);
    match io::copy(content, &mut stdout) {
        Err(error) if error.kind() == ErrorKind::BrokenPipe => Err(Failure::ReaderGone),
        other => Ok(other.context("cannot pass the stream on")?),
    }
}

fn list_backups(_: &FilesystemPlugin, arguments: &[OsString], out: &mut dyn Write) -> Answer {
    let backups = root(Path::new(&arguments[0]))?.join("backups");
    let mut timestamps = Vec::new();
    for date in
        fs::read_dir(&backups).with_context(|| format!("cannot read {}", backups.display()))?
    {
        for timestamp in fs::read_dir(date?.path())? {
            timestamps.push(timestamp?.file_name().to_string_lossy().into_owned());
        }
    }
    timestamps.sort();
    for timestamp in timestamps {
        writeln!(out, "{timestamp}")?;
    }
    Ok(())
}
