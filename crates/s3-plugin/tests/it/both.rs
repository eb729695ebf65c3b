//! `replication: on`: every object in two stores, and a restore that goes on where one of them ends.

use std::fs;
use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::time::Duration;

use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;
use s3_testserver::memory::{Code, Fault, Kind, Rule, Which};

use crate::bytes::{PART, bytes};
use crate::host::{Ends, Host, PREFIX, TIMESTAMP, assert_tells};
use crate::store::Store;

const NAME: &str = "gpbackup_0_20261122055910_16385";

/// Longer than any command here.
const FOR_GOOD: Duration = Duration::from_secs(120);

/// A host and two stores, of which the second keeps the objects in another folder.
struct Two {
    host: Host,
    first: Store,
    second: Store,
    config: PathBuf,
}

impl Two {
    fn new(options: &[(&str, &str)]) -> Self {
        let (host, first, second) = (Host::new(), Store::start(), Store::start());
        let mut all = vec![
            ("replication", "on"),
            ("remote_endpoint", second.url()),
            ("remote_folder", "copy"),
            ("retry_patience", "1s"),
        ];
        all.extend_from_slice(options);
        let config = host.config(first.url(), &all);
        Self {
            host,
            first,
            second,
            config,
        }
    }

    /// With `replication_mode: prefer`.
    fn preferring() -> Self {
        Self::new(&[("replication_mode", "prefer")])
    }

    fn backup(&self, stream: &[u8]) -> assert_cmd::Command {
        let mut backup = self.host.plugin("backup_data", &self.config);
        backup.arg(self.host.backup_path(NAME)).write_stdin(stream);
        backup
    }

    fn restore(&self) -> assert_cmd::Command {
        let mut restore = self.host.plugin("restore_data", &self.config);
        restore.arg(self.host.backup_path(NAME));
        restore
    }

    /// That the object is in both stores, and nothing else is begun there.
    fn assert_in_both(&self, stream: &[u8]) {
        assert!(self.first.object(&key()) == stream, "first");
        assert!(self.second.object(&copy()) == stream, "second");
        self.assert_no_uploads();
    }

    fn assert_in_neither(&self) {
        assert_eq!((self.first.keys(), self.second.keys()), (vec![], vec![]));
        self.assert_no_uploads();
    }

    fn assert_no_uploads(&self) {
        assert_eq!(self.first.open_uploads(), []);
        assert_eq!(self.second.open_uploads(), []);
    }
}

fn key() -> String {
    format!("{PREFIX}/{NAME}")
}

fn copy() -> String {
    key().replace("test/wrap", "copy")
}

fn denied(kind: Kind) -> Rule {
    Rule::new(kind, Which::All, Fault::Error(Code::AccessDenied))
}

/// The store is gone from this request on.
fn dies_at(kind: Kind, nth: u64) -> Rule {
    Rule::new(kind, Which::Nth(nth), Fault::Restart { pause: FOR_GOOD })
}

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

/// That the stream comes back whole, and that the log says from where.
#[track_caller]
fn falls_over(two: &Two, stream: &[u8], logged: &[&str]) {
    let restored = two.restore().succeeds();
    assert!(restored == stream, "{} bytes came", restored.len());
    assert_tells(&two.host.log(), logged);
}

#[test]
fn a_restore_goes_on_at_the_second_in_the_middle_of_a_stream() {
    let stream = bytes(68, 4 * PART);
    // The first of the twenty ranges are there, the eighth request ends it.
    let died = |fault| Rule::new(Kind::Get, Which::From(8), fault);
    for rule in [
        dies_at(Kind::Get, 8),
        died(Fault::ResetInAnswer { after: 0 }),
        died(Fault::Error(Code::NoSuchKey)),
        died(Fault::Error(Code::AccessDenied)),
        died(Fault::Error(Code::InternalError)),
        died(Fault::WrongContentRange),
    ] {
        let two = Two::new(&[]);
        two.backup(&stream).succeeds();
        two.first.fail([rule]);
        let line = format!(
            "'{}' is restored from the second destination from byte ",
            copy()
        );
        falls_over(&two, &stream, &[&line, "(checksum verified)"]);
    }
}

#[test]
fn a_restore_begins_at_the_second_where_the_first_has_nothing() {
    let stream = bytes(69, PART + 1);
    let line = "is restored from the second destination, as the first cannot deliver it";
    for rule in [
        denied(Kind::Get),
        dies_at(Kind::Get, 1),
        Rule::new(Kind::Get, Which::All, Fault::Error(Code::NoSuchKey)),
    ] {
        let two = Two::new(&[]);
        two.backup(&stream).succeeds();
        two.first.fail([rule]);
        falls_over(&two, &stream, &[line, &copy()]);
    }
}

