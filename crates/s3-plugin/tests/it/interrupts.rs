//! What ends a command before its time: a signal, or a reader that goes away.

use std::fs;
use std::io::{Read, Write};
use std::os::unix::process::ExitStatusExt;
use std::process::{Child, Stdio};
use std::time::{Duration, Instant};

use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;
use s3_testserver::memory::{Fault, Kind, Rule, Which};

use crate::bytes::{PART, bytes};
use crate::host::{Host, PREFIX, assert_tells, names};
use crate::store::Store;

const NAME: &str = "gpbackup_0_20261122055910_16385";

/// The most that an interrupted command may take to end.
const PROMPT: Duration = Duration::from_secs(5);

fn send(signal: Signal, child: &Child) {
    kill(Pid::from_raw(i32::try_from(child.id()).unwrap()), signal).unwrap();
}

/// Waits for the end of a command that a signal was sent to, and gives what it told.
fn told_at_end(child: Child) -> String {
    let start = Instant::now();
    let output = child.wait_with_output().unwrap();
    assert!(
        start.elapsed() < PROMPT,
        "ended after {:?}",
        start.elapsed()
    );
    assert_eq!(
        output.status.code(),
        Some(1),
        "signal {:?}",
        output.status.signal()
    );
    String::from_utf8(output.stderr).unwrap()
}

#[test]
fn a_signal_ends_an_upload_and_leaves_nothing() {
    for signal in [Signal::SIGTERM, Signal::SIGINT, Signal::SIGHUP] {
        let (host, store) = (Host::new(), Store::start());
        let config = host.config(store.url(), &[]);
        let mut backup = host.process("backup_data", &config);
        backup
            .arg(host.backup_path(NAME))
            .stdin(Stdio::piped())
            .stderr(Stdio::piped());
        let mut backup = backup.spawn().unwrap();
        // The stream goes on: stdin stays open until after the end.
        let mut stdin = backup.stdin.take().unwrap();
        stdin.write_all(&bytes(40, 2 * PART + 1)).unwrap();
        store.wait_until("a stored part", |store| {
            store
                .open_uploads()
                .iter()
                .any(|upload| !upload.parts.is_empty())
        });
        send(signal, &backup);
        let told = told_at_end(backup);
        assert_tells(&told, &[&format!("interrupted by {}", signal.as_str())]);
        assert_eq!(store.open_uploads(), []);
        assert_eq!(store.keys(), [""; 0]);
        assert_eq!(store.requests(Kind::Abort), 1);
        drop(stdin);
    }
}

#[test]
fn a_signal_ends_an_upload_to_a_store_that_hangs() {
    let (host, store) = (Host::new(), Store::start());
    let pause = Duration::from_secs(60);
    store.fail([Rule::new(
        Kind::Part,
        Which::All,
        Fault::StallRequest {
            after: 1 << 20,
            pause,
        },
    )]);
    let config = host.config(store.url(), &[]);
    let mut backup = host.process("backup_data", &config);
    backup
        .arg(host.backup_path(NAME))
        .stdin(Stdio::piped())
        .stderr(Stdio::piped());
    let mut backup = backup.spawn().unwrap();
    let mut stdin = backup.stdin.take().unwrap();
    stdin.write_all(&bytes(41, 2 * PART)).unwrap();
    store.wait_until("a part under way", |store| store.requests(Kind::Part) > 0);
    send(Signal::SIGTERM, &backup);
    told_at_end(backup);
    assert_eq!(store.open_uploads(), []);
    drop(stdin);
}

#[test]
fn a_signal_before_the_first_part_ends_an_upload() {
    let (host, store) = (Host::new(), Store::start());
    let config = host.config(store.url(), &[("logger_verbosity", "debug")]);
    let mut backup = host.process("backup_data", &config);
    backup
        .arg(host.backup_path(NAME))
        .stdin(Stdio::piped())
        .stderr(Stdio::piped());
    let mut backup = backup.spawn().unwrap();
    let mut stdin = backup.stdin.take().unwrap();
    // More than a pipe holds: when all of it is written, the plugin reads, and waits for signals.
    stdin.write_all(&bytes(42, 3 << 20)).unwrap();
    send(Signal::SIGTERM, &backup);
    assert_tells(&told_at_end(backup), &["interrupted by SIGTERM"]);
    assert_eq!(store.counters().total(), 0);
    drop(stdin);
}

#[test]
fn a_signal_in_a_file_restore_leaves_the_local_file() {
    let (host, store) = (Host::new(), Store::start());
    let (config, path) = (host.config(store.url(), &[]), host.backup_path(NAME));
    let directory = path.parent().unwrap();
    store.insert(&format!("{PREFIX}/{NAME}"), &bytes(43, 900_000));
    fs::write(&path, "from before").unwrap();
    let pause = Duration::from_secs(60);
    store.fail([Rule::new(
        Kind::Get,
        Which::All,
        Fault::StallAnswer {
            after: 500_000,
            pause,
        },
    )]);
    let mut restore = host.process("restore_file", &config);
    let restore = restore.arg(&path).stderr(Stdio::piped()).spawn().unwrap();
    store.wait_until("a file beside it", |_| names(directory).len() == 2);
    send(Signal::SIGTERM, &restore);
    told_at_end(restore);
    assert_eq!(fs::read(&path).unwrap(), b"from before");
    assert_eq!(names(directory), [NAME]);
}

#[test]
fn a_reader_that_goes_away_ends_a_restore_quietly() {
    let (host, store) = (Host::new(), Store::start());
    let config = host.config(store.url(), &[]);
    store.insert(&format!("{PREFIX}/{NAME}"), &bytes(44, 8 << 20));
    let mut restore = host.process("restore_data", &config);
    restore
        .arg(host.backup_path(NAME))
        .stdout(Stdio::piped())
        .stderr(Stdio::piped());
    let mut restore = restore.spawn().unwrap();
    let mut first = [0; 1000];
    restore
        .stdout
        .take()
        .unwrap()
        .read_exact(&mut first)
        .unwrap();
    // From here on nobody reads.
    assert_eq!(first[..], bytes(44, 1000));
    assert_eq!(told_at_end(restore), "");
}

#[test]
fn a_reader_that_goes_away_is_noticed_while_the_store_is_silent() {
    let (host, store) = (Host::new(), Store::start());
    let config = host.config(store.url(), &[]);
    store.insert(&format!("{PREFIX}/{NAME}"), &bytes(45, 8 << 20));
    let pause = Duration::from_secs(60);
    store.fail([Rule::new(
        Kind::Get,
        Which::Nth(2),
        Fault::StallAnswer {
            after: 500_000,
            pause,
        },
    )]);
    let mut restore = host.process("restore_data", &config);
    restore
        .arg(host.backup_path(NAME))
        .stdout(Stdio::piped())
        .stderr(Stdio::piped());
    let mut restore = restore.spawn().unwrap();
    let mut first = [0; 1000];
    restore
        .stdout
        .take()
        .unwrap()
        .read_exact(&mut first)
        .unwrap();
    assert_eq!(told_at_end(restore), "");
}

#[test]
fn a_reader_that_goes_away_ends_a_listing_quietly() {
    let (host, store) = (Host::new(), Store::start());
    for number in 0..1500 {
        store.insert(
            &format!("{PREFIX}/a name that is long enough to fill a pipe {number}"),
            b"",
        );
    }
    let config = host.config(store.url(), &[]);
    for command in ["list_directory", "list_backups", "check"] {
        let mut list = host.process(command, &config);
        let mut list = list
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap();
        drop(list.stdout.take());
        assert_eq!(told_at_end(list), "", "{command}");
    }
}
