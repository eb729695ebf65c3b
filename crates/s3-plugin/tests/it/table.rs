//! FAULTS.md: what becomes of a command when the store or the network fails, once or each time.

use std::fmt::Write;
use std::path::Path;
use std::process::Output;
use std::sync::Mutex;
use std::thread;

use assert_cmd::Command;
use s3_testserver::memory::{Code, Config, Fault, Kind, MemoryServer, Rule, Which};

use crate::bytes::{PART, bytes};
use crate::faults::{Row, command, rows, verb};
use crate::host::{Host, PREFIX, TIMESTAMP, alone};
use crate::store::{BUCKET, Store};

const NAME: &str = "gpbackup_0_20261122055910_16385.gz";

const HEAD: &str = "# Faults

What becomes of a command when a request to the store fails once, and when it fails each time. Written by
`UPDATE_FAULTS_MD=1 cargo test -p s3-plugin faults_md`, which plays each fault by `s3-testserver` against the
binary; CI compares. All waiting is twenty times as short there: patience ends after 6 s, a request stalls
after 1.5 s.

`right` is exit code 0, nothing on stderr, and every byte where it belongs. `fails` is exit code 1 and one line on
stderr, of which the part that differs is quoted. A restore that fails ends short of its last byte; a backup that
fails shows nothing under its key, and leaves no upload open, unless the table says so: where the answer to the
creation is lost, nobody knows the upload's id, and `clean_uploads` finds it.

| command | request | fault | once | each time |
| --- | --- | --- | --- | --- |
";

const FOOT: &str = "
## Ends

What ends a process before its time; `tests/it/interrupts.rs` and `tests/it/conflicts.rs` prove each line.

| what | outcome |
| --- | --- |
| SIGTERM, SIGINT, SIGHUP | exit code 1 within 5 s, the signal is told; the upload is aborted, a restored file is as it was |
| an abort that the store does not take within 4 s | the log tells the upload's id |
| SIGKILL | nothing shows under the key; `clean_uploads` lists the upload, and aborts it when it is old enough |
| the reader of a restore goes (`EPIPE`) | exit code 1 within 5 s, nothing is told, even while the store is silent |
| the stream to store cannot be read | fails, nothing is stored |
| the disk of a restored file is full | fails, the file is as it was |
| another writer of the same key | fails: is damaged or was replaced |
| the object is replaced while it is read | fails: was replaced while it was read |
| a bucket with versions or object lock | right; the log tells that what is deleted goes on taking up space |
";

impl Row {
    /// Plays the fault and tells what came of it.
    fn outcome(&self, times: Times) -> String {
        let host = Host::new();
        let store = Store::with(Config {
            page_size: 4,
            batch_delete: self.kind != Kind::Delete,
            ..Config::default()
        });
        let config = host.config(store.url(), &[("restore_multipart_chunksize", "300KB")]);
        let which = match times {
            // Only behind a first page can one be repeated.
            Times::Once if self.fault == Fault::RepeatPage => Which::Nth(2),
            Times::Each if self.fault == Fault::RepeatPage => Which::From(2),
            Times::Once => Which::Nth(1),
            Times::Each => Which::All,
        };
        let denied = Fault::Error(Code::AccessDenied);
        let refused = Rule::new(Kind::Part, Which::From(2), denied);
        let mut rules = vec![Rule::new(self.kind, which, self.fault.clone())];
        rules.extend((self.kind == Kind::Abort).then_some(refused));
        let end = match self.kind {
            Kind::Get => restore(&host, &store, &config, rules),
            Kind::List | Kind::DeleteBatch | Kind::Delete => delete(&host, &store, &config, rules),
            Kind::Put => backup(&host, &store, &config, rules, 300_000),
            _ => backup(&host, &store, &config, rules, PART + 300_000),
        };
        let open = match store.open_uploads().len() {
            0 => "",
            _ => ", an upload stays open",
        };
        format!("{end}{open}")
    }
}

#[derive(Clone, Copy)]
enum Times {
    Once,
    Each,
}

/// Not as fast as elsewhere: the table must not change where a machine is slow.
fn hurried(host: &Host, command: &str, config: &Path) -> Command {
    let mut plugin = host.plugin(command, config);
    plugin.env("S3_TRANSPORT_HURRY", "20");
    plugin
}