#[test]
fn another_object_at_the_second_never_goes_on_with_a_stream() {
    for replacement in [bytes(71, 4 * PART), bytes(70, 4 * PART - 1)] {
        let (two, stream) = (Two::new(&[]), bytes(70, 4 * PART));
        two.backup(&stream).succeeds();
        let path = two.host.backup_path(NAME);
        let alone = two.host.file("alone.yaml", &second_alone(&two));
        two.host
            .plugin("backup_data", &alone)
            .arg(&path)
            .write_stdin(replacement)
            .succeeds();
        two.first.fail([dies_at(Kind::Get, 8)]);
        let output = two.restore().output().unwrap();
        assert_eq!(output.status.code(), Some(1));
        assert!(output.stdout.len() < stream.len() && stream.starts_with(&output.stdout));
        assert_tells(&two.host.log(), &["is another object there"]);
    }
}

/// The text of a config file that knows the second store only.
fn second_alone(two: &Two) -> String {
    let text = fs::read_to_string(&two.config).unwrap();
    let dropped = ["  endpoint:", "  folder:", "replication:"];
    let kept = text
        .lines()
        .filter(|line| dropped.iter().all(|name| !line.contains(name)));
    let lines = kept.map(|line| line.replace("remote_", "") + "\n");
    lines.collect()
}

#[test]
fn an_outage_of_both_is_told_of_both() {
    let two = Two::new(&[]);
    two.backup(b"x").succeeds();
    two.first.fail([denied(Kind::Get)]);
    two.second.fail([Rule::new(
        Kind::Get,
        Which::All,
        Fault::Error(Code::NoSuchKey),
    )]);
    let told = two.restore().fails();
    assert_tells(&told, &["neither destination", "403", "404"]);
}

#[test]
fn an_outage_of_the_first_is_waited_for_where_the_second_lacks_the_object() {
    let (two, stream) = (Two::preferring(), bytes(72, 4 * PART));
    two.second.fail([denied(Kind::Create)]);
    two.backup(&stream).succeeds();
    let patient = fs::read_to_string(&two.config).unwrap();
    let config = two.host.file("patient.yaml", &patient.replace("1s", "20s"));
    let outage = Fault::Restart {
        pause: Duration::from_secs(7),
    };
    two.first
        .fail([Rule::new(Kind::Get, Which::Nth(8), outage)]);
    let restored = two
        .host
        .plugin("restore_data", &config)
        .arg(two.host.backup_path(NAME))
        .succeeds();
    assert!(restored == stream);
}

#[test]
fn ranges_go_on_at_the_second() {
    let (two, stream) = (Two::new(&[]), bytes(73, 4 * PART));
    two.backup(&stream).succeeds();
    let ranges = [
        (5, 300_000),
        (2_000_000, 12_000_000),
        (20_000_000, 20_900_000),
    ];
    let text: String = ranges
        .iter()
        .map(|(start, end)| format!(" {start} {end}"))
        .collect();
    let offsets = two.host.file("offsets", &format!("3{text}"));
    let expected: Vec<u8> = ranges
        .iter()
        .flat_map(|(start, end)| stream[*start..*end].to_vec())
        .collect();
    let subset = |two: &Two| {
        let mut subset = two.host.plugin("restore_data_subset", &two.config);
        subset.arg(two.host.backup_path(NAME)).arg(&offsets);
        subset.succeeds()
    };
    two.first.fail([dies_at(Kind::Get, 5)]);
    assert!(subset(&two) == expected);
    assert_tells(&two.host.log(), &["from the second destination from byte"]);
    // The first store stays dead: now it all comes from the second one.
    assert!(subset(&two) == expected);
}

#[test]
fn a_file_comes_from_the_second_where_the_first_is_damaged_or_gone() {
    let two = Two::new(&[]);
    let path = two.host.backup_path("metadata.sql");
    let content = bytes(74, 3_000_000);
    fs::write(&path, &content).unwrap();
    two.host
        .plugin("backup_file", &two.config)
        .arg(&path)
        .succeeds();
    two.first.damage(&format!("{PREFIX}/metadata.sql"));
    let restore = || {
        fs::remove_file(&path).unwrap();
        let mut restore = two.host.plugin("restore_file", &two.config);
        restore.arg(&path).succeeds();
        assert!(fs::read(&path).unwrap() == content);
    };
    restore();
    assert_tells(
        &two.host.log(),
        &["is restored from the second destination", "damaged"],
    );
    two.first.fail([dies_at(Kind::Get, 1)]);
    restore();
}

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
