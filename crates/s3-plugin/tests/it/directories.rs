//! The directory commands: their argument is the prefix from the bucket's root.

use std::fs;

use s3_testserver::memory::{Code, Fault, Kind, Rule, Which};

use crate::bytes::{PART, bytes};
use crate::host::{Ends, Host, assert_tells, names};
use crate::store::Store;

/// A directory with two files of the same name in it, as a path from the working directory.
const DIRECTORY: &str = "logs/2026";

fn files() -> [(&'static str, Vec<u8>); 4] {
    [
        ("a", bytes(30, 10)),
        ("empty", Vec::new()),
        ("sub/a", bytes(31, 20)),
        ("sub/deep/large", bytes(32, PART + 1)),
    ]
}

fn write_files(host: &Host) {
    for (name, content) in files() {
        let path = host.path("work").join(DIRECTORY).join(name);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, content).unwrap();
    }
}

fn check_files(host: &Host) {
    for (name, content) in files() {
        let path = host.path("work").join(DIRECTORY).join(name);
        assert!(fs::read(path).unwrap() == content, "{name}");
    }
}

#[test]
fn a_directory_comes_back_with_its_subdirectories() {
    for (backup, restore, jobs) in [
        ("backup_directory", "restore_directory", None),
        (
            "backup_directory_parallel",
            "restore_directory_parallel",
            Some("3"),
        ),
    ] {
        let (host, store) = (Host::new(), Store::start());
        let config = host.config(store.url(), &[]);
        write_files(&host);
        host.plugin(backup, &config)
            .arg(DIRECTORY)
            .args(jobs)
            .succeeds();
        assert_eq!(
            store.keys(),
            files().map(|(name, _)| format!("{DIRECTORY}/{name}"))
        );
        check_files(&host);
        fs::remove_dir_all(host.path("work/logs")).unwrap();
        host.plugin(restore, &config)
            .arg(DIRECTORY)
            .args(jobs)
            .succeeds();
        check_files(&host);
        assert_eq!(names(&host.path("work/logs/2026")), ["a", "empty", "sub"]);
    }
}

#[test]
fn what_is_not_stored_cannot_be_restored() {
    let (host, store) = (Host::new(), Store::start());
    let config = host.config(store.url(), &[]);
    store.insert("logs/20261/a", b"sibling");
    let told = host
        .plugin("restore_directory", &config)
        .arg(DIRECTORY)
        .fails();
    assert_tells(&told, &["nothing is stored", "logs/2026/"]);
    assert_tells(
        &host.plugin("backup_directory", &config).arg("none").fails(),
        &["none", "No such file"],
    );
}

#[test]
fn a_failure_leaves_no_half_a_file() {
    let (host, store) = (Host::new(), Store::start());
    let config = host.config(store.url(), &[]);
    store.insert("logs/2026/a", &bytes(33, 1000));
    store.fail([
        Rule::new(Kind::Get, Which::Nth(1), Fault::Truncate { after: 500 }),
        Rule::new(Kind::Get, Which::From(2), Fault::Error(Code::AccessDenied)),
    ]);
    host.plugin("restore_directory", &config)
        .arg(DIRECTORY)
        .fails();
    assert_eq!(names(&host.path("work/logs/2026")), [""; 0]);
}

#[test]
fn keys_are_listed_with_their_sizes() {
    let (host, store) = (Host::new(), Store::start());
    let config = host.config(store.url(), &[]);
    for key in [
        "logs/2026/b",
        "logs/2026/a b",
        "logs/20261",
        "test/wrap/x",
        "test/wrap2/y",
    ] {
        store.insert(key, b"12345");
    }
    let list = |directory: Option<&str>| {
        let listed = host
            .plugin("list_directory", &config)
            .args(directory)
            .succeeds();
        String::from_utf8(listed).unwrap()
    };
    assert_eq!(list(Some("logs/2026")), "logs/2026/a b 5\nlogs/2026/b 5\n");
    assert_eq!(
        list(Some("/logs//2026/")),
        "logs/2026/a b 5\nlogs/2026/b 5\n"
    );
    assert_eq!(list(None), "test/wrap/x 5\n");
    assert_eq!(list(Some("nothing")), "");
}

#[test]
fn a_directory_of_a_missing_bucket_cannot_be_listed() {
    let (host, store) = (Host::new(), Store::start());
    let config = host.config(store.url(), &[("bucket", "missing")]);
    assert_tells(
        &host.plugin("list_directory", &config).fails(),
        &["no bucket 'missing'"],
    );
}

#[test]
fn a_directory_is_deleted_and_no_sibling() {
    let (host, store) = (Host::new(), Store::start());
    let config = host.config(store.url(), &[]);
    for number in 0..1_200 {
        store.insert(&format!("logs/2026/{number}"), b"");
    }
    store.insert("logs/20261", b"sibling");
    store.insert("logs/2026.txt", b"sibling");
    host.plugin("delete_directory", &config)
        .arg("/logs/2026/")
        .succeeds();
    assert_eq!(store.keys(), ["logs/2026.txt", "logs/20261"]);
}

#[test]
fn no_deletion_reaches_further_than_a_directory() {
    let (host, store) = (Host::new(), Store::start());
    let config = host.config(store.url(), &[]);
    store.insert("test/wrap/backups/x", b"");
    for directory in [
        "",
        "/",
        "//",
        ".",
        "..",
        "a/../b",
        "test",
        "/test/",
        "test/wrap",
        "test//wrap/",
        "./test/wrap",
    ] {
        let told = host
            .plugin("delete_directory", &config)
            .arg(directory)
            .fails();
        assert_tells(&told, &["refusing"]);
    }
    assert_eq!(store.counters().total(), 0);
    let told = host.plugin("delete_directory", &config).fails();
    assert_tells(&told, &["delete_directory takes"]);
    // What only begins like the folder is no ancestor of it.
    host.plugin("delete_directory", &config)
        .arg("test/wra")
        .succeeds();
    assert_eq!(store.keys(), ["test/wrap/backups/x"]);
}
