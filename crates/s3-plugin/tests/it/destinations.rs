//! `replication: on`: hooks, deletions and directories in two stores.

use std::fs;
use std::path::Path;

use s3_testserver::memory::Kind;

use crate::host::{Ends, PREFIX, TIMESTAMP, assert_tells};
use crate::two::{Two, copy, denied, dies_at, key};

fn hook(two: &Two, name: &str) -> assert_cmd::Command {
    let mut hook = two.host.plugin(name, &two.config);
    hook.arg(two.host.backup_directory(TIMESTAMP))
        .args(["master", "-1"]);
    hook
}

#[test]
fn setup_checks_both() {
    let two = Two::new(&[]);
    hook(&two, "setup_plugin_for_backup").succeeds();
    assert_eq!((two.first.keys().len(), two.second.keys().len()), (1, 1));
    two.second.fail([denied(Kind::Put), denied(Kind::Get)]);
    let told = hook(&two, "setup_plugin_for_backup").fails();
    assert_tells(
        &told,
        &["at the second destination", "'remote_aws_access_key_id'"],
    );
}

#[test]
fn setup_goes_on_without_a_second_destination_that_is_only_preferred() {
    let two = Two::preferring();
    two.second.fail([dies_at(Kind::List, 1)]);
    hook(&two, "setup_plugin_for_backup").succeeds();
    assert_tells(
        &two.host.log(),
        &["the second destination is not written to"],
    );
}

#[test]
fn setup_for_restore_takes_one_of_the_two() {
    let two = Two::new(&[]);
    two.first.fail([dies_at(Kind::List, 1)]);
    hook(&two, "setup_plugin_for_restore").succeeds();
    two.second.fail([dies_at(Kind::List, 1)]);
    let told = hook(&two, "setup_plugin_for_restore").fails();
    assert_tells(&told, &["'endpoint'"]);
}

#[test]
fn check_tries_both() {
    let two = Two::new(&[]);
    let mut check = two.host.plugin("check", &two.config);
    let out = String::from_utf8(check.succeeds()).unwrap();
    assert_tells(
        &out,
        &[
            "second destination: bucket 'bucket', folder 'copy'",
            "ok  write 'copy/",
        ],
    );
    two.second.fail([denied(Kind::Put)]);
    let output = two.host.plugin("check", &two.config).output().unwrap();
    let told = String::from_utf8(output.stderr).unwrap();
    assert_tells(&told, &["at the second destination", "403"]);
}

fn delete(two: &Two) -> assert_cmd::Command {
    let mut delete = two.host.plugin("delete_backup", &two.config);
    delete.arg(TIMESTAMP);
    delete
}

#[test]
fn a_backup_is_deleted_in_both_and_siblings_in_neither() {
    let two = Two::new(&[]);
    two.backup(b"x").succeeds();
    let sibling = |key: String| key.replace(TIMESTAMP, "20261122055911");
    two.first.insert(&sibling(key()), b"s");
    two.second.insert(&sibling(copy()), b"s");
    delete(&two).succeeds();
    assert_eq!(two.first.keys(), [sibling(key())]);
    assert_eq!(two.second.keys(), [sibling(copy())]);
}

#[test]
fn a_deletion_that_one_store_refuses_is_told_of_that_store() {
    let all = || [denied(Kind::DeleteBatch), denied(Kind::Delete)];
    let two = Two::new(&[]);
    two.backup(b"x").succeeds();
    two.second.fail(all());
    let told = delete(&two).fails();
    assert_tells(
        &told,
        &[
            PREFIX,
            "those of the other destination are not",
            "at the second",
        ],
    );
    assert_eq!((two.first.keys().len(), two.second.keys().len()), (0, 1));

    let two = Two::new(&[]);
    two.backup(b"x").succeeds();
    two.first.fail(all());
    let told = delete(&two).fails();
    assert_tells(&told, &["those of the other destination are not", PREFIX]);
    assert_eq!((two.first.keys().len(), two.second.keys().len()), (1, 0));
}

#[test]
fn directories_are_kept_in_both() {
    let two = Two::new(&[]);
    let directory = two.host.path("work").join("logs");
    fs::create_dir_all(directory.join("a")).unwrap();
    fs::write(directory.join("a/one"), "1").unwrap();
    fs::write(directory.join("two"), "2").unwrap();
    let run = |command: &str, config: &Path| {
        let mut plugin = two.host.plugin(command, config);
        String::from_utf8(plugin.arg("logs").succeeds()).unwrap()
    };
    run("backup_directory", &two.config);
    assert_eq!(two.first.keys(), ["logs/a/one", "logs/two"]);
    assert_eq!(two.second.keys(), ["logs/a/one", "logs/two"]);
    fs::remove_dir_all(&directory).unwrap();
    two.first.fail([denied(Kind::List), denied(Kind::Get)]);
    assert_eq!(
        run("list_directory", &two.config),
        "logs/a/one 1\nlogs/two 1\n"
    );
    run("restore_directory", &two.config);
    assert_eq!(fs::read(directory.join("a/one")).unwrap(), b"1");
    two.first.fail([]);
    run("delete_directory", &two.config);
    two.assert_in_neither();
}
