//! Faults against every kind of transfer: the outcome is right to the byte, or an error and a strict
//! prefix of the truth; and no upload stays open whose abort the store has taken.

use s3_transport::{Kind, Restored};

use crate::fault::Fault;
use crate::memory::Memory;
use crate::schedule::{Command, Schedule, play};
use crate::streams::{Sink, bytes, download, run, transport, upload};

#[test]
fn every_schedule_ends_right_or_is_told() {
    play(|schedule| match &schedule.command {
        Command::Backup { older } => backup(&schedule, *older),
        Command::Restore => restore(&schedule),
        Command::Subset(ranges) => subset(&schedule, ranges),
        Command::Delete(objects) => delete(&schedule, *objects),
        Command::List(objects) => list(&schedule, *objects),
    });
}

fn backup(schedule: &Schedule, older: bool) {
    let data = bytes(schedule.length);
    let store = Memory::new([], schedule.checksums);
    let before = older.then(|| b"from before".to_vec());
    if let Some(before) = &before {
        store.insert("key", before);
    }
    store.play(schedule.script.clone());
    let transport = transport(store, schedule.part, schedule.range);
    let result = run(upload(&transport, &data));
    let (store, stored) = (transport.store(), transport.store().bytes("key"));
    match result {
        Ok(()) => assert_eq!(stored, Some(data)),
        // A completion whose answer was lost may have been done, but then it is right.
        Err(_) => assert!(stored == before || stored == Some(data)),
    }
    assert!(store.open_uploads() == 0 || store.aborts_refused() > 0);
}

fn restore(schedule: &Schedule) {
    let data = bytes(schedule.length);
    let store = Memory::new(schedule.script.clone(), true);
    store.insert("key", &data);
    let transport = transport(store, schedule.part, schedule.range);
    let (written, result) = run(download(&transport));
    check_output(schedule, &data, &written, result, true);
}

fn subset(schedule: &Schedule, ranges: &[(u64, u64)]) {
    let data = bytes(schedule.length);
    let store = Memory::new(schedule.script.clone(), schedule.checksums);
    store.insert("key", &data);
    let wanted: Vec<u8> = ranges
        .iter()
        .flat_map(|(start, end)| &data[*start as usize..*end as usize])
        .copied()
        .collect();
    let transport = transport(store, schedule.part, schedule.range);
    let sink = Sink::default();
    let result = run(transport.download_ranges("key", ranges, sink.clone()));
    check_output(schedule, &wanted, &sink.bytes(), result, false);
}

fn check_output(
    schedule: &Schedule,
    truth: &[u8],
    written: &[u8],
    result: Result<Restored, s3_transport::Error>,
    verified: bool,
) {
    match result {
        Ok(restored) => {
            assert_eq!(restored.verified, verified);
            assert!(written == truth);
        }
        Err(_) => {
            assert!(written.len() < truth.len() || truth.is_empty());
            // A flipped bit is found at the end, when the first bytes have left.
            assert!(schedule.script.contains(&Fault::Flip) || truth.starts_with(written));
        }
    }
}

/// A store with objects in a directory, and with siblings of it.
fn directory(schedule: &Schedule, objects: usize) -> (Memory, Vec<String>) {
    let store = Memory::new(schedule.script.clone(), schedule.checksums);
    let keys: Vec<String> = (0..objects)
        .map(|number| format!("dir/{number:02}"))
        .collect();
    for key in keys.iter().map(String::as_str).chain(["dir", "dir2/0"]) {
        store.insert(key, b"x");
    }
    (store, keys)
}

fn delete(schedule: &Schedule, objects: usize) {
    let (store, keys) = directory(schedule, objects);
    let transport = transport(store, schedule.part, schedule.range);
    let result = run(transport.delete_directory("dir"));
    let left = transport.store().keys();
    let count = left.iter().filter(|key| keys.contains(key)).count();
    assert_eq!(left.len() - count, 2, "a sibling was deleted");
    if let Ok(deleted) = result {
        assert_eq!((deleted, count), (objects, 0));
    }
}

fn list(schedule: &Schedule, objects: usize) {
    let (store, keys) = directory(schedule, objects);
    let transport = transport(store, schedule.part, schedule.range);
    if let Ok(entries) = run(transport.list("dir/")) {
        let listed: Vec<String> = entries.into_iter().map(|entry| entry.key).collect();
        assert_eq!(listed, keys);
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
fn an_upload_of_what_is_stored_already_is_not_left_open() {
    let data = bytes(2500);
    let transport = transport(Memory::new([], true), 1000, 1000);
    run(upload(&transport, &data)).unwrap();
    let script = [vec![Fault::None; 4], vec![Fault::Refuse(Kind::Connection)]].concat();
    transport.store().play(script);
    run(upload(&transport, &data)).unwrap();
    assert_eq!(transport.store().open_uploads(), 0);
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
