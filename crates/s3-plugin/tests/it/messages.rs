//! What is told when the config file or the store is wrong: one line that names the key to look at.

use std::io::{Read, Write};
use std::net::TcpListener;
use std::path::{Path, PathBuf};
use std::thread;
use std::time::{Duration, Instant};

use s3_testserver::memory::{Code, Config, Fault, Rule, Which};

use crate::host::{Ends, Host, TIMESTAMP, assert_tells};
use crate::store::{SECRET, Store};

/// The most that a setup hook may take to say what is wrong.
const SOON: Duration = Duration::from_secs(15);

/// Both setup hooks, run side by side as some of them wait, fail soon, with one line that tells each of
/// `parts` and never the secret.
#[track_caller]
fn check(host: &Host, config: &Path, parts: &[&str]) {
    let directory = host.backup_directory(TIMESTAMP);
    let told = |setup: &str| {
        let mut setup = host.plugin(setup, config);
        setup.arg(&directory).args(["master", "-1"]).fails()
    };
    let start = Instant::now();
    let told = thread::scope(|scope| {
        let setup = scope.spawn(|| told("setup_plugin_for_backup"));
        [told("setup_plugin_for_restore"), setup.join().unwrap()]
    });
    assert!(start.elapsed() < SOON, "took {:?}", start.elapsed());
    for told in told {
        assert_tells(&told, parts);
        assert!(!told.contains(SECRET), "{told}");
    }
}

/// The same for a config that differs from one that works in `options`.
#[track_caller]
fn check_options(options: &[(&str, &str)], parts: &[&str]) {
    let (host, store) = (Host::new(), Store::start());
    let config = host.config(store.url(), options);
    check(&host, &config, parts);
}

#[test]
fn a_wrong_secret_is_told() {
    let parts = [
        "'aws_access_key_id' (AKTEST)",
        "'aws_secret_access_key'",
        "403 SignatureDoesNotMatch",
    ];
    check_options(&[("aws_secret_access_key", "wrong")], &parts);
}

#[test]
fn a_wrong_key_id_is_told() {
    let parts = ["'aws_access_key_id' (AKOTHER)", "403 InvalidAccessKeyId"];
    check_options(&[("aws_access_key_id", "AKOTHER")], &parts);
}

#[test]
fn a_missing_bucket_is_told() {
    let parts = [
        "no bucket 'missing'",
        "check 'bucket'",
        "'endpoint' (http://127.0.0.1:",
    ];
    check_options(&[("bucket", "missing")], &parts);
}

#[test]
fn a_wrong_region_is_told() {
    let host = Host::new();
    let store = Store::with(Config {
        region: "eu-west-1".to_owned(),
        ..Config::default()
    });
    let config = host.config(store.url(), &[("region", "us-west-2")]);
    check(
        &host,
        &config,
        &["set 'region' to 'eu-west-1'", "us-west-2"],
    );
}

#[test]
fn a_wrong_clock_is_told() {
    let (host, store) = (Host::new(), Store::start());
    store.fail([Rule::any(
        Which::All,
        Fault::Error(Code::RequestTimeTooSkewed),
    )]);
    check(
        &host,
        &host.config(store.url(), &[]),
        &["the clock of this host is wrong"],
    );
}

#[test]
fn a_closed_port_is_told() {
    let host = Host::new();
    let port = TcpListener::bind("127.0.0.1:0")
        .unwrap()
        .local_addr()
        .unwrap()
        .port();
    let endpoint = format!("http://127.0.0.1:{port}");
    let config = host.config(&endpoint, &[]);
    check(
        &host,
        &config,
        &["cannot be reached", "'endpoint'", &endpoint, "refused"],
    );
}

#[test]
fn a_silent_port_is_told() {
    let host = Host::new();
    // Connections wait in its queue for an answer that never comes.
    let silent = TcpListener::bind("127.0.0.1:0").unwrap();
    let endpoint = format!("http://{}", silent.local_addr().unwrap());
    check(
        &host,
        &host.config(&endpoint, &[]),
        &["cannot be reached", &endpoint, "no bytes moved"],
    );
}

