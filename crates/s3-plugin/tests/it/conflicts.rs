//! Others beside us: buckets that keep or lock what is in them, and writers of the same key.

use s3_testserver::memory::{Code, Config, Fault, Kind, Rule, Which};

use crate::bytes::{PART, bytes};
use crate::host::{Ends, Host, PREFIX, TIMESTAMP, assert_tells};
use crate::store::Store;

const NAME: &str = "gpbackup_0_20261122055910_16385.gz";

fn key() -> String {
    format!("{PREFIX}/{NAME}")
}

/// As long as it lasts, requests of this kind are put off.
fn put_off(kind: Kind) -> [Rule; 1] {
    let unavailable = Fault::Error(Code::ServiceUnavailable);
    [Rule::new(kind, Which::All, unavailable)]
}

#[test]
fn an_archived_object_is_told() {
    let (host, store) = (Host::new(), Store::start());
    store.insert(&key(), b"archived");
    let archived = Fault::Error(Code::InvalidObjectState);
    store.fail([Rule::new(Kind::Get, Which::All, archived)]);
    let config = host.config(store.url(), &[]);
    for command in ["restore_data", "restore_file"] {
        let mut restore = host.plugin(command, &config);
        let told = restore.arg(host.backup_path(NAME)).fails();
        assert_tells(&told, &["the object is in an archive", &key()]);
    }
    assert_eq!(store.requests(Kind::Get), 2, "asked again in vain");
}

#[test]
fn a_bucket_that_locks_its_objects_serves() {
    for batch_delete in [true, false] {
        let host = Host::new();
        let store = Store::with(Config {
            locked: true,
            batch_delete,
            ..Config::default()
        });
        let config = host.config(store.url(), &[]);
        let mut setup = host.plugin("setup_plugin_for_backup", &config);
        setup.arg(host.backup_directory(TIMESTAMP));
        setup.args(["master", "-1"]).succeeds();
        for length in [0, 1000, PART + 1] {
            let mut backup = host.plugin("backup_data", &config);
            let backup = backup.arg(host.backup_path(NAME));
            backup.write_stdin(bytes(70, length)).succeeds();
        }
        host.plugin("delete_backup", &config)
            .arg(TIMESTAMP)
            .succeeds();
        let log = host.log();
        assert_eq!(log.matches("keeps versions").count(), 1, "{log}");
    }
}

#[test]
fn a_locked_object_that_cannot_be_deleted_is_told() {
    let (host, store) = (Host::new(), Store::start());
    store.insert(&key(), b"locked");
    let (every, code) = (1, Code::AccessDenied);
    store.fail([
        Rule::new(
            Kind::DeleteBatch,
            Which::All,
            Fault::KeyErrors { every, code },
        ),
        Rule::new(Kind::Delete, Which::All, Fault::Error(code)),
    ]);
    let mut delete = host.plugin("delete_backup", &host.config(store.url(), &[]));
    let told = delete.arg(TIMESTAMP).fails();
    assert_tells(&told, &["1 objects", &key(), "403 AccessDenied"]);
}

#[test]
fn another_writer_of_the_same_key_is_told() {
    let (host, store) = (Host::new(), Store::start());
    store.fail(put_off(Kind::Head));
    let config = host.config(store.url(), &[]);
    let mut backup = host.plugin("backup_data", &config);
    backup
        .arg(host.backup_path(NAME))
        .write_stdin(bytes(71, PART + 1));
    let told = std::thread::scope(|scope| {
        let told = scope.spawn(|| backup.fails());
        store.wait_until("a completed upload", |store| store.requests(Kind::Head) > 0);
        store.insert(&key(), b"of another writer");
        store.fail([]);
        told.join().unwrap()
    });
    assert_tells(&told, &["was replaced", &key(), "17 with ETag"]);
}

#[test]
fn an_object_that_is_replaced_while_it_is_read_is_told() {
    let (host, store) = (Host::new(), Store::start());
    let (first, second) = (bytes(72, 3_000_000), bytes(73, 3_000_000));
    store.insert(&key(), &first);
    let unavailable = Fault::Error(Code::ServiceUnavailable);
    store.fail([Rule::new(Kind::Get, Which::From(2), unavailable)]);
    let config = host.config(store.url(), &[]);
    let mut restore = host.plugin("restore_data", &config);
    restore.arg(host.backup_path(NAME));
    let output = std::thread::scope(|scope| {
        let output = scope.spawn(|| restore.output().unwrap());
        store.wait_until("a second range", |store| store.requests(Kind::Get) > 1);
        store.insert(&key(), &second);
        store.fail([]);
        output.join().unwrap()
    });
    assert_eq!(output.status.code(), Some(1));
    assert!(output.stdout.len() < first.len() && first.starts_with(&output.stdout));
    let told = String::from_utf8(output.stderr).unwrap();
    assert_tells(&told, &["was replaced while it was read", &key()]);
}
