//! A simulated cluster that backs up and restores as gpbackup and gprestore do.
//!
//! The order, the arguments and the forms are those of the recorded runs (`traces/`). Where the calls go
//! through the recording shim, [`Cluster::seen_as_recorded`] holds what the plugin's processes saw against them.

mod backup;
mod mishap;
mod restore;
mod seen;

use std::fs;
use std::os::unix::fs::PermissionsExt as _;
use std::path::PathBuf;
use std::time::Duration;

pub(crate) use mishap::Mishap;

use crate::bench::COORDINATOR_CONTENT;
use crate::call::Call;
use crate::finished::Finished;
use crate::payload;
use crate::running::Running;
use crate::scene::Scene;
use crate::settings::ClusterSize;
use crate::shim;
use crate::timestamp::Timestamp;
use crate::trouble::{Trouble, Verdict};

/// How often gpbackup tries a hook on a segment. It waits a second in between, the bench less.
const TRIES: usize = 5;
const PAUSE: Duration = Duration::from_millis(50);

/// The first OID of a table.
const FIRST_OID: usize = 16385;

/// A coordinator and segment hosts, each with its own directory, `HOME` and place for config copies.
pub(crate) struct Cluster<'a> {
    scene: &'a Scene<'a>,
    root: PathBuf,
    size: ClusterSize,
    log: PathBuf,
    /// The bench's own executable, which is the shim.
    bench: PathBuf,
    /// Whether every call goes through the shim, and not only one that it is to fail.
    recording: bool,
}

/// What gpbackup or gprestore would say at the end: nothing on success, else its error.
pub(crate) type Said = Result<(), String>;

/// A call that a host makes, before it is started.
struct HostCall<'a> {
    call: Call<'a>,
    stdin: Vec<u8>,
}

impl<'a> HostCall<'a> {
    fn start(self) -> Verdict<Running<'a>> {
        let mut running = self.call.start()?;
        if !self.stdin.is_empty() {
            running.feed(self.stdin);
        }
        Ok(running)
    }
}

impl<'a> Cluster<'a> {
    /// A fresh cluster in the case's directory, of the size that the settings ask for.
    pub(crate) fn new(scene: &'a Scene<'a>) -> Verdict<Self> {
        let root = scene.dir.join("cluster");
        let bench = std::env::current_exe()?;
        let log = scene.dir.join("seen.jsonl");
        let size = scene.bench.settings.cluster;
        let cluster = Self {
            scene,
            root,
            size,
            log,
            bench,
            recording: false,
        };
        for host in 0..=cluster.size.hosts {
            for dir in ["home/gpAdminLogs", "tmp"] {
                fs::create_dir_all(cluster.host_dir(host).join(dir))?;
            }
        }
        for content in cluster.contents() {
            fs::create_dir_all(cluster.data_dir(content))?;
        }
        fs::create_dir_all(cluster.data_dir(-1))?;
        Ok(cluster)
    }

    /// The same cluster, whose calls are recorded by the shim and begin side by side for certain.
    pub(crate) fn recording(mut self) -> Self {
        self.recording = true;
        self
    }

    /// The content IDs of the segments.
    fn contents(&self) -> std::ops::Range<i32> {
        0..i32::try_from(self.size.hosts * self.size.segments).unwrap_or(i32::MAX)
    }

    /// How many tables are backed up side by side, on all segments together.
    pub(crate) fn streams_at_once(&self) -> usize {
        self.contents().len() * self.size.jobs
    }

    /// The host of content `content`: 0 is the coordinator's.
    fn host_of(&self, content: i32) -> usize {
        usize::try_from(content).map_or(0, |content| content / self.size.segments + 1)
    }

    fn host_dir(&self, host: usize) -> PathBuf {
        self.root.join(if host == 0 {
            "cdw".into()
        } else {
            format!("sdw{host}")
        })
    }

    fn data_dir(&self, content: i32) -> PathBuf {
        self.host_dir(self.host_of(content))
            .join(format!("data/gpseg{content}"))
    }

    /// Two tables for every job.
    fn oids(&self) -> Vec<usize> {
        (0..self.size.jobs * 2)
            .map(|table| FIRST_OID + table)
            .collect()
    }

