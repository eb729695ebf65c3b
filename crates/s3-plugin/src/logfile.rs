//! The log file that operators look for: `~/gpAdminLogs/gpbackup_s3_plugin_YYYYMMDD.log`, in the
//! line form of gpbackup's own logs.

use std::fmt;
use std::fs::{self, File, OpenOptions};
use std::io::Write;
use std::path::Path;
use std::sync::OnceLock;

use jiff::Zoned;
use log::{Level, LevelFilter, Log, Metadata, Record};
use nix::unistd::{Uid, User, gethostname};
use plugin_config::Verbosity;

use crate::plugin::NAME;

static LOG: LogFile = LogFile {
    file: OnceLock::new(),
};

/// Logs from here on what `verbosity` asks for. The file is opened at the first line.
pub(crate) fn start(verbosity: Verbosity) {
    // A second logger is the only error, and there is one call.
    let _ = log::set_logger(&LOG);
    log::set_max_level(match verbosity {
        Verbosity::Error => LevelFilter::Error,
        Verbosity::Info => LevelFilter::Info,
        Verbosity::Verbose => LevelFilter::Debug,
        Verbosity::Debug => LevelFilter::Trace,
    });
}

/// Logs why a command failed, also before [`start`].
pub(crate) fn error(message: &str) {
    LOG.write(Level::Error, format_args!("{message}"));
}

/// A log file, or nothing where none can be opened: a home that cannot be written fails no backup.
struct LogFile {
    file: OnceLock<Option<File>>,
}

impl LogFile {
    fn write(&self, level: Level, message: fmt::Arguments<'_>) {
        let Some(mut file) = self.file.get_or_init(open).as_ref() else {
            return;
        };
        let line = line(&Zoned::now(), level, message);
        // One write, so that the lines of many processes do not mix. A full disk fails no backup.
        let _ = file.write_all(line.as_bytes());
    }
}

impl Log for LogFile {
    /// The SDK and its libraries log requests, headers included, which may hold secrets.
    fn enabled(&self, metadata: &Metadata<'_>) -> bool {
        let origin = metadata.target().split("::").next();
        matches!(origin, Some("s3_transport" | "gpbackup_s3_plugin"))
    }

    fn log(&self, record: &Record<'_>) {
        if self.enabled(record.metadata()) {
            self.write(record.level(), *record.args());
        }
    }

    fn flush(&self) {}
}

fn open() -> Option<File> {
    let directory = std::env::home_dir()?.join("gpAdminLogs");
    open_in(&directory, &Zoned::now()).ok()
}

fn open_in(directory: &Path, now: &Zoned) -> std::io::Result<File> {
    fs::create_dir_all(directory)?;
    let name = format!("{NAME}_{}.log", now.strftime("%Y%m%d"));
    OpenOptions::new()
        .create(true)
        .append(true)
        .open(directory.join(name))
}

/// `20261122:05:55:55 gpbackup_s3_plugin:gpadmin:mdw:013650-[INFO]:-message`
fn line(now: &Zoned, level: Level, message: fmt::Arguments<'_>) -> String {
    let level = match level {
        Level::Error => "ERROR",
        Level::Warn => "WARNING",
        Level::Info => "INFO",
        Level::Debug | Level::Trace => "DEBUG",
    };
    let time = now.strftime("%Y%m%d:%H:%M:%S");
    format!("{time} {NAME}:{}-[{level}]:-{message}\n", origin())
}

/// `USER:HOST:PID`, looked up once: a directory service may take its time.
fn origin() -> &'static str {
    static ORIGIN: OnceLock<String> = OnceLock::new();
    ORIGIN.get_or_init(|| {
        let user = User::from_uid(Uid::current()).ok().flatten();
        let user = user.map(|user| user.name).unwrap_or_default();
        let host = gethostname().ok().and_then(|name| name.into_string().ok());
        format!(
            "{user}:{}:{:06}",
            host.unwrap_or_default(),
            std::process::id()
        )
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use jiff::civil::date;
    use jiff::tz::TimeZone;

    fn some_time() -> Zoned {
        date(2026, 11, 22)
            .at(5, 55, 55, 0)
            .to_zoned(TimeZone::UTC)
            .unwrap()
    }

    #[test]
    fn a_line_has_the_form_of_gpbackups_logs() {
        let now = some_time();
        let line = line(&now, Level::Warn, format_args!("a message"));
        let rest = line
            .strip_prefix("20261122:05:55:55 gpbackup_s3_plugin:")
            .unwrap();
        let fields: Vec<_> = rest.splitn(3, ':').collect();
        let process = format!("{:06}", std::process::id());
        assert_eq!(fields[2], format!("{process}-[WARNING]:-a message\n"));
    }

    #[test]
    fn lines_are_appended_to_the_file_of_the_day() {
        let home = tempfile::tempdir().unwrap();
        let directory = home.path().join("gpAdminLogs");
        let now = some_time();
        for text in ["one\n", "two\n"] {
            open_in(&directory, &now)
                .unwrap()
                .write_all(text.as_bytes())
                .unwrap();
        }
        let file = directory.join("gpbackup_s3_plugin_20261122.log");
        assert_eq!(fs::read_to_string(file).unwrap(), "one\ntwo\n");
    }
}
