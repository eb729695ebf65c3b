//! A backup and a restore through the example plugin.

use std::fs;
use std::io::{Read, Write};
use std::process::Stdio;

use predicates::prelude::*;
use predicates::str::is_empty;

use crate::plugin::Plugin;

const HOOKS: [&str; 4] = [
    "setup_plugin_for_backup",
    "cleanup_plugin_for_backup",
    "setup_plugin_for_restore",
    "cleanup_plugin_for_restore",
];

#[test]
fn hooks_take_every_scope_and_spelling() {
    let plugin = Plugin::new();
    let forms: [&[&str]; 8] = [
        &["coordinator", "-1"],
        &["coordinator", "\"-1\""],
        &["master", "\"-1\""],
        &["master"],
        &["segment_host"],
        &["segment_host", "0"],
        &["segment", "0"],
        &["segment", "\"2\""],
    ];
    for hook in HOOKS {
        for form in forms {
            let mut call = plugin.call(hook);
            call.arg(plugin.backup_path("")).args(form);
            call.assert()
                .success()
                .stdout(is_empty())
                .stderr(is_empty());
        }
    }
    assert!(plugin.backup_path("").is_dir());
}

#[test]
fn a_file_comes_back_byte_for_byte() {
    let plugin = Plugin::new();
    let file = plugin.backup_path("gpbackup_20260101010101_a b ü.sql");
    for content in [&b""[..], b"x", b"\0\n\xff", &[7; 200_000]] {
        fs::create_dir_all(plugin.backup_path("")).unwrap();
        fs::write(&file, content).unwrap();
        plugin
            .call("backup_file")
            .arg(&file)
            .assert()
            .success()
            .stdout(is_empty())
            .stderr(is_empty());
        assert_eq!(fs::read(&file).unwrap(), content);
        // The directory may not exist when a file is restored.
        fs::remove_dir_all(plugin.path("gpseg0")).unwrap();
        plugin
            .call("restore_file")
            .arg(&file)
            .assert()
            .success()
            .stdout(is_empty())
            .stderr(is_empty());
        assert_eq!(fs::read(&file).unwrap(), content);
    }
}

#[test]
fn a_file_that_is_not_stored_leaves_the_local_one_alone() {
    let plugin = Plugin::new();
    let file = plugin.backup_path("kept");
    fs::create_dir_all(plugin.backup_path("")).unwrap();
    fs::write(&file, "local").unwrap();
    let failure = predicate::str::contains("cannot open").and(predicate::str::contains("kept"));
    plugin
        .call("restore_file")
        .arg(&file)
        .assert()
        .code(1)
        .stdout(is_empty())
        .stderr(failure);
    assert_eq!(fs::read_to_string(&file).unwrap(), "local");
    assert_eq!(fs::read_dir(plugin.backup_path("")).unwrap().count(), 1);
}

#[test]
fn a_stream_comes_back_byte_for_byte() {
    let plugin = Plugin::new();
    let data = plugin.backup_path("gpbackup_0_20260101010101.gz");
    for content in [
        vec![],
        vec![0],
        vec![9; 300_000],
        b"ends without a line break".to_vec(),
    ] {
        let mut backup = plugin.call("backup_data");
        backup.arg(&data).write_stdin(content.clone());
        backup
            .assert()
            .success()
            .stdout(is_empty())
            .stderr(is_empty());
        plugin
            .call("restore_data")
            .arg(&data)
            .assert()
            .success()
            .stdout(content)
            .stderr(is_empty());
    }
    plugin
        .call("list_backups")
        .assert()
        .success()
        .stdout("20260101010101\n");
}

#[test]
fn ranges_come_back_one_after_the_other() {
    let plugin = Plugin::new();
    let data = plugin.backup_path("data");
    let offsets = plugin.path("offsets");
    plugin
        .call("backup_data")
        .arg(&data)
        .write_stdin("0123456789")
        .assert()
        .success();
    let restore = |text: &str| {
        fs::write(&offsets, text).unwrap();
        let mut call = plugin.call("restore_data_subset");
        call.args([&data, &offsets]).assert()
    };
    restore("3 8 10 0 3 5 5\n")
        .success()
        .stdout("89012")
        .stderr(is_empty());
    restore("1 9 11")
        .code(1)
        .stdout(is_empty())
        .stderr(predicate::str::contains("range 9 to 11"));
    restore("2 0 1")
        .code(1)
        .stdout(is_empty())
        .stderr(predicate::str::contains("announces 2 ranges and holds 1"));
}

#[test]
fn a_reader_that_goes_away_is_no_message() {
    let plugin = Plugin::new();
    let data = plugin.backup_path("data");
    plugin
        .call("backup_data")
        .arg(&data)
        .write_stdin(vec![1; 5_000_000])
        .assert()
        .success();
    let mut call = std::process::Command::new(plugin.call("").get_program());
    call.args([
        "restore_data".as_ref(),
        plugin.path("config.yaml").as_os_str(),
        data.as_os_str(),
    ]);
    let mut child = call
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    let mut first = [0];
    child.stdout.take().unwrap().read_exact(&mut first).unwrap();
    let output = child.wait_with_output().unwrap();
    assert_eq!(
        (first, output.status.code(), output.stderr),
        ([1], Some(1), vec![])
    );
}

#[test]
fn nothing_is_stored_before_the_stream_ends() {
    let plugin = Plugin::new();
    let data = plugin.backup_path("data");
    let mut call = std::process::Command::new(plugin.call("").get_program());
    call.args([
        "backup_data".as_ref(),
        plugin.path("config.yaml").as_os_str(),
        data.as_os_str(),
    ]);
    let mut child = call.stdin(Stdio::piped()).spawn().unwrap();
    child
        .stdin
        .as_mut()
        .unwrap()
        .write_all(&[1; 100_000])
        .unwrap();
    child.kill().unwrap();
    child.wait().unwrap();
    plugin
        .call("restore_data")
        .arg(&data)
        .assert()
        .code(1)
        .stdout(is_empty());
}

#[test]
fn deleting_a_backup_spares_its_sibling() {
    let plugin = Plugin::new();
    let [gone, stays] = ["20260101010101", "20260101010102"].map(|timestamp| {
        plugin
            .path("gpseg0/backups/20260101")
            .join(timestamp)
            .join("data")
    });
    for data in [&gone, &stays] {
        plugin
            .call("backup_data")
            .arg(data)
            .write_stdin("x")
            .assert()
            .success();
    }
    for _ in 0..2 {
        plugin
            .call("delete_backup")
            .arg("20260101010101")
            .assert()
            .success()
            .stderr(is_empty());
        plugin
            .call("restore_data")
            .arg(&gone)
            .assert()
            .code(1)
            .stdout(is_empty());
        plugin
            .call("restore_data")
            .arg(&stays)
            .assert()
            .success()
            .stdout("x");
    }
}
