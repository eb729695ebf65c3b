//! `delete_backup`.

use std::path::PathBuf;

use crate::case::{Group, must, should};
use crate::scene::{Scene, remove_local};
use crate::timestamp::Timestamp;
use crate::trouble::{Trouble, Verdict, ensure};

pub(crate) static GROUP: Group = Group {
    name: "delete",
    about: "delete_backup",
    cases: &[
        must(
            "data-gone",
            "script: after delete_backup, restore_data fails",
            data_gone,
        ),
        must(
            "file-gone",
            "script: after delete_backup, restore_file fails",
            file_gone,
        ),
        must(
            "sibling-whole",
            "script: the backup one second later is whole afterwards",
            sibling_whole,
        ),
        must(
            "twice",
            "contract: deleting a second time touches nothing else, whatever its exit code",
            twice,
        ),
        must(
            "unknown-timestamp",
            "contract: deleting an unknown timestamp touches nothing else, whatever its exit code",
            unknown_timestamp,
        ),
        must(
            "malformed-fails",
            "contract: a malformed timestamp fails",
            malformed_fails,
        ),
        must(
            "malformed-loses-nothing",
            "API: delete_backup deletes the directory of the given timestamp, and so no other",
            malformed_loses_nothing,
        ),
        should(
            "used-again",
            "practice: a deleted timestamp can be stored again",
            used_again,
        ),
        must(
            "thousand-objects",
            "API: delete_backup deletes the directory of the given timestamp, all of it",
            thousand_objects,
        )
        .full(),
    ],
};

/// Stores a stream and a file in `timestamp`.
fn store(scene: &Scene<'_>, timestamp: Timestamp) -> Verdict {
    scene.backup_data(&scene.path_at(timestamp, "data")?, b"some data")?;
    scene.backup_file(&scene.path_at(timestamp, "file")?, b"some text\n")?;
    Ok(())
}

/// Asks that both are there.
fn is_whole(scene: &Scene<'_>, timestamp: Timestamp) -> Verdict {
    let told = |trouble| match trouble {
        Trouble::Plugin(message) => {
            Trouble::Plugin(format!("the other backup is no longer whole: {message}"))
        }
        other => other,
    };
    scene
        .restores(&scene.path_at(timestamp, "data")?, b"some data")
        .map_err(told)?;
    let file = scene.path_at(timestamp, "file")?;
    remove_local(&file)?;
    scene.restore_file(&file)?.succeeds().map_err(told)?;
    crate::finished::file_holds(&file, b"some text\n").map_err(told)
}

fn delete(scene: &Scene<'_>, timestamp: Timestamp) -> Verdict {
    scene
        .call("delete_backup")
        .arg(timestamp.to_string())
        .run()?
        .succeeds()?;
    Ok(())
}

fn data_gone(scene: &Scene<'_>) -> Verdict {
    let timestamp = scene.bench.own_timestamp()?;
    store(scene, timestamp)?;
    delete(scene, timestamp)?;
    let finished = scene.restore_data(&scene.path_at(timestamp, "data")?)?;
    ensure(finished.failed(), || {
        "the data of a deleted backup can still be restored".into()
    })
}

fn file_gone(scene: &Scene<'_>) -> Verdict {
    let timestamp = scene.bench.own_timestamp()?;
    store(scene, timestamp)?;
    delete(scene, timestamp)?;
    let finished = scene.restore_file(&scene.path_at(timestamp, "file")?)?;
    ensure(finished.failed(), || {
        "the file of a deleted backup can still be restored".into()
    })
}

fn sibling_whole(scene: &Scene<'_>) -> Verdict {
    let (timestamp, sibling) = scene.bench.own_siblings()?;
    store(scene, timestamp)?;
    store(scene, sibling)?;
    delete(scene, timestamp)?;
    is_whole(scene, sibling)
}

fn twice(scene: &Scene<'_>) -> Verdict {
    let (timestamp, sibling) = scene.bench.own_siblings()?;
    store(scene, timestamp)?;
    delete(scene, timestamp)?;
    store(scene, sibling)?;
    scene
        .call("delete_backup")
        .arg(timestamp.to_string())
        .run()?;
    is_whole(scene, sibling)
}

fn unknown_timestamp(scene: &Scene<'_>) -> Verdict {
    let timestamp = scene.bench.own_timestamp()?;
    store(scene, timestamp)?;
    scene
        .call("delete_backup")
        .arg(timestamp.next().to_string())
        .run()?;
    is_whole(scene, timestamp)
}

/// Malformed timestamps, the harmless ones first. Each is made of the bench's own timestamp, so that a plugin
/// that takes it for a prefix or a path finds nothing but the bench's own backups.
fn malformed(timestamp: Timestamp) -> Vec<String> {
    let stamp = timestamp.to_string();
    vec![
        format!("{}x", &stamp[..13]),
        format!("{stamp}0"),
        format!("../{stamp}"),
        format!("{stamp}/"),
        format!(" {stamp}"),
        stamp[..4].to_owned(),
        stamp[..8].to_owned(),
    ]
}

fn malformed_fails(scene: &Scene<'_>) -> Verdict {
    let timestamp = scene.bench.own_timestamp()?;
    store(scene, timestamp)?;
    for text in malformed(timestamp) {
        refuses(scene, &text)?;
    }
    // Only a plugin that has refused all of these is asked to delete the backup of no name at all, which
    // might be every backup there is.
    is_whole(scene, timestamp)?;
    refuses(scene, "")
}

fn refuses(scene: &Scene<'_>, text: &str) -> Verdict {
    let finished = scene.call("delete_backup").arg(text).run()?;
    ensure(finished.failed(), || {
        format!("delete_backup accepted the malformed timestamp {text:?}")
    })
}

fn malformed_loses_nothing(scene: &Scene<'_>) -> Verdict {
    let timestamp = scene.bench.own_timestamp()?;
    store(scene, timestamp)?;
    for text in malformed(timestamp) {
        scene.call("delete_backup").arg(text).run()?;
        is_whole(scene, timestamp)?;
    }
    Ok(())
}

fn used_again(scene: &Scene<'_>) -> Verdict {
    let timestamp = scene.bench.own_timestamp()?;
    store(scene, timestamp)?;
    delete(scene, timestamp)?;
    store(scene, timestamp)?;
    is_whole(scene, timestamp)
}

/// More objects than one page of a listing, or one batch of a deletion, has.
fn thousand_objects(scene: &Scene<'_>) -> Verdict {
    const OBJECTS: usize = 1003;
    const AT_ONCE: usize = 8;
    let timestamp = scene.bench.own_timestamp()?;
    let paths: Vec<PathBuf> = (0..OBJECTS)
        .map(|number| scene.path_at(timestamp, &number.to_string()))
        .collect::<Verdict<_>>()?;
    for paths in paths.chunks(AT_ONCE) {
        let mut running = Vec::new();
        for path in paths {
            let mut call = scene.call("backup_data").arg(path).start()?;
            call.feed(b"row".to_vec());
            running.push(call);
        }
        for call in running {
            call.finish()?.succeeds()?;
        }
    }
    delete(scene, timestamp)?;
    // Each of them: a store lists pages of a thousand, and what is left behind the first may be any.
    for paths in paths.chunks(AT_ONCE) {
        let running: Vec<_> = paths
            .iter()
            .map(|path| scene.call("restore_data").arg(path).start())
            .collect::<Verdict<_>>()?;
        for call in running {
            ensure(call.finish()?.failed(), || {
                "a part of a deleted backup can still be restored".into()
            })?;
        }
    }
    Ok(())
}
