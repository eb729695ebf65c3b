//! Streams without faults: any length, any part size, any range size comes back byte for byte.

use std::io::Write;
use std::num::NonZeroUsize;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use proptest::prelude::*;
use s3_transport::{
    Algorithm, Error, Interrupt, Kind, Options, PartPlan, Patience, Restored, Transport,
};

use crate::fault::Fault;
use crate::memory::Memory;

/// Where a test's stream goes.
#[derive(Clone, Default)]
pub(crate) struct Sink(Arc<Mutex<Vec<u8>>>);

impl Sink {
    pub(crate) fn bytes(&self) -> Vec<u8> {
        self.0.lock().unwrap().clone()
    }
}

impl Write for Sink {
    fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
        self.0.lock().unwrap().extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> std::io::Result<()> {
        Ok(())
    }
}

/// A transport with small parts and ranges, and delays of microseconds.
pub(crate) fn transport(store: Memory, part: u64, range: u64) -> Transport<Memory> {
    let patience = Patience {
        total: Duration::from_millis(200),
        stall: Duration::from_secs(5),
        not_found: Duration::from_millis(5),
        first_delay: Duration::from_micros(10),
    };
    let options = Options {
        parts: PartPlan::of_any_size(part, 3),
        range,
        range_concurrency: 3,
        checksum: Some(Algorithm::Crc64Nvme),
        checksum_required: false,
        sign_payload: false,
        largest_copy: part,
        patience,
    };
    Transport::new(store, "bucket", options)
}

/// Bytes that differ at every place where parts might be confused.
pub(crate) fn bytes(length: usize) -> Vec<u8> {
    (0..length)
        .map(|i| (i ^ (i >> 8) ^ (i >> 16)) as u8)
        .collect()
}

pub(crate) fn run<T>(work: impl Future<Output = T>) -> T {
    tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .unwrap()
        .block_on(work)
}

pub(crate) async fn upload(transport: &Transport<Memory>, data: &[u8]) -> Result<(), Error> {
    let (_trigger, interrupt) = Interrupt::new();
    let source = std::io::Cursor::new(data.to_vec());
    transport.upload("key", source, &interrupt).await.map(drop)
}

pub(crate) async fn download(transport: &Transport<Memory>) -> (Vec<u8>, Result<Restored, Error>) {
    let sink = Sink::default();
    let result = transport.download("key", sink.clone()).await;
    (sink.bytes(), result)
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(128))]
    #[test]
    fn any_stream_comes_back(
        length in 0usize..20_000, part in 1u64..5000, range in 1u64..5000, checksums: bool,
    ) {
        let data = bytes(length);
        let transport = transport(Memory::new([], checksums), part.max(length as u64 / 500), range);
        run(async {
            upload(&transport, &data).await.unwrap();
            let (restored, result) = download(&transport).await;
            prop_assert_eq!(restored, data);
            prop_assert_eq!(result.unwrap(), Restored { size: length as u64, verified: checksums });
            prop_assert_eq!(transport.store().open_uploads(), 0);
            Ok(())
        })?;
    }

    #[test]
    fn any_ranges_come_back(
        length in 1usize..20_000, range in 1u64..5000,
        wishes in proptest::collection::vec((any::<prop::sample::Index>(), any::<prop::sample::Index>()), 0..20),
    ) {
        let data = bytes(length);
        let store = Memory::new([], true);
        store.insert("key", &data);
        let transport = transport(store, 5000, range);
        let ranges: Vec<(u64, u64)> = wishes
            .iter()
            .map(|(a, b)| (a.index(length + 1) as u64, b.index(length + 1) as u64))
            .map(|(a, b)| (a.min(b), a.max(b)))
            .collect();
        let expected: Vec<u8> =
            ranges.iter().flat_map(|(a, b)| data[*a as usize..*b as usize].to_vec()).collect();
        let sink = Sink::default();
        run(transport.download_ranges("key", &ranges, sink.clone())).unwrap();
        prop_assert_eq!(sink.bytes(), expected);
    }
}

#[test]
fn one_part_is_one_request() {
    let transport = transport(Memory::new([], true), 5000, 5000);
    run(async {
        upload(&transport, &bytes(5000)).await.unwrap();
        assert_eq!(transport.store().requests(), 1);
        download(&transport).await.1.unwrap();
        assert_eq!(transport.store().requests(), 2);
    });
}

#[test]
fn a_range_behind_the_end_is_refused_before_a_byte() {
    let store = Memory::new([], true);
    store.insert("key", &bytes(100));
    let transport = transport(store, 5000, 50);
    for ranges in [
        [(0, 10), (50, 101)],
        [(200, 210), (0, 1)],
        [(101, 101), (101, 101)],
    ] {
        let sink = Sink::default();
        let result = run(transport.download_ranges("key", &ranges, sink.clone()));
        assert!(
            matches!(result, Err(Error::OutOfBounds { size: 100, .. })),
            "{result:?}"
        );
        assert_eq!(sink.bytes(), b"");
    }
}

