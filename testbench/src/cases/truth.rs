//! Whether the plugin's word can be trusted when the store's cannot.

use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::Duration;

use crate::case::{Group, must, should};
use crate::finished::Finished;
use crate::need::Need;
use crate::payload;
use crate::scene::{Scene, remove_local};
use crate::trouble::{Trouble, Verdict, ensure};

const DAMAGE: &[Need] = &[Need::Damage];
const DOUBT: &str = "gpbackup: wrong bytes of the right length were restored as good rows, exit 0";

pub(crate) static GROUP: Group = Group {
    name: "truth",
    about: "damaged stores and impossible names",
    cases: &[
        must("stream-flipped", DOUBT, |scene| stream(scene, "flip")).needs(DAMAGE),
        must("stream-truncated", DOUBT, |scene| stream(scene, "truncate")).needs(DAMAGE),
        must(
            "stream-removed",
            "gpbackup: a missing object must fail, after setup found all well, too",
            |scene| stream(scene, "remove"),
        )
        .needs(DAMAGE),
        must(
            "file-flipped",
            "contract: a restore that cannot deliver every byte must fail",
            |scene| file(scene, "flip"),
        )
        .needs(DAMAGE),
        must(
            "file-truncated",
            "contract: a restore that cannot deliver every byte must fail",
            |scene| file(scene, "truncate"),
        )
        .needs(DAMAGE),
        should(
            "subset-flipped",
            "contract: a restore must never let a doubtful byte out",
            subset,
        )
        .needs(&[Need::Damage, Need::Command("restore_data_subset")]),
        must(
            "stored-or-failed",
            "gpbackup: exit 0 of backup_data must mean stored",
            stored_or_failed,
        ),
    ],
};

/// Damages the object of `path` behind the plugin's back.
fn damage(scene: &Scene<'_>, path: &Path, how: &str) -> Verdict {
    let parts: Vec<String> = path
        .iter()
        .map(|part| part.to_string_lossy().into_owned())
        .collect();
    let object = parts[parts.len().saturating_sub(4)..].join("/");
    let command = scene.bench.settings.damage.as_deref().unwrap_or_default();
    let output = Command::new("/bin/sh")
        .args(["-c", &format!("{command} \"$@\""), "damage", &object, how])
        .stdin(Stdio::null())
        .output()?;
    if output.status.success() {
        return Ok(());
    }
    let said = String::from_utf8_lossy(&output.stderr).into_owned();
    Err(Trouble::bench(format!(
        "--damage {object} {how} ended with {}: {said}",
        output.status
    )))
}

/// The config of the first destination alone, where there are two: only there an object is damaged, and a
/// plugin may well bring it back from the other one.
fn alone(scene: &Scene<'_>) -> Verdict<PathBuf> {
    match scene.bench.config.option("replication") {
        None | Some("off") => Ok(scene.config().to_owned()),
        Some(_) => scene.config_with("alone.yaml", &[("replication", "off")]),
    }
}

/// Asks that the restore failed and that it delivered less than `bytes`, as every caller notices a stream that
/// ends short. Bytes from before a flipped one was found may be out, but nothing else than the object had.
fn ends_short(finished: Finished, bytes: &[u8], how: &str) -> Verdict {
    let finished = finished.fails()?;
    ensure(finished.stdout.len() < bytes.len(), || {
        "the restore failed only after the whole stream was out, which no caller notices".into()
    })?;
    ensure(how == "flip" || bytes.starts_with(&finished.stdout), || {
        let difference = payload::difference(bytes, &finished.stdout).unwrap_or_default();
        format!("the restore let wrong bytes out: {difference}")
    })
}

fn stream(scene: &Scene<'_>, how: &str) -> Verdict {
    let timestamp = scene.bench.own_timestamp()?;
    let path = scene.path_at(timestamp, "data")?;
    let bytes = payload::random(how, 5000);
    scene.backup_data(&path, &bytes)?;
    scene.restores(&path, &bytes)?;
    let dir = scene.backup_dir(0, timestamp)?;
    let setup = scene
        .call("setup_plugin_for_restore")
        .arg(dir)
        .arg("segment")
        .arg("\"0\"");
    setup.run()?.succeeds()?;
    damage(scene, &path, how)?;
    let alone = alone(scene)?;
    let restored = scene.call_with("restore_data", &alone).arg(&path).run()?;
    ends_short(restored, &bytes, how)
}

fn file(scene: &Scene<'_>, how: &str) -> Verdict {
    let path = scene.path_at(scene.bench.own_timestamp()?, "file")?;
    scene.backup_file(&path, &payload::text(how, 1000))?;
    remove_local(&path)?;
    damage(scene, &path, how)?;
    let alone = alone(scene)?;
    let restored = scene.call_with("restore_file", &alone).arg(&path).run()?;
    restored.fails()?;
    Ok(())
}

fn subset(scene: &Scene<'_>) -> Verdict {
    let path = scene.path_at(scene.bench.own_timestamp()?, "data")?;
    let bytes = payload::random("subset", 2000);
    scene.backup_data(&path, &bytes)?;
    damage(scene, &path, "flip")?;
    let offsets = scene.dir.join("offsets");
    std::fs::write(&offsets, "1 0 2000")?;
    let alone = alone(scene)?;
    ends_short(
        scene
            .call_with("restore_data_subset", &alone)
            .arg(&path)
            .arg(&offsets)
            .run()?,
        &bytes,
        "flip",
    )
}

/// Names that a store may not take: whatever the plugin says of them has to be true. It need not say anything
/// soon: a store's odd answer may be tried again for a long time.
fn stored_or_failed(scene: &Scene<'_>) -> Verdict {
    const LONG_ENOUGH: Duration = Duration::from_secs(4);
    for len in [150, 300, 1100] {
        let path = scene.path(&"n".repeat(len))?;
        let bytes = payload::text(&len.to_string(), 100);
        let call = scene
            .call("backup_data")
            .arg(&path)
            .deadline_at_most(LONG_ENOUGH);
        let finished = call.stdin(bytes.as_slice()).run()?;
        if finished.ok() {
            scene
                .restores(&path, &bytes)
                .map_err(|trouble| match trouble {
                    Trouble::Plugin(message) => Trouble::Plugin(format!(
                        "backup_data said that a stream was stored, but: {message}"
                    )),
                    other => other,
                })?;
        }
    }
    Ok(())
}
