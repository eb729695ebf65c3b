//! Calls that make no sense: each fails with a message on stderr and nothing on stdout.

use std::fs;
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};

use crate::bench::{COORDINATOR_CONTENT, HOOKS};
use crate::case::{Group, must, should};
use crate::need::Need;
use crate::scene::Scene;
use crate::trouble::{Verdict, ensure};

const FAILS: &str = "API: on an error, a message on stderr and a non-zero return code";

pub(crate) static GROUP: Group = Group {
    name: "usage",
    about: "calls that make no sense",
    cases: &[
        must(
            "unknown-command",
            "script: an unknown command exits non-zero",
            unknown_command,
        ),
        should("unknown-command-message", FAILS, unknown_command_message),
        should(
            "no-command",
            "practice: a call of nothing is a mistake, and told",
            no_command,
        ),
        must(
            "too-few-arguments",
            "contract: wrong argument counts fail, with one clear message on stderr",
            too_few,
        ),
        must(
            "too-many-arguments",
            "contract: wrong argument counts fail, with one clear message on stderr",
            too_many,
        ),
        must("missing-config", FAILS, missing_config),
        must("config-is-no-yaml", FAILS, config_is_no_yaml),
        must("unreadable-config", FAILS, unreadable_config),
        should(
            "config-path-with-spaces",
            "practice: a path is one argument, whatever is in it",
            config_path_with_spaces,
        ),
        should(
            "secrets-stay-secret",
            "practice: no message shows a secret of the config",
            secrets_stay_secret,
        )
        .needs(&[Need::Secret]),
    ],
};

fn unknown_command(scene: &Scene<'_>) -> Verdict {
    scene.bare("unknown_command").run()?.fails()?;
    Ok(())
}

fn unknown_command_message(scene: &Scene<'_>) -> Verdict {
    scene.bare("unknown_command").run()?.fails_with_message()?;
    scene
        .call("unknown_command")
        .arg(scene.path("file")?)
        .run()?
        .fails_with_message()?;
    Ok(())
}

fn no_command(scene: &Scene<'_>) -> Verdict {
    scene.nothing().run()?.fails_with_message()?;
    Ok(())
}

/// Every command with arguments that make a good call, the config first.
fn good_calls(scene: &Scene<'_>) -> Verdict<Vec<(&'static str, Vec<PathBuf>)>> {
    let config = scene.config().to_owned();
    let timestamp = scene.bench.own_timestamp()?;
    let dir = scene.backup_dir(0, timestamp)?;
    let data = scene.path_at(timestamp, "data")?;
    let file = scene.path_at(timestamp, "file")?;
    scene.backup_data(&data, b"data")?;
    scene.backup_file(&file, b"file")?;
    let hook = |hook| {
        (
            hook,
            vec![config.clone(), dir.clone(), "segment".into(), "0".into()],
        )
    };
    let mut calls: Vec<_> = HOOKS.into_iter().map(hook).collect();
    for command in ["backup_file", "restore_file"] {
        calls.push((command, vec![config.clone(), file.clone()]));
    }
    for command in ["backup_data", "restore_data"] {
        calls.push((command, vec![config.clone(), data.clone()]));
    }
    calls.push((
        "delete_backup",
        vec![config, PathBuf::from(timestamp.to_string())],
    ));
    Ok(calls)
}

fn too_few(scene: &Scene<'_>) -> Verdict {
    for (command, args) in good_calls(scene)? {
        let least = if HOOKS.contains(&command) {
            3
        } else {
            args.len()
        };
        for count in 0..least {
            scene
                .bare(command)
                .args(&args[..count])
                .run()?
                .fails_with_message()?;
        }
    }
    Ok(())
}

fn too_many(scene: &Scene<'_>) -> Verdict {
    for (command, args) in good_calls(scene)? {
        scene
            .bare(command)
            .args(&args)
            .arg("more")
            .run()?
            .fails_with_message()?;
    }
    Ok(())
}

/// Calls that use a config, with `config` in its place: each has to fail.
fn fails_with_config(scene: &Scene<'_>, config: &Path) -> Verdict {
    let file = scene.path("file")?;
    fs::write(&file, "file")?;
    let dir = file.parent().unwrap_or(&scene.dir);
    let setup = scene.call_with("setup_plugin_for_backup", config).arg(dir);
    setup
        .arg("coordinator")
        .arg(COORDINATOR_CONTENT)
        .run()?
        .fails_with_message()?;
    for command in ["backup_file", "restore_file", "restore_data"] {
        scene
            .call_with(command, config)
            .arg(&file)
            .run()?
            .fails_with_message()?;
    }
    let data = scene
        .call_with("backup_data", config)
        .arg(scene.path("data")?);
    data.stdin("data").run()?.fails_with_message()?;
    Ok(())
}

fn missing_config(scene: &Scene<'_>) -> Verdict {
    fails_with_config(scene, &scene.dir.join("missing.yaml"))
}

fn config_is_no_yaml(scene: &Scene<'_>) -> Verdict {
    let config = scene.dir.join("no.yaml");
    fs::write(&config, "}{ this is \"not: YAML\n\t]: [\n")?;
    fails_with_config(scene, &config)
}

/// A directory can be read by nobody, a file without read permission by nobody but root.
fn unreadable_config(scene: &Scene<'_>) -> Verdict {
    let directory = scene.dir.join("directory.yaml");
    fs::create_dir(&directory)?;
    fails_with_config(scene, &directory)?;
    if !nix::unistd::geteuid().is_root() {
        let closed = scene.dir.join("closed.yaml");
        fs::copy(scene.config(), &closed)?;
        fs::set_permissions(&closed, fs::Permissions::from_mode(0o000))?;
        fails_with_config(scene, &closed)?;
    }
    Ok(())
}

fn config_path_with_spaces(scene: &Scene<'_>) -> Verdict {
    let dir = scene.dir.join("a folder");
    fs::create_dir(&dir)?;
    let config = dir.join("my config.yaml");
    fs::copy(scene.config(), &config)?;
    let path = scene.path("data")?;
    scene
        .call_with("backup_data", &config)
        .arg(&path)
        .stdin("data")
        .run()?
        .succeeds()?;
    scene
        .call_with("restore_data", &config)
        .arg(&path)
        .run()?
        .succeeds()?
        .with_stdout(b"data")?;
    Ok(())
}

fn secrets_stay_secret(scene: &Scene<'_>) -> Verdict {
    let broken = scene.dir.join("broken.yaml");
    fs::write(
        &broken,
        format!("{}\n}}{{ : [\n", scene.bench.config.as_str()),
    )?;
    let missing = scene.path("missing")?;
    let answers = [
        scene.call("unknown_command").run()?,
        scene.call("restore_data").arg(&missing).run()?,
        scene.call("restore_file").arg(&missing).run()?,
        scene.call("backup_data").run()?,
        scene.call("delete_backup").arg("99").run()?,
        scene
            .call_with("restore_data", &broken)
            .arg(&missing)
            .run()?,
    ];
    for answer in answers {
        let said = [answer.stdout.as_slice(), &answer.stderr].concat();
        let said = String::from_utf8_lossy(&said);
        let shown = scene
            .bench
            .config
            .secrets()
            .into_iter()
            .any(|secret| said.contains(secret));
        ensure(!shown, || {
            format!("{} showed a secret of the config", answer.command())
        })?;
    }
    Ok(())
}
