//! Whether gpbackup, gprestore and a database are here.

use std::path::PathBuf;
use std::process::{Command, Stdio};

/// What is missing for a run on a real database.
pub(crate) fn missing() -> Option<String> {
    for program in ["gpbackup", "gprestore", "psql", "createdb", "dropdb"] {
        if on_path(program).is_none() {
            return Some(format!("{program} is not on PATH"));
        }
    }
    let answer = Command::new("psql")
        .args(["-X", "-d", "postgres", "-tAc", "SELECT 1"])
        .stdin(Stdio::null())
        .output();
    match answer {
        Ok(output) if output.status.success() => None,
        _ => Some("no database answers to psql -d postgres".into()),
    }
}

fn on_path(program: &str) -> Option<PathBuf> {
    let path = std::env::var_os("PATH")?;
    std::env::split_paths(&path)
        .map(|dir| dir.join(program))
        .find(|file| file.is_file())
}
