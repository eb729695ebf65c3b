//! `backup_data` and `restore_data`.

use std::io::Write as _;
use std::path::Path;
use std::thread::sleep;
use std::time::Duration;

use crate::case::{Group, must, should};
use crate::payload;
use crate::running::Running;
use crate::scene::Scene;
use crate::trouble::{Trouble, Verdict, ensure};
use crate::unread::Unread;

const STREAM: &str =
    "API: restore_data writes to stdout the stream that backup_data read from stdin";

pub(crate) static GROUP: Group = Group {
    name: "data",
    about: "backup_data and restore_data",
    cases: &[
        must("text-1000", "script: 1,000 characters come back", |scene| {
            comes_back(scene, &payload::text("1000", 1001))
        }),
        must("empty", "script: no data comes back as no data", |scene| {
            comes_back(scene, b"")
        }),
        must("one-byte", STREAM, |scene| comes_back(scene, b"x")),
        must("no-final-newline", STREAM, |scene| {
            comes_back(scene, b"first\nlast")
        }),
        must("final-newlines", STREAM, |scene| {
            comes_back(scene, b"rows\n\n\n")
        }),
        must("nul-bytes", STREAM, |scene| {
            comes_back(scene, b"\0a\0\0b\0")
        }),
        must("binary-200k", STREAM, |scene| {
            comes_back(scene, &payload::random("data", 200_000))
        }),
        must("binary-1m", STREAM, |scene| {
            comes_back(scene, &payload::random("data", 1_000_000))
        })
        .full(),
        must(
            "compressed-names",
            "gpbackup: names end in .gz or .zst; the plugin never looks inside",
            compressed_names,
        ),
        must(
            "trickle",
            "gpbackup: a stream comes at the pace of the table that is read",
            trickle,
        ),
        must(
            "many-small-writes",
            "gpbackup: COPY writes row by row",
            many_small_writes,
        ),
        must(
            "stalled-reader",
            "gpbackup: a restore stream may stay undrained for a long time",
            stalled_reader,
        ),
        must(
            "early-close",
            "gpbackup: a filtered restore closes the stream early; the plugin ends at once, non-zero",
            |scene| early_close(scene, "exec \"$0\" \"$@\""),
        ),
        must(
            "early-close-sigpipe-ignored",
            "contract: SIGPIPE may be ignored in the inherited environment",
            |scene| early_close(scene, "trap '' PIPE; exec \"$0\" \"$@\""),
        ),
        must(
            "missing-fails",
            "script: restore_data of what is not there fails",
            missing_fails,
        ),
        must(
            "missing-stdout-empty",
            "gpbackup: what is on stdout is taken for table data",
            missing_stdout_empty,
        ),
        should(
            "missing-message",
            "API: on an error, a message on stderr",
            missing_message,
        ),
        must(
            "backup-stderr-empty",
            "gpbackup: gpbackup_helper takes any byte on stderr for a failure",
            backup_stderr_empty,
        ),
        must(
            "restore-stderr-empty",
            "gpbackup: gpbackup_helper takes any byte on stderr for a failure",
            restore_stderr_empty,
        ),
        should(
            "backup-stdout-empty",
            "API: backup_data, \"Stdout: None\"",
            backup_stdout_empty,
        ),
        must(
            "overwrite",
            "gpbackup: a segment that is tried again writes the same name again",
            overwrite,
        ),
        must(
            "coordinator-content",
            "contract: newer callers stream on the coordinator too, with content -1",
            coordinator_content,
        ),
        must(
            "two-at-once",
            "gpbackup: every segment's streams go side by side",
            two_at_once,
        ),
        should(
            "name-with-spaces",
            "practice: a path is one argument, whatever is in it",
            |scene| named(scene, "with two  spaces"),
        ),
        should(
            "name-non-ascii",
            "practice: a path is bytes, whatever is in it",
            |scene| named(scene, "Größe-数据-é"),
        ),
        should(
            "without-home",
            "contract: from COPY PROGRAM the plugin has the server's environment, not the user's",
            without_home,
        ),
    ],
};

fn comes_back(scene: &Scene<'_>, bytes: &[u8]) -> Verdict {
    named_stream(scene, "data", bytes)
}

fn named_stream(scene: &Scene<'_>, name: &str, bytes: &[u8]) -> Verdict {
    let path = scene.path(name)?;
    scene.backup_data(&path, bytes)?;
    scene.restores(&path, bytes)
}

fn named(scene: &Scene<'_>, name: &str) -> Verdict {
    named_stream(scene, name, b"named\n")
}

/// Bytes that are no gzip and no zstd, under names that say they are.
fn compressed_names(scene: &Scene<'_>) -> Verdict {
    named_stream(scene, "data.gz", b"not gzip at all")?;
    named_stream(scene, "data.zst", b"not zstd at all")?;
    // A whole gzip file of "x", which must come back as it is.
    const GZIP: &[u8] = b"\x1f\x8b\x08\0\0\0\0\0\0\x03\xab\0\0\x83\x16\xdc\x8c\x01\0\0\0";
    named_stream(scene, "real.gz", GZIP)
}

/// A stream that comes in `chunks`, with the pauses of `pauses` behind the first ones.
fn in_pieces(scene: &Scene<'_>, chunks: Vec<Vec<u8>>, pauses: &'static [u64]) -> Verdict {
    let path = scene.path("data")?;
    let all = chunks.concat();
    let mut running = scene.call("backup_data").arg(&path).small_pipes().start()?;
    running.feed_with(move |stdin| {
        let pauses = pauses.iter().map(Some).chain(std::iter::repeat(None));
        let mut count = 0;
        for (chunk, pause) in chunks.iter().zip(pauses) {
            stdin.write_all(chunk)?;
            count += chunk.len() as u64;
            sleep(Duration::from_millis(pause.copied().unwrap_or_default()));
        }
        Ok(count)
    });
    running.finish()?.succeeds()?;
    scene.restores(&path, &all)
}

