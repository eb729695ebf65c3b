//! What a run leaves: nothing, or what it names.

use std::fs;
use std::path::PathBuf;

use assert_cmd::Command;
use predicates::prelude::*;
use predicates::str::contains;

use crate::site::{Site, good_plugin};

/// The bench on a plugin with `fault`, with both destinations.
fn run(site: &Site, fault: &str, filters: &[&str]) -> Command {
    let mut command = site.bench(&good_plugin());
    command.arg(site.secondary()).env("PLUGIN_FAULT", fault);
    for filter in filters {
        command.args(["--filter", filter]);
    }
    command
}

#[track_caller]
fn is_empty(site: &Site) {
    assert_eq!(site.stored(), Vec::<PathBuf>::new());
    assert_eq!(fs::read_dir(site.path("tmp")).unwrap().count(), 0);
}

#[test]
fn a_whole_run_leaves_nothing() {
    let site = Site::new(&good_plugin());
    run(&site, "", &[]).assert().success();
    assert_eq!(site.report()["notes"].as_array().unwrap().len(), 0);
    is_empty(&site);
}

#[test]
fn failed_cases_leave_nothing() {
    let site = Site::new(&good_plugin());
    let mut directories = run(&site, "directories-of-one-page", &["directory"]);
    directories.args(["--level", "full"]).assert().success();
    assert_eq!(site.cases("fail"), ["directory/thousand-files"]);
    is_empty(&site);
    // Where the plugin does not replicate by itself, the first config's deletion leaves the copies alone.
    let config = fs::read_to_string(site.config()).unwrap();
    fs::write(site.config(), config.replace("  replication: on\n", "")).unwrap();
    let filters = ["replicate"];
    run(&site, "replicates-no-empty-streams", &filters)
        .assert()
        .code(1);
    assert_eq!(site.cases("fail"), ["replicate/empty-and-file"]);
    is_empty(&site);
}

#[test]
fn what_is_left_is_named() {
    let site = Site::new(&good_plugin());
    let plugin = site.path("plugin");
    let text = format!(
        "#!/bin/sh\ncase $1 in delete_*) echo hush-hush-hush >&2; exit 1 ;; esac\nexec {} \"$@\"\n",
        good_plugin().display()
    );
    fs::write(&plugin, text).unwrap();
    fs::set_permissions(&plugin, std::os::unix::fs::PermissionsExt::from_mode(0o755)).unwrap();
    let mut command = site.bench(&plugin);
    let filters = ["data/one-byte", "data/missing-fails", "hooks/coordinator"];
    command
        .arg(site.secondary())
        .args(filters.map(|filter| format!("--filter={filter}")))
        .arg("--filter=replicate/restores-from-secondary")
        .arg("--filter=directory/round-trip");
    command.assert().success();
    let notes = site.report()["notes"].to_string();
    assert_eq!(notes.matches("may be left").count(), 5, "{notes}");
    assert!(!notes.contains("hush-hush-hush"), "{notes}");
    for object in site.stored() {
        // STORE/backups/DATE/TIMESTAMP/FILE, or STORE/PREFIX/DIRECTORY/FILE
        let names = object.iter().map(|part| part.to_str().unwrap());
        let named = names.filter(|name| notes.contains(&format!("{name} may be left")));
        assert_ne!(named.count(), 0, "{object:?} is not in {notes}");
    }
}

#[test]
fn what_was_never_stored_is_not_named() {
    let site = Site::new(&good_plugin());
    let filters = ["cluster", "hooks", "delete", "replicate"];
    let mut command = run(&site, "", &filters);
    command
        .env("PLUGIN_VARIANT", "unknown-deletion-fails")
        .assert()
        .success()
        .stdout(contains("note:").not());
    is_empty(&site);
}

#[test]
fn what_is_to_be_kept_is_kept_and_named() {
    let site = Site::new(&good_plugin());
    let mut command = run(&site, "", &["data/one-byte", "directory/round-trip"]);
    let named = contains("note: kept /").and(contains("note: kept the directories plugin_bench_"));
    command.arg("--keep").assert().success().stdout(named);
    assert!(!site.stored().is_empty());
    assert_eq!(fs::read_dir(site.path("tmp")).unwrap().count(), 1);
}
