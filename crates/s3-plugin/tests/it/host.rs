//! A host of the cluster: a home, a data directory, config files, and the plugin.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};
use std::process;
use std::sync::{Mutex, MutexGuard, PoisonError};

use assert_cmd::Command;
use tempfile::TempDir;

use crate::store::{BUCKET, DEADLINE, KEY_ID, SECRET};

const PLUGIN: &str = env!("CARGO_BIN_EXE_gpbackup_s3_plugin");

/// The timestamp of most backups here, and what begins the keys of its objects.
pub(crate) const TIMESTAMP: &str = "20261122055910";
pub(crate) const PREFIX: &str = "test/wrap/backups/20261122/20261122055910";

/// How many times as short all waiting is in tests of it.
pub(crate) const HURRY: &str = "50";

/// A directory that holds all of a host, and vanishes with it.
pub(crate) struct Host {
    root: TempDir,
}

impl Host {
    pub(crate) fn new() -> Self {
        let root = tempfile::tempdir().unwrap();
        for name in ["home", "tmp", "work"] {
            fs::create_dir(root.path().join(name)).unwrap();
        }
        Self { root }
    }

    pub(crate) fn path(&self, name: &str) -> PathBuf {
        self.root.path().join(name)
    }

    /// The directory of a backup on this host, which is made.
    pub(crate) fn backup_directory(&self, timestamp: &str) -> PathBuf {
        let day = &timestamp[..8];
        let directory = self.path(&format!("data/gpseg0/backups/{day}/{timestamp}"));
        fs::create_dir_all(&directory).unwrap();
        directory
    }

    /// The path of a file of the usual backup.
    pub(crate) fn backup_path(&self, name: &str) -> PathBuf {
        self.backup_directory(TIMESTAMP).join(name)
    }

    /// A config file for the store at `url`, with further options, or others, in it; an empty value
    /// leaves an option out.
    pub(crate) fn config(&self, url: &str, options: &[(&str, &str)]) -> PathBuf {
        let mut all = BTreeMap::from([
            ("endpoint", url),
            ("aws_access_key_id", KEY_ID),
            ("aws_secret_access_key", SECRET),
            ("bucket", BUCKET),
            ("folder", "test/wrap"),
            ("backup_multipart_chunksize", "5MB"),
            ("restore_multipart_chunksize", "1MB"),
        ]);
        all.extend(options.iter().copied());
        all.retain(|_, value| !value.is_empty());
        let lines = all.iter().map(|(key, value)| format!("  {key}: {value}\n"));
        let text: String = lines.collect();
        let text = format!("executablepath: $GPHOME/bin/gpbackup_s3_plugin\noptions:\n{text}");
        self.file("s3.yaml", &text)
    }

    /// A file in the working directory with this text.
    pub(crate) fn file(&self, name: &str, text: &str) -> PathBuf {
        let path = self.path("work").join(name);
        fs::write(&path, text).unwrap();
        path
    }

    /// One command of the plugin, with this config file as its first argument.
    pub(crate) fn plugin(&self, command: &str, config: &Path) -> Command {
        let mut plugin = Command::from_std(self.process(command, config));
        plugin.timeout(DEADLINE);
        plugin
    }

    /// The same with all waiting fifty times as short: patience ends after 2.4 s, a request that stalls
    /// after 0.6 s.
    pub(crate) fn hurried(&self, command: &str, config: &Path) -> Command {
        let mut plugin = self.plugin(command, config);
        plugin.env("S3_TRANSPORT_HURRY", HURRY);
        plugin
    }

    /// The same as a process whose streams the test holds. Nothing of the machine's environment is in
    /// it, and where no credentials are given, nothing outside the machine is asked for them.
    pub(crate) fn process(&self, command: &str, config: &Path) -> process::Command {
        let mut plugin = process::Command::new(PLUGIN);
        plugin
            .arg(command)
            .arg(config)
            .current_dir(self.path("work"))
            .env_clear()
            .env("HOME", self.path("home"))
            .env("TMPDIR", self.path("tmp"))
            .env("AWS_EC2_METADATA_DISABLED", "true");
        plugin
    }

    /// What stands in the plugin's logs.
    pub(crate) fn log(&self) -> String {
        let directory = self.path("home/gpAdminLogs");
        let files = if directory.exists() {
            names(&directory)
        } else {
            Vec::new()
        };
        let text = |name| fs::read_to_string(directory.join(name)).unwrap();
        files.into_iter().map(text).collect()
    }
}

/// What a test holds that keeps the whole machine busy: others of its kind wait for it.
pub(crate) fn alone() -> MutexGuard<'static, ()> {
    static BUSY: Mutex<()> = Mutex::new(());
    BUSY.lock().unwrap_or_else(PoisonError::into_inner)
}

/// The names in a directory, in order.
pub(crate) fn names(directory: &Path) -> Vec<String> {
    let entries = fs::read_dir(directory).unwrap();
    let names = entries.map(|entry| entry.unwrap().file_name().into_string().unwrap());
    let mut names: Vec<_> = names.collect();
    names.sort();
    names
}

/// How a command has to end, by the contract.
pub(crate) trait Ends {
    /// With exit code 0 and nothing on stderr; gives what is on stdout.
    fn succeeds(self) -> Vec<u8>;

    /// With exit code 1, nothing on stdout and one line on stderr, which it gives.
    fn fails(self) -> String;
}

impl Ends for &mut Command {
    #[track_caller]
    fn succeeds(self) -> Vec<u8> {
        // Not by `assert()`, which would print megabytes of streams.
        let output = self.output().unwrap();
        let told = String::from_utf8_lossy(&output.stderr);
        let command: Vec<_> = self.get_args().collect();
        assert!(
            output.status.success() && told.is_empty(),
            "{command:?}: {}, stderr: {told}",
            output.status
        );
        output.stdout
    }

    #[track_caller]
    fn fails(self) -> String {
        let assert = self.assert().code(1).stdout("");
        let told = String::from_utf8(assert.get_output().stderr.clone()).unwrap();
        let line = told.strip_suffix('\n').unwrap();
        assert!(!line.contains('\n'), "more than one line: {told}");
        line.strip_prefix("gpbackup_s3_plugin: ")
            .unwrap()
            .to_owned()
    }
}

/// That each of `parts` stands in `text`.
#[track_caller]
pub(crate) fn assert_tells(text: &str, parts: &[&str]) {
    for part in parts {
        assert!(text.contains(part), "'{part}' is missing in: {text}");
    }
}
