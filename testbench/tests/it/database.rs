//! The stages that need a database, against stand-ins for gpbackup, gprestore and the database's programs.

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};

use assert_cmd::Command;
use predicates::prelude::*;
use predicates::str::contains;

use crate::site::{Site, good_plugin};

/// What the stand-ins are told to do wrong, and the cases that have to fail. Every case of both groups is in
/// one of the rows.
const FAULTS: &[(&str, &str, &[&str])] = &[
    (
        "STAND_IN_FAIL",
        "gpbackup:--copy-queue-size",
        &["gpbackup/copy-queue", "scale/copy-queue"],
    ),
    ("STAND_IN_FAIL", "gprestore:--jobs=4", &["scale/many-files"]),
    (
        "STAND_IN_FAIL",
        "gpbackup:--no-compression --single-data-file",
        &[
            "gpbackup/single-data-file-uncompressed",
            "gpbackup/two-tables",
            "gpbackup/include-table",
            "gpbackup/exclude-table",
            "gpbackup/include-schema",
            "gpbackup/exclude-schema",
        ],
    ),
    (
        "STAND_IN_FAIL",
        "gpbackup:--single-data-file",
        &[
            "gpbackup/copy-queue",
            "gpbackup/single-data-file-uncompressed",
            "gpbackup/single-data-file",
            "gpbackup/two-tables",
            "gpbackup/include-table",
            "gpbackup/exclude-table",
            "gpbackup/include-schema",
            "gpbackup/exclude-schema",
            "scale/single-data-file",
            "scale/uncompressed",
            "scale/copy-queue",
        ],
    ),
    (
        "STAND_IN_FAIL",
        "gpbackup:--metadata-only",
        &["gpbackup/metadata-only"],
    ),
    (
        "STAND_IN_FAIL",
        "gprestore:--metadata-only",
        &["gpbackup/restore-metadata-only"],
    ),
    (
        "STAND_IN_LOSE",
        "public.test1",
        &[
            "gpbackup/copy-queue",
            "gpbackup/single-data-file-uncompressed",
            "gpbackup/uncompressed",
            "gpbackup/single-data-file",
            "gpbackup/metadata-only",
            "gpbackup/restore-metadata-only",
            "gpbackup/secondary",
        ],
    ),
    (
        "STAND_IN_LOSE",
        "public.test2",
        &[
            "gpbackup/two-tables",
            "gpbackup/include-table",
            "gpbackup/exclude-table",
        ],
    ),
    (
        "STAND_IN_LOSE",
        "otherschema.test3",
        &["gpbackup/include-schema", "gpbackup/exclude-schema"],
    ),
    (
        "STAND_IN_UNFILTERED",
        "1",
        &[
            "gpbackup/include-table",
            "gpbackup/exclude-table",
            "gpbackup/include-schema",
            "gpbackup/exclude-schema",
        ],
    ),
    (
        "STAND_IN_FAIL",
        "gprestore:second.yaml",
        &["gpbackup/secondary"],
    ),
    (
        "STAND_IN_LOSE",
        "public.lineitem_1",
        &[
            "scale/many-files",
            "scale/single-data-file",
            "scale/uncompressed",
            "scale/copy-queue",
        ],
    ),
];

/// What `.encrypt` holds before the bench comes.
const ENCRYPT: &str = "gpbackup_ddboost_plugin: the cluster's own key\n";

fn stand_ins() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("tests/stand_ins")
}

fn site() -> Site {
    site_of(&good_plugin())
}

fn site_of(plugin: &Path) -> Site {
    let site = Site::new(plugin);
    fs::create_dir(site.path("coordinator")).unwrap();
    fs::write(site.path("coordinator/.encrypt"), ENCRYPT).unwrap();
    site
}

/// The bench with the stand-ins first on PATH, on the two groups.
fn bench(site: &Site) -> Command {
    let mut command = bench_of(&good_plugin(), site);
    command.args(["--filter", "gpbackup", "--filter", "scale"]);
    command
}

/// The same on another plugin, without a choice of groups.
fn bench_of(plugin: &Path, site: &Site) -> Command {
    let path = std::env::var("PATH").unwrap();
    let mut command = site.bench(plugin);
    command
        .arg(site.secondary())
        .env("PATH", format!("{}:{path}", stand_ins().display()))
        .env("STAND_IN_STATE", site.path("state"))
        .env("COORDINATOR_DATA_DIRECTORY", site.path("coordinator"))
        .args(["--scale", "1"]);
    command
}

/// Asks that neither a database nor a backup nor another key is left.
fn is_clean(site: &Site) {
    let none = |path: &Path| fs::read_dir(path).unwrap().next().is_none();
    assert!(none(&site.path("state/db")), "a database is left");
    assert_eq!(
        fs::read_to_string(site.path("coordinator/.encrypt")).unwrap(),
        ENCRYPT
    );
    assert_eq!(fs::read_dir(site.path("coordinator")).unwrap().count(), 1);
    let days = fs::read_dir(site.path("store/backups")).unwrap();
    for day in days.flatten() {
        assert!(none(&day.path()), "a backup is left");
    }
}

#[test]
fn every_combination_passes_and_nothing_is_left() {
    let site = site();
    let outcome = bench(&site).assert().success();
    outcome.stdout(contains("MB/s").and(contains("gpbackup --single-data-file --no-compression")));
    assert_eq!(site.cases("pass").len(), 16);
    assert!(site.report()["throughput"].as_array().unwrap().len() == 8);
    is_clean(&site);
}

