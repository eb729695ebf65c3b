//! A whole restore.

use super::{Cluster, HostCall, Said, complaint};
use crate::finished::file_holds;
use crate::scene::remove_local;
use crate::timestamp::Timestamp;
use crate::trouble::{Trouble, Verdict};

/// The files that gprestore reads, in its order.
const FILES: [&str; 4] = ["config.yaml", "metadata.sql", "report", "toc.yaml"];

impl Cluster<'_> {
    /// Restores the backup of `timestamp` in a run of its own, as gprestore does, and returns what it would
    /// say. Content that differs is told as the plugin's fault.
    pub(crate) fn restore(&self, timestamp: Timestamp) -> Verdict<Said> {
        if let Err(problem) = self.versions()? {
            return Ok(Err(problem));
        }
        // gprestore's own run has a later timestamp than the backup it restores.
        let run = timestamp.next();
        self.copy_configs(run, &self.plugin_version()?)?;
        let work = self.restore_work(run, timestamp)?;
        let cleanup = self.hook("cleanup_plugin_for_restore", run, timestamp, None)?;
        Ok(work.and(cleanup))
    }

    /// The third word of the plugin's version, which gpbackup keeps with the backup.
    fn plugin_version(&self) -> Verdict<String> {
        let answer = self.scene.bare("--version").run()?;
        let text = String::from_utf8_lossy(&answer.stdout).into_owned();
        Ok(text.split_whitespace().nth(2).unwrap_or("\"\"").to_owned())
    }

    fn restore_work(&self, run: Timestamp, backup: Timestamp) -> Verdict<Said> {
        if let Err(problem) = self.hook("setup_plugin_for_restore", run, backup, None)? {
            return Ok(Err(problem));
        }
        if let Err(problem) = self.restore_files(run, backup)? {
            return Ok(Err(problem));
        }
        self.restore_tables(run, backup)
    }

    fn restore_files(&self, run: Timestamp, backup: Timestamp) -> Verdict<Said> {
        let written = self.coordinator_files(backup);
        for name in FILES {
            let wanted = format!("gpbackup_{backup}_{name}");
            let found = written.iter().find(|(path, _)| path.ends_with(&wanted));
            let (path, bytes) =
                found.ok_or_else(|| Trouble::bench(format!("nobody wrote {wanted}")))?;
            remove_local(path)?;
            // gprestore makes the directory before every restore_file.
            std::fs::create_dir_all(path.parent().unwrap_or(path))?;
            let HostCall { call, stdin } = self.on(-1, "restore_file");
            let call = call.arg(self.config_of(-1, run)).arg(path);
            for finished in self.side_by_side(vec![HostCall { call, stdin }])? {
                if !finished.ok() {
                    return Ok(Err(complaint("coordinator", &finished)));
                }
            }
            file_holds(path, bytes)?;
        }
        Ok(Ok(()))
    }

    fn restore_tables(&self, run: Timestamp, backup: Timestamp) -> Verdict<Said> {
        for tables in self.oids().chunks(self.size.jobs) {
            let streams: Vec<(i32, usize)> = tables
                .iter()
                .flat_map(|oid| self.contents().map(move |content| (content, *oid)))
                .collect();
            let calls = streams.iter().map(|(content, oid)| {
                let HostCall { call, stdin } = self.on(*content, "restore_data");
                let path = self.data_path(backup, *content, *oid);
                HostCall {
                    call: call.arg(self.config_of(*content, run)).arg(path),
                    stdin,
                }
            });
            let ended = self.side_by_side(calls.collect())?;
            for ((content, oid), finished) in streams.iter().zip(ended) {
                if !finished.ok() {
                    return Ok(Err(complaint(&format!("segment {content}"), &finished)));
                }
                finished.with_stdout(&self.rows(backup, *content, *oid))?;
            }
        }
        Ok(Ok(()))
    }
}
