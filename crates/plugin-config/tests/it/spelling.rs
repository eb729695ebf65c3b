//! Every YAML spelling of a scalar is the text that was written.

use plugin_config::{Addressing, parse};
use proptest::prelude::*;

use crate::{complete, file};

#[track_caller]
fn bucket(written: &str, expected: &str) {
    let text = format!("options:\n  region: r\n  folder: f\n  bucket: {written}\n");
    let settings = parse(&text).unwrap_or_else(|problems| panic!("{written}: {problems}"));
    assert_eq!(settings.destination.bucket, expected, "{written}");
}

#[test]
fn a_scalar_keeps_its_spelling() {
    for written in [
        "0123",
        "on",
        "true",
        "1e3",
        "0x1F",
        "1_000",
        "12:30:45",
        "2026-01-01",
        ".inf",
        "-1",
        "NO",
        "340282366920938463463374607431768211456",
    ] {
        bucket(written, written);
        bucket(&format!("\"{written}\""), written);
        bucket(&format!("'{written}'"), written);
        bucket(&format!("!!str {written}"), written);
    }
    bucket("\"\\x41\"", "A");
    bucket("'null'", "null");
    bucket("x # a comment", "x");
    bucket(">-\n    folded", "folded");
    bucket("&anchor x\n  storage_class: *anchor", "x");
}

#[test]
fn an_empty_option_counts_as_unset() {
    for empty in ["", "null", "~", "\"\"", "''", "Null"] {
        let settings = parse(&complete(&format!(
            "endpoint: {empty}\nrole_arn: {empty}\ncolour: {empty}"
        )))
        .unwrap();
        assert_eq!(settings.destination.endpoint, None, "{empty}");
        let missing = parse(&format!(
            "options:\n  region: r\n  folder: f\n  bucket: {empty}\n"
        ));
        assert!(
            missing
                .unwrap_err()
                .to_string()
                .starts_with("bucket: required"),
            "{empty}"
        );
    }
}

#[test]
fn what_gpbackup_adds_is_accepted() {
    let added = "pgport: \"6000\"\nbackup_plugin_version: \"\"\nrestore_subset: \"on\"\nreplication: off\n\
                 password_encryption: off\nremote_password_encryption: on\ngpbackup_s3_plugin: abc";
    assert!(parse(&complete(added)).is_ok());
    assert!(
        parse(&complete(
            "pgport: 6000\nbackup_plugin_version: 1.30.5+dev.b60130e"
        ))
        .is_ok()
    );
}

#[test]
fn switches_take_both_of_yamls_spellings() {
    for (written, tls) in [
        ("on", true),
        ("off", false),
        ("\"off\"", false),
        ("Off", false),
        ("false", false),
        ("yes", true),
    ] {
        let settings = parse(&complete(&format!("encryption: {written}"))).unwrap();
        assert_eq!(settings.destination.tls, tls, "{written}");
    }
    for written in ["true", "\"true\"", "on"] {
        let text = file(&format!(
            "endpoint: b.example.com\nremove_duplicate_bucket: {written}"
        ));
        assert_eq!(
            parse(&text).unwrap().destination.addressing,
            Addressing::BucketInHost,
            "{written}"
        );
    }
}

proptest! {
    #[test]
    fn no_text_panics(text: String) {
        let _ = parse(&text);
    }

    #[test]
    fn no_yaml_panics(text in "(options|bucket|[a-z_]{1,4}|[-:\\[\\]{}&*!|>#%@'\"?, \n]|  |: |\n  ){0,30}") {
        let _ = parse(&text);
        let _ = parse(&format!("options:\n  {text}"));
    }

    #[test]
    fn a_quoted_text_comes_back(folder in "[a-z][ -.0-~à-ÿ]{0,20}[a-z]") {
        let text = format!("options: {{region: r, bucket: b, folder: '{}'}}", folder.replace('\'', "''"));
        prop_assert_eq!(parse(&text).unwrap().destination.folder, folder);
    }
}
