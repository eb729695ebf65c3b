//! `replicate_backup`, `delete_replica`: a copy that is made, made again, and deleted later.

use std::path::{Path, PathBuf};

use s3_testserver::memory::{Code, Config, Fault, Kind, Rule, Which};

use crate::bytes::{PART, bytes};
use crate::host::{Ends, Host, PREFIX, TIMESTAMP, assert_tells};
use crate::store::{BUCKET, DEADLINE, Store};

/// Where the copies go in most tests here.
const COPY: &str = "copy/backups/20261122/20261122055910";

fn two() -> (Host, Store, Store, PathBuf) {
    let (host, first, second) = (Host::new(), Store::start(), Store::start());
    let options = [
        ("remote_endpoint", second.url()),
        ("remote_folder", "copy"),
        ("retry_patience", "1s"),
    ];
    let config = host.config(first.url(), &options);
    (host, first, second, config)
}

fn run(host: &Host, command: &str, config: &Path) -> assert_cmd::Command {
    let mut plugin = host.plugin(command, config);
    plugin.arg(TIMESTAMP);
    plugin
}

/// Stores a stream in the first store only, as the config does without `replication: on`.
fn store(host: &Host, config: &Path, name: &str, stream: &[u8]) {
    host.plugin("backup_data", config)
        .arg(host.backup_path(name))
        .write_stdin(stream)
        .succeeds();
}

/// The requests that move an object's bytes to the store or within it.
fn moved(store: &Store) -> u64 {
    [Kind::Put, Kind::Part, Kind::Copy, Kind::PartCopy]
        .map(|kind| store.requests(kind))
        .iter()
        .sum()
}

#[test]
fn fifteen_hundred_objects_are_replicated_once() {
    let (host, first, second, config) = two();
    let content = |number: usize| bytes(number as u64, number % 300);
    for number in 0..1500 {
        first.insert(&format!("{PREFIX}/object-{number:04}"), &content(number));
    }
    // A hurry is not asked for: debug builds and busy machines take long for so many.
    run(&host, "replicate_backup", &config)
        .timeout(10 * DEADLINE)
        .succeeds();
    assert_eq!(second.keys().len(), 1500);
    for number in 0..1500 {
        assert!(second.object(&format!("{COPY}/object-{number:04}")) == content(number));
    }
    first.forget();
    second.forget();
    let told = run(&host, "replicate_backup", &config).fails();
    assert_tells(&told, &["already replicated", TIMESTAMP, "1500 objects"]);
    assert_eq!((moved(&second), first.requests(Kind::Get)), (0, 0));
}

#[test]
fn only_what_is_missing_or_other_is_copied_and_the_report_last() {
    let (host, first, second, config) = two();
    let streams = [("a", 10), ("b", 2 * PART + 1), ("c", PART + 3), ("d", 20)];
    for (name, length) in streams {
        store(&host, &config, name, &bytes(80, length));
    }
    let report = format!("gpbackup_{TIMESTAMP}_report");
    store(&host, &config, &report, b"report");
    run(&host, "replicate_backup", &config).succeeds();
    assert_eq!(
        second
            .seen()
            .iter()
            .rfind(|seen| seen.kind == Kind::Put)
            .unwrap()
            .key,
        format!("{COPY}/{report}")
    );
    for (name, length) in streams {
        assert!(
            second.object(&format!("{COPY}/{name}")) == bytes(80, length),
            "{name}"
        );
    }
    // Of the same size and other content; shorter; without a checksum, and right all the same.
    second.insert(&format!("{COPY}/a"), &bytes(81, 10));
    second.insert(&format!("{COPY}/c"), &bytes(80, PART));
    second.insert(&format!("{COPY}/b"), &bytes(80, 2 * PART + 1));
    second.forget();
    run(&host, "replicate_backup", &config).succeeds();
    assert_eq!(
        (second.requests(Kind::Put), second.requests(Kind::Part)),
        (1, 2)
    );
    for (name, length) in streams {
        assert!(
            second.object(&format!("{COPY}/{name}")) == bytes(80, length),
            "{name}"
        );
    }
    assert_eq!(first.keys().len(), 5);
    run(&host, "replicate_backup", &config).fails();
}

#[test]
fn a_run_that_breaks_off_is_resumed() {
    let (host, first, second, config) = two();
    for number in 0..40 {
        first.insert(&format!("{PREFIX}/object-{number:02}"), b"content");
    }
    second.fail([Rule::new(
        Kind::Put,
        Which::From(15),
        Fault::Error(Code::AccessDenied),
    )]);
    let told = run(&host, "replicate_backup", &config).fails();
    assert_tells(&told, &["at the second destination", "403"]);
    let copied = second.keys().len();
    assert_eq!(copied, 14);
    second.fail([]);
    second.forget();
    run(&host, "replicate_backup", &config).succeeds();
    assert_eq!(second.requests(Kind::Put), 26);
    assert_eq!(second.keys().len(), 40);
}

#[test]
fn one_service_copies_by_itself() {
    let host = Host::new();
    let buckets = vec![BUCKET.to_owned(), "other".to_owned()];
    let server = Store::with(Config {
        buckets,
        ..Config::default()
    });
    let options = [("remote_bucket", "other"), ("storage_class", "STANDARD")];
    let config = host.config(server.url(), &options);
    let name = "gpbackup_0_20261122055910_16385 +ü%2F.gz";
    let stream = bytes(82, PART + 9);
    store(&host, &config, name, &stream);
    store(&host, &config, "empty", b"");
    server.forget();
    run(&host, "replicate_backup", &config).succeeds();
    assert_eq!(
        (server.requests(Kind::Copy), server.requests(Kind::Get)),
        (2, 0)
    );
    let copy = server.object_in("other", &format!("{PREFIX}/{name}"));
    assert!(copy == stream);
    assert_tells(&host.log(), &["by the store, checksum compared"]);
    let told = run(&host, "replicate_backup", &config).fails();
    assert_tells(&told, &["already replicated"]);
}

