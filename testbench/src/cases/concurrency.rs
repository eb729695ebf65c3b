//! As many plugins at once as a cluster starts.

use std::path::PathBuf;

use crate::case::{Group, must, should};
use crate::finished::{Finished, file_holds};
use crate::payload;
use crate::running::Running;
use crate::scene::{Scene, remove_local};
use crate::trouble::{Trouble, Verdict};

const AT_ONCE: &str = "gpbackup: every segment's jobs run side by side";

pub(crate) static GROUP: Group = Group {
    name: "concurrency",
    about: "hosts × segments × jobs plugins at once",
    cases: &[
        must("backup-data", AT_ONCE, backup_data),
        must("restore-data", AT_ONCE, restore_data),
        must("files", AT_ONCE, files),
        must(
            "both-ways",
            "contract: a restore to a cluster of another size opens several streams at once",
            both_ways,
        ),
        should(
            "same-name",
            "practice: of two writers of one name, one wins whole",
            same_name,
        ),
    ],
};

/// As many streams as the cluster has jobs, with their paths.
fn streams(scene: &Scene<'_>, len: usize) -> Verdict<Vec<(PathBuf, Vec<u8>)>> {
    let size = scene.bench.settings.cluster;
    let count = (size.hosts * size.segments * size.jobs).max(4);
    (0..count)
        .map(|number| {
            let name = format!("stream{number}");
            Ok((scene.path(&name)?, payload::random(&name, len)))
        })
        .collect()
}

fn finish_all(running: Vec<Running<'_>>) -> Verdict<Vec<Finished>> {
    let ended: Vec<Verdict<Finished>> = running.into_iter().map(Running::finish).collect();
    ended.into_iter().collect()
}

/// Writes a part of a stream; a plugin that does not read is told by how it ends.
fn write(call: &mut Running<'_>, bytes: &[u8]) -> Verdict {
    match call.write(bytes) {
        Err(error) if error.kind() != std::io::ErrorKind::BrokenPipe => Err(Trouble::from(error)),
        _ => Ok(()),
    }
}

/// Stores all streams, every one of them begun before any has ended.
fn store(scene: &Scene<'_>, streams: &[(PathBuf, Vec<u8>)]) -> Verdict {
    let mut running = Vec::new();
    for (path, bytes) in streams {
        let mut call = scene.call("backup_data").arg(path).small_pipes().start()?;
        write(&mut call, &bytes[..5000])?;
        running.push(call);
    }
    for (call, (_, bytes)) in running.iter_mut().zip(streams) {
        write(call, &bytes[5000..])?;
    }
    for finished in finish_all(running)? {
        finished.succeeds()?;
    }
    Ok(())
}

fn backup_data(scene: &Scene<'_>) -> Verdict {
    let streams = streams(scene, 5200)?;
    store(scene, &streams)?;
    streams
        .iter()
        .try_for_each(|(path, bytes)| scene.restores(path, bytes))
}

/// All restored at once, none of them drained before every one of them has begun to deliver.
fn restore_data(scene: &Scene<'_>) -> Verdict {
    let streams = streams(scene, 5200)?;
    for (path, bytes) in &streams {
        scene.backup_data(path, bytes)?;
    }
    let mut running = Vec::new();
    for (path, _) in &streams {
        running.push(scene.call("restore_data").arg(path).small_pipes().start()?);
    }
    for call in &mut running {
        call.read(100)?;
    }
    for (finished, (_, bytes)) in finish_all(running)?.into_iter().zip(&streams) {
        finished.succeeds()?.with_stdout(bytes)?;
    }
    Ok(())
}

fn files(scene: &Scene<'_>) -> Verdict {
    let files = streams(scene, 500)?;
    for (path, bytes) in &files {
        std::fs::write(path, bytes)?;
    }
    for command in ["backup_file", "restore_file"] {
        let running = files
            .iter()
            .map(|(path, _)| scene.call(command).arg(path).start());
        for finished in finish_all(running.collect::<Verdict<_>>()?)? {
            finished.succeeds()?;
        }
        for (path, bytes) in &files {
            file_holds(path, bytes)?;
            if command == "backup_file" {
                remove_local(path)?;
            }
        }
    }
    Ok(())
}

/// One half is stored while the other half is restored.
fn both_ways(scene: &Scene<'_>) -> Verdict {
    let streams = streams(scene, 5200)?;
    let (old, new) = streams.split_at(streams.len() / 2);
    for (path, bytes) in old {
        scene.backup_data(path, bytes)?;
    }
    let mut writers = Vec::new();
    for (path, bytes) in new {
        let mut call = scene.call("backup_data").arg(path).small_pipes().start()?;
        write(&mut call, &bytes[..5000])?;
        writers.push(call);
    }
    old.iter()
        .try_for_each(|(path, bytes)| scene.restores(path, bytes))?;
    for (call, (_, bytes)) in writers.iter_mut().zip(new) {
        write(call, &bytes[5000..])?;
    }
    for finished in finish_all(writers)? {
        finished.succeeds()?;
    }
    new.iter()
        .try_for_each(|(path, bytes)| scene.restores(path, bytes))
}

fn same_name(scene: &Scene<'_>) -> Verdict {
    let path = scene.path("data")?;
    let contents = [payload::random("one", 6000), payload::random("two", 5500)];
    let mut running = Vec::new();
    for bytes in &contents {
        let mut call = scene.call("backup_data").arg(&path).small_pipes().start()?;
        write(&mut call, &bytes[..5000])?;
        running.push(call);
    }
    for (call, bytes) in running.iter_mut().zip(&contents) {
        write(call, &bytes[5000..])?;
    }
    finish_all(running)?;
    let restored = scene.restore_data(&path)?.succeeds()?;
    if contents.contains(&restored.stdout) {
        Ok(())
    } else {
        Err(Trouble::plugin(
            "two writers of one name left a stream that is neither's",
        ))
    }
}
