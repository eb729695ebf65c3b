//! `delete_backup`, `list_backups`, `check`.

use s3_testserver::memory::{Code, Config, Fault, Kind, Rule, Which};

use crate::host::{Ends, Host, PREFIX, TIMESTAMP, assert_tells};
use crate::store::Store;

/// Objects that no deletion of the usual backup may touch.
const SIBLINGS: [&str; 5] = [
    "backups/20261122/20261122055910/not in the folder",
    "test/wrap/backups/20261121/20261121055910/gpbackup_0_20261121055910.gz",
    "test/wrap/backups/20261122/202611220559101/gpbackup_0",
    "test/wrap/backups/20261122/20261122055911/gpbackup_0_20261122055911.gz",
    "test/wrap2/backups/20261122/20261122055910/gpbackup_0_20261122055910.gz",
];

fn insert(store: &Store, count: usize) {
    for sibling in SIBLINGS {
        store.insert(sibling, b"sibling");
    }
    for number in 0..count {
        store.insert(&format!("{PREFIX}/gpbackup_{number}_{TIMESTAMP}.gz"), b"");
    }
}

#[test]
fn every_page_of_a_backup_is_deleted_and_no_sibling() {
    let (host, store) = (Host::new(), Store::start());
    let config = host.config(store.url(), &[]);
    insert(&store, 2_500);
    host.plugin("delete_backup", &config)
        .arg(TIMESTAMP)
        .succeeds();
    assert_eq!(store.keys(), SIBLINGS);
    assert_eq!(
        (
            store.requests(Kind::List),
            store.requests(Kind::DeleteBatch)
        ),
        (3, 3)
    );
    // A second time there is nothing, which is no failure.
    host.plugin("delete_backup", &config)
        .arg(TIMESTAMP)
        .succeeds();
    assert_eq!(store.keys(), SIBLINGS);
}

#[test]
fn a_store_without_batch_delete_is_deleted_from_one_by_one() {
    let host = Host::new();
    let store = Store::with(Config {
        batch_delete: false,
        page_size: 7,
        ..Config::default()
    });
    insert(&store, 30);
    host.plugin("delete_backup", &host.config(store.url(), &[]))
        .arg(TIMESTAMP)
        .succeeds();
    assert_eq!(store.keys(), SIBLINGS);
    assert_eq!(store.requests(Kind::Delete), 30);
}

#[test]
fn what_cannot_be_deleted_is_told_and_the_rest_is_deleted() {
    let (host, store) = (Host::new(), Store::start());
    insert(&store, 9);
    store.fail([
        Rule::new(
            Kind::DeleteBatch,
            Which::All,
            Fault::KeyErrors {
                every: 3,
                code: Code::AccessDenied,
            },
        ),
        Rule::new(Kind::Delete, Which::All, Fault::Error(Code::AccessDenied)),
    ]);
    let told = host
        .plugin("delete_backup", &host.config(store.url(), &[]))
        .arg(TIMESTAMP)
        .fails();
    assert_tells(&told, &["3 objects", PREFIX, "403 AccessDenied"]);
    assert_eq!(store.keys().len(), SIBLINGS.len() + 3);
}

#[test]
fn a_page_that_is_repeated_or_cut_is_asked_for_again() {
    let host = Host::new();
    let store = Store::with(Config {
        page_size: 4,
        ..Config::default()
    });
    for fault in [Fault::RepeatPage, Fault::CutPage] {
        insert(&store, 9);
        store.fail([Rule::new(Kind::List, Which::Nth(2), fault.clone())]);
        host.plugin("delete_backup", &host.config(store.url(), &[]))
            .arg(TIMESTAMP)
            .succeeds();
        assert_eq!(store.keys(), SIBLINGS, "{fault:?}");
    }
    let config = host.config(store.url(), &[("retry_patience", "1s")]);
    for (fault, what) in [
        (Fault::RepeatPage, "another page"),
        (Fault::CutPage, "breaks off"),
    ] {
        insert(&store, 9);
        store.fail([Rule::new(Kind::List, Which::From(2), fault)]);
        let told = host.plugin("delete_backup", &config).arg(TIMESTAMP).fails();
        assert_tells(&told, &["ListObjectsV2", what]);
        assert_eq!(store.keys().len(), SIBLINGS.len() + 9);
    }
}

