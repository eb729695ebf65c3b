//! Two destinations under random faults: what is stored is whole in both or reported, what is restored
//! is right or ends short, whichever destination it comes from; and copies from one to the other.

use proptest::prelude::*;
use s3_transport::{
    Copied, Destinations, Error, Interrupt, Keys, Kind, Replicator, Restored, Second, Stored,
};

use crate::fault::Fault;
use crate::memory::Memory;
use crate::schedule::fault;
use crate::streams::{Sink, bytes, run, transport};

fn keys() -> Keys {
    Keys {
        first: "key".into(),
        second: Some("copy".into()),
    }
}

fn two(scripts: [Vec<Fault>; 2], part: u64, required: bool) -> Destinations<Memory> {
    let [first, second] = scripts.map(|script| transport(Memory::new(script, true), part, part));
    Destinations {
        first,
        second: Some(Second {
            transport: second,
            required,
        }),
    }
}

fn second(two: &Destinations<Memory>) -> &Memory {
    two.second.as_ref().unwrap().transport.store()
}

async fn upload(two: &Destinations<Memory>, data: &[u8]) -> Result<Stored, Error> {
    let (_trigger, interrupt) = Interrupt::new();
    let source = std::io::Cursor::new(data.to_vec());
    two.upload(&keys(), source, &interrupt).await
}

async fn download(two: &Destinations<Memory>) -> (Vec<u8>, Result<Restored, Error>) {
    let sink = Sink::default();
    let result = two.download(&keys(), sink.clone()).await;
    (sink.bytes(), result)
}

fn scripts() -> impl Strategy<Value = [Vec<Fault>; 2]> {
    let script = || proptest::collection::vec(fault(), 0..16);
    [script(), script()]
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(300))]

    #[test]
    fn a_backup_is_whole_in_both_or_reported(
        scripts in scripts(), length in 0usize..4000, part in 200u64..2000, required: bool,
    ) {
        let (data, two) = (bytes(length), two(scripts, part, required));
        let result = run(upload(&two, &data));
        let stored = [two.first.store().bytes("key"), second(&two).bytes("copy")];
        // A request whose answer was lost may have been done, but then it is right.
        for stored in stored.iter().flatten() {
            prop_assert_eq!(stored, &data);
        }
        if result.is_ok() {
            prop_assert!(stored[0].is_some());
            prop_assert!(stored[1].is_some() || !required);
        }
        for store in [two.first.store(), second(&two)] {
            prop_assert!(store.open_uploads() == 0 || store.aborts_refused() > 0);
        }
    }

    #[test]
    fn a_restore_is_right_or_ends_short(
        scripts in scripts(), length in 0usize..4000, part in 200u64..2000,
    ) {
        let flips = scripts.iter().flatten().any(|fault| *fault == Fault::Flip);
        let (data, two) = (bytes(length), two(scripts, part, true));
        two.first.store().insert("key", &data);
        second(&two).insert("copy", &data);
        let (written, result) = run(download(&two));
        match result {
            Ok(_) => prop_assert_eq!(written, data),
            Err(_) => {
                prop_assert!(written.len() < data.len() || data.is_empty());
                prop_assert!(flips || data.starts_with(&written));
            }
        }
    }
}

#[test]
fn whatever_ends_the_first_the_second_goes_on() {
    let data = bytes(4000);
    for at in 0..4 {
        for kind in [
            Kind::Denied,
            Kind::NoSuchKey,
            Kind::Precondition,
            Kind::Connection,
        ] {
            let two = two([vec![], vec![]], 1000, true);
            two.first.store().insert("key", &data);
            second(&two).insert("copy", &data);
            let script = (0..60).map(|request| match request < at {
                true => Fault::None,
                false => Fault::Refuse(kind.clone()),
            });
            two.first.store().play(script);
            let (written, result) = run(download(&two));
            assert!(
                result.unwrap().verified && written == data,
                "{kind:?} at {at}"
            );
        }
    }
}

#[test]
fn a_copy_is_made_by_the_store_in_one_request_or_in_parts_or_through_here() {
    for (length, within, parts) in [(900, true, 0), (3500, true, 4), (3500, false, 4)] {
        let store = Memory::new([], true);
        store.insert("key", &bytes(length));
        // One service: the store copies among its own keys, 1000 bytes at the most by one request.
        let transport = transport(store, 1000, 1000);
        let replicator = Replicator::new(transport.clone(), transport.clone(), within);
        let (_trigger, interrupt) = Interrupt::new();
        let (how, same, copy) = run(async {
            let how = replicator.copy("key", "copy", &interrupt).await.unwrap();
            let same = replicator.same("key", "copy").await.unwrap();
            (how, same, transport.head("copy").await.unwrap())
        });
        let expected = match within {
            true => Copied::Within { verified: true },
            false => Copied::Through,
        };
        assert_eq!((how, same), (expected, true));
        assert_eq!(transport.store().bytes("copy"), Some(bytes(length)));
        let in_parts = copy.etag.unwrap().ends_with(&format!("-{parts}\""));
        assert_eq!(in_parts, parts > 0);
        assert_eq!(transport.store().open_uploads(), 0);
    }
}

/// Has a store that does what `faults` say to its first requests copy a large object, another one and
/// a small one.
fn copied_after(faults: impl IntoIterator<Item = Fault>) -> [Copied; 3] {
    let store = Memory::new(faults, true);
    for (key, length) in [("large", 3500), ("other", 3000), ("small", 900)] {
        store.insert(key, &bytes(length));
    }
    let transport = transport(store, 1000, 1000);
    let replicator = Replicator::new(transport.clone(), transport.clone(), true);
    let (_trigger, interrupt) = Interrupt::new();
    ["large", "other", "small"].map(|key| {
        let copy = format!("copy of {key}");
        let (how, same) = run(async {
            let how = replicator.copy(key, &copy, &interrupt).await.unwrap();
            (how, replicator.same(key, &copy).await.unwrap())
        });
        assert!(same, "{key}");
        assert_eq!(transport.store().bytes(&copy), transport.store().bytes(key));
        assert_eq!(transport.store().open_uploads(), 0);
        how
    })
}

#[test]
fn a_store_that_does_not_copy_parts_still_copies_small_objects() {
    // HEAD, CREATE, a part, and no further one.
    let refused = Fault::Refuse(Kind::Other);
    let copied = copied_after([Fault::None, Fault::None, Fault::None, refused]);
    let small = Copied::Within { verified: true };
    assert_eq!(copied, [Copied::Through, Copied::Through, small]);
}

#[test]
fn a_copy_of_which_the_store_tells_a_false_checksum_is_not_kept() {
    let parts = std::iter::repeat_n(Fault::ChecksumOfSource, 4);
    let copied = copied_after([Fault::None, Fault::None].into_iter().chain(parts));
    let small = Copied::Within { verified: true };
    assert_eq!(copied, [Copied::Through, Copied::Through, small]);
}
