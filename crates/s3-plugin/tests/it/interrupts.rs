//! What ends a command before its time: a signal, or a reader that goes away.

use std::fs::{self, File};
use std::io::{Read, Write};
use std::os::unix::process::ExitStatusExt;
use std::path::Path;
use std::process::{Child, ChildStdin, ChildStdout, Command, Stdio};
use std::time::{Duration, Instant};

use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;
use s3_testserver::memory::{Code, Fault, Kind, Rule, Which};
use tokio::signal::unix::SignalKind;

use crate::bytes::{PART, bytes};
use crate::host::{Ends, Host, PREFIX, assert_tells, names};
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

/// A `backup_data` that has been given `bytes`, and whose stdin stays open until after its end.
fn uploading(host: &Host, config: &Path, bytes: &[u8]) -> (Child, ChildStdin) {
    let mut backup = host.process("backup_data", config);
    backup
        .arg(host.backup_path(NAME))
        .stdin(Stdio::piped())
        .stderr(Stdio::piped());
    let mut backup = backup.spawn().unwrap();
    let mut stdin = backup.stdin.take().unwrap();
    stdin.write_all(bytes).unwrap();
    (backup, stdin)
}

/// A `restore_data`, and what reads its stdout.
fn restoring(host: &Host, config: &Path) -> (Child, ChildStdout) {
    let mut restore = host.process("restore_data", config);
    restore
        .arg(host.backup_path(NAME))
        .stdout(Stdio::piped())
        .stderr(Stdio::piped());
    let mut restore = restore.spawn().unwrap();
    let stdout = restore.stdout.take().unwrap();
    (restore, stdout)
}

/// A rule by which the body of the answer to GET number `nth` stops `after` that many bytes.
fn stalls(nth: u64, after: u64) -> Rule {
    let pause = Duration::from_secs(60);
    Rule::new(
        Kind::Get,
        Which::Nth(nth),
        Fault::StallAnswer { after, pause },
    )
}

fn has_a_part(store: &Store) -> bool {
    let uploads = store.open_uploads();
    uploads.iter().any(|upload| !upload.parts.is_empty())
}

/// Has the children of this process begin with the default of signals that it was told to ignore itself, as
/// under `nohup`.
fn ignore_nothing() {
    let status = fs::read_to_string("/proc/self/status").unwrap();
    let mask = status.lines().find_map(|line| line.strip_prefix("SigIgn:"));
    let mask = u64::from_str_radix(mask.unwrap().trim(), 16).unwrap();
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .unwrap();
    let _context = runtime.enter();
    // A signal that is handled is not ignored any more, and no handler outlives the start of a program.
    for signal in [Signal::SIGTERM, Signal::SIGINT, Signal::SIGHUP] {
        if mask >> (signal as i32 - 1) & 1 == 1 {
            drop(tokio::signal::unix::signal(SignalKind::from_raw(signal as i32)).unwrap());
        }
    }
}

#[test]
fn a_signal_that_is_ignored_from_the_start_ends_nothing() {
    for (name, signal) in [("HUP", Signal::SIGHUP), ("INT", Signal::SIGINT)] {
        let (host, store) = (Host::new(), Store::start());
        let config = host.config(store.url(), &[]);
        let plugin = host.process("backup_data", &config);
        let given = plugin
            .get_envs()
            .filter_map(|(name, value)| Some((name, value?)));
        let mut backup = Command::new("/bin/sh");
        backup
            .args(["-c", &format!("trap '' {name}; exec \"$0\" \"$@\"")])
            .arg(plugin.get_program())
            .args(plugin.get_args())
            .arg(host.backup_path(NAME))
            .env_clear()
            .envs(given)
            .stdin(Stdio::piped());
        let mut backup = backup.spawn().unwrap();
        let mut stdin = backup.stdin.take().unwrap();
        let sent = bytes(48, 2 * PART + 1);
        stdin.write_all(&sent).unwrap();
        store.wait_until("a stored part", has_a_part);
        send(signal, &backup);
        drop(stdin);
        assert!(backup.wait().unwrap().success(), "{name}");
        assert_eq!(store.object(&format!("{PREFIX}/{NAME}")), sent);
    }
}

