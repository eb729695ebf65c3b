//! Whole backups and restores of a simulated cluster.

use crate::case::{Group, must, should};
use crate::cluster::{Cluster, Mishap, Said};
use crate::scene::Scene;
use crate::timestamp::Timestamp;
use crate::trouble::{Trouble, Verdict, ensure};

/// The recorded runs with segments on two hosts.
const BACKUP: u32 = 12;
const RESTORE: u32 = 13;

pub(crate) static GROUP: Group = Group {
    name: "cluster",
    about: "whole backups and restores as gpbackup plays them, over several hosts",
    cases: &[
        must(
            "backup-and-restore",
            "gpbackup: a backup and its restore into empty directories, every call in the recorded form",
            backup_and_restore,
        ),
        should(
            "calls-as-recorded",
            "gpbackup: the calls are those of the recorded runs, none tried twice",
            calls_as_recorded,
        ),
        must(
            "two-backups",
            "gpbackup: an older backup is restored after a newer one was made",
            two_backups,
        ),
        must(
            "deleted",
            "API: delete_backup deletes what the segments and the coordinator stored, and no other backup",
            deleted,
        ),
        must(
            "hook-fails",
            "API: cleanup \"will execute even if backup fails early due to an error\"",
            hook_fails,
        ),
        must(
            "segment-dies",
            "gpbackup: one failed segment fails the run; cleanup runs, and the next backup is whole",
            segment_dies,
        ),
        must(
            "cancelled",
            "gpbackup: a cancelled run is cleaned up, and the next backup is whole",
            cancelled,
        ),
    ],
};

fn fine(what: &str, said: Said) -> Verdict {
    said.map_err(|problem| Trouble::Plugin(format!("{what} failed: {problem}")))
}

fn backup(cluster: &Cluster<'_>, timestamp: Timestamp) -> Verdict {
    fine("the backup", cluster.backup(timestamp, None)?)
}

fn restore(cluster: &Cluster<'_>, timestamp: Timestamp) -> Verdict {
    cluster.wipe()?;
    fine("the restore", cluster.restore(timestamp)?)
}

fn backup_and_restore(scene: &Scene<'_>) -> Verdict {
    let cluster = Cluster::new(scene)?;
    let timestamp = scene.bench.untouched_timestamp()?;
    backup(&cluster, timestamp)?;
    restore(&cluster, timestamp)
}

fn calls_as_recorded(scene: &Scene<'_>) -> Verdict {
    let cluster = Cluster::new(scene)?.recording();
    let timestamp = scene.bench.untouched_timestamp()?;
    backup(&cluster, timestamp)?;
    cluster.seen_as_recorded(BACKUP)?;
    cluster.forget()?;
    restore(&cluster, timestamp)?;
    cluster.seen_as_recorded(RESTORE)
}

fn two_backups(scene: &Scene<'_>) -> Verdict {
    let cluster = Cluster::new(scene)?;
    let (first, second) = scene.bench.untouched_siblings()?;
    backup(&cluster, first)?;
    backup(&cluster, second)?;
    restore(&cluster, first)?;
    restore(&cluster, second)
}

fn deleted(scene: &Scene<'_>) -> Verdict {
    let cluster = Cluster::new(scene)?;
    let (first, second) = scene.bench.untouched_siblings()?;
    backup(&cluster, first)?;
    backup(&cluster, second)?;
    scene
        .call("delete_backup")
        .arg(first.to_string())
        .run()?
        .succeeds()?;
    cluster.wipe()?;
    ensure(cluster.restore(first)?.is_err(), || {
        "a deleted backup can still be restored".into()
    })?;
    restore(&cluster, second)
}

fn hook_fails(scene: &Scene<'_>) -> Verdict {
    after(scene, Mishap::HookFails)
}

fn segment_dies(scene: &Scene<'_>) -> Verdict {
    after(scene, Mishap::SegmentDies)
}

fn cancelled(scene: &Scene<'_>) -> Verdict {
    after(scene, Mishap::Cancelled)
}

/// A run with a mishap fails and is cleaned up; the next one under another timestamp works, and outlives the
/// deletion of the broken one.
fn after(scene: &Scene<'_>, mishap: Mishap) -> Verdict {
    let cluster = Cluster::new(scene)?;
    let (broken, whole) = scene.bench.untouched_siblings()?;
    let said = cluster.backup(broken, Some(mishap))?;
    ensure(said.is_err(), || {
        "the run was broken off and yet reported as whole".into()
    })?;
    cluster.cleaned_up(broken)?;
    backup(&cluster, whole)?;
    let deleted = scene.call("delete_backup").arg(broken.to_string()).run()?;
    // Where nothing was stored, the exit code is the plugin's choice.
    if mishap == Mishap::SegmentDies && cluster.streams_at_once() > 1 {
        deleted.succeeds()?;
    }
    restore(&cluster, whole)
}
