//! `backup_file`, `restore_file`: a file comes back whole, or what was there stays.

use std::fs;
use std::os::unix::fs::PermissionsExt;

use s3_testserver::memory::{Code, Fault, Kind, Rule, Which};

use crate::bytes::{PART, bytes};
use crate::host::{Ends, Host, PREFIX, assert_tells, names};
use crate::store::Store;

const NAME: &str = "gpbackup_20261122055910_toc.yaml";

fn key() -> String {
    format!("{PREFIX}/{NAME}")
}

#[test]
fn a_file_comes_back_and_its_origin_stays() {
    let (host, store) = (Host::new(), Store::start());
    let (config, path) = (host.config(store.url(), &[]), host.backup_path(NAME));
    for length in [0, 1, PART, PART + 1] {
        let content = bytes(20, length);
        fs::write(&path, &content).unwrap();
        assert!(
            host.plugin("backup_file", &config)
                .arg(&path)
                .succeeds()
                .is_empty()
        );
        assert!(
            fs::read(&path).unwrap() == content,
            "the local file changed"
        );
        assert_eq!(store.keys(), [key()]);
        fs::remove_file(&path).unwrap();
        assert!(
            host.plugin("restore_file", &config)
                .arg(&path)
                .succeeds()
                .is_empty()
        );
        assert!(fs::read(&path).unwrap() == content, "{length} bytes differ");
    }
    assert_eq!(names(path.parent().unwrap()), [NAME]);
}

#[test]
fn the_directory_is_made() {
    let (host, store) = (Host::new(), Store::start());
    store.insert(&key(), b"toc");
    let config = host.config(store.url(), &[]);
    let path = host.path(&format!(
        "elsewhere/gpseg-1/backups/20261122/20261122055910/{NAME}"
    ));
    host.plugin("restore_file", &config).arg(&path).succeeds();
    assert_eq!(fs::read(&path).unwrap(), b"toc");
}

#[test]
fn a_restored_file_has_the_mode_of_any_new_file() {
    let (host, store) = (Host::new(), Store::start());
    store.insert(&key(), b"toc");
    let config = host.config(store.url(), &[]);
    for (mask, mode) in [("0077", 0o600), ("0022", 0o644)] {
        let plugin = env!("CARGO_BIN_EXE_gpbackup_s3_plugin");
        let mut shell = assert_cmd::Command::new("/bin/sh");
        shell.arg("-c").arg(format!("umask {mask}; exec \"$@\""));
        shell
            .args(["sh", plugin, "restore_file"])
            .arg(&config)
            .arg(host.backup_path(NAME));
        shell.env_clear().env("HOME", host.path("home"));
        shell.succeeds();
        let found = fs::metadata(host.backup_path(NAME))
            .unwrap()
            .permissions()
            .mode();
        assert_eq!(found & 0o777, mode, "umask {mask}");
    }
}

#[test]
fn what_cannot_be_restored_leaves_the_local_file() {
    let (host, store) = (Host::new(), Store::start());
    let config = host.config(store.url(), &[("retry_patience", "1s")]);
    let path = host.backup_path(NAME);
    let check = |what: &[&str]| {
        fs::write(&path, "from before").unwrap();
        assert_tells(
            &host.plugin("restore_file", &config).arg(&path).fails(),
            what,
        );
        assert_eq!(fs::read(&path).unwrap(), b"from before");
        assert_eq!(
            names(path.parent().unwrap()),
            [NAME],
            "something is left beside it"
        );
    };
    check(&["NoSuchKey", &key()]);

    fs::write(&path, bytes(21, 3_000_000)).unwrap();
    host.plugin("backup_file", &config).arg(&path).succeeds();
    store.fail([
        Rule::new(
            Kind::Get,
            Which::Nth(1),
            Fault::Truncate { after: 2_000_000 },
        ),
        Rule::new(Kind::Get, Which::From(2), Fault::Error(Code::AccessDenied)),
    ]);
    check(&["AccessDenied"]);
    store.fail([Rule::new(Kind::Get, Which::All, Fault::FlipBit { at: 77 })]);
    check(&["is damaged"]);
    store.fail([]);
    store.damage(&key());
    check(&["is damaged", &key()]);
}

#[test]
fn nothing_is_made_where_there_was_no_file() {
    let (host, store) = (Host::new(), Store::start());
    let config = host.config(store.url(), &[]);
    host.plugin("restore_file", &config)
        .arg(host.backup_path(NAME))
        .fails();
    assert_eq!(names(host.backup_path(NAME).parent().unwrap()), [""; 0]);
    let path = host.path(&format!("new/backups/20261122/20261122055910/{NAME}"));
    host.plugin("restore_file", &config).arg(&path).fails();
    assert!(!host.path("new").exists(), "directories were made");
}

#[test]
fn what_is_no_file_cannot_be_stored() {
    let (host, store) = (Host::new(), Store::start());
    let (config, path) = (host.config(store.url(), &[]), host.backup_path(NAME));
    let told = host.plugin("backup_file", &config).arg(&path).fails();
    assert_tells(&told, &[NAME, "No such file"]);
    fs::create_dir(&path).unwrap();
    assert_tells(
        &host.plugin("backup_file", &config).arg(&path).fails(),
        &[NAME, "no regular file"],
    );
    assert_eq!(store.keys(), [""; 0]);
}
