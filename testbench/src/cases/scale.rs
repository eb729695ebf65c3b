//! The port of `plugin_test_scale.sh`: whole tables of a size, timed.

use std::sync::PoisonError;
use std::time::Instant;

use crate::case::{Group, must};
use crate::database::Database;
use crate::need::Need;
use crate::report::Throughput;
use crate::scene::Scene;
use crate::trouble::{Verdict, ensure};

const NEEDS: &[Need] = &[Need::Scale, Need::Database];

/// How many large tables there are.
const TABLES: u64 = 4;
/// Bytes of one row's text.
const ROW: u64 = 1000;

pub(crate) static GROUP: Group = Group {
    name: "scale",
    about: "large tables timed, with --scale only",
    cases: &[
        must("many-files", "script: plugin_test_scale.sh, no flags; restore of one table with --jobs=4", |scene| {
            play(scene, "", "--include-table public.lineitem_1 --jobs=4")
        })
        .needs(NEEDS),
        must("single-data-file", "script: plugin_test_scale.sh, --single-data-file; restore of one table", |scene| {
            play(scene, "--single-data-file", "--include-table public.lineitem_1")
        })
        .needs(NEEDS),
        must("uncompressed", "script: plugin_test_scale.sh, --single-data-file --no-compression; restore of one table", |scene| {
            play(scene, "--single-data-file --no-compression", "--include-table public.lineitem_1")
        })
        .needs(NEEDS),
        must("copy-queue", "script: plugin_test_scale.sh, --copy-queue-size 4; restore of everything", |scene| {
            play(scene, "--single-data-file --copy-queue-size 4 --no-compression", "--copy-queue-size 4")
        })
        .needs(NEEDS),
    ],
};

fn play(scene: &Scene<'_>, backup: &str, restore: &str) -> Verdict {
    let bytes = scene.bench.settings.scale.unwrap_or_default() * 1_000_000;
    let rows = (bytes / TABLES / ROW).max(1);
    let database = Database::create(scene)?;
    for table in 1..=TABLES {
        database.execute(&format!(
            "CREATE TABLE lineitem_{table}(i int, t text) DISTRIBUTED RANDOMLY; INSERT INTO lineitem_{table} \
             SELECT i, repeat(md5(i::text), {}) FROM generate_series(1,{rows}) i",
            ROW / 32
        ))?;
    }
    let started = Instant::now();
    let stamp = database.gpbackup(scene.config(), backup)?;
    note(scene, &format!("gpbackup {backup}"), bytes, started);
    database.drop()?;
    let started = Instant::now();
    let restored = database.gprestore(scene.config(), &stamp, restore);
    let part = if restore.contains("--include-table") {
        bytes / TABLES
    } else {
        bytes
    };
    note(scene, &format!("gprestore {restore}"), part, started);
    let checked = restored.and_then(|_| {
        let got = database.query_restored("SELECT count(*) FROM lineitem_1")?;
        ensure(got == rows.to_string(), || {
            format!("rows of lineitem_1: expected {rows}, got {got:?}")
        })
    });
    if !scene.bench.settings.keep {
        database.delete(&stamp)?;
    }
    checked
}

fn note(scene: &Scene<'_>, what: &str, bytes: u64, started: Instant) {
    let line = Throughput {
        what: what.trim().into(),
        bytes,
        seconds: started.elapsed().as_secs_f64(),
    };
    scene
        .bench
        .throughput
        .lock()
        .unwrap_or_else(PoisonError::into_inner)
        .push(line);
}
