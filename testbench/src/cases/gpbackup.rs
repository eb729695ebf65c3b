//! gpbackup and gprestore themselves, on a real database.

use crate::case::{Group, must};
use crate::database::Database;
use crate::need::Need;
use crate::scene::Scene;
use crate::trouble::{Verdict, ensure};

const NEEDS: &[Need] = &[Need::Database];
const SECOND: &[Need] = &[Need::Database, Need::SecondConfig, Need::Replication];

/// Rows of the first table.
const ROWS: &str = "50000";

/// The table that a filtered restore keeps.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Kept {
    /// No filter: only `test1` is there.
    All,
    /// `public.test2`, whose one row is 3333.
    Test2,
    /// `otherschema.test3`, whose one row is 2000.
    Test3,
}

/// One combination of flags.
struct Combination {
    backup: &'static str,
    restore: &'static str,
    kept: Kept,
}

const fn plain(backup: &'static str, restore: &'static str) -> Combination {
    Combination {
        backup,
        restore,
        kept: Kept::All,
    }
}

const fn filtered(restore: &'static str, kept: Kept) -> Combination {
    Combination {
        backup: "--no-compression --single-data-file",
        restore,
        kept,
    }
}

pub(crate) static GROUP: Group = Group {
    name: "gpbackup",
    about: "gpbackup and gprestore on a real database",
    cases: &[
        must(
            "copy-queue",
            "script: --single-data-file --no-compression --copy-queue-size 4",
            |scene| {
                play(
                    scene,
                    &plain(
                        "--single-data-file --no-compression --copy-queue-size 4",
                        "--copy-queue-size 4",
                    ),
                )
            },
        )
        .needs(NEEDS),
        must(
            "single-data-file-uncompressed",
            "script: --no-compression --single-data-file",
            |scene| play(scene, &plain("--no-compression --single-data-file", "")),
        )
        .needs(NEEDS),
        must("uncompressed", "script: --no-compression", |scene| {
            play(scene, &plain("--no-compression", ""))
        })
        .needs(NEEDS),
        must("single-data-file", "script: --single-data-file", |scene| {
            play(scene, &plain("--single-data-file", ""))
        })
        .needs(NEEDS),
        must("metadata-only", "script: --metadata-only", |scene| {
            play(scene, &plain("--metadata-only", ""))
        })
        .needs(NEEDS),
        must(
            "restore-metadata-only",
            "script: a whole backup, restored with --metadata-only",
            |scene| play(scene, &plain("", "--metadata-only")),
        )
        .needs(NEEDS),
        must(
            "two-tables",
            "script: two tables in one data file",
            |scene| play(scene, &filtered("", Kept::Test2)),
        )
        .needs(NEEDS),
        must(
            "include-table",
            "script: --include-table public.test2; the other table is not there",
            |scene| {
                play(
                    scene,
                    &filtered("--include-table public.test2", Kept::Test2),
                )
            },
        )
        .needs(NEEDS),
        must(
            "exclude-table",
            "script: --exclude-table public.test1; the table is not there",
            |scene| {
                play(
                    scene,
                    &filtered("--exclude-table public.test1", Kept::Test2),
                )
            },
        )
        .needs(NEEDS),
        must(
            "include-schema",
            "script: --include-schema otherschema; the other schema's table is not there",
            |scene| {
                play(
                    scene,
                    &filtered("--include-schema otherschema", Kept::Test3),
                )
            },
        )
        .needs(NEEDS),
        must(
            "exclude-schema",
            "script: --exclude-schema public; its table is not there",
            |scene| play(scene, &filtered("--exclude-schema public", Kept::Test3)),
        )
        .needs(NEEDS),
        must(
            "secondary",
            "script: gprestore with the second config",
            secondary,
        )
        .needs(SECOND),
    ],
};

fn fill(database: &Database<'_>, kept: Kept) -> Verdict {
    let rows = format!("INSERT INTO test1 SELECT generate_series(1,{ROWS})");
    database.execute(&format!(
        "CREATE TABLE test1(i int) DISTRIBUTED RANDOMLY; {rows}"
    ))?;
    match kept {
        Kept::All => Ok(()),
        Kept::Test2 => {
            database.execute("CREATE TABLE test2(i int) DISTRIBUTED RANDOMLY; INSERT INTO test2 VALUES(3333)")
        }
        Kept::Test3 => database.execute(
            "CREATE SCHEMA otherschema; CREATE TABLE otherschema.test3(i int) DISTRIBUTED RANDOMLY; \
             INSERT INTO otherschema.test3 VALUES(2000)",
        ),
    }
}

fn play(scene: &Scene<'_>, combination: &Combination) -> Verdict {
    let database = Database::create(scene)?;
    fill(&database, combination.kept)?;
    let stamp = database.gpbackup(scene.config(), combination.backup)?;
    database.drop()?;
    database.gprestore(scene.config(), &stamp, combination.restore)?;
    check(&database, combination)
}

fn check(database: &Database<'_>, combination: &Combination) -> Verdict {
    let metadata_only = [combination.backup, combination.restore]
        .iter()
        .any(|flags| flags.contains("--metadata-only"));
    let is = |what: &str, sql: &str, expected: &str| {
        let expected = if metadata_only { "0" } else { expected };
        let got = database.query_restored(sql)?;
        ensure(got == expected, || {
            format!("{what}: expected {expected}, got {got:?}")
        })
    };
    match combination.kept {
        Kept::All => is("rows of test1", "SELECT count(*) FROM test1", ROWS)?,
        Kept::Test2 => is("test2", "SELECT * FROM test2", "3333")?,
        Kept::Test3 => is(
            "otherschema.test3",
            "SELECT * FROM otherschema.test3",
            "2000",
        )?,
    }
    if combination.restore.contains("clude-") {
        excluded(database, combination.kept)
    } else {
        Ok(())
    }
}

/// Asks that no other test table is there. The published script compares with `[ ]`, where `*test1*` is no
/// pattern, so that its checks never fail.
fn excluded(database: &Database<'_>, kept: Kept) -> Verdict {
    let sql = "SELECT table_name FROM information_schema.tables WHERE table_name LIKE 'test_'";
    let tables = database.query_restored(sql)?;
    let wanted = if kept == Kept::Test2 {
        "test2"
    } else {
        "test3"
    };
    ensure(tables == wanted, || {
        format!("expected only {wanted} to be restored, got {tables:?}")
    })
}

fn secondary(scene: &Scene<'_>) -> Verdict {
    let database = Database::create(scene)?;
    fill(&database, Kept::All)?;
    let stamp = database.gpbackup(scene.config(), "")?;
    database.drop()?;
    database.gprestore(scene.secondary()?, &stamp, "")?;
    check(&database, &plain("", ""))
}
