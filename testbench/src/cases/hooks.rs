//! The four hooks at their scopes.

use std::path::{Path, PathBuf};

use crate::bench::{COORDINATOR_CONTENT, HOOKS};
use crate::case::{Group, must, should};
use crate::finished::Finished;
use crate::payload;
use crate::scene::Scene;
use crate::trouble::{Trouble, Verdict, ensure};

pub(crate) static GROUP: Group = Group {
    name: "hooks",
    about: "setup and cleanup at every scope",
    cases: &[
        must(
            "coordinator",
            "script: all four hooks at scope coordinator with contentID \"-1\", quotes included",
            coordinator,
        ),
        must(
            "segment-host",
            "script: all four hooks at scope segment_host, three arguments",
            segment_host,
        ),
        must(
            "segment",
            "script: all four hooks at scope segment with contentID \"0\", quotes included",
            segment,
        ),
        must(
            "master",
            "API: scope master is a supported synonym for coordinator",
            master,
        ),
        must(
            "bare-content-id",
            "gpbackup: contentID comes without quotes too, and -1 is no option",
            bare_content_id,
        ),
        must(
            "fourth-argument-at-segment-host",
            "contract: hooks may come with three or four arguments",
            four_arguments,
        ),
        must(
            "repeated",
            "gpbackup: a hook is tried up to five times, so it can be called again",
            repeated,
        ),
        must(
            "cleanup-without-setup",
            "gpbackup: cleanup runs after a run that failed before its setup, too",
            cleanup_without_setup,
        ),
        must(
            "cleanup-after-failed-run",
            "API: cleanup \"will execute even if backup fails early due to an error\"",
            cleanup_after_failure,
        ),
        must(
            "side-by-side",
            "gpbackup: the hooks of one host's segments run side by side",
            side_by_side,
        ),
        must(
            "restore-makes-directory",
            "API: the plugin makes the local backup directory during setup if it does not exist",
            restore_makes_directory,
        ),
        must(
            "pgport-spellings",
            "gpbackup: pgport is added to the options, with and without quotes",
            pgport_spellings,
        ),
        must(
            "older-backup-version",
            "API: the options may hold the backup_plugin_version of an older backup",
            older_backup_version,
        ),
        should(
            "quiet",
            "API: hooks, \"Stdout: None\"; contract: stderr is empty when a command succeeds",
            quiet,
        ),
    ],
};

fn dir(scene: &Scene<'_>) -> Verdict<PathBuf> {
    scene.backup_dir(0, scene.bench.shared_timestamp()?)
}

fn hook(scene: &Scene<'_>, hook: &str, dir: &Path, scope: &[&str]) -> Verdict<Finished> {
    scene.call(hook).arg(dir).args(scope).run()
}

fn all(scene: &Scene<'_>, scope: &[&str]) -> Verdict {
    let dir = dir(scene)?;
    HOOKS
        .iter()
        .try_for_each(|name| hook(scene, name, &dir, scope)?.succeeds().map(|_| ()))
}

fn coordinator(scene: &Scene<'_>) -> Verdict {
    all(scene, &["coordinator", COORDINATOR_CONTENT])
}

fn segment_host(scene: &Scene<'_>) -> Verdict {
    all(scene, &["segment_host"])
}

fn segment(scene: &Scene<'_>) -> Verdict {
    all(scene, &["segment", "\"0\""])
}

fn master(scene: &Scene<'_>) -> Verdict {
    all(scene, &["master", COORDINATOR_CONTENT])
}

fn bare_content_id(scene: &Scene<'_>) -> Verdict {
    all(scene, &["coordinator", "-1"])?;
    all(scene, &["segment", "0"])
}

fn four_arguments(scene: &Scene<'_>) -> Verdict {
    all(scene, &["segment_host", "0"])
}

fn repeated(scene: &Scene<'_>) -> Verdict {
    let dir = dir(scene)?;
    for name in HOOKS {
        for scope in [
            &["coordinator", COORDINATOR_CONTENT][..],
            &["segment_host"],
            &["segment", "\"0\""],
        ] {
            for _ in 0..3 {
                hook(scene, name, &dir, scope)?.succeeds()?;
            }
        }
    }
    Ok(())
}

fn cleanup_without_setup(scene: &Scene<'_>) -> Verdict {
    let timestamp = scene.bench.untouched_timestamp()?;
    let dir = timestamp.dir(&scene.dir.join("gpseg0"));
    for name in ["cleanup_plugin_for_backup", "cleanup_plugin_for_restore"] {
        for scope in [
            &["coordinator", COORDINATOR_CONTENT][..],
            &["segment_host"],
            &["segment", "\"0\""],
        ] {
            hook(scene, name, &dir, scope)?.succeeds()?;
        }
    }
    Ok(())
}

