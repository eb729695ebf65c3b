//! Setup and cleanup.

use std::fs::{self, File};
use std::path::{Path, PathBuf};
use std::time::Duration;

use crate::config::Config;
use crate::{Done, answer, fault};

/// Runs the hook `name`.
pub(crate) fn run(
    name: &str,
    config: &Config,
    dir: &str,
    scope: &str,
    content: Option<&str>,
) -> Done {
    check(scope, content)?;
    let root = config.directory()?;
    fs::create_dir_all(&root)?;
    if fault("hooks-exclude-each-other") && scope != "coordinator" && scope != "master" {
        alone(&root)?;
    }
    if fault("hook-works-once") {
        once(&root, name, dir, scope, content)?;
    }
    if name.starts_with("cleanup") {
        cleanup(name, &root, dir)?;
    } else {
        let mark = root
            .join("set-up")
            .join(Path::new(dir).file_name().unwrap_or_default());
        fs::create_dir_all(mark)?;
        if fault("setup-forgets-other-backups") && name == "setup_plugin_for_backup" {
            forget_others(&root, dir)?;
        }
    }
    if name == "setup_plugin_for_restore" && !fault("restore-directory-not-made") {
        fs::create_dir_all(dir)?;
    }
    if fault("hook-prints") {
        answer("done")
    } else {
        Ok(())
    }
}

fn check(scope: &str, content: Option<&str>) -> Done {
    let known = match scope {
        "coordinator" => !fault("coordinator-refused"),
        "master" => !fault("master-refused"),
        "segment_host" => match content {
            None => !fault("three-arguments-refused"),
            Some(_) => !fault("four-arguments-refused"),
        },
        "segment" => !fault("segment-refused"),
        _ => false,
    };
    if !known {
        return Err(format!("wrong arguments for scope {scope}").into());
    }
    let Some(content) = content else {
        return Ok(());
    };
    if fault("quoted-content-refused") && content.contains('"')
        || fault("content-taken-for-option") && content.starts_with('-')
    {
        return Err(format!("contentID {content} is refused").into());
    }
    content
        .trim_matches('"')
        .parse::<i32>()
        .map_err(|error| format!("contentID {content}: {error}"))?;
    Ok(())
}

fn cleanup(name: &str, root: &Path, dir: &str) -> Done {
    let timestamp = Path::new(dir).file_name().unwrap_or_default();
    if fault("cleanup-needs-setup") && !root.join("set-up").join(timestamp).exists() {
        return Err("there was no setup".into());
    }
    let objects = objects(root, dir);
    if fault("cleanup-refuses-partial") && objects.iter().any(|path| is_partial(path)) {
        return Err("there is a partial object".into());
    }
    if fault("cleanup-needs-objects") && name == "cleanup_plugin_for_backup" && objects.is_empty() {
        return Err("there is nothing of this backup".into());
    }
    Ok(())
}

/// The objects of the backup whose local directory is `dir`.
fn objects(root: &Path, dir: &str) -> Vec<PathBuf> {
    let parts: Vec<&str> = dir.split('/').collect();
    let stored = root.join(parts[parts.len().saturating_sub(3)..].join("/"));
    fs::read_dir(stored)
        .into_iter()
        .flatten()
        .flatten()
        .map(|entry| entry.path())
        .collect()
}

/// Whether `path` is an object that is still being written.
pub(crate) fn is_partial(path: &Path) -> bool {
    path.file_name()
        .is_some_and(|name| name.to_string_lossy().starts_with(".partial"))
}

/// Fails where another hook is at work.
fn alone(root: &Path) -> Done {
    let lock = File::create(root.join("hook.lock"))?;
    lock.try_lock().map_err(|_| "another hook is at work")?;
    std::thread::sleep(Duration::from_millis(30));
    Ok(())
}

/// Fails where the same hook has run before.
fn once(root: &Path, name: &str, dir: &str, scope: &str, content: Option<&str>) -> Done {
    let mark = format!("{name} {dir} {scope} {}", content.unwrap_or_default()).replace('/', "|");
    fs::create_dir_all(root.join("once"))?;
    File::create_new(root.join("once").join(mark)).map_err(|_| "this hook has run before")?;
    Ok(())
}

/// Deletes the older backups of the same day.
fn forget_others(root: &Path, dir: &str) -> Done {
    let parts: Vec<&str> = dir.split('/').collect();
    let day = root.join(parts[parts.len().saturating_sub(3)..parts.len() - 1].join("/"));
    let own = Path::new(dir).file_name().unwrap_or_default();
    for entry in fs::read_dir(day).into_iter().flatten().flatten() {
        if entry.file_name() != own {
            fs::remove_dir_all(entry.path())?;
        }
    }
    Ok(())
}
