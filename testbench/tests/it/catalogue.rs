//! The bench is itself proven: each fault of the broken plugin makes exactly the cases of `catalogue.txt`
//! fail, no fault survives, no two faults fail the same cases, and every case is failed by some fault.
//!
//! The stages that need a database are proven in `database.rs`.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::io::Write as _;
use std::path::Path;
use std::sync::Mutex;
use std::sync::atomic::{AtomicUsize, Ordering};

use crate::site::{Site, good_plugin};

/// The seconds after which a call of a plugin that hangs is killed.
const DEADLINE: &str = "6";

/// What stands before the faults of the kinds that are hardest to see.
const KINDS: [&str; 5] = [
    "signals",
    "concurrency",
    "early close",
    "names",
    "idempotence",
];

/// What stands before a fault that keeps the bench from looking closer: it proves no single case.
const ALL_AT_ONCE: &str = "all at once";

/// One fault, and the cases that fail on it.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
struct Row {
    kind: String,
    full: bool,
    cases: BTreeSet<String>,
}

type Table = BTreeMap<String, Row>;

fn path() -> std::path::PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/it/catalogue.txt")
}

/// Lines `fault (kind): case case …`, the kind with `, full` behind it where the level has to be full.
fn table() -> Table {
    let text = fs::read_to_string(path()).unwrap();
    let lines = text
        .lines()
        .filter(|line| !line.is_empty() && !line.starts_with('#'));
    lines
        .map(|line| {
            let (fault, cases) = line
                .split_once(": ")
                .unwrap_or((line.trim_end_matches(':'), ""));
            let (name, kind) = fault.split_once(" (").unwrap();
            let kind = kind.trim_end_matches(')');
            let (kind, full) = kind
                .strip_suffix(", full")
                .map_or((kind, false), |kind| (kind, true));
            let cases = cases.split_whitespace().map(str::to_owned).collect();
            (
                name.to_owned(),
                Row {
                    kind: kind.to_owned(),
                    full,
                    cases,
                },
            )
        })
        .collect()
}

/// Runs the bench on the plugin with `fault`, or in another right `variant`, and returns the cases that failed
/// and those that were skipped.
fn run(fault: &str, variant: &str, full: bool) -> (BTreeSet<String>, Vec<String>) {
    let site = Site::new(&good_plugin());
    let mut command = site.bench(&good_plugin());
    command
        .arg(site.secondary())
        .env("PLUGIN_FAULT", fault)
        .env("PLUGIN_VARIANT", variant)
        .args([
            "--deadline",
            DEADLINE,
            "--level",
            if full { "full" } else { "core" },
        ])
        .args([
            "--damage",
            &site.damage(),
            "--destroy-primary",
            &site.destroy(),
        ]);
    let output = command.output().unwrap();
    let said = String::from_utf8_lossy(&output.stdout).into_owned();
    assert!(
        [Some(0), Some(1)].contains(&output.status.code()),
        "{fault}: {said}"
    );
    (site.cases("fail").into_iter().collect(), site.cases("skip"))
}

#[test]
fn the_good_plugin_passes_everything() {
    passes_everything("");
}

/// A plugin may say that there is no such backup, and exit with 1.
#[test]
fn a_plugin_that_deletes_only_what_is_there_passes_everything() {
    passes_everything("unknown-deletion-fails");
}

fn passes_everything(variant: &str) {
    let (failed, skipped) = run("", variant, true);
    assert!(failed.is_empty(), "{failed:?}");
    let database = |name: &&String| name.starts_with("gpbackup/") || name.starts_with("scale/");
    let other: Vec<&String> = skipped.iter().filter(|name| !database(name)).collect();
    assert!(other.is_empty(), "{other:?}");
}

#[test]
fn a_good_plugin_with_a_large_pipe_passes() {
    let site = Site::new(&good_plugin());
    let mut command = site.bench(&good_plugin());
    command
        .env("PLUGIN_VARIANT", "large-pipe")
        .args(["--filter", "data", "--filter", "signals"]);
    command.assert().success();
    let uploaded = site.report()["uploaded_bytes"].as_u64().unwrap();
    assert!(
        (512 * 1024..1_000_000).contains(&uploaded),
        "a stream that this pipe does not hold is stored, and once: {uploaded} bytes"
    );
}

