//! Random schedules of faults: the outcome is right to the byte, or an error and a strict prefix of
//! the truth; and no upload stays open whose abort the store has taken.

use proptest::prelude::*;
use s3_transport::Kind;

use crate::memory::{Fault, Memory};
use crate::streams::{bytes, download, run, transport, upload};

/// Faults as a network and a store make them; mostly none, so that runs get far.
fn fault() -> impl Strategy<Value = Fault> {
    let kind = prop_oneof![
        6 => Just(Kind::Server),
        3 => Just(Kind::Connection),
        3 => Just(Kind::Throttled),
        2 => Just(Kind::Timeout),
        1 => Just(Kind::Digest),
        1 => Just(Kind::Denied),
    ];
    prop_oneof![
        12 => Just(Fault::None),
        6 => kind.prop_map(Fault::Refuse),
        3 => Just(Fault::LoseAnswer),
        3 => (0u64..100).prop_map(Fault::Break),
        2 => (0u64..100).prop_map(Fault::EndEarly),
        1 => Just(Fault::Flip),
        1 => Just(Fault::OtherRange),
    ]
}

fn script() -> impl Strategy<Value = Vec<Fault>> {
    proptest::collection::vec(fault(), 0..24)
}

/// How many schedules each test runs: `SCHEDULES`, or enough for every build.
fn cases() -> ProptestConfig {
    let cases = std::env::var("SCHEDULES")
        .ok()
        .and_then(|text| text.parse().ok())
        .unwrap_or(1000);
    ProptestConfig::with_cases(cases)
}

proptest! {
    #![proptest_config(cases())]

    #[test]
    fn a_backup_is_stored_whole_or_reported(
        script in script(), length in 0usize..4000, part in 200u64..2000, checksums: bool,
    ) {
        let data = bytes(length);
        let transport = transport(Memory::new(script, checksums), part, 1000);
        let result = run(upload(&transport, &data));
        let stored = transport.store().bytes("key");
        match result {
            Ok(()) => prop_assert_eq!(stored, Some(data)),
            // A completion whose answer was lost may have been done, but then it is right.
            Err(_) => prop_assert!(stored.is_none_or(|stored| stored == data)),
        }
    }

    #[test]
    fn a_restore_is_right_or_ends_short(
        script in script(), length in 0usize..4000, range in 100u64..2000,
    ) {
        let data = bytes(length);
        let store = Memory::new(script, true);
        store.insert("key", &data);
        let (written, result) = run(download(&transport(store, 1000, range)));
        match result {
            Ok(restored) => {
                prop_assert!(restored.verified);
                prop_assert_eq!(written, data);
            }
            Err(_) => prop_assert!(written.len() < data.len() || data.is_empty()),
        }
    }
}

#[test]
fn a_flipped_bit_never_reaches_the_end_of_a_stream() {
    for at in 0..4 {
        let mut script = vec![Fault::None; at];
        script.push(Fault::Flip);
        let store = Memory::new(script, true);
        store.insert("key", &bytes(4000));
        let (written, result) = run(download(&transport(store, 1000, 1000)));
        assert!(result.is_err());
        assert!(written.len() <= 2000, "half of the stream is kept back");
    }
}

#[test]
fn failed_uploads_are_aborted() {
    for failing in 1..4 {
        let mut script = vec![Fault::None; failing];
        script.push(Fault::Refuse(Kind::Denied));
        let transport = transport(Memory::new(script, true), 1000, 1000);
        assert!(run(upload(&transport, &bytes(2500))).is_err());
        assert_eq!(transport.store().open_uploads(), 0);
        assert_eq!(transport.store().bytes("key"), None);
    }
}

#[test]
fn a_completion_whose_answer_was_lost_is_looked_up() {
    for checksums in [true, false] {
        let refused = usize::from(!checksums);
        let mut script = vec![Fault::None; 4 + refused];
        script.push(Fault::LoseAnswer);
        let transport = transport(Memory::new(script, checksums), 1000, 1000);
        run(upload(&transport, &bytes(2500))).unwrap();
        assert_eq!(transport.store().bytes("key"), Some(bytes(2500)));
    }
}

#[test]
fn a_refused_completion_is_not_taken_for_an_older_object_of_the_same_size() {
    let data = bytes(2500);
    let transport = transport(Memory::new([], false), 1000, 1000);
    run(upload(&transport, &vec![7; data.len()])).unwrap();
    let script = [vec![Fault::None; 4], vec![Fault::Refuse(Kind::Denied)]].concat();
    transport.store().play(script);
    let error = run(upload(&transport, &data)).unwrap_err();
    assert_eq!(error.kind(), Some(&Kind::Denied), "{error:?}");
}
