//! What the bench calls to damage a stored object behind the plugin's back, on the embedded server.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use anyhow::{Context, Result};

use crate::place::FOLDER;

/// Arguments of the hidden command `damage`.
#[derive(clap::Args)]
pub(crate) struct Args {
    /// The bucket's directory
    bucket: PathBuf,
    /// The object below the plugin's folder
    object: PathBuf,
    how: How,
}

#[derive(Clone, Copy, clap::ValueEnum)]
enum How {
    /// One bit in the middle is another.
    Flip,
    /// The second half is missing.
    Truncate,
    /// There is no such object any more.
    Remove,
}

pub(crate) fn run(args: Args) -> Result<ExitCode> {
    let file = args.bucket.join(FOLDER).join(args.object);
    damage(&file, args.how).with_context(|| format!("cannot damage {}", file.display()))?;
    Ok(ExitCode::SUCCESS)
}

fn damage(file: &Path, how: How) -> Result<()> {
    let mut bytes = fs::read(file)?;
    let middle = bytes.len() / 2;
    match how {
        How::Flip => *bytes.get_mut(middle).context("it is empty")? ^= 1,
        How::Truncate => bytes.truncate(middle),
        How::Remove => return Ok(fs::remove_file(file)?),
    }
    Ok(fs::write(file, bytes)?)
}

/// The shell command for the objects in `bucket`; the bench adds the object and how to damage it.
pub(crate) fn command(bucket: &Path) -> Result<String> {
    let program = std::env::current_exe().context("cannot find this program")?;
    Ok(format!("{} damage {}", quote(&program), quote(bucket)))
}

/// The path as one word of a shell command.
pub(crate) fn quote(path: &Path) -> String {
    format!("'{}'", path.display().to_string().replace('\'', r"'\''"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_object_is_damaged_as_asked() {
        let dir = tempfile::tempdir().unwrap();
        let file = dir.path().join("object");
        let check = |how, expected: Option<&[u8]>| {
            fs::write(&file, b"0123").unwrap();
            damage(&file, how).unwrap();
            assert_eq!(fs::read(&file).ok().as_deref(), expected);
        };
        check(How::Flip, Some(b"0133"));
        check(How::Truncate, Some(b"01"));
        check(How::Remove, None);
    }
}
