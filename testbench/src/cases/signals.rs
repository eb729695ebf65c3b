//! Signals in the middle of a stream.

use std::path::Path;

use nix::sys::signal::Signal;

use crate::case::{Group, must, should};
use crate::finished::Finished;
use crate::payload;
use crate::running::Running;
use crate::scene::Scene;
use crate::trouble::{Trouble, Verdict, ensure};
use crate::unread::Unread;

const ENDS: &str = "gpbackup: a cancelled run ends; a plugin that goes on keeps its segment busy";
const NOTHING: &str = "practice: an interrupted backup_data leaves no object under the final name";

pub(crate) static GROUP: Group = Group {
    name: "signals",
    about: "SIGTERM and SIGINT in the middle of a stream",
    cases: &[
        must("sigterm-ends-backup", ENDS, |scene| {
            ends_backup(scene, Signal::SIGTERM)
        }),
        must("sigint-ends-backup", ENDS, |scene| {
            ends_backup(scene, Signal::SIGINT)
        }),
        should("sigterm-leaves-no-object", NOTHING, |scene| {
            leaves_no_object(scene, Signal::SIGTERM)
        }),
        should("sigint-leaves-no-object", NOTHING, |scene| {
            leaves_no_object(scene, Signal::SIGINT)
        }),
        should(
            "sigterm-keeps-older-object",
            "practice: an interrupted overwrite leaves what was stored before",
            keeps_older,
        ),
        must(
            "stored-again",
            "gpbackup: a segment that is tried again writes the same name again",
            stored_again,
        ),
        must("sigterm-ends-restore", ENDS, |scene| {
            ends_restore(scene, Signal::SIGTERM)
        }),
        must("sigint-ends-restore", ENDS, |scene| {
            ends_restore(scene, Signal::SIGINT)
        }),
    ],
};

/// Starts `backup_data` and signals it when it has read more than a pipe holds. Its stdin stays open until it
/// has ended.
fn interrupt(scene: &Scene<'_>, path: &Path, signal: Signal) -> Verdict {
    let mut running = scene.call("backup_data").arg(path).small_pipes().start()?;
    // A plugin that ends before it is signalled is told by its exit code below.
    let _ = running.write(&payload::random("interrupted", 5000));
    end(scene, running, signal)?.fails().map(|_| ())
}

/// Signals the call and asks for a prompt end.
fn end(scene: &Scene<'_>, running: Running<'_>, signal: Signal) -> Verdict<Finished> {
    running.signal(signal)?;
    let ended = running.ends_within(scene.prompt());
    if !ended {
        running.kill()?;
    }
    let finished = running.finish()?;
    ensure(ended, || {
        format!("{} goes on after {signal}", finished.command())
    })?;
    Ok(finished)
}

fn ends_backup(scene: &Scene<'_>, signal: Signal) -> Verdict {
    interrupt(scene, &scene.path("data")?, signal)
}

/// How the plugin ends is not judged here, only what is left.
fn interrupted(scene: &Scene<'_>, path: &Path, signal: Signal) -> Verdict {
    match interrupt(scene, path, signal) {
        Err(Trouble::Plugin(_)) | Ok(()) => Ok(()),
        Err(other) => Err(other),
    }
}

fn leaves_no_object(scene: &Scene<'_>, signal: Signal) -> Verdict {
    let path = scene.path("data")?;
    interrupted(scene, &path, signal)?;
    let finished = scene.restore_data(&path)?;
    ensure(finished.failed(), || {
        format!(
            "after {signal} there is an object of {} bytes under the final name",
            finished.stdout.len()
        )
    })
}

fn keeps_older(scene: &Scene<'_>) -> Verdict {
    let path = scene.path("data")?;
    scene.backup_data(&path, b"stored before")?;
    interrupted(scene, &path, Signal::SIGTERM)?;
    scene.restores(&path, b"stored before")
}

fn stored_again(scene: &Scene<'_>) -> Verdict {
    let path = scene.path("data")?;
    interrupted(scene, &path, Signal::SIGTERM)?;
    interrupted(scene, &path, Signal::SIGINT)?;
    scene.backup_data(&path, b"stored again")?;
    scene.restores(&path, b"stored again")
}

fn ends_restore(scene: &Scene<'_>, signal: Signal) -> Verdict {
    let Some(Unread { running, bytes }) = scene.restore_unread(|call| call)? else {
        return Ok(());
    };
    let finished = end(scene, running, signal)?;
    // Exit 0 is true where the plugin enlarged its pipe at the last moment and all of the stream has come.
    if finished.ok() && finished.stdout == bytes {
        return Ok(());
    }
    finished.fails().map(|_| ())
}
