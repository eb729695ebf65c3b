//! What the bench has no eye for: streams of several parts, and which fallbacks the plugin needed.

use std::ffi::OsStr;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Output, Stdio};
use std::time::Duration;

use anyhow::{Context, Result};
use tokio::io::AsyncWriteExt;
use tokio::process::Command;
use tokio::time::timeout;

use crate::place::Place;

/// A timestamp that no backup of a calendar has.
const TIMESTAMP: &str = "98901231235959";

/// The smallest part that S3 takes, and what the streams here are cut into: 5 MiB.
const PART: usize = 5 << 20;

/// How long one command may take.
const DEADLINE: Duration = Duration::from_secs(120);

/// What the streams are called, and how long they are. The names are of the kinds that stores confuse.
const STREAMS: [(&str, usize); 5] = [
    ("gpbackup_0_98901231235959_1.gz", 4 * PART + 12_345),
    ("gpbackup_0_98901231235959_2.gz", 2 * PART),
    ("gpbackup_0_98901231235959_3.gz", 0),
    ("gpbackup_0_98901231235959_a b+c%2B&d.gz", 1000),
    ("gpbackup_0_98901231235959_ä€.gz", PART + 1),
];

/// What was found out.
#[derive(Debug, Default)]
pub(super) struct Found {
    /// Whether the store proves objects of several parts by a checksum, and those of one.
    pub(super) checksum_of_parts: bool,
    pub(super) checksum_of_puts: bool,
    /// Whether it refused requests with checksums.
    pub(super) refuses_checksums: bool,
    pub(super) batch_delete: bool,
    /// Whether it lists the uploads that are open, which only `clean_uploads` needs.
    pub(super) lists_uploads: bool,
    /// What did not work, each with what the plugin said.
    pub(super) problems: Vec<String>,
}

/// Calls the plugin by hand.
struct Caller<'a> {
    plugin: &'a Path,
    config: PathBuf,
    home: &'a Path,
    problems: Vec<String>,
}

/// Stores, restores, verifies and deletes a backup of streams of several parts.
pub(super) async fn run(plugin: &Path, place: &Place, dir: &Path) -> Result<Found> {
    let config = dir.join("probe.yaml");
    let chunks = ["backup_multipart_chunksize", "restore_multipart_chunksize"];
    let options = chunks.map(|key| (key.to_owned(), "5MB".to_owned()));
    place.write_config_with(&config, plugin, &options)?;
    let mut caller = Caller {
        plugin,
        config,
        home: dir,
        problems: Vec::new(),
    };
    let backup = dir.join(format!("gpseg0/backups/98901231/{TIMESTAMP}"));
    fs::create_dir_all(&backup)?;
    for hook in ["setup_plugin_for_backup", "setup_plugin_for_restore"] {
        let args = [backup.as_os_str(), "coordinator".as_ref(), "-1".as_ref()];
        caller.call(hook, &args, &[]).await?;
    }
    let report = backup.join(format!("gpbackup_{TIMESTAMP}_report"));
    fs::write(&report, "a report")?;
    caller
        .call("backup_file", &[report.as_os_str()], &[])
        .await?;
    for (seed, (name, length)) in STREAMS.into_iter().enumerate() {
        caller.round_trip(&backup.join(name), seed, length).await?;
    }
    let verified = caller.call("verify", &[TIMESTAMP.as_ref()], &[]).await?;
    let lines = String::from_utf8_lossy(&verified);
    let is_proven = |name: &str| {
        let mut lines = lines.lines();
        lines.any(|line| line.starts_with("ok ") && line.ends_with(name))
    };
    let (large, small) = (is_proven(STREAMS[0].0), is_proven("_report"));
    caller.delete().await?;
    let lists_uploads = caller.cleans_uploads().await?;
    let log = caller.log()?;
    Ok(Found {
        checksum_of_parts: large,
        checksum_of_puts: small,
        refuses_checksums: log.contains("refuses checksums"),
        lists_uploads,
        batch_delete: !log.contains("has no batch delete"),
        problems: caller.problems,
    })
}

impl Caller<'_> {
    /// Runs a command and gives its stdout; a failure is one more problem.
    async fn call(&mut self, command: &str, args: &[&OsStr], stdin: &[u8]) -> Result<Vec<u8>> {
        let mut plugin = Command::new(self.plugin);
        plugin
            .arg(command)
            .arg(&self.config)
            .args(args)
            .env("HOME", self.home)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .kill_on_drop(true);
        let Ok(output) = timeout(DEADLINE, talk(plugin, stdin)).await else {
            let seconds = DEADLINE.as_secs();
            self.problems
                .push(format!("{command} takes more than {seconds} s"));
            return Ok(Vec::new());
        };
        let output = output.with_context(|| format!("cannot run {command}"))?;
        if !output.status.success() || !output.stderr.is_empty() {
            let told = String::from_utf8_lossy(&output.stderr);
            let told = told.trim().trim_start_matches("gpbackup_s3_plugin: ");
            self.problems.push(format!("{command}: {told}"));
        }
        Ok(output.stdout)
    }

    async fn round_trip(&mut self, path: &Path, seed: usize, length: usize) -> Result<()> {
        let mut random = fastrand::Rng::with_seed(seed as u64);
        let mut stream = vec![0; length];
        random.fill(&mut stream);
        let path = path.as_os_str();
        self.call("backup_data", &[path], &stream).await?;
        let restored = self.call("restore_data", &[path], &[]).await?;
        if restored != stream {
            let (name, got) = (path.to_string_lossy(), restored.len());
            self.problems.push(format!(
                "{name}: {length} bytes were stored, {got} restored, and they differ"
            ));
        }
        Ok(())
    }

    /// Deletes the backup and looks whether anything is left.
    async fn delete(&mut self) -> Result<()> {
        self.call("delete_backup", &[TIMESTAMP.as_ref()], &[])
            .await?;
        let listed = self.call("list_backups", &[], &[]).await?;
        if String::from_utf8_lossy(&listed).contains(TIMESTAMP) {
            self.problems
                .push("delete_backup leaves objects".to_owned());
        }
        Ok(())
    }

    /// Whether `clean_uploads` works; that a store does not know the request is no problem of others.
    async fn cleans_uploads(&mut self) -> Result<bool> {
        let before = self.problems.len();
        self.call("clean_uploads", &["1h".as_ref()], &[]).await?;
        let unknown = |problem: &mut String| problem.contains("NotImplemented");
        let failed = self.problems.len() > before;
        self.problems.pop_if(|problem| failed && unknown(problem));
        Ok(!failed)
    }

    /// All that the plugin has logged since the store was started, by the bench too.
    fn log(&self) -> Result<String> {
        let mut log = String::new();
        for entry in fs::read_dir(self.home.join("gpAdminLogs"))? {
            log.push_str(&fs::read_to_string(entry?.path())?);
        }
        Ok(log)
    }
}

/// Feeds a process and gathers what it says.
async fn talk(mut command: Command, stdin: &[u8]) -> std::io::Result<Output> {
    let mut process = command.spawn()?;
    let mut pipe = process.stdin.take();
    let feed = async {
        if let Some(pipe) = &mut pipe {
            // A command that fails early does not read to the end; its exit code tells.
            pipe.write_all(stdin).await.ok();
        }
        drop(pipe);
    };
    let (output, ()) = tokio::join!(process.wait_with_output(), feed);
    output
}