    /// The data of one table on one segment: the third table is empty, the others a few hundred bytes, the
    /// same in every backup but for the timestamp at their end.
    fn rows(&self, timestamp: Timestamp, content: i32, oid: usize) -> Vec<u8> {
        if oid == FIRST_OID + 2 {
            return Vec::new();
        }
        let seed = format!("{content}/{oid}");
        let mut rows = payload::random(&seed, 50 + (payload::hash(&seed) % 300) as usize);
        rows.extend(timestamp.to_string().bytes());
        rows
    }

    /// The local path of a table's stream.
    fn data_path(&self, timestamp: Timestamp, content: i32, oid: usize) -> PathBuf {
        let dir = timestamp.dir(&self.data_dir(content));
        dir.join(format!("gpbackup_{content}_{timestamp}_{oid}.gz"))
    }

    /// The files that the coordinator writes, with their content, in the order in which they are backed up.
    fn coordinator_files(&self, timestamp: Timestamp) -> Vec<(PathBuf, Vec<u8>)> {
        let dir = timestamp.dir(&self.data_dir(-1));
        let file = |name: &str| {
            let mut text = payload::text(name, 300);
            text.extend(timestamp.to_string().bytes());
            (dir.join(format!("gpbackup_{timestamp}_{name}")), text)
        };
        [
            "metadata.sql",
            "toc.yaml",
            "plugin_config.yaml",
            "config.yaml",
            "report",
        ]
        .map(file)
        .into()
    }

    /// Where the host of `content` keeps its copy of the config for the run of `run`.
    fn config_of(&self, content: i32, run: Timestamp) -> PathBuf {
        let name = self
            .scene
            .config()
            .file_name()
            .unwrap_or_default()
            .to_string_lossy();
        self.host_dir(self.host_of(content))
            .join("tmp")
            .join(format!("{run}_{name}"))
    }

    /// Writes every host's copy of the config, as gpbackup does: mode 0644, with `pgport` of the host's last
    /// segment and the version of the plugin that made the backup, empty when there is none yet.
    fn copy_configs(&self, run: Timestamp, backup_plugin_version: &str) -> Verdict {
        for content in std::iter::once(-1).chain(self.contents()) {
            let path = self.config_of(content, run);
            let config = self
                .scene
                .bench
                .config
                .with_option("pgport", &format!("\"{}\"", 6000 + content))
                .with_option("backup_plugin_version", backup_plugin_version);
            fs::write(&path, config.as_str())?;
            fs::set_permissions(&path, fs::Permissions::from_mode(0o644))?;
        }
        Ok(())
    }

