//! What is refused, and in which words.

use plugin_config::{OPTIONS, parse};

use crate::{complete, file};

/// The problems of a text, one a line.
fn problems(text: &str) -> String {
    let problems = parse(text).expect_err("the file has no problem");
    problems
        .iter()
        .map(|problem| format!("{problem}\n"))
        .collect()
}

#[track_caller]
fn check(more: &str, expected: &[&str]) {
    let expected: String = expected.iter().map(|line| format!("{line}\n")).collect();
    assert_eq!(problems(&complete(more)), expected, "{more}");
}

#[test]
fn all_problems_are_told_at_once() {
    let text = "executable: x
options:
  regoin: us-west-2
  bucket: a/b
  encryption: maybe
  tags: {a: b}
  backup_multipart_chunksize: 1MB
  restore_max_concurrent_requests: 0
  role_arn: arn
  aws_access_key_id: AK
  encryption: on
";
    assert_eq!(
        problems(text),
        "executable: unknown key, beside options only executablepath is known
encryption: is given more than once
tags: is a mapping, where a plain value is wanted
regoin: unknown option, did you mean region?
role_arn: is planned and not built yet, remove it
encryption: \"maybe\" is none of on, off, true, false, yes, no
region: required where there is no endpoint, as us-west-2
bucket: \"a/b\" holds a slash or a blank, write the name alone and the rest to folder
folder: required, name what every key begins with, as gpbackup/prod
aws_secret_access_key: required beside aws_access_key_id
backup_multipart_chunksize: 1 MiB is not between 5 MiB and 5 GiB
restore_max_concurrent_requests: \"0\" is no whole number from 1 to 10000
"
    );
}

#[test]
fn problems_are_one_line() {
    let shown = parse("options: {a: 1, \"b\\nc\": 2}")
        .unwrap_err()
        .to_string();
    assert!(!shown.contains('\n'), "{shown}");
    assert!(
        shown.starts_with("a: unknown option; b\\nc: unknown option; region: required"),
        "{shown}"
    );
}

#[test]
fn a_file_that_is_no_config_is_refused() {
    let no_mapping = "is no mapping with the keys executablepath and options\n";
    for text in [
        "",
        "# a comment\n",
        "just text",
        "- a\n- b",
        "12",
        "null",
        "!tag {a: b}",
    ] {
        assert_eq!(problems(text), no_mapping, "{text:?}");
    }
    for text in [
        "options: [",
        "a: b: c",
        "\toptions:",
        "options: *nowhere",
        "a: 1\n---\nb: 2\n",
        "options: {bucket: @x}",
        "[a]: b",
    ] {
        let shown = problems(text);
        assert!(shown.starts_with("is no valid YAML: "), "{text:?}: {shown}");
    }
    for text in ["options: x", "options: [bucket]"] {
        assert!(
            problems(text).starts_with("options: is no mapping of options to values\n"),
            "{text:?}"
        );
    }
}

#[test]
fn an_option_outside_of_options_is_pointed_at() {
    let text = "region: r\noptions: {bucket: b, folder: f, endpoint: h}";
    assert_eq!(
        problems(text),
        "region: stands outside of options, indent it below that key\n"
    );
}

#[test]
fn a_value_that_is_no_scalar_names_its_key() {
    check(
        "storage_class: [a]",
        &["storage_class: is a list, where a plain value is wanted"],
    );
    check(
        "storage_class: {a: b}",
        &["storage_class: is a mapping, where a plain value is wanted"],
    );
    check(
        "storage_class: !mine a",
        &["storage_class: is a tagged value, where a plain value is wanted"],
    );
}

