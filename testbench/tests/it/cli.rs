//! The command line: what is refused, what is chosen, how it ends.

use std::fs;
use std::path::PathBuf;
use std::process::{Command, Stdio};

use assert_cmd::assert::Assert;
use predicates::prelude::*;
use predicates::str::contains;

use crate::site::{Site, bench, good_plugin};

/// Asks for exit code 2 and for a message that contains `says`.
fn is_refused(outcome: Assert, says: &str) {
    outcome.code(2).stderr(contains(says));
}

#[test]
fn what_cannot_be_tested_is_refused_with_advice() {
    let site = Site::new(&good_plugin());
    let plugin = good_plugin();
    let text = site.path("text");
    fs::write(&text, "no program").unwrap();
    let run = |plugin: &PathBuf, config: &PathBuf| bench().arg(plugin).arg(config).assert();
    is_refused(
        run(&site.path("nowhere"), &site.config()),
        "give the path of its executable",
    );
    is_refused(run(&text, &site.config()), "try chmod +x");
    is_refused(
        run(&site.path("."), &site.config()),
        "is not an executable file",
    );
    is_refused(
        run(&plugin, &PathBuf::from("first.yaml")),
        "give an absolute one",
    );
    is_refused(run(&plugin, &site.path("nowhere.yaml")), "is not there");
    is_refused(run(&plugin, &site.path(".")), "is a directory");
    is_refused(run(&plugin, &text), "has no line \"options:\"");
    let twice = bench()
        .arg(&plugin)
        .arg(site.config())
        .arg(site.config())
        .assert();
    is_refused(twice, "is the first one");
    is_refused(bench().arg(&plugin).assert(), "CONFIG");
    is_refused(
        bench()
            .arg(&plugin)
            .arg(site.config())
            .args(["--deadline", "0"])
            .assert(),
        "give seconds",
    );
    is_refused(
        bench()
            .arg(&plugin)
            .arg(site.config())
            .args(["--hosts", "0"])
            .assert(),
        "between 1 and 64",
    );
}

#[test]
fn a_file_that_cannot_be_run_is_refused() {
    let site = Site::new(&good_plugin());
    let script = site.path("script");
    fs::write(&script, "#!/no/such/interpreter\n").unwrap();
    fs::set_permissions(&script, std::os::unix::fs::PermissionsExt::from_mode(0o755)).unwrap();
    is_refused(
        bench().arg(&script).arg(site.config()).assert(),
        "does its first line name its interpreter",
    );
}

#[test]
fn nothing_ran_is_no_success() {
    let site = Site::new(&good_plugin());
    let skipped = site
        .bench(&good_plugin())
        .args(["--filter", "scale"])
        .assert();
    skipped.code(4).stdout(
        contains("the long run is played with --scale only").and(contains("verdict: nothing ran")),
    );
}

#[test]
fn names_that_choose_nothing_are_refused() {
    let site = Site::new(&good_plugin());
    let with = |args: &[&str]| site.bench(&good_plugin()).args(args).assert();
    is_refused(
        with(&["--filter", "data/empty", "--filter", "dta"]),
        "the filter \"dta\" matches no case; --list tells their names",
    );
    is_refused(
        bench().args(["--list", "--filter", "data/emtpy"]).assert(),
        "the filter \"data/emtpy\" matches no case",
    );
    is_refused(
        with(&["--with", "restore_subset"]),
        "\"restore_subset\" is no optional command; those that cases need are backup_directory, \
         backup_directory_parallel, delete_directory, delete_replica, list_directory, replicate_backup, \
         restore_data_subset, restore_directory, restore_directory_parallel",
    );
}

#[test]
fn filters_choose_groups_cases_and_patterns() {
    let site = Site::new(&good_plugin());
    let filters = [
        "--filter",
        "version",
        "--filter",
        "data/empty",
        "--filter",
        "*/one-byte",
    ];
    site.bench(&good_plugin()).args(filters).assert().success();
    let passed = site.cases("pass");
    assert_eq!(
        passed
            .iter()
            .filter(|name| name.starts_with("version/"))
            .count(),
        6
    );
    assert_eq!(
        passed[6..],
        ["file/one-byte", "data/empty", "data/one-byte"]
    );
}

#[test]
fn cases_are_listed() {
    let listed = bench().arg("--list").assert().success();
    listed.stdout(contains("data/empty ").and(contains("script: no data comes back as no data")));
    let filtered = bench()
        .args(["--list", "--filter", "version"])
        .assert()
        .success();
    filtered.stdout(predicate::function(|text: &str| text.lines().count() == 6));
}

#[test]
fn a_failed_should_is_the_verdict_with_strict_only() {
    let site = Site::new(&good_plugin());
    let run = || {
        let mut command = site.bench(&good_plugin());
        command
            .env("PLUGIN_FAULT", "files-print")
            .args(["--filter", "file"]);
        command
    };
    run()
        .assert()
        .code(0)
        .stdout(contains("1 failed (0 must, 1 should)"));
    run().arg("--strict").assert().code(1);
}

