//! `replication: on`: a restore that goes on at the second store where the first one ends.

use std::fs;
use std::time::{Duration, Instant};

use s3_testserver::memory::{Code, Fault, Kind, Rule, Which};

use crate::bytes::{PART, bytes};
use crate::host::{Ends, PREFIX, assert_tells};
use crate::two::{NAME, Two, copy, denied, dies_at};

/// That the stream comes back whole, and that the log says from where.
#[track_caller]
fn falls_over(two: &Two, stream: &[u8], logged: &[&str]) {
    let restored = two.restore().succeeds();
    assert!(restored == stream, "{} bytes came", restored.len());
    assert_tells(&two.host.log(), logged);
}

#[test]
fn a_restore_goes_on_at_the_second_in_the_middle_of_a_stream() {
    let stream = bytes(68, 4 * PART);
    // The first of the twenty ranges are there, the eighth request ends it.
    let died = |fault| Rule::new(Kind::Get, Which::From(8), fault);
    for rule in [
        dies_at(Kind::Get, 8),
        died(Fault::ResetInAnswer { after: 0 }),
        died(Fault::Error(Code::NoSuchKey)),
        died(Fault::Error(Code::AccessDenied)),
        died(Fault::Error(Code::InternalError)),
        died(Fault::WrongContentRange),
    ] {
        let two = Two::new(&[]);
        two.backup(&stream).succeeds();
        two.first.fail([rule]);
        let line = format!(
            "'{}' is restored from the second destination from byte ",
            copy()
        );
        falls_over(&two, &stream, &[&line, "(checksum verified)"]);
    }
}

#[test]
fn a_restore_begins_at_the_second_where_the_first_has_nothing() {
    let stream = bytes(69, PART + 1);
    let line = "is restored from the second destination, as the first cannot deliver it";
    for rule in [
        denied(Kind::Get),
        dies_at(Kind::Get, 1),
        Rule::new(Kind::Get, Which::All, Fault::Error(Code::NoSuchKey)),
    ] {
        let two = Two::new(&[]);
        two.backup(&stream).succeeds();
        two.first.fail([rule]);
        falls_over(&two, &stream, &[line, &copy()]);
    }
}

#[test]
fn a_first_store_that_is_silent_is_asked_once() {
    let (two, stream) = (Two::new(&[]), bytes(73, PART + 1));
    two.backup(&stream).succeeds();
    let pause = Duration::from_secs(60);
    let silent = Fault::SlowFirstByte { pause };
    two.first.fail([Rule::any(Which::All, silent)]);
    let begun = Instant::now();
    falls_over(&two, &stream, &["as the first cannot deliver it"]);
    assert!(
        begun.elapsed() < Duration::from_secs(9),
        "took {:?}",
        begun.elapsed()
    );
    assert_eq!(two.first.requests(Kind::Get), 1);
}

#[test]
fn another_object_at_the_second_never_goes_on_with_a_stream() {
    for replacement in [bytes(71, 4 * PART), bytes(70, 4 * PART - 1)] {
        let (two, stream) = (Two::new(&[]), bytes(70, 4 * PART));
        two.backup(&stream).succeeds();
        let path = two.host.backup_path(NAME);
        let alone = two.host.file("alone.yaml", &second_alone(&two));
        two.host
            .plugin("backup_data", &alone)
            .arg(&path)
            .write_stdin(replacement)
            .succeeds();
        two.first.fail([dies_at(Kind::Get, 8)]);
        let output = two.restore().output().unwrap();
        assert_eq!(output.status.code(), Some(1));
        assert!(output.stdout.len() < stream.len() && stream.starts_with(&output.stdout));
        assert_tells(&two.host.log(), &["is another object there"]);
    }
}

/// The text of a config file that knows the second store only.
fn second_alone(two: &Two) -> String {
    let text = fs::read_to_string(&two.config).unwrap();
    let dropped = ["  endpoint:", "  folder:", "replication:"];
    let kept = text
        .lines()
        .filter(|line| dropped.iter().all(|name| !line.contains(name)));
    let lines = kept.map(|line| line.replace("remote_", "") + "\n");
    lines.collect()
}

#[test]
fn an_outage_of_both_is_told_of_both() {
    let two = Two::new(&[]);
    two.backup(b"x").succeeds();
    two.first.fail([denied(Kind::Get)]);
    two.second.fail([Rule::new(
        Kind::Get,
        Which::All,
        Fault::Error(Code::NoSuchKey),
    )]);
    let told = two.restore().fails();
    assert_tells(&told, &["neither destination", "403", "404"]);
}

#[test]
fn an_outage_of_the_first_is_waited_for_where_the_second_lacks_the_object() {
    let (two, stream) = (Two::preferring(), bytes(72, 4 * PART));
    two.second.fail([denied(Kind::Create)]);
    two.backup(&stream).succeeds();
    let patient = fs::read_to_string(&two.config).unwrap();
    let config = two.host.file("patient.yaml", &patient.replace("1s", "20s"));
    let outage = Fault::Restart {
        pause: Duration::from_secs(7),
    };
    two.first
        .fail([Rule::new(Kind::Get, Which::Nth(8), outage)]);
    let restored = two
        .host
        .plugin("restore_data", &config)
        .arg(two.host.backup_path(NAME))
        .succeeds();
    assert!(restored == stream);
}

#[test]
fn ranges_go_on_at_the_second() {
    let (two, stream) = (Two::new(&[]), bytes(73, 4 * PART));
    two.backup(&stream).succeeds();
    let ranges = [
        (5, 300_000),
        (2_000_000, 12_000_000),
        (20_000_000, 20_900_000),
    ];
    let text: String = ranges
        .iter()
        .map(|(start, end)| format!(" {start} {end}"))
        .collect();
    let offsets = two.host.file("offsets", &format!("3{text}"));
    let expected: Vec<u8> = ranges
        .iter()
        .flat_map(|(start, end)| stream[*start..*end].to_vec())
        .collect();
    let subset = |two: &Two| {
        let mut subset = two.host.plugin("restore_data_subset", &two.config);
        subset.arg(two.host.backup_path(NAME)).arg(&offsets);
        subset.succeeds()
    };
    two.first.fail([dies_at(Kind::Get, 5)]);
    assert!(subset(&two) == expected);
    assert_tells(&two.host.log(), &["from the second destination from byte"]);
    // The first store stays dead: now it all comes from the second one.
    assert!(subset(&two) == expected);
}

#[test]
fn a_file_comes_from_the_second_where_the_first_is_damaged_or_gone() {
    let two = Two::new(&[]);
    let path = two.host.backup_path("metadata.sql");
    let content = bytes(74, 3_000_000);
    fs::write(&path, &content).unwrap();
    two.host
        .plugin("backup_file", &two.config)
        .arg(&path)
        .succeeds();
    two.first.damage(&format!("{PREFIX}/metadata.sql"));
    let restore = || {
        fs::remove_file(&path).unwrap();
        let mut restore = two.host.plugin("restore_file", &two.config);
        restore.arg(&path).succeeds();
        assert!(fs::read(&path).unwrap() == content);
    };
    restore();
    assert_tells(
        &two.host.log(),
        &["is restored from the second destination", "damaged"],
    );
    two.first.fail([dies_at(Kind::Get, 1)]);
    restore();
}