fn trickle(scene: &Scene<'_>) -> Verdict {
    let chunks = (0..8)
        .map(|number| payload::random(&number.to_string(), 100))
        .collect();
    in_pieces(scene, chunks, &[20, 20, 20, 20, 20, 800, 20])
}

fn many_small_writes(scene: &Scene<'_>) -> Verdict {
    let chunks = payload::random("small", 10_000)
        .chunks(7)
        .map(<[u8]>::to_vec)
        .collect();
    in_pieces(scene, chunks, &[])
}

fn stalled_reader(scene: &Scene<'_>) -> Verdict {
    let Some(Unread { running, bytes }) = scene.restore_unread(|call| call)? else {
        return Ok(());
    };
    sleep(Duration::from_millis(1200));
    running.finish()?.succeeds()?.with_stdout(&bytes)?;
    Ok(())
}

/// The reader goes away after the first bytes, in the middle of the stream.
fn early_close(scene: &Scene<'_>, shell: &str) -> Verdict {
    let unread = scene.restore_unread(|call| call.through_shell(shell))?;
    let Some(Unread { mut running, .. }) = unread else {
        return Ok(());
    };
    running.close_stdout();
    let ended = running.ends_within(scene.prompt());
    if !ended {
        running.kill()?;
    }
    let finished = running.finish()?;
    ensure(ended, || {
        "restore_data goes on although its reader has gone".into()
    })?;
    finished.fails().map(|_| ())
}

fn missing_fails(scene: &Scene<'_>) -> Verdict {
    scene.restore_data(&scene.path("missing")?)?.fails()?;
    Ok(())
}

fn missing_stdout_empty(scene: &Scene<'_>) -> Verdict {
    scene
        .restore_data(&scene.path("missing")?)?
        .with_empty_stdout()?;
    Ok(())
}

fn missing_message(scene: &Scene<'_>) -> Verdict {
    let finished = scene.restore_data(&scene.path("missing")?)?.fails()?;
    ensure(!finished.stderr.trim_ascii().is_empty(), || {
        "restore_data failed without a message on stderr".into()
    })
}

fn backup_stderr_empty(scene: &Scene<'_>) -> Verdict {
    for bytes in [&b"data"[..], b""] {
        scene
            .backup_data(&scene.path("data")?, bytes)?
            .with_empty_stderr()?;
    }
    Ok(())
}

fn restore_stderr_empty(scene: &Scene<'_>) -> Verdict {
    let path = scene.path("data")?;
    for bytes in [&b"data"[..], b""] {
        scene.backup_data(&path, bytes)?;
        scene.restore_data(&path)?.succeeds()?.with_empty_stderr()?;
    }
    Ok(())
}

fn backup_stdout_empty(scene: &Scene<'_>) -> Verdict {
    scene
        .backup_data(&scene.path("data")?, b"data")?
        .with_empty_stdout()?;
    Ok(())
}

fn overwrite(scene: &Scene<'_>) -> Verdict {
    let path = scene.path("data")?;
    scene.backup_data(&path, b"the first stream, the longer one")?;
    scene.backup_data(&path, b"the second")?;
    scene.restores(&path, b"the second")
}

fn coordinator_content(scene: &Scene<'_>) -> Verdict {
    let timestamp = scene.bench.shared_timestamp()?;
    let name = format!("gpbackup_-1_{timestamp}_{}", scene.slug);
    let path = scene.backup_dir(-1, timestamp)?.join(name);
    scene.backup_data(&path, b"coordinator")?;
    scene.restores(&path, b"coordinator")
}

/// Two streams, both begun before either has ended.
fn two_at_once(scene: &Scene<'_>) -> Verdict {
    let streams = ["a", "b"].map(|name| (name, payload::random(name, 5200)));
    let mut running = Vec::new();
    for (name, bytes) in &streams {
        let path = scene.path(name)?;
        let mut call = scene.call("backup_data").arg(&path).small_pipes().start()?;
        write_half(&mut call, &bytes[..5000])?;
        running.push((path, bytes, call));
    }
    let mut paths = Vec::new();
    for (path, bytes, mut call) in running {
        write_half(&mut call, &bytes[5000..])?;
        paths.push((path, bytes, call.finish()?));
    }
    for (path, bytes, finished) in paths {
        finished.succeeds()?;
        scene.restores(&path, bytes)?;
    }
    Ok(())
}

/// A plugin that does not read is told by how it ends.
fn write_half(call: &mut Running<'_>, bytes: &[u8]) -> Verdict {
    match call.write(bytes) {
        Err(error) if error.kind() != std::io::ErrorKind::BrokenPipe => Err(Trouble::from(error)),
        _ => Ok(()),
    }
}

fn without_home(scene: &Scene<'_>) -> Verdict {
    let path = scene.path("data")?;
    let call = |command| {
        let call = scene.call(command).arg(&path).cwd(Path::new("/"));
        ["HOME", "USER", "LOGNAME"]
            .into_iter()
            .fold(call, |call, name| call.without_env(name))
    };
    call("backup_data")
        .stdin("data")
        .run()?
        .succeeds()?
        .with_empty_stderr()?;
    call("restore_data")
        .run()?
        .succeeds()?
        .with_stdout(b"data")?
        .with_empty_stderr()?;
    Ok(())
}
