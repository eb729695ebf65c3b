//! A bucket that the Go plugin filled: ours restores it, adds nothing that disturbs it, deletes it.
//!
//! Its rules, read in its source (Apache Cloudberry backup, October 2025) and seen in what it wrote: an
//! object holds the bytes as they are, without checksum, metadata or tags; one that fills a part of
//! `backup_multipart_chunksize` (here 5 MB, the least) is a multipart upload, even of that one part;
//! setup for backup leaves an empty report, which the real one replaces.

use std::collections::BTreeSet;
use std::fs;
use std::path::Path;

use assert_cmd::Command;

use crate::bytes::{PART, bytes};
use crate::host::{Ends, Host, assert_tells};
use crate::store::{BUCKET, Store};

/// The folder of the config file; the list has a second one, of other runs.
const FOLDER: &str = "test/wrap";

/// The keys that the Go plugin wrote in recorded runs.
fn keys() -> Vec<&'static str> {
    let list = include_str!("recorded/objects-written-by-the-go-plugin.txt");
    let mut keys: Vec<_> = list.lines().collect();
    keys.sort_unstable();
    keys
}

/// What the golden bucket has under a key: the first streams have lengths around a part's, all else
/// is short.
fn content(key: &str) -> Vec<u8> {
    const LENGTHS: [usize; 7] = [0, 1, 1000, PART - 1, PART, PART + 1, 3 * PART + 17];
    let seed = keys().iter().position(|other| *other == key).unwrap();
    let earlier = keys()[..seed].iter().filter(|key| is_stream(key)).count();
    let length = match LENGTHS.get(earlier) {
        Some(length) if is_stream(key) => *length,
        _ => 200 + seed,
    };
    bytes(seed as u64, length)
}

/// Streams are the objects of segments that are no table of contents.
fn is_stream(key: &str) -> bool {
    let (_, name) = key.rsplit_once('/').unwrap();
    !name.contains("_toc.yaml") && !matches!(name.split('_').nth(1), Some(part) if part.len() == 14)
}

/// Fills the bucket as the Go plugin does.
fn golden(store: &Store) {
    for key in keys() {
        let content = content(key);
        if content.len() < PART {
            store.insert(key, &content);
        } else {
            store.insert_in_parts(BUCKET, key, content, PART);
        }
    }
}

/// The folder of the config file that a key was made with.
fn folder(key: &str) -> &str {
    key.split_once("/backups/").unwrap().0
}

/// The timestamps of the backups below a folder.
fn timestamps(folder: &str) -> BTreeSet<&'static str> {
    let below = |key: &&'static str| Some(key.strip_prefix(folder)?.split('/').nth(3)).flatten();
    keys().iter().filter_map(below).collect()
}

/// The command with the local path that the object of `key` belongs to on this host.
fn command(host: &Host, config: &Path, name: &str, key: &str) -> Command {
    let path = host.path("data/gpseg0").join(local(key));
    fs::create_dir_all(path.parent().unwrap()).unwrap();
    let mut plugin = host.plugin(name, config);
    plugin.arg(path);
    plugin
}

/// `backups/DAY/TIMESTAMP/FILE`
fn local(key: &str) -> &str {
    key.splitn(3, '/').nth(2).unwrap()
}

#[test]
fn what_the_go_plugin_stored_comes_back() {
    let (host, store) = (Host::new(), Store::start());
    golden(&store);
    for key in keys() {
        let config = host.config(store.url(), &[("folder", folder(key))]);
        let restored = if is_stream(key) {
            command(&host, &config, "restore_data", key).succeeds()
        } else {
            command(&host, &config, "restore_file", key).succeeds();
            fs::read(host.path("data/gpseg0").join(local(key))).unwrap()
        };
        assert!(restored == content(key), "{key} differs");
    }
    assert_eq!(store.keys(), keys(), "a restore has changed the bucket");
}