#[test]
fn the_published_combinations_are_run_in_their_order() {
    let site = site();
    bench(&site).assert().success();
    let calls = fs::read_to_string(site.path("state/calls")).unwrap();
    let backups: Vec<&str> = calls
        .lines()
        .filter(|line| line.starts_with("gpbackup "))
        .collect();
    let flags: Vec<&str> = backups
        .iter()
        .map(|line| line.split_once("first.yaml").unwrap().1.trim())
        .take(11)
        .collect();
    let filtered = ["--no-compression --single-data-file"; 5];
    let expected = [
        "--single-data-file --no-compression --copy-queue-size 4",
        "--no-compression --single-data-file",
        "--no-compression",
        "--single-data-file",
        "--metadata-only",
        "",
    ];
    assert_eq!(flags, [&expected[..], &filtered[..]].concat());
}

#[test]
fn every_case_fails_where_its_stand_in_does() {
    let site = site();
    let mut tripped = BTreeSet::new();
    let mut seen = Vec::new();
    for (variable, value, expected) in FAULTS {
        bench(&site).env(variable, value).assert().code(1);
        assert_eq!(site.cases("fail"), *expected, "{variable}={value}");
        is_clean(&site);
        assert!(
            !seen.contains(expected),
            "{variable}={value} is no new fault"
        );
        seen.push(*expected);
        tripped.extend(expected.iter().map(|name| (*name).to_owned()));
    }
    bench(&site).assert().success();
    let all: BTreeSet<String> = site.cases("pass").into_iter().collect();
    assert_eq!(tripped, all, "every case is tripped by a fault");
}

#[test]
fn what_the_database_does_wrong_is_no_fault_of_the_plugin() {
    let site = site();
    let outcome = bench(&site)
        .env("STAND_IN_FAIL", "createdb:plugin_bench")
        .assert();
    outcome
        .code(2)
        .stdout(contains("createdb: exit 1: createdb: told to fail"));
    assert!(site.cases("fail").is_empty());
    assert_eq!(
        fs::read_to_string(site.path("coordinator/.encrypt")).unwrap(),
        ENCRYPT
    );
}

#[test]
fn a_table_that_did_not_come_back_is_the_plugins_fault() {
    let site = site();
    let outcome = bench(&site)
        .env("STAND_IN_MISS", "public.test1")
        .assert()
        .code(1);
    outcome.stdout(contains(
        "gprestore ended with exit 0, but then \"SELECT count(*) FROM test1\" failed",
    ));
    assert_eq!(site.cases("fail").len(), 7);
    is_clean(&site);
}

#[test]
fn the_stage_is_skipped_where_gpbackup_would_run_another_plugin() {
    let site = site();
    let text = fs::read_to_string(site.secondary()).unwrap();
    let other = text.replacen("executablepath: ", "executablepath: $HOME/no", 1);
    fs::write(site.secondary(), other).unwrap();
    let outcome = bench(&site).env("HOME", "/home/me").assert();
    let reason = contains("gpbackup would run another plugin: the executablepath of");
    outcome
        .code(4)
        .stdout(reason.and(contains("is \"/home/me/no/")));
}

#[test]
fn a_backup_that_failed_late_is_deleted_too() {
    let site = site();
    let mut command = bench(&site);
    command.env("STAND_IN_LATE", "fail");
    command.assert().code(1);
    assert_eq!(site.cases("fail").len(), 16);
    is_clean(&site);
}

#[test]
fn an_interrupted_backup_is_deleted_with_its_database() {
    let site = site();
    // Slower than the watchdog, which ends every call of an interrupted bench.
    let outcome = bench(&site)
        .env("STAND_IN_LATE", "interrupt")
        .env("STAND_IN_SLOW", "0.4")
        .assert();
    outcome.code(2);
    assert_eq!(site.cases("error").len(), 1);
    assert!(site.cases("pass").is_empty(), "the run goes on");
    assert_eq!(
        site.report()["notes"],
        serde_json::json!(["the bench was interrupted"])
    );
    is_clean(&site);
}

#[test]
fn what_cannot_be_removed_is_named() {
    let place = tempfile::tempdir().unwrap();
    let plugin = place.path().join("plugin");
    let good = good_plugin().display().to_string();
    let text = format!("#!/bin/sh\n[ $1 != delete_backup ] || exit 1\nexec {good} \"$@\"\n");
    fs::write(&plugin, text).unwrap();
    fs::set_permissions(&plugin, std::os::unix::fs::PermissionsExt::from_mode(0o755)).unwrap();
    let site = site_of(&plugin);
    let one = |name: &str| {
        let mut command = bench_of(&plugin, &site);
        command.args(["--filter", name]);
        command
    };
    let outcome = one("gpbackup/uncompressed").assert().success();
    outcome.stdout(contains("gpbackup's backup 98900500000001 may be left"));
    let kept = one("gpbackup/uncompressed").arg("--keep").assert();
    kept.success()
        .stdout(contains("kept gpbackup's backup 98900500000002"));
    let outcome = one("gpbackup/uncompressed")
        .env("STAND_IN_FAIL", "psql:DROP DATABASE")
        .assert();
    outcome
        .code(2)
        .stdout(contains("database plugin_bench_").and(contains("may be left")));
}

#[test]
fn the_stage_is_skipped_with_its_reason_where_a_program_is_missing() {
    let site = site();
    let outcome = bench(&site).env("PATH", "/nowhere").assert();
    outcome.code(4).stdout(contains(
        "skip  gpbackup/uncompressed: gpbackup is not on PATH",
    ));
    let silent = bench(&site).env("STAND_IN_FAIL", "psql:SELECT 1").assert();
    silent
        .code(4)
        .stdout(contains("no database answers to psql"));
}