#[test]
fn a_failure_shows_the_whole_call() {
    let site = Site::new(&good_plugin());
    let mut command = site.bench(&good_plugin());
    command
        .env("PLUGIN_FAULT", "streams-get-a-newline")
        .args(["--filter", "data/one-byte"]);
    let shown = contains("1 bytes expected, 2 came: it goes on after the end with \"\\n\"")
        .and(contains("restore_data"))
        .and(contains("exit 0 after"))
        .and(contains("stdin 1 bytes"))
        .and(contains("proves: API: restore_data"));
    command.assert().code(1).stdout(shown);
}

#[test]
fn expected_failures_do_not_count_and_unexpected_passes_are_told() {
    let site = Site::new(&good_plugin());
    let list = site.path("expected");
    fs::write(
        &list,
        "# known\ndata/one-byte # a newline too many\ndata/empty\ndata/missing-fails\n",
    )
    .unwrap();
    let run = || {
        let mut command = site.bench(&good_plugin());
        command
            .env("PLUGIN_FAULT", "streams-get-a-newline")
            .arg("--expect-failures")
            .arg(&list);
        command.args([
            "--filter",
            "data/one-byte",
            "--filter",
            "data/missing-fails",
        ]);
        command
    };
    let outcome = run().assert().code(0);
    outcome.stdout(
        contains("as expected")
            .and(contains("data/missing-fails").and(contains("it was expected to fail"))),
    );
    assert_eq!(site.report()["summary"]["expected_failures"], 1);
    assert_eq!(site.report()["summary"]["unexpected_passes"], 1);
    run().arg("--strict").assert().code(1);
    fs::write(&list, "data/no-such-case\n").unwrap();
    is_refused(run().assert(), "is no case; --list tells their names");
}

#[test]
fn a_plugin_that_hangs_is_killed_at_its_deadline() {
    let site = Site::new(&good_plugin());
    let plugin = site.path("plugin");
    let text = "#!/bin/sh\ncase $1 in restore_data) sleep 600 & sleep 600 ;; *) exit 0 ;; esac\n";
    fs::write(&plugin, text).unwrap();
    fs::set_permissions(&plugin, std::os::unix::fs::PermissionsExt::from_mode(0o755)).unwrap();
    let outcome = site
        .bench(&plugin)
        .args(["--filter", "data/one-byte", "--deadline", "1"])
        .assert();
    outcome.code(1).stdout(contains("killed at its deadline"));
    assert!(site.report()["seconds"].as_f64().unwrap() < 20.0);
}

#[test]
fn a_plugin_that_restores_what_was_never_stored_is_asked_once_and_fails() {
    let site = Site::new(&good_plugin());
    let mut command = site.bench(&good_plugin());
    command
        .env("PLUGIN_FAULT", "missing-file-an-error-page")
        .args(["--filter", "file", "--filter", "delete"]);
    let told = "fail  file/missing-fails (must): restore_file brings back files";
    command.assert().code(1).stdout(contains(told));
    // Eight timestamps, each with the one a second later.
    assert_eq!(site.report()["costs"]["restore_file"]["calls"], 16);
}

#[test]
fn an_interrupted_bench_cleans_up() {
    let site = Site::new(&good_plugin());
    let plugin = site.path("plugin");
    let reached = site.path("reached");
    let text = format!(
        "#!/bin/sh\ncase $1 in restore_data) touch {}; exec sleep 600 ;; *) exit 0 ;; esac\n",
        reached.display()
    );
    fs::write(&plugin, text).unwrap();
    fs::set_permissions(&plugin, std::os::unix::fs::PermissionsExt::from_mode(0o755)).unwrap();
    let mut bench = Command::new(env!("CARGO_BIN_EXE_gpbackup_plugin_test"))
        .env("TMPDIR", site.path("tmp"))
        .arg(&plugin)
        .arg(site.config())
        .args(["--filter", "data/one-byte"])
        .stdout(Stdio::null())
        .spawn()
        .unwrap();
    while !reached.exists() {
        assert!(
            bench.try_wait().unwrap().is_none(),
            "the bench ended by itself"
        );
        std::thread::yield_now();
    }
    let pid = nix::unistd::Pid::from_raw(bench.id().cast_signed());
    nix::sys::signal::kill(pid, nix::sys::signal::Signal::SIGINT).unwrap();
    assert_eq!(bench.wait().unwrap().code(), Some(2));
    assert_eq!(fs::read_dir(site.path("tmp")).unwrap().count(), 0);
}

#[test]
fn a_bench_interrupted_between_two_calls_of_the_plugin_has_not_passed() {
    let site = Site::new(&good_plugin());
    // Whether a database answers is asked between two cases; this psql sends the signal then.
    let programs = site.path("programs");
    fs::create_dir(&programs).unwrap();
    for program in ["gpbackup", "gprestore", "psql", "createdb", "dropdb"] {
        let path = programs.join(program);
        fs::write(&path, "#!/bin/sh\nkill -INT $PPID\nexit 1\n").unwrap();
        fs::set_permissions(&path, std::os::unix::fs::PermissionsExt::from_mode(0o755)).unwrap();
    }
    let path = format!("{}:{}", programs.display(), std::env::var("PATH").unwrap());
    let mut command = site.bench(&good_plugin());
    command
        .env("PATH", path)
        .args(["--filter", "version", "--filter", "gpbackup"]);
    command.assert().code(2).stdout(
        contains("note: the bench was interrupted").and(contains("verdict: error; 6 cases passed")),
    );
}
