//! `replicate_backup` and `delete_replica`, where the plugin has them.

use std::path::{Path, PathBuf};

use crate::case::{Group, must};
use crate::finished::file_holds;
use crate::need::Need;
use crate::scene::{Scene, remove_local};
use crate::timestamp::Timestamp;
use crate::trouble::{Verdict, ensure};

const REPLICATE: &[Need] = &[Need::SecondConfig, Need::Command("replicate_backup")];
const DELETE: &[Need] = &[
    Need::SecondConfig,
    Need::Command("replicate_backup"),
    Need::Command("delete_replica"),
];

pub(crate) static GROUP: Group = Group {
    name: "replicate",
    about: "copies to the second destination made and deleted later",
    cases: &[
        must(
            "restores-from-secondary",
            "script: after replicate_backup the stream is restored with the second config",
            restores,
        )
        .needs(REPLICATE),
        must(
            "empty-and-file",
            "script: after replicate_backup the backup is at the second destination, all of it",
            empty_and_file,
        )
        .needs(REPLICATE),
        must(
            "twice-fails",
            "script: replicate_backup a second time is an error",
            twice_fails,
        )
        .needs(REPLICATE),
        must(
            "unknown-fails",
            "API: on an error, a message on stderr and a non-zero return code",
            unknown_fails,
        )
        .needs(REPLICATE),
        must(
            "replica-deleted",
            "script: delete_replica deletes what the second destination has",
            replica_deleted,
        )
        .needs(DELETE),
        must(
            "replica-deleted-twice",
            "script: delete_replica a second time says \"already deleted\"",
            deleted_twice,
        )
        .needs(DELETE),
        must(
            "primary-kept",
            "script: delete_replica deletes the replica only",
            primary_kept,
        )
        .needs(DELETE),
    ],
};

/// A backup in the first destination only: the config with `replication: off`, and its timestamp.
struct Unreplicated<'a> {
    scene: &'a Scene<'a>,
    config: PathBuf,
    timestamp: Timestamp,
}

impl<'a> Unreplicated<'a> {
    fn new(scene: &'a Scene<'a>) -> Verdict<Self> {
        let config = scene.config_with("unreplicated.yaml", &[("replication", "off")])?;
        let this = Self {
            scene,
            config,
            timestamp: scene.bench.own_timestamp()?,
        };
        let call = scene
            .call_with("backup_data", &this.config)
            .arg(this.path("data")?);
        call.stdin("some data").run()?.succeeds()?;
        scene
            .call_with("backup_data", &this.config)
            .arg(this.path("empty")?)
            .run()?
            .succeeds()?;
        let file = this.path("file")?;
        std::fs::write(&file, "some text\n")?;
        scene
            .call_with("backup_file", &this.config)
            .arg(&file)
            .run()?
            .succeeds()?;
        Ok(this)
    }

    fn path(&self, what: &str) -> Verdict<PathBuf> {
        self.scene.path_at(self.timestamp, what)
    }

    fn with_timestamp(&self, command: &str) -> crate::call::Call<'_> {
        self.scene
            .call_with(command, &self.config)
            .arg(self.timestamp.to_string())
    }

    fn replicate(&self) -> Verdict {
        self.with_timestamp("replicate_backup").run()?.succeeds()?;
        Ok(())
    }

    fn holds(&self, config: &Path, what: &str, bytes: &[u8]) -> Verdict {
        let call = self
            .scene
            .call_with("restore_data", config)
            .arg(self.path(what)?);
        call.run()?.succeeds()?.with_stdout(bytes)?;
        Ok(())
    }
}

fn restores(scene: &Scene<'_>) -> Verdict {
    let backup = Unreplicated::new(scene)?;
    backup.replicate()?;
    backup.holds(scene.secondary()?, "data", b"some data")
}

fn empty_and_file(scene: &Scene<'_>) -> Verdict {
    let backup = Unreplicated::new(scene)?;
    backup.replicate()?;
    backup.holds(scene.secondary()?, "empty", b"")?;
    let file = backup.path("file")?;
    remove_local(&file)?;
    scene
        .call_with("restore_file", scene.secondary()?)
        .arg(&file)
        .run()?
        .succeeds()?;
    file_holds(&file, b"some text\n")
}

fn twice_fails(scene: &Scene<'_>) -> Verdict {
    let backup = Unreplicated::new(scene)?;
    backup.replicate()?;
    backup
        .with_timestamp("replicate_backup")
        .run()?
        .fails_with_message()?;
    Ok(())
}

fn unknown_fails(scene: &Scene<'_>) -> Verdict {
    let backup = Unreplicated::new(scene)?;
    let unknown = backup.timestamp.next().to_string();
    scene
        .call_with("replicate_backup", &backup.config)
        .arg(unknown)
        .run()?
        .fails_with_message()?;
    Ok(())
}

fn replica_deleted(scene: &Scene<'_>) -> Verdict {
    let backup = Unreplicated::new(scene)?;
    backup.replicate()?;
    backup.with_timestamp("delete_replica").run()?.succeeds()?;
    let call = scene
        .call_with("restore_data", scene.secondary()?)
        .arg(backup.path("data")?);
    let finished = call.run()?;
    ensure(finished.failed(), || {
        "a deleted replica can still be restored".into()
    })
}

fn deleted_twice(scene: &Scene<'_>) -> Verdict {
    let backup = Unreplicated::new(scene)?;
    backup.replicate()?;
    backup.with_timestamp("delete_replica").run()?.succeeds()?;
    let again = backup.with_timestamp("delete_replica").run()?.succeeds()?;
    let said = String::from_utf8_lossy(&again.stdout);
    ensure(said.contains("already deleted"), || {
        "delete_replica did not say \"already deleted\" the second time".into()
    })
}

fn primary_kept(scene: &Scene<'_>) -> Verdict {
    let backup = Unreplicated::new(scene)?;
    backup.replicate()?;
    backup.with_timestamp("delete_replica").run()?.succeeds()?;
    backup.holds(&backup.config, "data", b"some data")
}
