//! `replication: on`: every object in two stores, or a failure that is told.

use std::fs;
use std::io::Write;
use std::process::Stdio;

use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;
use s3_testserver::memory::Kind;

use crate::bytes::{PART, bytes};
use crate::host::{Ends, PREFIX, assert_tells};
use crate::two::{NAME, Two, copy, denied, dies_at, key};

#[test]
fn every_length_is_in_both_and_comes_back() {
    let two = Two::new(&[]);
    for length in [0, 1, PART, PART + 1, 3 * PART + 7] {
        let stream = bytes(60, length);
        two.backup(&stream).succeeds();
        two.assert_in_both(&stream);
        assert!(two.restore().succeeds() == stream, "{length}");
    }
    assert_eq!(
        two.first.requests(Kind::Part),
        two.second.requests(Kind::Part)
    );
    assert_eq!(two.second.requests(Kind::Get), 0, "the first one delivers");
}

#[test]
fn a_config_of_the_second_destination_restores_by_itself() {
    let Two {
        host,
        first,
        second,
        config,
    } = Two::new(&[]);
    let (stream, path) = (bytes(61, PART + 5), host.backup_path(NAME));
    host.plugin("backup_data", &config)
        .arg(&path)
        .write_stdin(stream.as_slice())
        .succeeds();
    drop(first);
    let alone = host.config(second.url(), &[("folder", "copy")]);
    let restored = host.plugin("restore_data", &alone).arg(&path).succeeds();
    assert!(restored == stream);
}

#[test]
fn a_file_is_in_both() {
    let two = Two::new(&[]);
    let path = two.host.backup_path("toc.yaml");
    fs::write(&path, "content").unwrap();
    two.host
        .plugin("backup_file", &two.config)
        .arg(&path)
        .succeeds();
    assert_eq!(two.first.object(&format!("{PREFIX}/toc.yaml")), b"content");
    let keys = [copy().replace(NAME, "toc.yaml")];
    assert_eq!(two.second.keys(), keys);
}

#[test]
fn what_the_second_does_not_complete_is_not_at_the_first() {
    for (length, verb) in [(10, Kind::Put), (PART + 1, Kind::Complete)] {
        let two = Two::new(&[]);
        two.second.fail([denied(verb)]);
        let told = two.backup(&bytes(62, length)).fails();
        assert_tells(&told, &["at the second destination", &copy(), "403"]);
        two.assert_in_neither();
    }
}

#[test]
fn what_the_first_does_not_complete_is_deleted_at_the_second() {
    for (length, verb) in [(10, Kind::Put), (PART + 1, Kind::Complete)] {
        let two = Two::new(&[]);
        two.first.fail([denied(verb)]);
        let told = two.backup(&bytes(63, length)).fails();
        let fate = format!("'{}' was in bucket 'bucket' alone and was deleted", copy());
        assert_tells(&told, &[&fate, &key(), "403"]);
        two.assert_in_neither();
    }
}

#[test]
fn what_cannot_be_deleted_again_is_told() {
    let two = Two::new(&[]);
    two.first.fail([denied(Kind::Put)]);
    two.second.fail([denied(Kind::Delete)]);
    let told = two.backup(b"x").fails();
    assert_tells(&told, &[&copy(), "could not be deleted there"]);
    assert_eq!(two.second.keys(), [copy()]);
}

#[test]
fn a_second_destination_that_dies_fails_a_backup_that_requires_it() {
    for rule in [dies_at(Kind::Part, 2), dies_at(Kind::Create, 1)] {
        let two = Two::new(&[]);
        two.second.fail([rule]);
        let told = two.backup(&bytes(64, 4 * PART)).fails();
        assert_tells(&told, &["'remote_endpoint'", two.second.url()]);
        assert_eq!(two.first.keys(), [""; 0]);
        assert_eq!(two.first.open_uploads(), []);
    }
}

#[test]
fn a_second_destination_that_dies_is_logged_where_it_is_preferred() {
    for rule in [
        dies_at(Kind::Part, 2),
        dies_at(Kind::Create, 1),
        dies_at(Kind::Complete, 1),
    ] {
        let two = Two::preferring();
        two.second.fail([rule]);
        let stream = bytes(65, 4 * PART);
        two.backup(&stream).succeeds();
        assert!(two.first.object(&key()) == stream);
        let line = format!("'{}' is not at the second destination", copy());
        assert_tells(&two.host.log(), &[&line, "replicate_backup"]);
    }
}

#[test]
fn a_first_destination_that_dies_fails_every_backup() {
    for two in [Two::new(&[]), Two::preferring()] {
        two.first.fail([dies_at(Kind::Part, 3)]);
        let told = two.backup(&bytes(66, 4 * PART)).fails();
        assert_tells(&told, &["'endpoint'", two.first.url()]);
        assert_eq!(two.second.keys(), [""; 0]);
        assert_eq!(two.second.open_uploads(), []);
    }
}

#[test]
fn a_signal_leaves_nothing_in_either() {
    let two = Two::new(&[]);
    let mut backup = two.host.process("backup_data", &two.config);
    backup
        .arg(two.host.backup_path(NAME))
        .stdin(Stdio::piped())
        .stderr(Stdio::piped());
    let mut backup = backup.spawn().unwrap();
    let mut stdin = backup.stdin.take().unwrap();
    stdin.write_all(&bytes(67, 2 * PART + 1)).unwrap();
    for store in [&two.first, &two.second] {
        store.wait_until("a stored part", |store| {
            let open = store.open_uploads();
            open.iter().any(|upload| !upload.parts.is_empty())
        });
    }
    kill(
        Pid::from_raw(i32::try_from(backup.id()).unwrap()),
        Signal::SIGTERM,
    )
    .unwrap();
    let output = backup.wait_with_output().unwrap();
    drop(stdin);
    assert_eq!(output.status.code(), Some(1));
    two.assert_in_neither();
}
