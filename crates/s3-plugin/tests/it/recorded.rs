//! Recorded runs of gpbackup, played again: ours makes the keys that the Go plugin made.

use std::fs;
use std::path::{Path, PathBuf};
use std::sync::Mutex;
use std::thread;

use serde_json::Value;

use crate::host::{Ends, Host, names};
use crate::store::Store;

/// How many calls run at once.
const THREADS: usize = 4;

fn folder() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/it/recorded")
}

/// The arguments of every call of one run that may write.
fn calls(run: &str) -> Vec<Vec<String>> {
    let text = fs::read_to_string(folder().join(run)).unwrap();
    let lines = text.lines().skip(1);
    let calls = lines.map(|line| {
        let call: Value = serde_json::from_str(line).unwrap();
        serde_json::from_value(call["argv"].clone()).unwrap()
    });
    calls
        .filter(|argv: &Vec<String>| argv[0].contains("backup"))
        .collect()
}

/// Makes one recorded call, with its paths moved below `data`.
fn play(host: &Host, config: &Path, argv: &[String]) {
    let moved =
        PathBuf::from(argv[2].replacen("/data", &host.path("data").display().to_string(), 1));
    assert!(moved.starts_with(host.path("data")), "{argv:?}");
    if argv[0] == "backup_file" {
        fs::create_dir_all(moved.parent().unwrap()).unwrap();
        fs::write(&moved, &argv[2]).unwrap();
    }
    let mut plugin = host.plugin(&argv[0], config);
    plugin
        .arg(&moved)
        .args(&argv[3..])
        .write_stdin("data of a table");
    assert!(plugin.succeeds().is_empty(), "{argv:?}");
}

#[test]
fn recorded_calls_make_the_keys_that_the_go_plugin_made() {
    let store = Store::start();
    for run in names(&folder())
        .iter()
        .filter(|name| name.ends_with(".jsonl"))
    {
        let host = Host::new();
        let folder = if run.contains("subset-on") {
            "test/subset"
        } else {
            "test/wrap"
        };
        // With slashes as people write them.
        let folder = format!("/{folder}//");
        let config = host.config(
            store.url(),
            &[
                ("folder", &folder),
                ("pgport", "\"6101\""),
                ("backup_plugin_version", "\"\""),
            ],
        );
        let calls = Mutex::new(calls(run).into_iter());
        assert!(calls.lock().unwrap().len() > 10, "{run}");
        let work = || loop {
            let Some(argv) = calls.lock().unwrap().next() else {
                break;
            };
            play(&host, &config, &argv);
        };
        thread::scope(|scope| {
            for _ in 0..THREADS {
                scope.spawn(work);
            }
        });
    }
    let expected =
        fs::read_to_string(folder().join("objects-written-by-the-go-plugin.txt")).unwrap();
    let mut expected: Vec<_> = expected.lines().collect();
    expected.sort_unstable();
    assert_eq!(store.keys(), expected);
    for key in expected.iter().filter(|key| key.ends_with("_report")) {
        assert!(!store.object(key).is_empty(), "{key} is still the hook's");
    }
}