#[test]
fn a_bad_value_is_quoted_with_the_accepted_form() {
    check(
        "endpoint: http://h/p",
        &["endpoint: \"http://h/p\": a path, query or fragment does not belong here"],
    );
    check(
        "checksum: md5",
        &["checksum: \"md5\" is none of auto, crc64nvme, crc32c, off"],
    );
    check(
        "logger_verbosity: loud",
        &["logger_verbosity: \"loud\" is none of error, info, verbose, debug"],
    );
    check(
        "retry_patience: 8d",
        &["retry_patience: \"8d\" is no duration up to 7 days like 120s, 2m or 1h"],
    );
    check(
        "restore_multipart_chunksize: big",
        &["restore_multipart_chunksize: \"big\" is no size like 500MB, 16MiB, 1.5GB or 5242880"],
    );
    check(
        "restore_multipart_chunksize: 0",
        &["restore_multipart_chunksize: 0 bytes is not a size to read in, write at least 1"],
    );
    check(
        "backup_multipart_chunksize: 6GB",
        &["backup_multipart_chunksize: 6 GiB is not between 5 MiB and 5 GiB"],
    );
    check(
        "max_memory: 1M",
        &["max_memory: 1 MiB does not hold two parts, write at least 10 MiB"],
    );
    check(
        "backup_max_concurrent_requests: -1",
        &["backup_max_concurrent_requests: \"-1\" is no whole number from 1 to 10000"],
    );
    check(
        "storage_class: a b",
        &["storage_class: \"a b\" is no printable ASCII without blanks"],
    );
}

#[test]
fn options_that_contradict_each_other_are_refused() {
    let keys = "aws_access_key_id: AK\naws_secret_access_key: s";
    check(
        "aws_secret_access_key: s",
        &["aws_access_key_id: required beside aws_secret_access_key"],
    );
    check(
        "aws_session_token: t",
        &["aws_session_token: wants aws_access_key_id and aws_secret_access_key beside it"],
    );
    check(
        &format!("{keys}\naws_profile: p"),
        &["aws_profile: cannot stand beside aws_access_key_id, remove one of them"],
    );
    check(
        "remove_duplicate_bucket: true",
        &["remove_duplicate_bucket: true wants an endpoint whose host names the bucket"],
    );
    check(
        "endpoint: h\nremove_duplicate_bucket: true\naddressing_style: virtual",
        &[
            "addressing_style: virtual would name the bucket twice with remove_duplicate_bucket: true",
        ],
    );
}

#[test]
fn what_is_not_built_is_refused_by_name() {
    check(
        "password_encryption: on",
        &["password_encryption: cannot be on, as the plugin reads no encrypted secret; write off"],
    );
    for spec in OPTIONS.iter().filter(|spec| !spec.built) {
        check(
            &format!("{}: x", spec.name),
            &[&format!(
                "{}: is planned and not built yet, remove it",
                spec.name
            )],
        );
    }
}

#[test]
fn every_built_option_is_read() {
    // A value that no option of a closed form takes; of the others, those that take any text are named.
    let any_text = [
        "gpbackup_s3_plugin",
        "pgport",
        "backup_plugin_version",
        "restore_subset",
        "remote_password_encryption",
        "aws_profile",
        "ca_file",
        "remote_aws_profile",
        "remote_ca_file",
    ];
    for spec in OPTIONS
        .iter()
        .filter(|spec| spec.built && !any_text.contains(&spec.name))
    {
        let text = format!("options: {{\"{}\": \"\\t./ \\u00e9\"}}", spec.name);
        let shown = problems(&text);
        let blamed = shown
            .lines()
            .filter(|line| line.starts_with(&format!("{}: ", spec.name)));
        assert_eq!(blamed.count(), 1, "{}: {shown}", spec.name);
    }
}

#[test]
fn a_secret_is_never_quoted() {
    for spec in OPTIONS.iter().filter(|spec| spec.secret) {
        let shown = parse(&file(&format!("{}: 'hunter2 \u{e9}/?'", spec.name)))
            .unwrap_err()
            .to_string();
        assert!(!shown.contains("hunter2"), "{shown}");
    }
    // A key that is mistyped, outside of its place, or holds no scalar is a secret's as well.
    for text in [
        "options: {aws_secret_acess_key: hunter2}",
        "aws_secret_access_key: hunter2\noptions: {}",
        "options: {aws_secret_access_key: [hunter2]}",
        "options: {aws_secret_access_key: !hunter2 x}",
        "options: hunter2",
        "hunter2",
        "options:\n  aws_secret_access_key: *hunter2",
        "options:\n  aws_secret_access_key: 'hunter2",
        "options:\n  aws_secret_access_key: x\n hunter2: x",
        "options:\n  aws_secret_access_key: @hunter2",
        "options:\n  aws_secret_access_key: hunter2: hunter2",
    ] {
        let shown = format!("{:?} {}", parse(text), problems(text));
        assert!(!shown.contains("hunter2"), "{shown}");
    }
}
