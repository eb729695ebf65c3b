//! `backup_data`, `restore_data`, `restore_data_subset`: what went in comes out, or the stream ends short.

use s3_testserver::memory::{Checksums, Code, Config, Fault, Kind, Rule, Which};

use crate::bytes::{PART, bytes};
use crate::host::{Ends, Host, PREFIX, assert_tells};
use crate::store::{FileStore, Store};

const NAME: &str = "gpbackup_0_20261122055910_16385.gz";

fn key() -> String {
    format!("{PREFIX}/{NAME}")
}

/// Stores `stream` and reads it back.
fn round_trip(host: &Host, url: &str, stream: &[u8]) -> Vec<u8> {
    let (config, path) = (host.config(url, &[]), host.backup_path(NAME));
    let told = host
        .plugin("backup_data", &config)
        .arg(&path)
        .write_stdin(stream)
        .succeeds();
    assert!(told.is_empty());
    host.plugin("restore_data", &config).arg(&path).succeeds()
}

#[test]
fn every_length_comes_back() {
    let (host, store) = (Host::new(), Store::start());
    for (length, parts) in [
        (0, 0),
        (1, 0),
        (PART - 1, 0),
        (PART, 0),
        (PART + 1, 2),
        (2 * PART, 2),
        (2 * PART + 1, 3),
    ] {
        store.forget();
        let stream = bytes(1, length);
        let restored = round_trip(&host, store.url(), &stream);
        assert!(restored == stream, "{length} bytes differ");
        assert!(store.object(&key()) == stream);
        assert_eq!(store.requests(Kind::Part), parts, "{length}");
        assert_eq!(store.requests(Kind::Put), u64::from(parts == 0), "{length}");
    }
    assert_eq!(store.open_uploads(), []);
}

#[test]
fn a_store_without_checksums_of_parts_serves_too() {
    let host = Host::new();
    for length in [0, 1, PART, PART + 1] {
        // One for each: s3s-fs goes on telling the checksum of an object that a multipart upload replaces.
        let (store, stream) = (FileStore::start(), bytes(2, length));
        assert!(
            round_trip(&host, store.url(), &stream) == stream,
            "{length}"
        );
        assert_eq!(store.size(&key()), length as u64);
    }
    let config = Config {
        checksums: Checksums::Ignored,
        ..Config::default()
    };
    let (store, stream) = (Store::with(config), bytes(3, PART + 1));
    assert!(round_trip(&host, store.url(), &stream) == stream);
}

#[test]
fn a_restored_stream_is_verified_where_the_store_has_a_checksum() {
    let (host, store) = (Host::new(), Store::start());
    round_trip(&host, store.url(), &bytes(4, PART + 1));
    assert!(host.log().contains("(checksum verified)"), "{}", host.log());
}

#[test]
fn a_store_that_refuses_the_checksum_of_the_whole_serves_too() {
    let refused = || {
        let store = Store::start();
        store.fail([Rule::new(
            Kind::Complete,
            Which::Nth(1),
            Fault::Error(Code::InvalidRequest),
        )]);
        store
    };
    let (host, store, stream) = (Host::new(), refused(), bytes(13, PART + 1));
    assert!(round_trip(&host, store.url(), &stream) == stream);
    assert_eq!(store.requests(Kind::Complete), 2);
    assert_tells(&host.log(), &["without its checksum", "400 InvalidRequest"]);
    let (host, store) = (Host::new(), refused());
    let config = host.config(store.url(), &[("checksum", "crc64nvme")]);
    let mut backup = host.plugin("backup_data", &config);
    let backup = backup.arg(host.backup_path(NAME)).write_stdin(stream);
    assert_tells(&backup.fails(), &["400 InvalidRequest"]);
}

#[test]
fn a_stream_that_another_program_stored_comes_back() {
    let (host, store) = (Host::new(), Store::start());
    let stream = bytes(5, 3_500_000);
    store.insert(&key(), &stream);
    let config = host.config(store.url(), &[]);
    let restored = host
        .plugin("restore_data", &config)
        .arg(host.backup_path(NAME))
        .succeeds();
    assert!(restored == stream);
}

#[test]
fn a_stream_that_is_missing_fails() {
    let (host, store) = (Host::new(), Store::start());
    let config = host.config(store.url(), &[]);
    let told = host
        .plugin("restore_data", &config)
        .arg(host.backup_path(NAME))
        .fails();
    assert_tells(&told, &["GetObject", &key(), "NoSuchKey"]);
}

#[test]
fn a_stream_that_may_be_missing_is_told() {
    let (host, store) = (Host::new(), Store::start());
    store.fail([Rule::new(
        Kind::Get,
        Which::All,
        Fault::Error(Code::AccessDenied),
    )]);
    let config = host.config(store.url(), &[]);
    let mut restore = host.plugin("restore_data", &config);
    let told = restore.arg(host.backup_path(NAME)).fails();
    assert_tells(
        &told,
        &[
            "may not do this",
            "policy",
            "not there too",
            "403 AccessDenied",
        ],
    );
}

#[test]
fn a_stored_again_stream_replaces_the_first() {
    let (host, store) = (Host::new(), Store::start());
    round_trip(&host, store.url(), &bytes(6, PART + 1));
    let second = bytes(7, 100);
    assert_eq!(round_trip(&host, store.url(), &second), second);
}

