//! Plugins that are not broken.

use std::path::PathBuf;

use crate::site::{Site, good_plugin};

#[test]
fn the_shell_example_is_certified() {
    let plugin = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("examples/shell_plugin.sh");
    let site = Site::new(&plugin);
    site.bench(&plugin).arg("--strict").assert().success();
    // What it does not have is found out by asking it.
    let skipped = site.report();
    let needs: Vec<&str> = skipped["cases"]
        .as_array()
        .unwrap()
        .iter()
        .filter_map(|case| case["need"].as_str())
        .collect();
    for command in ["restore_data_subset", "backup_directory"] {
        assert!(
            needs.contains(&format!("command {command}").as_str()),
            "{command} in {needs:?}"
        );
    }
    assert!(site.cases("pass").len() > 100);
}

#[test]
fn the_default_level_is_fast_and_uploads_less_than_a_megabyte() {
    let site = Site::new(&good_plugin());
    let mut command = site.bench(&good_plugin());
    command
        .arg(site.secondary())
        .args(["--hosts", "2", "--strict"])
        .assert()
        .success();
    let report = site.report();
    let uploaded = report["uploaded_bytes"].as_u64().unwrap();
    assert!(uploaded < 1_000_000, "{uploaded} bytes uploaded");
    let cpu: f64 = report["costs"]
        .as_object()
        .unwrap()
        .values()
        .map(|cost| cost["cpu_seconds"].as_f64().unwrap())
        .sum();
    assert!(cpu > 0.0);
    // 20 s on two idle cores; a machine that does other work at the same time is given more.
    let seconds = report["seconds"].as_f64().unwrap();
    assert!(seconds < 60.0, "{seconds} s");
}

#[test]
fn a_declared_command_is_not_asked_for() {
    let plugin = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("examples/shell_plugin.sh");
    let site = Site::new(&plugin);
    let declared = site
        .bench(&plugin)
        .args(["--with", "restore_data_subset", "--filter", "subset"])
        .assert();
    declared.code(1);
    assert_eq!(site.cases("skip"), ["subset/published-large"]);
    assert!(site.cases("fail").contains(&"subset/small".to_owned()));
}
