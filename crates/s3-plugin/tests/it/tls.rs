//! TLS: which authorities are trusted.

use s3_testserver::tls::Authority;

use crate::host::{Ends, Host, TIMESTAMP, assert_tells};
use crate::store::Store;

fn setup(host: &Host, url: &str, options: &[(&str, &str)]) -> assert_cmd::Command {
    let config = host.config(url, options);
    let mut setup = host.plugin("setup_plugin_for_backup", &config);
    setup
        .arg(host.backup_directory(TIMESTAMP))
        .args(["master", "-1"]);
    setup
}

#[test]
fn the_authority_of_ca_file_is_trusted() {
    let host = Host::new();
    let (store, ca) = Store::with_tls(&host);
    setup(&host, store.url(), &[("ca_file", &ca)]).succeeds();
    let bare = store.url().replace("https://", "");
    setup(&host, &bare, &[("ca_file", &ca), ("encryption", "on")]).succeeds();
    assert_eq!(store.keys().len(), 1);
}

#[test]
fn the_environment_names_authorities_too() {
    let host = Host::new();
    let (store, ca) = Store::with_tls(&host);
    for variable in ["AWS_CA_BUNDLE", "SSL_CERT_FILE"] {
        setup(&host, store.url(), &[]).env(variable, &ca).succeeds();
    }
}

/// The directory is looked into where the file does not have the authority, and alone where there is
/// no file.
#[test]
fn the_systems_directory_is_trusted_beside_its_file() {
    let (host, other) = (Host::new(), Host::new());
    let (store, ca) = Store::with_tls(&host);
    let (_, foreign) = Store::with_tls(&other);
    let directory = host.path("authorities");
    std::fs::create_dir(&directory).unwrap();
    let trusting = |file: Option<&str>, options: &[(&str, &str)]| {
        let mut setup = setup(&host, store.url(), options);
        setup.env("SSL_CERT_DIR", &directory);
        match file {
            Some(file) => setup.env("SSL_CERT_FILE", file),
            None => setup.env_remove("SSL_CERT_FILE"),
        };
        setup
    };
    let told = trusting(Some(&foreign), &[]).fails();
    assert_tells(&told, &["TLS", "'ca_file'", "invalid peer certificate"]);
    let told = trusting(None, &[]).fails();
    assert_tells(&told, &["TLS", "'ca_file'"]);
    trusting(None, &[("ca_file", &ca)]).succeeds();
    std::fs::copy(&ca, directory.join("ours.pem")).unwrap();
    trusting(Some(&foreign), &[]).succeeds();
    trusting(None, &[]).succeeds();
    trusting(None, &[("ca_file", &foreign)]).succeeds();
}

#[test]
fn an_unknown_authority_is_not_trusted() {
    let (host, other) = (Host::new(), Host::new());
    let (store, _) = Store::with_tls(&host);
    let (_, foreign) = Store::with_tls(&other);
    for options in [&[][..], &[("ca_file", &*foreign)]] {
        let told = setup(&host, store.url(), options).fails();
        assert_tells(&told, &["TLS", "'ca_file'", "invalid peer certificate"]);
    }
}

#[test]
fn an_authority_that_is_shown_as_the_servers_own_is_told() {
    let host = Host::new();
    let (store, ca) = Store::with_authority(&host, Authority::shown_itself().unwrap());
    let told = setup(&host, store.url(), &[("ca_file", &ca)]).fails();
    assert_tells(
        &told,
        &["TLS", "an authority (CA:TRUE) as its own", "'ca_file'"],
    );
}

#[test]
fn a_ca_file_that_is_none_is_told() {
    let host = Host::new();
    let (store, _) = Store::with_tls(&host);
    let text = host
        .file("text.pem", "no certificate\n")
        .display()
        .to_string();
    let told = setup(&host, store.url(), &[("ca_file", &text)]).fails();
    assert_tells(&told, &["ca_file", "text.pem"]);
    let told = setup(&host, store.url(), &[("ca_file", "/none.pem")]).fails();
    assert_tells(&told, &["ca_file", "/none.pem", "No such file"]);
}

#[test]
fn http_at_a_port_of_https_is_told() {
    let host = Host::new();
    let (store, _) = Store::with_tls(&host);
    let url = store.url().replace("https:", "http:");
    let told = setup(&host, &url, &[]).fails();
    assert_tells(&told, &["'endpoint'", &url]);
}