#[test]
fn hooks_and_commands_for_operators_take_it_as_their_own() {
    let (host, store) = (Host::new(), Store::start());
    golden(&store);
    let config = host.config(store.url(), &[]);
    let listed = host.plugin("list_backups", &config).succeeds();
    let listed = String::from_utf8(listed).unwrap();
    for timestamp in timestamps(FOLDER) {
        let hook = |name| {
            let mut hook = host.plugin(name, &config);
            hook.arg(host.backup_directory(timestamp))
                .args(["coordinator", "-1"]);
            hook
        };
        // Of a backup that is there, setup for backup leaves the report as it is.
        for name in ["setup_plugin_for_restore", "setup_plugin_for_backup"] {
            hook(name).succeeds();
        }
        let verified = host.plugin("verify", &config).arg(timestamp).succeeds();
        let verified = String::from_utf8(verified).unwrap();
        assert!(verified.lines().all(|line| line.starts_with("unproven")));
        let row = listed.lines().find(|row| row.starts_with(timestamp));
        assert_tells(row.unwrap(), &["complete"]);
    }
    assert_eq!(store.keys(), keys());
    for key in keys() {
        assert!(store.object(key) == content(key), "{key} has changed");
    }
}

#[test]
fn an_interrupted_backup_of_the_go_plugin_is_told_and_taken_over() {
    let (host, store) = (Host::new(), Store::start());
    let timestamp = "20261122055910";
    let report = format!("{FOLDER}/backups/20261122/{timestamp}/gpbackup_{timestamp}_report");
    store.insert(&report, b"");
    let config = host.config(store.url(), &[]);
    let listed = host.plugin("list_backups", &config).succeeds();
    assert_tells(&String::from_utf8(listed).unwrap(), &["without report"]);
    let mut setup = host.plugin("setup_plugin_for_backup", &config);
    setup.arg(host.backup_directory(timestamp));
    setup.args(["coordinator", "-1"]).succeeds();
    let mut backup = command(&host, &config, "backup_file", &report);
    fs::write(host.path("data/gpseg0").join(local(&report)), "report").unwrap();
    backup.succeeds();
    assert_eq!(store.keys(), std::slice::from_ref(&report));
    assert_eq!(store.object(&report), b"report");
}

#[test]
fn what_ours_stores_follows_the_same_rules() {
    let (host, store) = (Host::new(), Store::start());
    let streams: Vec<_> = keys().into_iter().filter(|key| is_stream(key)).collect();
    for key in &streams {
        let config = host.config(store.url(), &[("folder", folder(key))]);
        let mut backup = command(&host, &config, "backup_data", key);
        backup.write_stdin(content(key)).succeeds();
    }
    assert_eq!(store.keys(), streams);
    for key in streams {
        let expected = content(key);
        assert!(store.object(key) == expected, "{key} differs");
        let kept = store.kept(BUCKET, key).unwrap();
        let sizes: Vec<_> = expected.chunks(PART).map(<[u8]>::len).collect();
        let sizes = if sizes.is_empty() { vec![0] } else { sizes };
        assert_eq!(kept.parts, sizes, "{key}");
        // A type that says nothing, as the store itself would give; no metadata, no encoding.
        let told = kept.headers.iter();
        assert!(
            told.clone()
                .all(|header| header == "content-type: application/octet-stream"),
            "{:?}",
            kept.headers
        );
    }
}

#[test]
fn delete_backup_removes_all_of_it_and_nothing_else() {
    let (host, store) = (Host::new(), Store::start());
    golden(&store);
    let mut left = keys();
    for folder in [FOLDER, "test/subset"] {
        let config = host.config(store.url(), &[("folder", folder)]);
        for timestamp in timestamps(folder) {
            let mut delete = host.plugin("delete_backup", &config);
            delete.arg(timestamp).succeeds();
            left.retain(|key| !key.contains(&format!("/{timestamp}/")));
            assert_eq!(store.keys(), left);
        }
    }
    assert_eq!(store.keys(), [""; 0]);
}