    /// A call on the host of `content`, in the segment's data directory and with the host's `HOME`.
    fn on(&self, content: i32, command: &str) -> HostCall<'a> {
        let home = self.host_dir(self.host_of(content)).join("home");
        let call = self.scene.bench.call(command, &self.scene.transcript);
        let data = self.data_dir(content);
        let call = call.env("HOME", &home).env("PWD", &data).cwd(&data);
        let call = if self.recording {
            self.through_shim(call)
        } else {
            call
        };
        HostCall {
            call,
            stdin: Vec::new(),
        }
    }

    fn through_shim(&self, call: Call<'a>) -> Call<'a> {
        call.through(&self.bench).env(shim::LOG, &self.log)
    }

    /// Makes `calls` side by side and waits for all.
    fn side_by_side(&self, calls: Vec<HostCall<'a>>) -> Verdict<Vec<Finished>> {
        let running = self.begin(calls)?;
        let ended: Vec<Verdict<Finished>> = running.into_iter().map(Running::finish).collect();
        ended.into_iter().collect()
    }

    /// Starts `calls` side by side, each fed with its stdin. When they are recorded, no plugin begins before
    /// every one of them is called.
    fn begin(&self, calls: Vec<HostCall<'a>>) -> Verdict<Vec<Running<'a>>> {
        if !self.recording {
            return calls.into_iter().map(HostCall::start).collect();
        }
        let gate_path = self.scene.dir.join("gate");
        let gate = fs::File::create(&gate_path)?;
        gate.lock()?;
        let expected = shim::started(&self.log)? + calls.len();
        let gated = calls.into_iter().map(|HostCall { call, stdin }| {
            HostCall {
                call: call.env(shim::GATE, &gate_path),
                stdin,
            }
            .start()
        });
        let running = gated.collect::<Verdict<_>>()?;
        let arrived = || Ok(shim::started(&self.log)? >= expected);
        if !wait_until(self.scene.bench.settings.deadline, arrived)? {
            return Err(Trouble::bench("the recording shim did not start"));
        }
        gate.unlock()?;
        Ok(running)
    }

    /// Calls `hook` at the coordinator, then for all segments at scope segment_host, then at scope segment.
    ///
    /// A failing coordinator ends it at once; a segment is tried again. `mishap` may fail one call.
    fn hook(
        &self,
        hook: &str,
        run: Timestamp,
        backup: Timestamp,
        mishap: Option<Mishap>,
    ) -> Verdict<Said> {
        let dir = backup.dir(&self.data_dir(-1));
        let mut call = self.on(-1, hook);
        call.call = call
            .call
            .arg(self.config_of(-1, run))
            .arg(dir)
            .arg("master")
            .arg(COORDINATOR_CONTENT);
        for finished in self.side_by_side(vec![call])? {
            if !finished.ok() {
                return Ok(Err(complaint("coordinator", &finished)));
            }
        }
        for scope in ["segment_host", "segment"] {
            let mut left: Vec<i32> = self.contents().collect();
            let mut complaints = Vec::new();
            for attempt in 0..TRIES {
                if attempt > 0 {
                    std::thread::sleep(PAUSE);
                }
                let calls = left
                    .iter()
                    .map(|content| self.segment_hook(hook, scope, *content, run, backup, mishap));
                let ended = self.side_by_side(calls.collect())?;
                let failed = left
                    .iter()
                    .zip(&ended)
                    .filter(|(_, finished)| !finished.ok());
                (left, complaints) = failed
                    .map(|(content, finished)| {
                        (*content, complaint(&format!("segment {content}"), finished))
                    })
                    .unzip();
                if left.is_empty() {
                    break;
                }
            }
            if !left.is_empty() {
                return Ok(Err(complaints.join("; ")));
            }
        }
        Ok(Ok(()))
    }

    fn segment_hook(
        &self,
        hook: &str,
        scope: &str,
        content: i32,
        run: Timestamp,
        backup: Timestamp,
        mishap: Option<Mishap>,
    ) -> HostCall<'a> {
        let dir = backup.dir(&self.data_dir(content));
        let HostCall { mut call, stdin } = self.on(content, hook);
        call = call.arg(self.config_of(content, run)).arg(dir).arg(scope);
        if scope == "segment" {
            call = call.arg(format!("\"{content}\""));
        }
        if mishap == Some(Mishap::HookFails) && scope == "segment" && content == 0 {
            call = self.through_shim(call).env(shim::FAIL, "1");
        }
        HostCall { call, stdin }
    }

    /// Takes every local file away, so that the restore begins with nothing.
    pub(crate) fn wipe(&self) -> Verdict {
        for content in std::iter::once(-1).chain(self.contents()) {
            let dir = self.data_dir(content);
            fs::remove_dir_all(&dir)?;
            fs::create_dir_all(&dir)?;
        }
        Ok(())
    }
}

fn complaint(place: &str, finished: &Finished) -> String {
    let stderr = String::from_utf8_lossy(&finished.stderr);
    format!(
        "{} on {place}: {}: {}",
        finished.command(),
        finished.ended,
        stderr.trim()
    )
}

/// Waits until `condition` holds, for at most `limit`; tells whether it does.
fn wait_until(limit: Duration, condition: impl Fn() -> Verdict<bool>) -> Verdict<bool> {
    let end = std::time::Instant::now() + limit;
    loop {
        if condition()? {
            return Ok(true);
        }
        if std::time::Instant::now() > end {
            return Ok(false);
        }
        std::thread::sleep(Duration::from_millis(1));
    }
}