#[test]
fn an_answer_to_a_deletion_that_breaks_off_is_not_taken_for_all_of_it() {
    let (host, store) = (Host::new(), Store::start());
    insert(&store, 9);
    store.fail([Rule::new(Kind::DeleteBatch, Which::All, Fault::CutPage)]);
    let config = host.config(store.url(), &[("retry_patience", "1s")]);
    let told = host.plugin("delete_backup", &config).arg(TIMESTAMP).fails();
    assert_tells(&told, &["DeleteObjects", "breaks off"]);
}

#[test]
fn what_is_no_timestamp_is_refused() {
    let (host, store) = (Host::new(), Store::start());
    let config = host.config(store.url(), &[]);
    insert(&store, 1);
    let before = store.keys();
    for timestamp in [
        "",
        "2026112205591",
        "202611220559100",
        "20261122",
        "2026112205591x",
        "../20261122055910",
    ] {
        let told = host.plugin("delete_backup", &config).arg(timestamp).fails();
        assert_tells(&told, &["14 digits"]);
    }
    assert_eq!(store.keys(), before);
    assert_eq!(store.counters().total(), 0);
    // There is no calendar check: benches use days like this one.
    host.plugin("delete_backup", &config)
        .arg("98900488372225")
        .succeeds();
}

#[test]
fn backups_are_listed_with_their_state() {
    let (host, store) = (Host::new(), Store::start());
    insert(&store, 2);
    store.insert(&format!("{PREFIX}/gpbackup_{TIMESTAMP}_report"), b"report");
    let listed = host
        .plugin("list_backups", &host.config(store.url(), &[]))
        .succeeds();
    let listed = String::from_utf8(listed).unwrap();
    let rows: Vec<Vec<_>> = listed
        .lines()
        .map(|line| line.split_whitespace().collect())
        .collect();
    let expected = [
        vec!["TIMESTAMP", "OBJECTS", "BYTES", "STATE"],
        vec!["20261121055910", "1", "7", "without", "report"],
        vec!["20261122055910", "3", "6", "complete"],
        vec!["20261122055911", "1", "7", "without", "report"],
    ];
    assert_eq!(rows, expected);
}

#[test]
fn a_check_tells_each_step() {
    let (host, store) = (Host::new(), Store::start());
    let config = host.config(store.url(), &[]);
    let check = || String::from_utf8(host.plugin("check", &config).succeeds()).unwrap();
    assert_tells(
        &check(),
        &[
            "ok  list",
            "ok  write 'test/wrap/",
            "ok  read",
            "ok  delete",
        ],
    );
    assert_eq!(store.keys(), [""; 0]);
    store.fail([Rule::new(
        Kind::Delete,
        Which::All,
        Fault::Error(Code::AccessDenied),
    )]);
    assert_tells(&check(), &["delete is denied"]);
    store.fail([Rule::new(
        Kind::List,
        Which::All,
        Fault::Error(Code::AccessDenied),
    )]);
    assert_tells(&check(), &["list is denied", "ok  read", "ok  delete"]);
}

#[test]
fn a_check_that_fails_leaves_nothing() {
    let (host, store) = (Host::new(), Store::start());
    store.fail([Rule::new(
        Kind::Get,
        Which::All,
        Fault::Error(Code::AccessDenied),
    )]);
    let mut check = host.plugin("check", &host.config(store.url(), &[]));
    assert_eq!(check.output().unwrap().status.code(), Some(1));
    assert_eq!((store.keys(), store.requests(Kind::Put)), (vec![], 1));
}

#[test]
fn a_check_ends_at_the_step_that_fails() {
    let (host, store) = (Host::new(), Store::start());
    store.fail([Rule::new(
        Kind::Put,
        Which::All,
        Fault::Error(Code::AccessDenied),
    )]);
    let mut check = host.plugin("check", &host.config(store.url(), &[]));
    let output = check.output().unwrap();
    assert_eq!(output.status.code(), Some(1));
    let (out, told) = (
        String::from_utf8(output.stdout).unwrap(),
        String::from_utf8(output.stderr).unwrap(),
    );
    assert_tells(&out, &["ok  list"]);
    assert!(!out.contains("write"), "{out}");
    assert_tells(&told, &["PutObject", "403 AccessDenied"]);
}