#[test]
fn every_fault_fails_exactly_its_cases() {
    let table = table();
    let faults: Vec<(&String, &Row)> = table.iter().filter(|(fault, _)| wanted(fault)).collect();
    let next = AtomicUsize::new(0);
    let measured = Mutex::new(Table::new());
    let workers = std::thread::available_parallelism().map_or(2, usize::from) + 1;
    std::thread::scope(|scope| {
        for _ in 0..workers {
            scope.spawn(|| {
                while let Some((fault, row)) = faults.get(next.fetch_add(1, Ordering::Relaxed)) {
                    let cases = run(fault, "", row.full).0;
                    tell(&format!("{fault:42} {}", summary(&cases)));
                    let row = Row {
                        cases,
                        ..(*row).clone()
                    };
                    measured.lock().unwrap().insert((*fault).clone(), row);
                }
            });
        }
    });
    let measured = measured.into_inner().unwrap();
    if std::env::var_os("UPDATE").is_some() {
        return write(&Table::from_iter(table.into_iter().chain(measured)));
    }
    let wrong: Vec<String> = measured
        .iter()
        .filter(|(fault, row)| table[*fault] != **row)
        .map(|(fault, row)| {
            let expected = &table[fault].cases;
            let more: Vec<_> = row.cases.difference(expected).collect();
            let fewer: Vec<_> = expected.difference(&row.cases).collect();
            format!("{fault}: failed besides {more:?}, did not fail {fewer:?}")
        })
        .collect();
    tell(&format!(
        "{} faults, {} as told",
        measured.len(),
        measured.len() - wrong.len()
    ));
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

/// Whether `fault` is to be run: while one is added, `FAULTS=fault,fault` leaves out the others.
fn wanted(fault: &str) -> bool {
    std::env::var("FAULTS").map_or(true, |names| names.split(',').any(|name| name == fault))
}

/// The table is printed as it is made; a test's own output would be held back.
fn tell(line: &str) {
    let _ = writeln!(std::io::stderr(), "{line}");
}

fn summary(cases: &BTreeSet<String>) -> String {
    const SHOWN: usize = 5;
    let first: Vec<&str> = cases.iter().take(SHOWN).map(String::as_str).collect();
    match cases.len().saturating_sub(SHOWN) {
        0 => first.join(" "),
        more => format!("{} and {more} more", first.join(" ")),
    }
}

fn write(table: &Table) {
    let text = fs::read_to_string(path()).unwrap();
    let head: Vec<&str> = text
        .lines()
        .take_while(|line| line.starts_with('#'))
        .collect();
    let lines = table.iter().map(|(fault, row)| {
        let full = if row.full { ", full" } else { "" };
        let cases: Vec<&str> = row.cases.iter().map(String::as_str).collect();
        format!("{fault} ({}{full}): {}", row.kind, cases.join(" "))
            .trim_end()
            .to_owned()
    });
    let lines: Vec<String> = lines.collect();
    fs::write(
        path(),
        format!("{}\n\n{}\n", head.join("\n"), lines.join("\n")),
    )
    .unwrap();
}

#[test]
fn no_fault_survives_and_no_two_are_alike() {
    let table = table();
    assert!(table.len() >= 45, "{} faults", table.len());
    let mut seen: BTreeMap<&BTreeSet<String>, &str> = BTreeMap::new();
    for (fault, row) in &table {
        assert!(!row.cases.is_empty(), "no case catches {fault}");
        let other = seen.insert(&row.cases, fault);
        assert!(other.is_none(), "{fault} and {other:?} fail the same cases");
    }
    let hard = table
        .values()
        .filter(|row| KINDS.contains(&row.kind.as_str()))
        .count();
    assert!(hard >= 10, "{hard} faults of the kinds {KINDS:?}");
}

#[test]
fn every_case_is_failed_by_some_fault() {
    let failed: BTreeSet<String> = table()
        .into_values()
        .filter(|row| row.kind != ALL_AT_ONCE)
        .flat_map(|row| row.cases)
        .collect();
    let elsewhere = ["gpbackup/", "scale/"];
    let names = plugin_bench::in_order()
        .into_iter()
        .map(|(group, case)| plugin_bench::full_name(group, case));
    let missed: Vec<String> = names
        .filter(|name| {
            !failed.contains(name) && !elsewhere.iter().any(|group| name.starts_with(group))
        })
        .collect();
    assert!(missed.is_empty(), "no fault fails {missed:?}");
}

#[test]
fn every_fault_in_the_source_is_in_the_table() {
    let dir = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/broken_plugin");
    let mut source = String::new();
    for entry in fs::read_dir(dir).unwrap() {
        source += &fs::read_to_string(entry.unwrap().path()).unwrap();
    }
    let table = table();
    for named in source.split("fault(\"").skip(1) {
        let name = named.split('"').next().unwrap();
        assert!(table.contains_key(name), "{name} is not in the table");
    }
}