#[test]
fn a_signal_ends_an_upload_and_leaves_nothing() {
    ignore_nothing();
    for signal in [Signal::SIGTERM, Signal::SIGINT, Signal::SIGHUP] {
        let (host, store) = (Host::new(), Store::start());
        let config = host.config(store.url(), &[]);
        let (backup, _stdin) = uploading(&host, &config, &bytes(40, 2 * PART + 1));
        store.wait_until("a stored part", has_a_part);
        send(signal, &backup);
        let told = told_at_end(backup);
        assert_tells(&told, &[&format!("interrupted by {}", signal.as_str())]);
        assert_eq!(store.open_uploads(), []);
        assert_eq!(store.keys(), [""; 0]);
        assert_eq!(store.requests(Kind::Abort), 1);
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
    let (backup, _stdin) = uploading(&host, &config, &bytes(41, 2 * PART));
    store.wait_until("a part under way", |store| store.requests(Kind::Part) > 0);
    send(Signal::SIGTERM, &backup);
    told_at_end(backup);
    assert_eq!(store.open_uploads(), []);
}

#[test]
fn an_abort_that_the_store_does_not_take_is_logged() {
    let (host, store) = (Host::new(), Store::start());
    let pause = Duration::from_secs(60);
    let hangs = Fault::SlowFirstByte { pause };
    store.fail([
        Rule::new(Kind::Abort, Which::All, hangs),
        Rule::new(
            Kind::Part,
            Which::From(2),
            Fault::Error(Code::ServiceUnavailable),
        ),
    ]);
    let config = host.config(store.url(), &[]);
    let (backup, _stdin) = uploading(&host, &config, &bytes(46, 2 * PART + 1));
    store.wait_until("a stored part", has_a_part);
    let id = store.open_uploads()[0].upload_id.clone();
    send(Signal::SIGTERM, &backup);
    assert_tells(&told_at_end(backup), &["interrupted by SIGTERM"]);
    let still_open = format!("upload {id} of '{PREFIX}/{NAME}' is still open");
    assert_tells(&host.log(), &[&still_open, "no answer within 4 s"]);
}

#[test]
fn a_signal_before_the_first_part_ends_an_upload() {
    let (host, store) = (Host::new(), Store::start());
    let config = host.config(store.url(), &[("logger_verbosity", "debug")]);
    // More than a pipe holds: when all of it is written, the plugin reads, and waits for signals.
    let (backup, _stdin) = uploading(&host, &config, &bytes(42, 3 << 20));
    send(Signal::SIGTERM, &backup);
    assert_tells(&told_at_end(backup), &["interrupted by SIGTERM"]);
    assert_eq!(store.counters().total(), 0);
}

#[test]
fn a_killed_upload_shows_nothing_and_is_listed() {
    let (host, store) = (Host::new(), Store::start());
    let config = host.config(store.url(), &[]);
    let (mut backup, _stdin) = uploading(&host, &config, &bytes(47, 2 * PART + 1));
    store.wait_until("a stored part", has_a_part);
    backup.kill().unwrap();
    assert_eq!(
        backup.wait().unwrap().signal(),
        Some(Signal::SIGKILL as i32)
    );
    assert_eq!(store.keys(), [""; 0]);
    let id = store.open_uploads()[0].upload_id.clone();
    let listed = host.plugin("clean_uploads", &config).succeeds();
    let listed = String::from_utf8(listed).unwrap();
    assert_tells(&listed, &["too young", &id, NAME]);
}

#[test]
fn a_stream_that_cannot_be_read_is_told_and_leaves_nothing() {
    let (host, store) = (Host::new(), Store::start());
    let config = host.config(store.url(), &[]);
    // Reading a directory fails with EISDIR.
    let mut backup = host.process("backup_data", &config);
    backup
        .arg(host.backup_path(NAME))
        .stdin(File::open(host.path("work")).unwrap())
        .stderr(Stdio::piped());
    let told = told_at_end(backup.spawn().unwrap());
    assert_tells(&told, &["reading the data to back up failed", "directory"]);
    assert_eq!((store.keys(), store.open_uploads()), (vec![], vec![]));
}

#[test]
fn a_full_disk_is_told() {
    let (host, store) = (Host::new(), Store::start());
    let config = host.config(store.url(), &[]);
    store.insert(&format!("{PREFIX}/{NAME}"), &bytes(48, 900_000));
    let mut restore = host.process("restore_data", &config);
    restore
        .arg(host.backup_path(NAME))
        .stdout(File::create("/dev/full").unwrap())
        .stderr(Stdio::piped());
    let told = told_at_end(restore.spawn().unwrap());
    assert_tells(
        &told,
        &["writing the restored data failed", "No space left"],
    );

    // 100 blocks of 512 bytes: a file that cannot grow stands for a disk that is full.
    let path = host.backup_path(NAME);
    fs::write(&path, "from before").unwrap();
    let plugin = host.process("restore_file", &config);
    let mut limited = Command::new("/bin/sh");
    limited
        .args(["-c", "trap '' XFSZ; ulimit -f 100; exec \"$@\"", "sh"])
        .arg(plugin.get_program())
        .args(plugin.get_args())
        .arg(&path)
        .env_clear()
        .env("HOME", host.path("home"))
        .stderr(Stdio::piped());
    let told = told_at_end(limited.spawn().unwrap());
    assert_tells(&told, &["cannot restore", NAME, "File too large"]);
    assert_eq!(fs::read(&path).unwrap(), b"from before");
    assert_eq!(names(path.parent().unwrap()), [NAME]);
}

#[test]
fn a_signal_in_a_file_restore_leaves_the_local_file() {
    let (host, store) = (Host::new(), Store::start());
    let (config, path) = (host.config(store.url(), &[]), host.backup_path(NAME));
    let directory = path.parent().unwrap();
    store.insert(&format!("{PREFIX}/{NAME}"), &bytes(43, 900_000));
    fs::write(&path, "from before").unwrap();
    store.fail([stalls(1, 500_000)]);
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
    let (restore, mut stdout) = restoring(&host, &config);
    let mut first = [0; 1000];
    stdout.read_exact(&mut first).unwrap();
    assert_eq!(first[..], bytes(44, 1000));
    // From here on nobody reads.
    drop(stdout);
    assert_eq!(told_at_end(restore), "");
}

#[test]
fn a_reader_that_goes_away_is_noticed_while_the_store_is_silent() {
    // In the second case all that arrived is written: no further write tells.
    for (size, stall) in [(8 << 20, stalls(2, 500_000)), (60_000, stalls(1, 1000))] {
        let (host, store) = (Host::new(), Store::start());
        let config = host.config(store.url(), &[]);
        store.insert(&format!("{PREFIX}/{NAME}"), &bytes(45, size));
        store.fail([stall]);
        let (restore, mut stdout) = restoring(&host, &config);
        let mut first = [0; 1000];
        stdout.read_exact(&mut first).unwrap();
        drop(stdout);
        assert_eq!(told_at_end(restore), "", "{size}");
    }
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
