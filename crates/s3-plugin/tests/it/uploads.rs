//! `clean_uploads`: what is aborted, and what is left alone.

use std::time::Duration;

use s3_testserver::memory::{Code, Fault, Kind, Rule, Which};

use crate::host::{Ends, Host, PREFIX, assert_tells};
use crate::store::{BUCKET, Store};
use crate::two::{NAME, Two, copy, denied, key};

const HOUR: Duration = Duration::from_secs(3600);

/// Opens an upload that long ago, and gives its id.
fn open(store: &Store, key: &str, ago: Duration) -> String {
    store.open_upload(BUCKET, key, ago).unwrap()
}

fn open_ids(store: &Store) -> Vec<String> {
    let open = store.open_uploads().into_iter();
    open.map(|upload| upload.upload_id).collect()
}

#[test]
fn only_old_uploads_of_the_backups_of_this_folder_are_aborted() {
    let (host, store) = (Host::new(), Store::start());
    let config = host.config(store.url(), &[]);
    let old = open(&store, &key(), 25 * HOUR);
    let young = open(&store, &key(), 23 * HOUR);
    let of_another = open(&store, "elsewhere/backups/20260101/x", 900 * HOUR);
    let listed = host.plugin("clean_uploads", &config).succeeds();
    let expected = format!(
        "aborted: {key} {old}\nleft alone, too young: {key} {young}\n",
        key = key()
    );
    assert_eq!(String::from_utf8(listed).unwrap(), expected);
    assert_eq!(open_ids(&store), [young.clone(), of_another.clone()]);

    let mut shorter = host.plugin("clean_uploads", &config);
    shorter.arg("22h").succeeds();
    assert_eq!(open_ids(&store), [of_another]);
}

#[test]
fn a_thousand_uploads_and_more_are_aborted() {
    let (host, store) = (Host::new(), Store::start());
    let config = host.config(store.url(), &[]);
    for number in 0..1001 {
        open(&store, &format!("{PREFIX}/{NAME}_{number}"), 25 * HOUR);
    }
    let listed = host.plugin("clean_uploads", &config).succeeds();
    assert_eq!(listed.split(|byte| *byte == b'\n').count(), 1002);
    assert_eq!(open_ids(&store), [""; 0]);
}

#[test]
fn an_upload_that_the_store_will_not_abort_is_told_and_does_not_keep_the_others_open() {
    let (host, store) = (Host::new(), Store::start());
    let config = host.config(store.url(), &[]);
    let ids: [String; 3] = std::array::from_fn(|_| open(&store, &key(), 25 * HOUR));
    let refused = Fault::Error(Code::AccessDenied);
    store.fail([Rule::new(Kind::Abort, Which::Nth(2), refused)]);
    let failed = host.plugin("clean_uploads", &config).assert().code(1);
    let output = failed.get_output();
    let told = String::from_utf8_lossy(&output.stderr);
    assert_tells(&told, &["AbortMultipartUpload", "403"]);
    let open = open_ids(&store);
    assert_eq!(open.len(), 1);
    let states = ids.map(|id| {
        let state = if open.contains(&id) {
            "still open"
        } else {
            "aborted"
        };
        format!("{state}: {} {id}\n", key())
    });
    assert_eq!(String::from_utf8_lossy(&output.stdout), states.concat());
}

#[test]
fn a_store_that_fails_is_not_asked_about_each_upload() {
    let (host, store) = (Host::new(), Store::start());
    let config = host.config(store.url(), &[("retry_patience", "1s")]);
    for _ in 0..3 {
        open(&store, &key(), 25 * HOUR);
    }
    let fails = Fault::Error(Code::InternalError);
    store.fail([Rule::new(Kind::Abort, Which::All, fails)]);
    let failed = host.plugin("clean_uploads", &config).assert().code(1);
    let output = failed.get_output();
    let told = String::from_utf8_lossy(&output.stderr);
    assert_tells(&told, &["AbortMultipartUpload", "500"]);
    assert_eq!(String::from_utf8_lossy(&output.stdout), "");
}

#[test]
fn both_destinations_are_cleaned() {
    for replication in ["on", "off"] {
        let two = Two::new(&[("replication", replication)]);
        let here = open(&two.first, &key(), 25 * HOUR);
        let there = open(&two.second, &copy(), 25 * HOUR);
        let listed = two.host.plugin("clean_uploads", &two.config).succeeds();
        let expected = format!(
            "aborted: {} {here}\naborted at the second destination: {} {there}\n",
            key(),
            copy()
        );
        assert_eq!(String::from_utf8(listed).unwrap(), expected);
        two.assert_no_uploads();
    }
}

#[test]
fn one_destination_is_cleaned_where_the_other_refuses() {
    for first_refuses in [true, false] {
        let two = Two::new(&[]);
        open(&two.first, &key(), 25 * HOUR);
        open(&two.second, &copy(), 25 * HOUR);
        let (refusing, cleaned) = match first_refuses {
            true => (&two.first, &two.second),
            false => (&two.second, &two.first),
        };
        refusing.fail([denied(Kind::ListUploads)]);
        let failed = two
            .host
            .plugin("clean_uploads", &two.config)
            .assert()
            .code(1);
        let told = String::from_utf8_lossy(&failed.get_output().stderr).into_owned();
        assert_tells(&told, &["ListMultipartUploads", "403"]);
        assert_eq!(told.contains("at the second destination"), !first_refuses);
        assert_eq!((open_ids(cleaned).len(), open_ids(refusing).len()), (0, 1));
    }
}
