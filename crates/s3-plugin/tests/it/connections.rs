//! When connections are opened, and how many.

use std::io::{self, Write};
use std::net::{Shutdown, TcpListener, TcpStream};
use std::path::Path;
use std::process::{Child, Stdio};
use std::thread::{self, JoinHandle};

use s3_testserver::memory::Kind;

use crate::host::{Ends, Host, PREFIX, assert_tells};
use crate::store::Store;
use crate::two::{NAME, Two};

/// A backup whose stream has not begun.
fn waiting(host: &Host, config: &Path) -> Child {
    let mut backup = host.process("backup_data", config);
    backup
        .arg(host.backup_path(NAME))
        .stdin(Stdio::piped())
        .stderr(Stdio::piped());
    backup.spawn().unwrap()
}

/// Gives it a stream of a few bytes, which it has to store.
#[track_caller]
fn succeeds(mut backup: Child) {
    backup.stdin.take().unwrap().write_all(b"12345").unwrap();
    let output = backup.wait_with_output().unwrap();
    let told = String::from_utf8(output.stderr).unwrap();
    assert!(output.status.success() && told.is_empty(), "{told}");
}

fn connected(store: &Store) {
    store.wait_until("a connection", |store| store.counters().connections > 0);
}

/// That it was asked once, on the one connection that there was.
#[track_caller]
fn assert_one_put(store: &Store) {
    let counters = store.counters();
    assert_eq!((counters.of(Kind::Put), counters.total()), (1, 1));
    assert_eq!(counters.connections, 1);
}

#[test]
fn a_backup_connects_while_it_waits_for_the_stream() {
    let host = Host::new();
    for (store, ca) in [(Store::start(), String::new()), Store::with_tls(&host)] {
        let config = host.config(store.url(), &[("ca_file", &ca)]);
        let backup = waiting(&host, &config);
        connected(&store);
        succeeds(backup);
        assert_eq!(store.object(&format!("{PREFIX}/{NAME}")), b"12345");
        assert_one_put(&store);
    }
}

#[test]
fn a_backup_connects_to_both_destinations() {
    let two = Two::new(&[]);
    let backup = waiting(&two.host, &two.config);
    connected(&two.first);
    connected(&two.second);
    succeeds(backup);
    two.assert_in_both(b"12345");
    assert_one_put(&two.first);
    assert_one_put(&two.second);
}

/// A server in front of `store` that closes the first connection at once, and passes on the second one:
/// its URL, and the first connection when it is closed.
fn impatient(store: &Store) -> (String, JoinHandle<TcpStream>) {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let url = format!("http://{}", listener.local_addr().unwrap());
    let store = store.address();
    let closing = thread::spawn(move || {
        let (first, _) = listener.accept().unwrap();
        first.shutdown(Shutdown::Write).unwrap();
        // It ends with the process of the tests.
        thread::spawn(move || pass_on(listener.accept()?.0, TcpStream::connect(store)?));
        first
    });
    (url, closing)
}

fn pass_on(client: TcpStream, store: TcpStream) -> io::Result<()> {
    let (mut answers, mut to_client) = (store.try_clone()?, client.try_clone()?);
    thread::spawn(move || io::copy(&mut answers, &mut to_client).ok());
    io::copy(&mut &client, &mut &store)?;
    store.shutdown(Shutdown::Write)
}

#[test]
fn a_connection_that_is_closed_before_the_stream_is_there_is_not_missed() {
    let (host, store) = (Host::new(), Store::start());
    let (url, closing) = impatient(&store);
    let config = host.config(&url, &[("logger_verbosity", "debug")]);
    let backup = waiting(&host, &config);
    let _closed = closing.join().unwrap();
    succeeds(backup);
    assert_one_put(&store);
    let log = host.log();
    assert_tells(&log, &["stored 5 bytes"]);
    assert!(!log.contains("DEBUG"), "something was tried again: {log}");
}

#[test]
fn a_file_or_a_restore_takes_one_connection() {
    let (host, store) = (Host::new(), Store::start());
    let config = host.config(store.url(), &[]);
    let path = host.backup_path("toc.yaml");
    std::fs::write(&path, "content").unwrap();
    for command in ["backup_file", "restore_file", "restore_data"] {
        store.forget();
        host.plugin(command, &config).arg(&path).succeeds();
        let counters = store.counters();
        assert_eq!(
            (counters.connections, counters.total()),
            (1, 1),
            "{command}"
        );
    }
}
