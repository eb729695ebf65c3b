//! The two version commands, and calls that are no command.

use std::path::Path;

use predicates::prelude::*;

use crate::host::{Ends, Host, assert_tells};

#[test]
fn the_version_is_three_words() {
    let three_words =
        predicate::str::is_match(r"^gpbackup_s3_plugin version [0-9A-Za-z.+-]+\n$").unwrap();
    let mut version = assert_cmd::Command::new(env!("CARGO_BIN_EXE_gpbackup_s3_plugin"));
    version
        .arg("--version")
        .assert()
        .success()
        .stdout(three_words)
        .stderr("");
}

#[test]
fn the_api_version_is_that_of_the_go_plugin() {
    let mut version = assert_cmd::Command::new(env!("CARGO_BIN_EXE_gpbackup_s3_plugin"));
    version
        .arg("plugin_api_version")
        .assert()
        .success()
        .stdout("0.5.0\n")
        .stderr("");
}

#[test]
fn what_is_no_command_fails() {
    let host = Host::new();
    let config = Path::new("s3.yaml");
    assert_tells(
        &host.plugin("unknown_command", config).fails(),
        &["unknown_command"],
    );
    assert_tells(
        &host.plugin("restore_fil", config).fails(),
        &["did you mean restore_file?"],
    );
    assert_tells(
        &host.plugin("backup_file", config).fails(),
        &["backup_file takes", "CONFIG"],
    );
    let told = host
        .plugin("backup_file", config)
        .args(["a/b/c/d", "e"])
        .fails();
    assert_tells(&told, &["backup_file takes"]);
    assert_tells(
        &host.plugin("restore_data", config).arg("/b/c/d").fails(),
        &["fewer than four"],
    );
}
