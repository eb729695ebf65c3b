//! The reports as files.

use std::fs;

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
fn a_report_that_cannot_be_written_is_the_benchs_failure() {
    let site = Site::new(&good_plugin());
    let mut command = site.bench(&good_plugin());
    command
        .arg("--html")
        .arg(site.path("no/such/dir/report.html"))
        .args(["--filter", "version"]);
    command
        .assert()
        .code(2)
        .stderr(predicates::str::contains("cannot write a report"));
}
