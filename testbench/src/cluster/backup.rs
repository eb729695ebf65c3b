//! A whole backup.

use std::fs;

use nix::sys::signal::Signal;

use super::{Cluster, HostCall, Mishap, Said, complaint};
use crate::finished::Finished;
use crate::payload;
use crate::running::Running;
use crate::timestamp::Timestamp;
use crate::trouble::{Trouble, Verdict};

impl<'a> Cluster<'a> {
    /// Backs up under `timestamp`, as gpbackup does, and returns what it would say. With a `mishap`, cleanup
    /// runs all the same.
    pub(crate) fn backup(&self, timestamp: Timestamp, mishap: Option<Mishap>) -> Verdict<Said> {
        if let Err(problem) = self.versions()? {
            return Ok(Err(problem));
        }
        self.copy_configs(timestamp, "\"\"")?;
        let work = self.backup_work(timestamp, mishap)?;
        let cleanup = self.hook("cleanup_plugin_for_backup", timestamp, timestamp, None)?;
        Ok(work.and(cleanup))
    }

    /// Asks that cleanup after a broken run succeeds at every scope.
    pub(crate) fn cleaned_up(&self, timestamp: Timestamp) -> Verdict {
        let said = self.hook("cleanup_plugin_for_backup", timestamp, timestamp, None)?;
        said.map_err(|problem| {
            Trouble::Plugin(format!("cleanup after the broken run failed: {problem}"))
        })
    }

    fn backup_work(&self, timestamp: Timestamp, mishap: Option<Mishap>) -> Verdict<Said> {
        if let Err(problem) = self.hook("setup_plugin_for_backup", timestamp, timestamp, mishap)? {
            return Ok(Err(problem));
        }
        if let Err(problem) = self.backup_tables(timestamp, mishap)? {
            return Ok(Err(problem));
        }
        for (path, bytes) in self.coordinator_files(timestamp) {
            fs::create_dir_all(path.parent().unwrap_or(&path))?;
            fs::write(&path, bytes)?;
            let HostCall { call, stdin } = self.on(-1, "backup_file");
            let call = call.arg(self.config_of(-1, timestamp)).arg(&path);
            for finished in self.side_by_side(vec![HostCall { call, stdin }])? {
                if !finished.ok() {
                    return Ok(Err(complaint("coordinator", &finished)));
                }
            }
        }
        Ok(Ok(()))
    }

    /// Asks every segment's host for both versions, as gpbackup does first.
    pub(super) fn versions(&self) -> Verdict<Said> {
        let everywhere = |command: &str, coordinator: bool| {
            let coordinators = coordinator.then_some(-1).into_iter();
            let calls = coordinators
                .chain(self.contents())
                .map(|content| self.on(content, command));
            self.side_by_side(calls.collect())
        };
        let answers = [
            everywhere("plugin_api_version", false)?,
            everywhere("--version", true)?,
        ];
        for finished in answers.iter().flatten() {
            if !finished.ok() {
                return Ok(Err(complaint("a host", finished)));
            }
        }
        for answers in &answers {
            if answers
                .iter()
                .any(|answer| answer.stdout != answers[0].stdout)
            {
                return Ok(Err(format!(
                    "{} differs from host to host",
                    answers[0].command()
                )));
            }
        }
        Ok(Ok(()))
    }

    fn backup_tables(&self, timestamp: Timestamp, mishap: Option<Mishap>) -> Verdict<Said> {
        let oids = self.oids();
        for tables in oids.chunks(self.size.jobs) {
            let streams: Vec<(i32, usize)> = tables
                .iter()
                .flat_map(|oid| self.contents().map(move |content| (content, *oid)))
                .collect();
            let calls = streams
                .iter()
                .map(|(content, oid)| self.table(timestamp, *content, *oid));
            let ended = match mishap {
                Some(mishap @ (Mishap::SegmentDies | Mishap::Cancelled)) => {
                    self.interrupted(calls.collect(), mishap)?
                }
                _ => self.side_by_side(calls.collect())?,
            };
            let failed = streams
                .iter()
                .zip(&ended)
                .find(|(_, finished)| !finished.ok());
            if let Some(((content, _), finished)) = failed {
                return Ok(Err(complaint(&format!("segment {content}"), finished)));
            }
        }
        Ok(Ok(()))
    }

    fn table(&self, timestamp: Timestamp, content: i32, oid: usize) -> HostCall<'a> {
        let HostCall { call, .. } = self.on(content, "backup_data");
        HostCall {
            call: call
                .arg(self.config_of(content, timestamp))
                .arg(self.data_path(timestamp, content, oid)),
            stdin: self.rows(timestamp, content, oid),
        }
    }

    /// Starts every stream, and ends one or all of them by a signal when the plugin is in the middle of it.
    fn interrupted(&self, calls: Vec<HostCall<'a>>, mishap: Mishap) -> Verdict<Vec<Finished>> {
        // More than a small pipe holds: when it is written, the plugin has begun to read.
        let rows = payload::random("interrupted", 5000);
        let calls = calls.into_iter().map(|HostCall { call, .. }| HostCall {
            call: call.small_pipes(),
            stdin: Vec::new(),
        });
        let mut running = self.begin(calls.collect())?;
        for call in &mut running {
            // How a plugin ends that does not read is seen below.
            let _ = call.write(&rows);
        }
        let (signal, hit) = match mishap {
            Mishap::Cancelled => (Signal::SIGTERM, running.len()),
            _ => (Signal::SIGKILL, 1),
        };
        for call in &running[..hit] {
            call.signal(signal)?;
        }
        for call in &running[..hit] {
            if !call.ends_within(self.scene.prompt()) {
                return Err(Trouble::plugin(
                    "backup_data goes on although the run was cancelled",
                ));
            }
        }
        let ended: Vec<Verdict<Finished>> = running.into_iter().map(Running::finish).collect();
        ended.into_iter().collect()
    }
}
