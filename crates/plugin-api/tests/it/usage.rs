//! What a wrong call is told: one line on stderr, nothing on stdout, exit 1.

use std::io::Read;
use std::process::Stdio;

use predicates::prelude::*;
use predicates::str::{ends_with, is_empty, starts_with};

use crate::plugin::{Plugin, program};

#[track_caller]
fn refused(arguments: &[&str], message: &str) {
    program()
        .args(arguments)
        .assert()
        .code(1)
        .stdout(is_empty())
        .stderr(format!("filesystem_plugin: {message}\n"));
}

#[test]
fn a_wrong_command_is_refused() {
    refused(&[], "no command given, --help lists them");
    refused(
        &["backup_dat"],
        "unknown command \"backup_dat\" (did you mean backup_data?), --help lists the commands",
    );
    refused(
        &["florble"],
        "unknown command \"florble\", --help lists the commands",
    );
    refused(&[""], "unknown command \"\", --help lists the commands");
    refused(
        &["--versoin"],
        "unknown command \"--versoin\" (did you mean --version?), --help lists the commands",
    );
}

#[test]
fn a_command_the_plugin_does_without_is_a_made_up_one() {
    for command in ["replicate_backup", "list_directory"] {
        program()
            .args([command, "/no/config", "20260101010101"])
            .assert()
            .code(1)
            .stdout(is_empty())
            .stderr(starts_with(format!(
                "filesystem_plugin: unknown command {command:?}"
            )));
    }
}

#[test]
fn a_wrong_number_of_arguments_is_refused() {
    refused(
        &["backup_file", "c"],
        "backup_file takes CONFIG FILE and got 1 argument",
    );
    refused(
        &["backup_file", "c", "/a/b/c/d", "x"],
        "backup_file takes CONFIG FILE and got 3 arguments",
    );
    refused(
        &["plugin_api_version", "x"],
        "plugin_api_version takes no arguments and got 1 argument",
    );
    refused(
        &["--version", "x"],
        "--version takes no arguments and got 1 argument",
    );
    refused(
        &["setup_plugin_for_backup", "c", "/d"],
        "setup_plugin_for_backup takes CONFIG LOCAL_BACKUP_DIR SCOPE [CONTENT_ID] and got 2 arguments",
    );
    refused(&["list_backups"], "list_backups takes CONFIG and got none");
}

#[test]
fn a_wrong_argument_is_quoted() {
    refused(
        &["setup_plugin_for_backup", "c", "/d", "host", "0"],
        "scope \"host\" is none of coordinator (or master), segment_host, segment",
    );
    refused(
        &["setup_plugin_for_backup", "c", "/d", "segment", "one"],
        "contentID \"one\" is no whole number from -1 up",
    );
    for timestamp in ["", "2026", "../x", "2026010101010x"] {
        let message = format!("timestamp {timestamp:?} is not 14 digits (YYYYMMDDHHMMSS)");
        refused(&["delete_backup", "c", timestamp], &message);
    }
    program()
        .args(["backup_data", "c", "/tmp/x"])
        .assert()
        .code(1)
        .stderr(starts_with(
            "filesystem_plugin: path \"/tmp/x\" has fewer than four components",
        ));
}

#[test]
fn a_config_that_cannot_be_used_is_named_on_one_line() {
    let plugin = Plugin::new();
    for config in [
        "options: {directory: relative}",
        "\t- no: yaml",
        "options: {}",
        "",
    ] {
        std::fs::write(plugin.path("config.yaml"), config).unwrap();
        let one_line = predicate::function(|stderr: &str| stderr.matches('\n').count() == 1);
        plugin
            .call("backup_data")
            .arg(plugin.backup_path("data"))
            .assert()
            .code(1)
            .stdout(is_empty())
            .stderr(one_line);
    }
    program()
        .args(["restore_data", "/no/config", "/a/b/c/d"])
        .assert()
        .code(1)
        .stderr(
            "filesystem_plugin: config file /no/config: No such file or directory (os error 2)\n",
        );
}

#[test]
fn versions_are_one_line() {
    let version = format!("filesystem_plugin version {}\n", env!("CARGO_PKG_VERSION"));
    program()
        .arg("--version")
        .assert()
        .success()
        .stdout(version)
        .stderr(is_empty());
    program()
        .arg("plugin_api_version")
        .assert()
        .success()
        .stdout("0.5.0\n")
        .stderr(is_empty());
}

#[test]
fn help_lists_what_the_plugin_has() {
    let offered = predicate::str::contains("\n  backup_file CONFIG FILE\n")
        .and(predicate::str::contains(
            "\n  restore_data_subset CONFIG DATA_FILE OFFSETS_FILE\n",
        ))
        .and(predicate::str::contains("\n  list_backups CONFIG\n"))
        .and(predicate::str::contains("replicate_backup").not())
        .and(predicate::str::contains("list_directory").not());
    program()
        .arg("--help")
        .assert()
        .success()
        .stdout(offered)
        .stderr(is_empty());
}

#[test]
fn an_answer_nobody_reads_is_no_message() {
    for command in [&["--help"][..], &["--version"]] {
        let (reader, writer) = std::io::pipe().unwrap();
        drop(reader);
        let mut child = std::process::Command::new(program().get_program())
            .args(command)
            .stdout(writer)
            .stderr(Stdio::piped())
            .spawn()
            .unwrap();
        let mut stderr = String::new();
        child
            .stderr
            .take()
            .unwrap()
            .read_to_string(&mut stderr)
            .unwrap();
        assert_eq!(
            (child.wait().unwrap().code(), stderr.as_str()),
            (Some(1), ""),
            "{command:?}"
        );
    }
}

#[test]
fn a_failure_ends_with_a_line_break() {
    program().arg("x").assert().stderr(ends_with("\n"));
}
