//! `backup_file` and `restore_file`.

use std::fs;
use std::os::unix::ffi::OsStrExt as _;
use std::path::Path;
use std::time::{Duration, SystemTime};

use crate::case::{Group, must, should};
use crate::finished::{file_holds, file_is_absent};
use crate::payload;
use crate::scene::{Scene, remove_local};
use crate::trouble::{Trouble, Verdict, ensure};

const COPY: &str =
    "API: backup_file copies the file to the remote system, restore_file recovers it";

pub(crate) static GROUP: Group = Group {
    name: "file",
    about: "backup_file and restore_file",
    cases: &[
        must(
            "round-trip",
            "script: restore_file brings the same content back",
            round_trip,
        ),
        must(
            "original-left",
            "API: backup_file, \"the original file should be left behind\"",
            original_left,
        ),
        must(
            "original-unchanged",
            "contract: the local file must still be there afterwards, unchanged",
            original_unchanged,
        ),
        should(
            "original-mtime",
            "practice: reading a file does not change its modification time",
            original_mtime,
        ),
        must(
            "missing-fails",
            "script: restore_file of a file that does not exist fails",
            missing_fails,
        ),
        should(
            "missing-message",
            "API: on an error, a message on stderr",
            missing_message,
        ),
        must(
            "missing-local-fails",
            "gpbackup: exit 0 of backup_file must mean stored",
            missing_local_fails,
        ),
        must("empty", COPY, |scene| comes_back(scene, b"")),
        must("one-byte", COPY, |scene| comes_back(scene, b"x")),
        must("no-final-newline", COPY, |scene| {
            comes_back(scene, b"first\nlast")
        }),
        must("final-newlines", COPY, |scene| {
            comes_back(scene, b"text\n\n\n")
        }),
        must("nul-bytes", COPY, |scene| comes_back(scene, b"\0a\0\0b\0")),
        must("binary-200k", COPY, |scene| {
            comes_back(scene, &payload::random("file", 200_000))
        }),
        must("binary-1m", COPY, |scene| {
            comes_back(scene, &payload::random("file", 1_000_000))
        })
        .full(),
        must(
            "overwrite",
            "gpbackup: the report is written more than once; the last content counts",
            overwrite,
        ),
        must("over-longer-local", COPY, over_longer_local),
        should(
            "target-directory-missing",
            "contract: the directory may not exist yet, so restore_file creates it (gprestore does, too)",
            target_directory_missing,
        ),
        should(
            "failed-restore-leaves-nothing",
            "practice: a failed restore_file leaves no partial file",
            failed_leaves_nothing,
        ),
        should(
            "failed-restore-keeps-local",
            "practice: a failed restore_file leaves the existing local file as it was",
            failed_keeps_local,
        ),
        should(
            "leaves-no-other-files",
            "practice: no temporary file stays beside the restored one or the original",
            no_other_files,
        ),
        should(
            "other-directory",
            "contract: the remote name is made of the last four components of the path",
            other_directory,
        ),
        should(
            "name-with-spaces",
            "practice: a path is one argument, whatever is in it",
            |scene| named(scene, "with two  spaces.txt"),
        ),
        should(
            "name-non-ascii",
            "practice: a path is bytes, whatever is in it",
            |scene| named(scene, "Größe-数据-é.txt"),
        ),
        should(
            "quiet",
            "API: backup_file and restore_file, \"Stdout: None\"",
            quiet,
        ),
        should(
            "stderr-empty",
            "contract: stderr is empty when a command succeeds",
            stderr_empty,
        ),
    ],
};

fn comes_back(scene: &Scene<'_>, bytes: &[u8]) -> Verdict {
    let path = scene.path("file")?;
    back_and_forth(scene, &path, bytes)
}

fn back_and_forth(scene: &Scene<'_>, path: &Path, bytes: &[u8]) -> Verdict {
    scene.backup_file(path, bytes)?;
    remove_local(path)?;
    scene.restore_file(path)?.succeeds()?;
    file_holds(path, bytes)
}

fn round_trip(scene: &Scene<'_>) -> Verdict {
    comes_back(scene, b"this is some text\n")
}

fn original_left(scene: &Scene<'_>) -> Verdict {
    let path = scene.path("file")?;
    scene.backup_file(&path, b"original\n")?;
    ensure(path.is_file(), || {
        "backup_file took the original away".into()
    })
}

fn original_unchanged(scene: &Scene<'_>) -> Verdict {
    let path = scene.path("file")?;
    scene.backup_file(&path, b"original without newline")?;
    ensure(path.is_file(), || {
        "backup_file took the original away".into()
    })?;
    file_holds(&path, b"original without newline")
}