fn backup(host: &Host, store: &Store, config: &Path, rules: Vec<Rule>, length: usize) -> String {
    let stream = bytes(80, length);
    store.fail(rules);
    let mut backup = hurried(host, "backup_data", config);
    let backup = backup
        .arg(host.backup_path(NAME))
        .write_stdin(stream.clone());
    let output = backup.output().unwrap();
    let server: &MemoryServer = store;
    let stored = server.object(BUCKET, &format!("{PREFIX}/{NAME}"));
    let right = stored.as_deref() == Some(&*stream);
    assert!(right || stored.is_none(), "other bytes were stored");
    match told(&output) {
        None if right => "right".to_owned(),
        None => panic!("exit code 0, and nothing stored"),
        Some(told) if right => format!("{told}, although all is stored"),
        Some(told) => told,
    }
}

fn restore(host: &Host, store: &Store, config: &Path, rules: Vec<Rule>) -> String {
    let stream = bytes(81, 900_000);
    store.insert_proven(BUCKET, &format!("{PREFIX}/{NAME}"), stream.clone());
    store.fail(rules);
    let mut restore = hurried(host, "restore_data", config);
    let output = restore.arg(host.backup_path(NAME)).output().unwrap();
    match told(&output) {
        None if output.stdout == stream => "right".to_owned(),
        None => panic!("exit code 0, and a wrong stream"),
        Some(told) => {
            assert!(output.stdout.len() < stream.len(), "does not end short");
            told
        }
    }
}

fn delete(host: &Host, store: &Store, config: &Path, rules: Vec<Rule>) -> String {
    for number in 0..10 {
        store.insert(&format!("{PREFIX}/{number}"), b"x");
    }
    store.insert("test/wrap/backups/20261122/other", b"x");
    store.fail(rules);
    let mut delete = hurried(host, "delete_backup", config);
    let output = delete.arg(TIMESTAMP).output().unwrap();
    let left = store.keys().len();
    assert!(left > 0, "more was deleted");
    match told(&output) {
        None if left == 1 => "right".to_owned(),
        None => panic!("exit code 0, and {left} objects left"),
        Some(told) => told,
    }
}

/// What the line on stderr says of the failure; `None` where the command succeeded.
fn told(output: &Output) -> Option<String> {
    let told = std::str::from_utf8(&output.stderr).unwrap();
    if output.status.success() {
        assert_eq!(told, "");
        return None;
    }
    assert_eq!(output.status.code(), Some(1), "{told}");
    assert_eq!(told.lines().count(), 1, "{told}");
    Some(format!("fails: {}", gist(told.trim_end())))
}

/// The part of a message that neither port nor time nor chance changes.
fn gist(line: &str) -> &str {
    let steady = [
        "the store cannot be reached",
        "is damaged or was replaced",
        "was replaced while it was read",
        "the clock of this host is wrong",
        "the object is in an archive",
        "arrived with checksum",
        "asked for bytes",
    ];
    if let Some(part) = steady.into_iter().find(|part| line.contains(part)) {
        return part;
    }
    let last = line.rsplit(": ").collect::<Vec<_>>();
    let is_code = |part: &&&str| part.len() > 4 && part[..3].bytes().all(|b| b.is_ascii_digit());
    last.iter().find(is_code).unwrap_or(&last[0])
}

fn table() -> String {
    let rows = rows();
    let cells: Vec<Mutex<[String; 2]>> = rows.iter().map(|_| Mutex::default()).collect();
    let next = Mutex::new(rows.iter().zip(&cells));
    thread::scope(|scope| {
        // Most of the time is spent waiting.
        for _ in 0..16 {
            scope.spawn(|| {
                while let Some((row, cell)) = { next.lock().unwrap().next() } {
                    *cell.lock().unwrap() =
                        [Times::Once, Times::Each].map(|times| row.outcome(times));
                }
            });
        }
    });
    let mut table = HEAD.to_owned();
    for (row, cell) in rows.iter().zip(cells) {
        let (command, verb, what) = (command(row.kind), verb(row.kind), row.what);
        let [once, each] = cell.into_inner().unwrap();
        writeln!(table, "| {command} | {verb} | {what} | {once} | {each} |").unwrap();
    }
    table + FOOT
}

#[test]
fn faults_md_is_what_the_plugin_does() {
    let path = concat!(env!("CARGO_MANIFEST_DIR"), "/FAULTS.md");
    let _alone = alone();
    let found = table();
    if std::env::var_os("UPDATE_FAULTS_MD").is_some() {
        std::fs::write(path, &found).unwrap();
    }
    let published = std::fs::read_to_string(path).unwrap();
    for (published, found) in published.lines().zip(found.lines()) {
        assert_eq!(published, found);
    }
    assert_eq!(
        published, found,
        "run this test with UPDATE_FAULTS_MD=1 to renew FAULTS.md"
    );
}