#[test]
fn a_host_without_address_is_told() {
    let host = Host::new();
    // A label of 64 letters is longer than DNS allows, so that no name server is asked.
    let endpoint = format!("http://{}.invalid", "x".repeat(64));
    check(
        &host,
        &host.config(&endpoint, &[]),
        &["'endpoint'", "could not be resolved"],
    );
}

#[test]
fn a_server_that_is_no_store_is_told() {
    // As a server of Go answers plain http at a port of https, and others a path that they do not know.
    for answer in ["400 Bad Request", "404 Not Found", "405 Method Not Allowed"] {
        let host = Host::new();
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let endpoint = format!("http://{}", listener.local_addr().unwrap());
        // It ends with the process of the tests.
        thread::spawn(move || {
            for stream in listener.incoming() {
                let mut stream = stream.unwrap();
                let mut request = [0; 16 << 10];
                // A client that goes away is no concern of a server.
                let _ = stream.read(&mut request).and_then(|_| {
                    let head = format!("HTTP/1.1 {answer}\r\nconnection: close\r\n");
                    stream.write_all(format!("{head}content-length: 7\r\n\r\n<html>\n").as_bytes())
                });
            }
        });
        check(
            &host,
            &host.config(&endpoint, &[]),
            &["no S3 service", &endpoint, "'encryption'", &answer[..3]],
        );
    }
}

#[test]
fn https_at_a_port_of_http_is_told() {
    let (host, store) = (Host::new(), Store::start());
    let endpoint = store.url().replace("http:", "https:");
    check(
        &host,
        &host.config(&endpoint, &[]),
        &["TLS", "'endpoint'", "'encryption'"],
    );
}

#[test]
fn missing_credentials_are_told() {
    let options = [("aws_access_key_id", ""), ("aws_secret_access_key", "")];
    check_options(
        &options,
        &["no credentials", "'aws_access_key_id'", "'aws_profile'"],
    );
}

#[test]
fn every_mistyped_key_is_told_at_once() {
    let options = [
        ("access_key_id", "AKTEST"),
        ("aws_access_key_id", ""),
        ("encrpytion", "off"),
    ];
    let parts = [
        "s3.yaml",
        "access_key_id",
        "did you mean aws_access_key_id?",
        "did you mean encryption?",
    ];
    check_options(&options, &parts);
}

#[test]
fn an_option_that_is_not_built_is_told() {
    check_options(
        &[("password_encryption", "on")],
        &["password_encryption", "write off"],
    );
    check_options(
        &[("role_arn", "arn:aws:iam::1:role/x")],
        &["role_arn", "not built yet"],
    );
}

#[test]
fn values_are_quoted_with_what_is_accepted() {
    let parts = [
        "backup_multipart_chunksize",
        "5 MiB",
        "encryption",
        "maybe",
        "on",
        "off",
    ];
    check_options(
        &[
            ("backup_multipart_chunksize", "1MB"),
            ("encryption", "maybe"),
        ],
        &parts,
    );
}

#[test]
fn a_config_that_is_no_config_is_told() {
    let host = Host::new();
    let file = |name: &str, text: &str| host.file(name, text);
    let text = file("text", "just text\n");
    let under_a_file = text.join("s3.yaml");
    let cases: [(PathBuf, &[&str]); 6] = [
        (host.path("work"), &["work", "cannot be read", "directory"]),
        (
            host.path("none.yaml"),
            &["none.yaml", "cannot be read", "No such file"],
        ),
        (under_a_file, &["text/s3.yaml", "cannot be read"]),
        (file("empty", ""), &["empty", "executablepath", "options"]),
        (text, &["text", "executablepath", "options"]),
        (
            file("broken", "options: [\n"),
            &["broken", "YAML", "line 2"],
        ),
    ];
    for (config, parts) in cases {
        check(&host, &config, parts);
    }
}
