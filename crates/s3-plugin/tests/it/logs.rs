//! The log in `~/gpAdminLogs`: its form, what is in it, and what never is.

use std::path::Path;

use predicates::prelude::*;
use s3_testserver::memory::{Code, Fault, Kind, Rule, Which};

use crate::host::{Ends, Host, PREFIX, assert_tells, names};
use crate::store::{SECRET, Store};

const NAME: &str = "gpbackup_0_20261122055910_16385.gz";

#[test]
fn a_line_has_the_form_of_gpbackups_logs() {
    let (host, store) = (Host::new(), Store::start());
    let config = host.config(store.url(), &[]);
    host.plugin("backup_data", &config)
        .arg(host.backup_path(NAME))
        .write_stdin("12345")
        .succeeds();
    host.plugin("restore_data", &config)
        .arg(host.backup_path("none"))
        .fails();
    let files = names(&host.path("home/gpAdminLogs"));
    let name = predicate::str::is_match(r"^gpbackup_s3_plugin_[0-9]{8}\.log$").unwrap();
    assert!(
        files.len() <= 2 && files.iter().all(|file| name.eval(file)),
        "{files:?}"
    );
    let form =
        r"^[0-9]{8}(:[0-9]{2}){3} gpbackup_s3_plugin:[^:]*:[^:]*:[0-9]{6,}-\[(INFO|ERROR)\]:-.+$";
    let form = predicate::str::is_match(form).unwrap();
    let log = host.log();
    for line in log.lines() {
        assert!(form.eval(line), "{line}");
    }
    assert_tells(
        &log,
        &[
            "[INFO]:-stored 5 bytes",
            PREFIX,
            NAME,
            "[ERROR]:-",
            "NoSuchKey",
        ],
    );
}

#[test]
fn verbosity_says_how_much_is_logged() {
    let lines = |verbosity| {
        let (host, store) = (Host::new(), Store::start());
        let config = host.config(store.url(), &[("logger_verbosity", verbosity)]);
        store.fail([Rule::new(
            Kind::Put,
            Which::Nth(1),
            Fault::Error(Code::SlowDown),
        )]);
        let mut backup = host.plugin("backup_data", &config);
        backup
            .arg(host.backup_path(NAME))
            .write_stdin("12345")
            .succeeds();
        host.log()
    };
    let told = |text: &str, level: &str| text.contains(&format!("[{level}]"));
    assert_eq!(lines("error"), "");
    assert!(!told(&lines("info"), "DEBUG"));
    let debug = lines("debug");
    assert!(told(&debug, "INFO") && told(&debug, "DEBUG"), "{debug}");
}

#[test]
fn no_secret_is_logged_or_told() {
    let (host, store) = (Host::new(), Store::start());
    let all = |url: &str, options: &[(&str, &str)]| {
        let mut options = options.to_vec();
        options.extend([("logger_verbosity", "debug"), ("retry_patience", "1s")]);
        let config = host.config(url, &options);
        let mut told = Vec::new();
        for command in ["backup_data", "restore_data"] {
            let mut run = host.plugin(command, &config);
            let output = run
                .arg(host.backup_path(NAME))
                .write_stdin("x")
                .output()
                .unwrap();
            told.extend(output.stderr);
        }
        String::from_utf8(told).unwrap() + &host.log()
    };
    let (token, password) = ("session-token-of-a-role", "proxy-password");
    let proxy = format!("http://me:{password}@127.0.0.1:1");
    let told = [
        all(store.url(), &[("aws_session_token", token)]),
        all(store.url(), &[("http_proxy", &proxy)]),
        // A value that is refused is quoted, but not where it is a secret.
        all(
            store.url(),
            &[("http_proxy", &format!("ftp://me:{password}@127.0.0.1:1"))],
        ),
        all(
            store.url(),
            &[("aws_secret_access_key", &format!("[{SECRET}, x]"))],
        ),
        all(store.url(), &[("secret_access_key", SECRET)]),
    ];
    for told in told {
        for secret in [SECRET, token, password] {
            assert!(!told.contains(secret), "'{secret}' is told: {told}");
        }
    }
}

#[test]
fn a_home_that_cannot_be_written_fails_nothing() {
    let (host, store) = (Host::new(), Store::start());
    let config = host.config(store.url(), &[]);
    let file = host.file("file", "");
    for home in [
        Path::new("/dev/null"),
        Path::new("/proc"),
        &file,
        Path::new(""),
    ] {
        let plugin = |command| {
            let mut plugin = host.plugin(command, &config);
            plugin.env("HOME", home).arg(host.backup_path(NAME));
            plugin
        };
        plugin("backup_data").write_stdin("12345").succeeds();
        assert_eq!(plugin("restore_data").succeeds(), b"12345");
    }
}