#[test]
fn a_missing_object_is_not_found() {
    let transport = transport(Memory::new([], true), 5000, 50);
    let (bytes, result) = run(download(&transport));
    assert_eq!(bytes, b"");
    assert_eq!(result.unwrap_err().kind(), Some(&Kind::NoSuchKey));
}

#[test]
fn an_interrupt_leaves_nothing_behind() {
    /// Gives bytes without end, and tells when the second part has been read.
    struct Endless(Option<s3_transport::Trigger>, u64);
    impl std::io::Read for Endless {
        fn read(&mut self, room: &mut [u8]) -> std::io::Result<usize> {
            self.1 += room.len() as u64;
            if self.1 > 100_000
                && let Some(trigger) = self.0.take()
            {
                trigger.raise("SIGTERM");
                std::mem::forget(trigger);
            }
            Ok(room.len())
        }
    }
    let transport = transport(Memory::new([], true), 5000, 5000);
    let (trigger, interrupt) = Interrupt::new();
    let result = run(transport.upload("key", Endless(Some(trigger), 0), &interrupt));
    assert!(
        matches!(result, Err(Error::Interrupted { signal: "SIGTERM" })),
        "{result:?}"
    );
    assert_eq!(transport.store().bytes("key"), None);
    assert_eq!(transport.store().open_uploads(), 0);
}

#[test]
fn every_page_is_deleted_and_no_sibling() {
    let store = Memory::new([], true);
    for number in 0..2500 {
        store.insert(&format!("backups/2026/{number:04}"), b"x");
    }
    store.insert("backups/20261122/file", b"x");
    let transport = transport(store, 5000, 5000);
    assert_eq!(
        run(transport.delete_directory("backups/2026")).unwrap(),
        2500
    );
    assert_eq!(run(transport.delete_directory("backups/2026")).unwrap(), 0);
    assert!(transport.store().bytes("backups/20261122/file").is_some());
}

#[test]
fn open_uploads_of_every_page_are_listed_and_aborted() {
    let store = Memory::new([], true);
    store.open(5);
    let transport = transport(store, 5000, 5000);
    run(async {
        let uploads = transport.open_uploads("").await.unwrap();
        assert_eq!(uploads.len(), 5);
        for upload in uploads {
            transport
                .abort(&upload.key, &upload.upload_id)
                .await
                .unwrap();
            transport
                .abort(&upload.key, &upload.upload_id)
                .await
                .unwrap();
        }
    });
    assert_eq!(transport.store().open_uploads(), 0);
}

#[test]
fn a_store_without_batch_delete_is_asked_one_by_one() {
    let store = Memory::new([Fault::None, Fault::Refuse(Kind::NotImplemented)], true);
    for number in 0..5 {
        store.insert(&format!("dir/{number}"), b"x");
    }
    let transport = transport(store, 5000, 5000);
    assert_eq!(run(transport.delete_directory("dir/")).unwrap(), 5);
    assert!(transport.store().bytes("dir/4").is_none());
}

#[test]
fn shares_of_the_memory_are_never_empty() {
    let transport = transport(Memory::new([], true), 5000, 5000);
    let shared = transport.shared_by(NonZeroUsize::new(1000).unwrap());
    run(upload(&shared, &bytes(20_000))).unwrap();
    assert_eq!(transport.store().bytes("key"), Some(bytes(20_000)));
}

#[test]
fn a_completion_is_tried_for_one_patience_alone() {
    // Creation and two parts are done, then the store is gone.
    let done = std::iter::repeat_n(Fault::None, 3);
    let gone = std::iter::repeat_n(Fault::Refuse(Kind::Connection), 100_000);
    let transport = transport(Memory::new(done.chain(gone), true), 5000, 5000);
    let patience = Patience {
        total: Duration::from_secs(120),
        stall: Duration::from_secs(30),
        not_found: Duration::from_secs(2),
        first_delay: Duration::from_millis(50),
    };
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .start_paused(true)
        .build()
        .unwrap();
    let waited = runtime.block_on(async {
        let begun = tokio::time::Instant::now();
        let failed = upload(&transport.with_patience(patience), &bytes(10_000)).await;
        assert_eq!(failed.unwrap_err().kind(), Some(&Kind::Connection));
        begun.elapsed()
    });
    assert!(
        waited.abs_diff(patience.total) < Duration::from_secs(10),
        "{waited:?}"
    );
}

#[test]
fn side_by_side_no_more_is_read_than_one_transfer_may() {
    let transport = transport(Memory::new([], true), 5000, 5000);
    for (wanted, given) in [(1, 1), (3, 3), (8, 3)] {
        let wanted = NonZeroUsize::new(wanted).unwrap();
        assert_eq!(transport.reads(wanted).get(), given);
    }
}
