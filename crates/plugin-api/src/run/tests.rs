//! Every call reaches its method, with its arguments.

use std::cell::RefCell;
use std::num::NonZeroUsize;
use std::path::Path;

use super::*;
use crate::{
    Argument, BackupPath, CommandSpec, Directories, Hook, OwnCommand, Replication, RestoreSubset,
    Timestamp,
};

/// Writes down what it is asked for.
#[derive(Default)]
struct Diary(RefCell<Vec<String>>);

impl Diary {
    fn note(&self, config: &Path, entry: String) -> Answer {
        self.0
            .borrow_mut()
            .push(format!("{} {entry}", config.display()));
        Ok(())
    }

    fn note_hook(&self, config: &Path, moment: &str, hook: &Hook) -> Answer {
        let content = hook.content.map_or("none".to_owned(), |id| id.to_string());
        self.note(
            config,
            format!(
                "{moment} {} {} {content}",
                hook.directory.display(),
                hook.scope
            ),
        )
    }
}

impl Plugin for Diary {
    fn name(&self) -> &str {
        "diary"
    }

    fn version(&self) -> &str {
        "1.2.3"
    }

    fn setup_for_backup(&self, config: &Path, hook: &Hook) -> Answer {
        self.note_hook(config, "setup for backup", hook)
    }

    fn setup_for_restore(&self, config: &Path, hook: &Hook) -> Answer {
        self.note_hook(config, "setup for restore", hook)
    }

    fn cleanup_for_backup(&self, config: &Path, hook: &Hook) -> Answer {
        self.note_hook(config, "cleanup for backup", hook)
    }

    fn cleanup_for_restore(&self, config: &Path, hook: &Hook) -> Answer {
        self.note_hook(config, "cleanup for restore", hook)
    }

    fn backup_file(&self, config: &Path, file: &BackupPath) -> Answer {
        self.note(config, format!("backup file {}", file.name()))
    }

    fn restore_file(&self, config: &Path, file: &BackupPath) -> Answer {
        self.note(config, format!("restore file {}", file.name()))
    }

    fn backup_data(&self, config: &Path, data: &BackupPath) -> Answer {
        self.note(config, format!("backup data {}", data.name()))
    }

    fn restore_data(&self, config: &Path, data: &BackupPath) -> Answer {
        self.note(config, format!("restore data {}", data.name()))
    }

    fn delete_backup(&self, config: &Path, timestamp: &Timestamp) -> Answer {
        self.note(config, format!("delete {timestamp}"))
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
        &[OwnCommand {
            spec: CommandSpec {
                name: "check",
                arguments: &[Argument::Required("CONFIG"), Argument::Optional("WHAT")],
                about: "checks",
            },
            run: |diary, arguments, out| {
                writeln!(out, "checked")?;
                diary.note(
                    Path::new(&arguments[0]),
                    format!("check {}", arguments.len()),
                )
            },
        }]
    }
}

impl RestoreSubset for Diary {
    fn restore_data_subset(&self, config: &Path, data: &BackupPath, ranges: &Ranges) -> Answer {
        self.note(
            config,
            format!("restore {} bytes of {}", ranges.total(), data.name()),
        )
    }
}

impl Replication for Diary {
    fn replicate_backup(&self, config: &Path, timestamp: &Timestamp) -> Answer {
        self.note(config, format!("replicate {timestamp}"))
    }

    fn delete_replica(&self, config: &Path, timestamp: &Timestamp, out: &mut dyn Write) -> Answer {
        writeln!(out, "already deleted")?;
        self.note(config, format!("delete replica {timestamp}"))
    }
}

impl Directories for Diary {
    fn backup_directory(&self, config: &Path, directory: &str, jobs: NonZeroUsize) -> Answer {
        self.note(config, format!("backup {directory} by {jobs}"))
    }

    fn restore_directory(&self, config: &Path, directory: &str, jobs: NonZeroUsize) -> Answer {
        self.note(config, format!("restore {directory} by {jobs}"))
    }

    fn list_directory(
        &self,
        config: &Path,
        directory: Option<&str>,
        out: &mut dyn Write,
    ) -> Answer {
        writeln!(out, "name size")?;
        self.note(config, format!("list {directory:?}"))
    }

