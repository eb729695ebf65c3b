//! Calls that gpbackup and gprestore made on a real cluster (Greenplum 6.24, three segments), one of
//! each form, and the keys that the Go plugin wrote for them.

use plugin_api::{Call, Hook, Offer, Ranges};
use serde::Deserialize;
use std::ffi::OsString;
use std::path::Path;

#[derive(Deserialize)]
struct Recorded {
    argv: Vec<String>,
    key: Option<String>,
}

fn recorded() -> Vec<Recorded> {
    let lines = include_str!("recorded.jsonl").lines();
    lines
        .map(|line| serde_json::from_str(line).unwrap())
        .collect()
}

fn parse(argv: &[String]) -> Call {
    let call = Offer::complete().parse(argv.iter().map(OsString::from));
    call.unwrap_or_else(|error| panic!("{argv:?}: {error}"))
}

#[test]
fn every_recorded_call_is_understood() {
    for Recorded { argv, .. } in recorded() {
        let config = match parse(&argv) {
            Call::Version => "--version".into(),
            Call::ApiVersion => "plugin_api_version".into(),
            Call::SetupForBackup(config, hook)
            | Call::SetupForRestore(config, hook)
            | Call::CleanupForBackup(config, hook)
            | Call::CleanupForRestore(config, hook) => {
                check_hook(&hook, &argv);
                config
            }
            Call::BackupFile(config, _)
            | Call::RestoreFile(config, _)
            | Call::BackupData(config, _)
            | Call::RestoreData(config, _)
            | Call::RestoreDataSubset(config, ..) => config,
            other => panic!("{argv:?} became {other:?}"),
        };
        assert_eq!(config, Path::new(argv.get(1).unwrap_or(&argv[0])));
    }
}

fn check_hook(hook: &Hook, argv: &[String]) {
    let scope = if argv[3] == "master" {
        "coordinator"
    } else {
        &argv[3]
    };
    assert_eq!(hook.scope.to_string(), scope);
    assert_eq!(
        hook.content.map(|id| format!("\"{id}\"")),
        argv.get(4).cloned()
    );
    assert_eq!(hook.directory, Path::new(&argv[2]));
    assert!(argv[2].ends_with(hook.timestamp().unwrap().as_str()));
}

#[test]
fn names_are_those_of_the_go_plugin() {
    let mut seen = 0;
    for Recorded { argv, key } in recorded() {
        let Some(key) = key else { continue };
        let (Call::BackupFile(_, file)
        | Call::RestoreFile(_, file)
        | Call::BackupData(_, file)
        | Call::RestoreData(_, file)
        | Call::RestoreDataSubset(_, file, _)) = parse(&argv)
        else {
            panic!("{argv:?} is no call with a file")
        };
        let folder = key.strip_suffix(file.name());
        assert!(
            matches!(folder, Some("test/wrap/" | "test/subset/")),
            "{} is not {key}",
            file.name()
        );
        seen += 1;
    }
    assert!(seen > 10, "only {seen} recorded calls have a key");
}

#[test]
fn recorded_offsets_are_read() {
    let ranges = Ranges::parse("2 2204744 2854597 3502071 3510857").unwrap();
    assert_eq!(ranges.total(), 649_853 + 8_786);
}
