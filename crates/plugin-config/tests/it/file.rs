//! Reading from disk, and what does not depend on an option.

use std::fs;

use plugin_config::{Error, load, parse};

use crate::complete;

#[test]
fn a_file_is_read_from_disk() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("a config.yaml");
    fs::write(&path, complete("")).unwrap();
    assert_eq!(load(&path).unwrap(), parse(&complete("")).unwrap());

    fs::write(&path, "options: {}").unwrap();
    let error = load(&path).unwrap_err();
    let shown = error.to_string();
    assert!(shown.ends_with("a config.yaml"), "{shown}");
    assert!(matches!(error, Error::Invalid { source, .. } if source.iter().count() == 3));

    fs::write(&path, b"options: \xff").unwrap();
    assert!(matches!(load(&path), Err(Error::Unreadable { .. })));
    let missing = directory.path().join("missing");
    let shown = load(&missing).unwrap_err().to_string();
    assert!(shown.ends_with("missing cannot be read"), "{shown}");
}

#[test]
fn executablepath_is_never_checked() {
    for line in [
        "",
        "executablepath:",
        "executablepath: [1, {a: b}]",
        "executablepath: $GPHOME/x",
    ] {
        let text = format!("{line}\noptions: {{region: r, bucket: b, folder: f}}\n");
        assert!(parse(&text).is_ok(), "{line}");
    }
}

#[test]
fn a_minimal_file_has_the_documented_defaults() {
    let settings = parse(&complete("")).unwrap();
    let destination = &settings.destination;
    assert!(destination.tls);
    assert_eq!(destination.endpoint, None);
    assert_eq!(destination.region, "us-west-2");
    assert_eq!(settings.upload.concurrency.get(), 6);
    assert_eq!(settings.download.concurrency.get(), 6);
    assert_eq!(settings.upload.part_size, None);
    assert_eq!(settings.max_memory, None);
    assert_eq!(settings.retry_patience.as_secs(), 120);
}