fn cleanup_after_failure(scene: &Scene<'_>) -> Verdict {
    let timestamp = scene.bench.own_timestamp()?;
    let dir = scene.backup_dir(0, timestamp)?;
    let mut running = scene
        .call("backup_data")
        .arg(scene.path_at(timestamp, "data")?)
        .small_pipes()
        .start()?;
    // More than a pipe holds, so the plugin is in the middle of it; how the write ends is its business.
    let _ = running.write(&payload::random("cut", 5000));
    running.kill()?;
    running.finish()?;
    for name in ["cleanup_plugin_for_backup", "cleanup_plugin_for_restore"] {
        for scope in [
            &["coordinator", COORDINATOR_CONTENT][..],
            &["segment_host"],
            &["segment", "\"0\""],
        ] {
            hook(scene, name, &dir, scope)?.succeeds()?;
        }
    }
    Ok(())
}

/// The hooks of a host with four segments: those of one scope all at once, five times.
fn side_by_side(scene: &Scene<'_>) -> Verdict {
    let timestamp = scene.bench.shared_timestamp()?;
    let dirs: Vec<PathBuf> = (0..4)
        .map(|content| scene.backup_dir(content, timestamp))
        .collect::<Verdict<_>>()?;
    for _ in 0..5 {
        for name in HOOKS {
            for scope in ["segment_host", "segment"] {
                at_once(scene, name, scope, &dirs)?;
            }
        }
    }
    Ok(())
}

fn at_once(scene: &Scene<'_>, name: &str, scope: &str, dirs: &[PathBuf]) -> Verdict {
    let mut running = Vec::new();
    for (content, dir) in dirs.iter().enumerate() {
        let call = scene.call(name).arg(dir).arg(scope);
        let call = if scope == "segment" {
            call.arg(format!("\"{content}\""))
        } else {
            call
        };
        running.push(call.start()?);
    }
    let ended: Vec<_> = running.into_iter().map(|call| call.finish()).collect();
    for finished in ended {
        finished?.succeeds()?;
    }
    Ok(())
}

fn restore_makes_directory(scene: &Scene<'_>) -> Verdict {
    let timestamp = scene.bench.shared_timestamp()?;
    let scopes = [
        ("coordinator", Some(COORDINATOR_CONTENT)),
        ("segment_host", None),
        ("segment", Some("\"0\"")),
    ];
    for (number, (scope, content)) in scopes.into_iter().enumerate() {
        let dir = timestamp.dir(&scene.dir.join(format!("fresh{number}")));
        let call = scene
            .call("setup_plugin_for_restore")
            .arg(&dir)
            .arg(scope)
            .args(content);
        call.run()?.succeeds()?;
        ensure(dir.is_dir(), || {
            format!("the local backup directory is not there after setup at scope {scope}")
        })?;
    }
    Ok(())
}

fn pgport_spellings(scene: &Scene<'_>) -> Verdict {
    let dir = dir(scene)?;
    for (number, spelling) in ["5432", "\"5432\"", "'5432'"].into_iter().enumerate() {
        let config = scene.config_with(
            &format!("config{number}.yaml"),
            &[("pgport", spelling), ("backup_plugin_version", "\"\"")],
        )?;
        let call = scene
            .call_with("setup_plugin_for_backup", &config)
            .arg(&dir);
        let finished = call.arg("coordinator").arg(COORDINATOR_CONTENT).run()?;
        finished.succeeds().map_err(|trouble| match trouble {
            Trouble::Plugin(message) => Trouble::Plugin(format!("pgport: {spelling}: {message}")),
            other => other,
        })?;
    }
    Ok(())
}

/// Version 0.9.0 is above 0.10.0 and 0.40.0 for those who compare text.
fn older_backup_version(scene: &Scene<'_>) -> Verdict {
    let dir = dir(scene)?;
    let config = scene.config_with(
        "config.yaml",
        &[("backup_plugin_version", "0.9.0"), ("pgport", "\"5432\"")],
    )?;
    let call = scene
        .call_with("setup_plugin_for_restore", &config)
        .arg(&dir);
    call.arg("coordinator")
        .arg(COORDINATOR_CONTENT)
        .run()?
        .succeeds()?;
    Ok(())
}

fn quiet(scene: &Scene<'_>) -> Verdict {
    let dir = dir(scene)?;
    for name in HOOKS {
        let finished = hook(scene, name, &dir, &["coordinator", COORDINATOR_CONTENT])?;
        finished.with_empty_stdout()?.with_empty_stderr()?;
    }
    Ok(())
}