    fn delete_directory(&self, config: &Path, directory: &str) -> Answer {
        self.note(config, format!("delete directory {directory}"))
    }
}

/// What the plugin was asked for, and what was written to stdout.
fn calls(arguments: &[&str]) -> (String, String) {
    let (diary, mut out) = (Diary::default(), Vec::new());
    dispatch(&diary, arguments.iter().map(OsString::from), &mut out).unwrap();
    (diary.0.take().join("\n"), String::from_utf8(out).unwrap())
}

#[track_caller]
fn check(arguments: &[&str], expected: &str) {
    assert_eq!(
        calls(arguments),
        (expected.to_owned(), String::new()),
        "{arguments:?}"
    );
}

#[test]
fn a_required_command_reaches_its_method() {
    for (command, moment) in [
        ("setup_plugin_for_backup", "setup for backup"),
        ("setup_plugin_for_restore", "setup for restore"),
        ("cleanup_plugin_for_backup", "cleanup for backup"),
        ("cleanup_plugin_for_restore", "cleanup for restore"),
    ] {
        check(
            &[command, "c", "/d", "master", "\"-1\""],
            &format!("c {moment} /d coordinator -1"),
        );
        check(
            &[command, "c", "/d", "segment_host"],
            &format!("c {moment} /d segment_host none"),
        );
    }
    for command in ["backup_file", "restore_file", "backup_data", "restore_data"] {
        let expected = format!("c {} w/x/y/z", command.replace('_', " "));
        check(&[command, "c", "/v/w/x/y/z"], &expected);
    }
    check(
        &["delete_backup", "c", "20260101010101"],
        "c delete 20260101010101",
    );
}

#[test]
fn an_optional_command_reaches_its_method() {
    let offsets = tempfile::NamedTempFile::new().unwrap();
    std::fs::write(&offsets, "2 0 3 10 14").unwrap();
    let path = offsets.path().to_str().unwrap();
    check(
        &["restore_data_subset", "c", "/v/w/x/y/z", path],
        "c restore 7 bytes of w/x/y/z",
    );
    check(
        &["replicate_backup", "c", "20260101010101"],
        "c replicate 20260101010101",
    );
    check(&["backup_directory", "c", "d"], "c backup d by 1");
    check(
        &["backup_directory_parallel", "c", "d", "7"],
        "c backup d by 7",
    );
    check(&["restore_directory", "c", "d"], "c restore d by 1");
    check(
        &["restore_directory_parallel", "c", "d"],
        "c restore d by 5",
    );
    check(&["delete_directory", "c", "d"], "c delete directory d");
}

#[test]
fn answers_for_people_go_to_stdout() {
    let answer = |arguments: &[&str]| calls(arguments).1;
    assert_eq!(answer(&["--version"]), "diary version 1.2.3\n");
    assert_eq!(answer(&["plugin_api_version"]), "0.5.0\n");
    assert_eq!(
        answer(&["delete_replica", "c", "20260101010101"]),
        "already deleted\n"
    );
    assert_eq!(
        calls(&["list_directory", "c"]),
        ("c list None".into(), "name size\n".into())
    );
    assert_eq!(calls(&["list_directory", "c", "d"]).0, "c list Some(\"d\")");
    assert_eq!(
        calls(&["check", "c"]),
        ("c check 1".into(), "checked\n".into())
    );
    assert!(answer(&["--help"]).contains("\n  check CONFIG [WHAT]\n      checks\n"));
}

/// A pipe without a reader.
struct Closed;

impl Write for Closed {
    fn write(&mut self, _: &[u8]) -> io::Result<usize> {
        Err(io::ErrorKind::BrokenPipe.into())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

#[test]
fn a_reader_that_goes_away_is_no_error() {
    let mut out = Output::new(Closed);
    let answer = dispatch(&Diary::default(), ["--help".into()].into_iter(), &mut out);
    assert!(matches!(out.settle(answer), Err(Failure::ReaderGone)));

    // A broken pipe elsewhere, as of a connection, is an error like any other.
    let mut out = Output::new(Vec::new());
    let answer = Err(Failure::from(io::Error::from(io::ErrorKind::BrokenPipe)));
    assert!(matches!(out.settle(answer), Err(Failure::Error(_))));
}