fn original_mtime(scene: &Scene<'_>) -> Verdict {
    let path = scene.path("file")?;
    let long_ago = SystemTime::UNIX_EPOCH + Duration::from_secs(1_500_000_000);
    fs::write(&path, "original\n")?;
    fs::File::options()
        .write(true)
        .open(&path)?
        .set_modified(long_ago)?;
    scene.call("backup_file").arg(&path).run()?.succeeds()?;
    let modified = fs::metadata(&path).and_then(|found| found.modified());
    ensure(modified.is_ok_and(|modified| modified == long_ago), || {
        "backup_file changed the original's modification time".into()
    })
}

fn missing_fails(scene: &Scene<'_>) -> Verdict {
    scene
        .restore_file(&scene.path("there_is_no_file_to_restore")?)?
        .fails()?;
    Ok(())
}

fn missing_message(scene: &Scene<'_>) -> Verdict {
    let finished = scene.restore_file(&scene.path("missing")?)?.fails()?;
    ensure(!finished.stderr.trim_ascii().is_empty(), || {
        "restore_file failed without a message on stderr".into()
    })
}

fn missing_local_fails(scene: &Scene<'_>) -> Verdict {
    let path = scene.path("missing")?;
    scene.call("backup_file").arg(&path).run()?.fails()?;
    Ok(())
}

fn overwrite(scene: &Scene<'_>) -> Verdict {
    let path = scene.path("file")?;
    scene.backup_file(&path, b"the first content, the longer one\n")?;
    back_and_forth(scene, &path, b"the second\n")
}

fn over_longer_local(scene: &Scene<'_>) -> Verdict {
    let path = scene.path("file")?;
    scene.backup_file(&path, b"short\n")?;
    fs::write(&path, "a local file that is a good deal longer\n")?;
    scene.restore_file(&path)?.succeeds()?;
    file_holds(&path, b"short\n")
}

fn target_directory_missing(scene: &Scene<'_>) -> Verdict {
    let path = scene.path("file")?;
    scene.backup_file(&path, b"text\n")?;
    fs::remove_dir_all(scene.dir.join("gpseg0"))?;
    scene.restore_file(&path)?.succeeds()?;
    file_holds(&path, b"text\n")
}

fn failed_leaves_nothing(scene: &Scene<'_>) -> Verdict {
    let path = scene.path("missing")?;
    scene.restore_file(&path)?.fails()?;
    let dir = path.parent().unwrap_or(&path);
    let left: Vec<_> = fs::read_dir(dir)?
        .filter_map(Result::ok)
        .map(|entry| entry.file_name())
        .collect();
    ensure(left.is_empty(), || {
        format!("a failed restore_file left {left:?}")
    })
}

fn failed_keeps_local(scene: &Scene<'_>) -> Verdict {
    let path = scene.path("missing")?;
    fs::write(&path, "a local file\n")?;
    scene.restore_file(&path)?.fails()?;
    ensure(path.exists(), || {
        "a failed restore_file took the local file away".into()
    })?;
    file_holds(&path, b"a local file\n")
}

fn no_other_files(scene: &Scene<'_>) -> Verdict {
    let path = scene.path("file")?;
    back_and_forth(scene, &path, b"text\n")?;
    let dir = path.parent().unwrap_or(&path);
    for entry in fs::read_dir(dir)? {
        let other = entry?.path();
        if other != path {
            file_is_absent(&other)?;
        }
    }
    Ok(())
}

fn other_directory(scene: &Scene<'_>) -> Verdict {
    let path = scene.path("file")?;
    scene.backup_file(&path, b"text\n")?;
    let timestamp = scene.bench.shared_timestamp()?;
    let elsewhere = scene
        .backup_dir(7, timestamp)?
        .join(path.file_name().unwrap_or_default());
    scene.restore_file(&elsewhere)?.succeeds()?;
    file_holds(&elsewhere, b"text\n")
}

fn named(scene: &Scene<'_>, name: &str) -> Verdict {
    let path = scene.path(name)?;
    match fs::write(&path, "") {
        // What the file system under the bench cannot name, it cannot ask for.
        Err(error) if !path.as_os_str().as_bytes().is_ascii() => {
            return Err(Trouble::bench(format!(
                "cannot make a local file {path:?}: {error}"
            )));
        }
        other => other?,
    }
    back_and_forth(scene, &path, b"named\n")
}

fn quiet(scene: &Scene<'_>) -> Verdict {
    let path = scene.path("file")?;
    scene.backup_file(&path, b"text\n")?.with_empty_stdout()?;
    scene.restore_file(&path)?.with_empty_stdout()?;
    Ok(())
}

fn stderr_empty(scene: &Scene<'_>) -> Verdict {
    let path = scene.path("file")?;
    scene.backup_file(&path, b"text\n")?.with_empty_stderr()?;
    scene.restore_file(&path)?.succeeds()?.with_empty_stderr()?;
    Ok(())
}