#[test]
fn a_damaged_stream_ends_short() {
    for length in [1000, PART + 1] {
        let (host, store) = (Host::new(), Store::start());
        let stream = bytes(8, length);
        round_trip(&host, store.url(), &stream);
        store.damage(&key());
        let config = host.config(store.url(), &[]);
        let mut restore = host.plugin("restore_data", &config);
        let output = restore.arg(host.backup_path(NAME)).output().unwrap();
        assert_eq!(output.status.code(), Some(1));
        assert!(
            output.stdout.len() < length,
            "all {length} bytes were written"
        );
        let told = String::from_utf8(output.stderr).unwrap();
        assert_tells(&told, &["is damaged", &key()]);
    }
}

#[test]
fn a_stream_gets_through_a_store_that_fails_now_and_then() {
    let (host, store) = (Host::new(), Store::start());
    store.fail([
        Rule::new(
            Kind::Part,
            Which::Nth(1),
            Fault::ResetInRequest { after: 1 << 20 },
        ),
        Rule::new(Kind::Part, Which::Nth(2), Fault::Error(Code::SlowDown)),
        Rule::new(Kind::Part, Which::Nth(3), Fault::LoseAnswer),
        Rule::new(
            Kind::Complete,
            Which::Nth(1),
            Fault::ErrorInOk(Code::InternalError),
        ),
        Rule::new(
            Kind::Get,
            Which::Nth(1),
            Fault::ResetInAnswer { after: 500_000 },
        ),
        Rule::new(Kind::Get, Which::Nth(3), Fault::Truncate { after: 70_000 }),
        Rule::new(Kind::Get, Which::Nth(4), Fault::WrongContentRange),
        Rule::new(Kind::Get, Which::Nth(5), Fault::Error(Code::InternalError)),
    ]);
    let stream = bytes(9, 2 * PART);
    assert!(round_trip(&host, store.url(), &stream) == stream);
    assert_eq!(store.open_uploads(), []);
}

#[test]
fn an_upload_that_fails_for_good_leaves_nothing() {
    let (host, store) = (Host::new(), Store::start());
    let config = host.config(store.url(), &[]);
    for (kind, length) in [
        (Kind::Put, 1),
        (Kind::Create, PART + 1),
        (Kind::Part, 3 * PART),
        (Kind::Complete, PART + 1),
    ] {
        store.fail([Rule::new(
            kind,
            Which::All,
            Fault::Error(Code::AccessDenied),
        )]);
        let mut backup = host.plugin("backup_data", &config);
        let told = backup
            .arg(host.backup_path(NAME))
            .write_stdin(bytes(10, length))
            .fails();
        assert_tells(&told, &["may not do this", "403 AccessDenied", &key()]);
        assert_eq!(store.open_uploads(), [], "{kind:?}");
        assert_eq!(store.keys(), [""; 0], "{kind:?}");
    }
}

#[test]
fn an_upload_may_take_its_time_and_a_short_patience_ends_it() {
    let (host, store) = (Host::new(), Store::start());
    store.fail([Rule::new(
        Kind::Part,
        Which::All,
        Fault::Error(Code::ServiceUnavailable),
    )]);
    let config = host.config(store.url(), &[("retry_patience", "1s")]);
    let mut backup = host.plugin("backup_data", &config);
    let told = backup
        .arg(host.backup_path(NAME))
        .write_stdin(bytes(11, PART + 1))
        .fails();
    assert_tells(&told, &["UploadPart", "times in", "503 ServiceUnavailable"]);
    assert_eq!(store.open_uploads(), []);
}

#[test]
fn a_subset_is_written_range_after_range() {
    let (host, store) = (Host::new(), Store::start());
    let config = host.config(store.url(), &[("restore_subset", "on")]);
    let stream = bytes(12, 3_000_000);
    store.insert(&key(), &stream);
    let subset = |ranges: &[(usize, usize)]| {
        let pairs = ranges.iter().map(|(start, end)| format!(" {start} {end}"));
        let text = format!("{}{}", ranges.len(), pairs.collect::<String>());
        let offsets = host.file("offsets", &text);
        let mut restore = host.plugin("restore_data_subset", &config);
        restore.arg(host.backup_path(NAME)).arg(offsets);
        restore
    };
    for ranges in [
        &[(3, 10)][..],
        &[(0, 3_000_000)],
        &[(0, 700_000), (900_000, 900_001)],
        &[(5, 6), (6, 7), (999_999, 2_000_001), (2_999_999, 3_000_000)],
        &[],
    ] {
        let expected: Vec<u8> = ranges
            .iter()
            .flat_map(|(start, end)| &stream[*start..*end])
            .copied()
            .collect();
        assert!(subset(ranges).succeeds() == expected, "{ranges:?}");
    }
    let told = subset(&[(0, 5), (2_999_999, 3_000_001)]).fails();
    assert_tells(&told, &["2999999..3000001", "3000000 bytes", &key()]);
    let told = subset(&[(3_000_000, 3_000_001)]).fails();
    assert_tells(&told, &["3000000..3000001", "3000000 bytes"]);
}
