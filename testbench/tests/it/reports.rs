//! The reports as files.

use std::fs;
use std::io::{BufRead as _, BufReader};
use std::path::PathBuf;
use std::process::{Command, Stdio};

use predicates::prelude::*;
use predicates::str::contains;

use crate::site::{Site, good_plugin};

/// A run with passes, failures and skips, and its three reports.
fn reported() -> (Site, String, String) {
    let site = Site::new(&good_plugin());
    let (junit, html) = (site.path("report.xml"), site.path("report.html"));
    let mut command = site.bench(&good_plugin());
    command
        .env("PLUGIN_FAULT", "streams-lose-nuls")
        .arg("--junit")
        .arg(&junit)
        .arg("--html")
        .arg(&html);
    command
        .args([
            "--filter",
            "data",
            "--filter",
            "secondary",
            "--filter",
            "hooks/quiet",
        ])
        .assert()
        .code(1);
    let read = |path| fs::read_to_string(path).unwrap();
    let (junit, html) = (read(junit), read(html));
    (site, junit, html)
}

#[test]
fn junit_counts_as_the_verdict_does() {
    let (site, junit, _) = reported();
    let failed = site.report()["summary"]["fail_must"].as_u64().unwrap();
    assert!(failed > 3);
    assert_eq!(junit.matches("<failure").count() as u64, failed);
    assert!(junit.contains("<testsuite name=\"data\""), "{junit}");
    assert!(
        junit.contains("no config of a second destination was given"),
        "{junit}"
    );
    assert!(
        !junit.contains("<testsuite name=\"file\""),
        "what was not asked for is not in it"
    );
    assert!(junit.contains("exit 0 after"), "the transcript is in it");
}

#[test]
fn the_page_needs_nothing_else_and_hides_secrets() {
    let (site, _, html) = reported();
    for part in [
        "data/nul-bytes",
        "differ from byte 0",
        "secret_key: ",
        "broken_plugin version 0.10.0",
        "peak MB",
    ] {
        assert!(html.contains(part), "{part}");
    }
    for reference in ["src=", "href=\"http", "@import", "url("] {
        assert!(!html.contains(reference), "{reference}");
    }
    let json = fs::read_to_string(site.path("report.json")).unwrap();
    assert!(!html.contains("hush-hush-hush") && !json.contains("hush-hush-hush"));
}

#[test]
fn a_report_that_cannot_be_written_is_told_before_the_run() {
    let site = Site::new(&good_plugin());
    let path = site.path("no/such/dir/report.html");
    let mut command = site.bench(&good_plugin());
    command
        .arg("--html")
        .arg(&path)
        .args(["--filter", "data/one-byte"]);
    let told = contains("cannot write a report").and(contains(path.to_str().unwrap()));
    command.assert().code(2).stdout("").stderr(told);
    assert!(!site.path("store").exists(), "the plugin was called");
}

#[test]
fn a_report_that_cannot_be_finished_keeps_nothing_from_the_others() {
    let site = Site::new(&good_plugin());
    let junit = site.path("report.xml");
    let mut command = site.bench(&good_plugin());
    command
        .args(["--json", "/dev/full", "--junit"])
        .arg(&junit)
        .args(["--filter", "data/one-byte"]);
    let said = command.assert().code(2);
    said.stderr(contains("cannot write a report: \"/dev/full\": "))
        .stdout(contains("verdict: passed"));
    let junit = fs::read_to_string(junit).unwrap();
    assert!(junit.contains("data/one-byte"), "{junit}");
}

#[test]
fn a_reader_that_goes_away_keeps_nothing_from_being_deleted() {
    let site = Site::new(&good_plugin());
    let mut bench = Command::new(env!("CARGO_BIN_EXE_gpbackup_plugin_test"))
        .env("TMPDIR", site.path("tmp"))
        .arg(good_plugin())
        .arg(site.config())
        .arg("--json")
        .arg(site.path("report.json"))
        .args(["--filter", "data/one-byte"])
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    let mut said = BufReader::new(bench.stdout.take().unwrap()).lines();
    assert!(said.next().unwrap().unwrap().starts_with("plugin"));
    drop(said);
    let ended = bench.wait_with_output().unwrap();
    let complaint = String::from_utf8(ended.stderr).unwrap();
    assert_eq!(ended.status.code(), Some(2), "{complaint}");
    assert!(complaint.contains("cannot write a report"), "{complaint}");
    assert_eq!(site.cases("pass"), ["data/one-byte"]);
    assert_eq!(site.stored(), Vec::<PathBuf>::new());
    assert_eq!(fs::read_dir(site.path("tmp")).unwrap().count(), 0);
}
