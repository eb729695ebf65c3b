//! What the plugin stored, seen from the second destination.

use std::process::{Command, Stdio};

use crate::case::{Group, must};
use crate::finished::file_holds;
use crate::need::Need;
use crate::payload;
use crate::scene::{Scene, remove_local};
use crate::timestamp::Timestamp;
use crate::trouble::{Trouble, Verdict, ensure};

const NEEDS: &[Need] = &[Need::SecondConfig, Need::Replication];
const LAST: &[Need] = &[Need::SecondConfig, Need::Replication, Need::DestroyPrimary];

pub(crate) static GROUP: Group = Group {
    name: "secondary",
    about: "the second destination, seen with the second config",
    cases: &[
        must(
            "restore-file",
            "script: restore_file with the second config brings the same content",
            restore_file,
        )
        .needs(NEEDS),
        must(
            "restore-data",
            "script: restore_data with the second config brings the same stream",
            restore_data,
        )
        .needs(NEEDS),
        must(
            "empty-data",
            "script: no data comes back from the second destination as no data",
            empty_data,
        )
        .needs(NEEDS),
        must(
            "binary-data",
            "API: \"the test bench will also restore from this secondary destination\"",
            binary_data,
        )
        .needs(NEEDS),
        must(
            "data-deleted",
            "script: delete_backup deletes the stream at the second destination",
            data_deleted,
        )
        .needs(NEEDS),
        must(
            "file-deleted",
            "script: delete_backup deletes the file at the second destination",
            file_deleted,
        )
        .needs(NEEDS),
        must(
            "sibling-whole",
            "script: the sibling of a deleted backup is whole, here at both destinations",
            sibling_whole,
        )
        .needs(NEEDS),
        must(
            "overwrite",
            "gpbackup: a segment that is tried again writes the same name again",
            overwrite,
        )
        .needs(NEEDS),
        must(
            "primary-destroyed",
            "API: the second destination is there to restore from when the first is not",
            primary_destroyed,
        )
        .needs(LAST),
    ],
};

fn holds_data(scene: &Scene<'_>, timestamp: Timestamp, bytes: &[u8]) -> Verdict {
    let path = scene.path_at(timestamp, "data")?;
    let call = scene
        .call_with("restore_data", scene.secondary()?)
        .arg(&path);
    call.run()?.succeeds()?.with_stdout(bytes)?;
    Ok(())
}

fn holds_file(scene: &Scene<'_>, timestamp: Timestamp, bytes: &[u8]) -> Verdict {
    let path = scene.path_at(timestamp, "file")?;
    remove_local(&path)?;
    scene
        .call_with("restore_file", scene.secondary()?)
        .arg(&path)
        .run()?
        .succeeds()?;
    file_holds(&path, bytes)
}

fn store(scene: &Scene<'_>, timestamp: Timestamp) -> Verdict {
    scene.backup_data(&scene.path_at(timestamp, "data")?, b"some data")?;
    scene.backup_file(&scene.path_at(timestamp, "file")?, b"some text\n")?;
    Ok(())
}

fn stream(scene: &Scene<'_>, bytes: &[u8]) -> Verdict {
    let timestamp = scene.bench.shared_timestamp()?;
    scene.backup_data(&scene.path_at(timestamp, "data")?, bytes)?;
    holds_data(scene, timestamp, bytes)
}

fn restore_file(scene: &Scene<'_>) -> Verdict {
    let timestamp = scene.bench.shared_timestamp()?;
    scene.backup_file(&scene.path_at(timestamp, "file")?, b"this is some text\n")?;
    holds_file(scene, timestamp, b"this is some text\n")
}

fn restore_data(scene: &Scene<'_>) -> Verdict {
    stream(scene, &payload::text("1000", 1001))
}

fn empty_data(scene: &Scene<'_>) -> Verdict {
    stream(scene, b"")
}

fn binary_data(scene: &Scene<'_>) -> Verdict {
    stream(scene, &payload::random("secondary", 5000))
}

fn overwrite(scene: &Scene<'_>) -> Verdict {
    stream(scene, b"the first stream, the longer one")?;
    stream(scene, b"the second")
}

fn delete(scene: &Scene<'_>, timestamp: Timestamp) -> Verdict {
    scene
        .call("delete_backup")
        .arg(timestamp.to_string())
        .run()?
        .succeeds()?;
    Ok(())
}

fn data_deleted(scene: &Scene<'_>) -> Verdict {
    let timestamp = scene.bench.own_timestamp()?;
    store(scene, timestamp)?;
    holds_data(scene, timestamp, b"some data")?;
    delete(scene, timestamp)?;
    let path = scene.path_at(timestamp, "data")?;
    let finished = scene
        .call_with("restore_data", scene.secondary()?)
        .arg(&path)
        .run()?;
    ensure(finished.failed(), || {
        "the data of a deleted backup is still at the second destination".into()
    })
}

fn file_deleted(scene: &Scene<'_>) -> Verdict {
    let timestamp = scene.bench.own_timestamp()?;
    store(scene, timestamp)?;
    holds_file(scene, timestamp, b"some text\n")?;
    delete(scene, timestamp)?;
    let path = scene.path_at(timestamp, "file")?;
    let finished = scene
        .call_with("restore_file", scene.secondary()?)
        .arg(&path)
        .run()?;
    ensure(finished.failed(), || {
        "the file of a deleted backup is still at the second destination".into()
    })
}

fn sibling_whole(scene: &Scene<'_>) -> Verdict {
    let (timestamp, sibling) = scene.bench.own_siblings()?;
    store(scene, timestamp)?;
    store(scene, sibling)?;
    delete(scene, timestamp)?;
    scene.restores(&scene.path_at(sibling, "data")?, b"some data")?;
    holds_data(scene, sibling, b"some data")?;
    holds_file(scene, sibling, b"some text\n")
}

fn primary_destroyed(scene: &Scene<'_>) -> Verdict {
    let timestamp = scene.bench.own_timestamp()?;
    store(scene, timestamp)?;
    let command = scene
        .bench
        .settings
        .destroy_primary
        .as_deref()
        .unwrap_or_default();
    scene.bench.destroys_primary();
    let output = Command::new("/bin/sh")
        .args(["-c", command])
        .stdin(Stdio::null())
        .output()?;
    if !output.status.success() {
        let said = String::from_utf8_lossy(&output.stderr).into_owned();
        return Err(Trouble::bench(format!(
            "--destroy-primary ended with {}: {said}",
            output.status
        )));
    }
    holds_data(scene, timestamp, b"some data")?;
    holds_file(scene, timestamp, b"some text\n")
}
