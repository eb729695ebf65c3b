//! What a command waits for, with all waiting fifty times as short: patience ends after 2.4 s, a request
//! stalls after 0.6 s.

use std::io::Read;
use std::process::Stdio;
use std::thread::sleep;
use std::time::Duration;

use s3_testserver::memory::{Fault, Kind, Rule, Which};

use crate::bytes::{PART, bytes};
use crate::host::{Ends, HURRY, Host, PREFIX};
use crate::store::{BUCKET, Store};

const NAME: &str = "gpbackup_0_20261122055910_16385";

/// A minute of a store that is down, and longer than all patience.
const DOWN: Duration = Duration::from_millis(1200);
const PAUSE: Duration = Duration::from_secs(4);

#[test]
fn a_store_that_is_down_for_a_minute_fails_nothing() {
    let (host, store) = (Host::new(), Store::start());
    let config = host.config(store.url(), &[]);
    let (stream, path) = (bytes(90, 2 * PART + 1), host.backup_path(NAME));
    for kind in [Kind::Create, Kind::Part, Kind::Complete, Kind::Head] {
        store.fail([Rule::new(
            kind,
            Which::Nth(1),
            Fault::Restart { pause: DOWN },
        )]);
        let mut backup = host.hurried("backup_data", &config);
        backup.arg(&path).write_stdin(stream.clone()).succeeds();
        assert!(store.object(&format!("{PREFIX}/{NAME}")) == stream);
    }
    store.fail([Rule::new(
        Kind::Get,
        Which::Nth(3),
        Fault::Restart { pause: DOWN },
    )]);
    let mut restore = host.hurried("restore_data", &config);
    assert!(restore.arg(&path).succeeds() == stream);
}

#[test]
fn a_reader_may_pause_for_longer_than_any_patience() {
    let (host, store) = (Host::new(), Store::start());
    let config = host.config(store.url(), &[("restore_multipart_chunksize", "300KB")]);
    let stream = bytes(91, 8 << 20);
    store.insert_proven(BUCKET, &format!("{PREFIX}/{NAME}"), stream.clone());
    let mut restore = host.process("restore_data", &config);
    restore
        .arg(host.backup_path(NAME))
        .env("S3_TRANSPORT_HURRY", HURRY)
        .stdout(Stdio::piped())
        .stderr(Stdio::piped());
    let mut restore = restore.spawn().unwrap();
    let mut stdout = restore.stdout.take().unwrap();
    let mut restored = vec![0; 2 << 20];
    stdout.read_exact(&mut restored).unwrap();
    sleep(PAUSE);
    stdout.read_to_end(&mut restored).unwrap();
    let output = restore.wait_with_output().unwrap();
    let told = String::from_utf8(output.stderr).unwrap();
    assert!(output.status.success() && told.is_empty(), "{told}");
    assert!(restored == stream);
}