#[test]
fn a_service_that_does_not_copy_by_itself_is_sent_the_bytes() {
    let (host, server) = (Host::new(), Store::start());
    let config = host.config(server.url(), &[("remote_folder", "copy")]);
    store(&host, &config, "a", b"content");
    server.fail([Rule::new(
        Kind::Copy,
        Which::All,
        Fault::Error(Code::NotImplemented),
    )]);
    run(&host, "replicate_backup", &config).succeeds();
    assert_eq!(server.object(&format!("{COPY}/a")), b"content");
    assert_tells(
        &host.log(),
        &["not copied by the store", "through this host"],
    );
}

#[test]
fn a_copy_that_no_checksum_proves_is_made_of_the_bytes() {
    let (host, server) = (Host::new(), Store::start());
    let config = host.config(server.url(), &[("remote_folder", "copy")]);
    store(&host, &config, "a", &bytes(84, 1000));
    // What is asked of the first object, and then of its copy.
    let wrong = Rule::new(Kind::Head, Which::Nth(2), Fault::WrongChecksum);
    server.fail([wrong]);
    run(&host, "replicate_backup", &config).succeeds();
    assert_eq!(
        (server.requests(Kind::Copy), server.requests(Kind::Put)),
        (1, 2)
    );
    assert!(server.object(&format!("{COPY}/a")) == bytes(84, 1000));
    assert_tells(
        &host.log(),
        &["not copied by the store", "through this host"],
    );
    let told = run(&host, "replicate_backup", &config).fails();
    assert_tells(&told, &["already replicated"]);
}

#[test]
fn a_damaged_object_is_not_replicated() {
    for length in [1000, 2 * PART] {
        let (host, first, second, config) = two();
        store(&host, &config, "a", &bytes(83, length));
        first.damage(&format!("{PREFIX}/a"));
        let told = run(&host, "replicate_backup", &config).fails();
        assert_tells(&told, &["damaged", &format!("{PREFIX}/a")]);
        assert_eq!(second.keys(), [""; 0]);
        assert_eq!(second.open_uploads(), []);
    }
    // The store's own copy would have a checksum of its own, that of the damaged bytes.
    let (host, server) = (Host::new(), Store::start());
    let config = host.config(server.url(), &[("remote_folder", "copy")]);
    store(&host, &config, "a", &bytes(83, 1000));
    server.damage(&format!("{PREFIX}/a"));
    let told = run(&host, "replicate_backup", &config).fails();
    assert_tells(&told, &["damaged", &format!("{PREFIX}/a")]);
    assert_eq!(server.keys(), [format!("{PREFIX}/a")]);
}

#[test]
fn nothing_cannot_be_replicated() {
    let (host, first, second, config) = two();
    first.insert("test/wrap/backups/20261122/20261122055911/a", b"sibling");
    let told = run(&host, "replicate_backup", &config).fails();
    assert_tells(&told, &["nothing is stored", TIMESTAMP]);
    assert_eq!(second.keys(), [""; 0]);
    let alone = host.config(first.url(), &[]);
    for command in ["replicate_backup", "delete_replica"] {
        let told = run(&host, command, &alone).fails();
        assert_tells(&told, &["no second destination", "remote_bucket"]);
    }
}

#[test]
fn a_replica_is_deleted_alone_and_once() {
    let (host, first, second, config) = two();
    store(&host, &config, "a", b"content");
    run(&host, "replicate_backup", &config).succeeds();
    second.insert("copy/backups/20261122/20261122055911/a", b"sibling");
    assert_eq!(run(&host, "delete_replica", &config).succeeds(), b"");
    assert_eq!(second.keys().len(), 1);
    let again = run(&host, "delete_replica", &config).succeeds();
    assert_eq!(again, b"already deleted\n");
    assert_eq!(first.keys(), [format!("{PREFIX}/a")]);
    // With replication: off, a deletion of the backup leaves its replica alone.
    run(&host, "replicate_backup", &config).succeeds();
    run(&host, "delete_backup", &config).succeeds();
    assert_eq!((first.keys().len(), second.keys().len()), (0, 2));
}

#[test]
fn what_a_dead_second_destination_has_missed_is_mended() {
    let (host, first, second) = (Host::new(), Store::start(), Store::start());
    let options = [
        ("remote_endpoint", second.url()),
        ("replication", "on"),
        ("replication_mode", "prefer"),
        ("retry_patience", "1s"),
    ];
    let config = host.config(first.url(), &options);
    store(&host, &config, "a", b"before");
    second.fail([Rule::new(
        Kind::Put,
        Which::All,
        Fault::Error(Code::ServiceUnavailable),
    )]);
    store(&host, &config, "b", b"meanwhile");
    second.fail([]);
    second.forget();
    run(&host, "replicate_backup", &config).succeeds();
    assert_eq!(second.requests(Kind::Put), 1);
    assert_eq!(first.keys(), second.keys());
}

#[test]
fn a_second_destination_that_is_wrong_is_told_by_its_own_options() {
    let (host, first, second, _) = two();
    first.insert(&format!("{PREFIX}/a"), b"content");
    let config = host.config(
        first.url(),
        &[("remote_endpoint", second.url()), ("remote_bucket", "none")],
    );
    let told = run(&host, "replicate_backup", &config).fails();
    assert_tells(
        &told,
        &["no bucket 'none'", "'remote_bucket'", "'remote_endpoint'"],
    );
}
