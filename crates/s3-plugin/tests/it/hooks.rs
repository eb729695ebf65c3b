//! The four hooks: they prove that the bucket works, as often and as many at once as gpbackup asks.

use std::fs;
use std::path::Path;
use std::process::Stdio;

use assert_cmd::Command;
use s3_testserver::memory::{Code, Fault, Kind, Rule, Which};

use crate::host::{Ends, Host, PREFIX, TIMESTAMP, assert_tells, names};
use crate::store::Store;

const SETUP: &str = "setup_plugin_for_backup";
const SETUP_FOR_RESTORE: &str = "setup_plugin_for_restore";

fn report() -> String {
    format!("{PREFIX}/gpbackup_{TIMESTAMP}_report")
}

/// A hook for the usual backup; `scope` may go on with a contentID.
fn hook(host: &Host, name: &str, config: &Path, scope: &str) -> Command {
    let mut hook = host.plugin(name, config);
    hook.arg(host.backup_directory(TIMESTAMP))
        .args(scope.split(' '));
    hook
}

#[test]
fn setup_for_backup_leaves_an_empty_report() {
    for scope in ["coordinator -1", "master \"-1\"", "segment_host"] {
        let (host, store) = (Host::new(), Store::start());
        let config = host.config(store.url(), &[]);
        for _ in 0..2 {
            assert!(hook(&host, SETUP, &config, scope).succeeds().is_empty());
            assert_eq!(store.keys(), [report()], "{scope}");
            assert!(store.object(&report()).is_empty());
        }
        assert!(
            store.requests(Kind::Get) >= 2,
            "what was written was not read back"
        );
        assert_eq!(
            store.requests(Kind::Delete) + store.requests(Kind::DeleteBatch),
            0
        );
    }
}

#[test]
fn a_segment_is_left_to_its_host() {
    let (host, store) = (Host::new(), Store::start());
    let config = host.config(store.url(), &[]);
    hook(&host, SETUP, &config, "segment \"0\"").succeeds();
    hook(&host, SETUP_FOR_RESTORE, &config, "segment 0").succeeds();
    assert_eq!(store.counters().total(), 0);
}

#[test]
fn a_real_report_is_never_overwritten() {
    let (host, store) = (Host::new(), Store::start());
    let config = host.config(store.url(), &[]);
    hook(&host, SETUP, &config, "master -1").succeeds();
    let path = host.backup_path(&format!("gpbackup_{TIMESTAMP}_report"));
    fs::write(&path, "Greenplum Database Backup Report").unwrap();
    host.plugin("backup_file", &config).arg(&path).succeeds();
    hook(&host, SETUP, &config, "segment_host").succeeds();
    assert_eq!(store.object(&report()), b"Greenplum Database Backup Report");
}

#[test]
fn setup_works_where_listing_is_denied() {
    let (host, store) = (Host::new(), Store::start());
    let config = host.config(store.url(), &[]);
    store.fail([
        Rule::new(Kind::List, Which::All, Fault::Error(Code::AccessDenied)),
        Rule::new(Kind::Delete, Which::All, Fault::Error(Code::AccessDenied)),
        Rule::new(
            Kind::DeleteBatch,
            Which::All,
            Fault::Error(Code::AccessDenied),
        ),
    ]);
    hook(&host, SETUP, &config, "master -1").succeeds();
    hook(&host, SETUP_FOR_RESTORE, &config, "master -1").succeeds();
    assert!(host.log().contains("listing is denied"), "{}", host.log());
    store.insert(&report(), b"real");
    hook(&host, SETUP, &config, "master -1").succeeds();
    assert_eq!(store.object(&report()), b"real");
}

#[test]
fn setup_fails_where_writing_or_reading_is_denied() {
    let (host, store) = (Host::new(), Store::start());
    let config = host.config(store.url(), &[]);
    for kind in [Kind::Put, Kind::Get] {
        store.fail([Rule::new(
            kind,
            Which::All,
            Fault::Error(Code::AccessDenied),
        )]);
        let told = hook(&host, SETUP, &config, "master -1").fails();
        assert_tells(
            &told,
            &[
                "may not do this in bucket 'bucket'",
                "aws_access_key_id",
                "403",
            ],
        );
    }
}

#[test]
fn setup_works_where_a_store_knows_no_condition() {
    let (host, store) = (Host::new(), Store::start());
    let config = host.config(store.url(), &[]);
    let refused = Fault::Error(Code::NotImplemented);
    store.fail([Rule::new(Kind::Put, Which::Nth(1), refused)]);
    hook(&host, SETUP, &config, "master -1").succeeds();
    assert_eq!(store.keys(), [report()]);
}

#[test]
fn hooks_of_many_segments_run_at_once() {
    let (host, store) = (Host::new(), Store::start());
    let config = host.config(store.url(), &[]);
    let directory = host.backup_directory(TIMESTAMP);
    let start = |name| {
        let mut hook = host.process(name, &config);
        hook.arg(&directory)
            .arg("segment_host")
            .stderr(Stdio::piped());
        hook.spawn().unwrap()
    };
    for name in [SETUP, SETUP_FOR_RESTORE, "cleanup_plugin_for_backup"] {
        let running: Vec<_> = (0..8).map(|_| start(name)).collect();
        for hook in running {
            let output = hook.wait_with_output().unwrap();
            let told = String::from_utf8(output.stderr).unwrap();
            assert!(output.status.success() && told.is_empty(), "{name}: {told}");
        }
        assert_eq!(store.keys(), [report()]);
    }
}

#[test]
fn setup_for_restore_makes_the_directory_and_proves_the_bucket() {
    let (host, store) = (Host::new(), Store::start());
    let config = host.config(store.url(), &[]);
    for scope in ["coordinator -1", "segment_host", "segment \"2\""] {
        let directory = host.path(&format!("new {scope}/backups/20261122/{TIMESTAMP}"));
        for _ in 0..2 {
            let mut setup = host.plugin(SETUP_FOR_RESTORE, &config);
            setup.arg(&directory).args(scope.split(' ')).succeeds();
            assert!(directory.is_dir(), "{scope}");
        }
    }
    assert_eq!(store.requests(Kind::List), 4);
    assert_eq!(store.keys(), [""; 0]);
}

#[test]
fn hooks_leave_nothing_on_the_host() {
    let (host, store) = (Host::new(), Store::start());
    let config = host.config(store.url(), &[]);
    for name in [
        SETUP,
        SETUP_FOR_RESTORE,
        "cleanup_plugin_for_backup",
        "cleanup_plugin_for_restore",
    ] {
        hook(&host, name, &config, "master \"-1\"").succeeds();
    }
    assert_eq!(names(&host.backup_directory(TIMESTAMP)), [""; 0]);
    assert_eq!(names(&host.path("tmp")), [""; 0]);
    assert_eq!(names(&host.path("work")), ["s3.yaml"]);
    assert_eq!(names(&host.path("home")), ["gpAdminLogs"]);
}

#[test]
fn a_hook_of_another_form_fails() {
    let (host, store) = (Host::new(), Store::start());
    let config = host.config(store.url(), &[]);
    assert_tells(
        &hook(&host, SETUP, &config, "mirror 0").fails(),
        &["mirror", "segment_host"],
    );
    let told = host
        .plugin(SETUP, &config)
        .args(["/data/backups", "master", "-1"])
        .fails();
    assert_tells(&told, &["backups", "14 digits"]);
}
