//! What each option means.

use std::path::PathBuf;
use std::time::Duration;

use plugin_config::{
    Addressing, Checksum, Credentials, Destination, PayloadSigning, ProxyChoice, Secret, Settings,
    Verbosity, parse,
};

use crate::{complete, file};

#[track_caller]
fn settings(more: &str) -> Settings {
    parse(&complete(more)).unwrap_or_else(|problems| panic!("{more}: {problems}"))
}

#[track_caller]
fn with_endpoint(endpoint: &str, more: &str) -> Destination {
    let text = file(&format!("endpoint: {endpoint}\n{more}"));
    parse(&text)
        .unwrap_or_else(|problems| panic!("{endpoint}: {problems}"))
        .destination
}

#[test]
fn the_endpoints_scheme_decides_tls_and_else_encryption() {
    let check = |endpoint, more, url: &str, tls| {
        let destination = with_endpoint(endpoint, more);
        assert_eq!(destination.endpoint.unwrap().to_string(), url);
        assert_eq!(destination.tls, tls, "{url}");
    };
    check("http://h:9000", "", "http://h:9000", false);
    check("https://h", "encryption: off", "https://h", true);
    check("h:9000", "", "https://h:9000", true);
    check("h:9000/", "encryption: off", "http://h:9000", false);
    assert!(!settings("encryption: off").destination.tls);
}

#[test]
fn an_endpoint_signs_with_a_region() {
    assert_eq!(with_endpoint("h", "").region, "us-east-1");
    assert_eq!(with_endpoint("h", "region: eu-x").region, "eu-x");
}

#[test]
fn addressing_depends_on_the_endpoint() {
    assert_eq!(settings("").destination.addressing, Addressing::Virtual);
    assert_eq!(
        settings("addressing_style: path").destination.addressing,
        Addressing::Path
    );
    assert_eq!(with_endpoint("h", "").addressing, Addressing::Path);
    assert_eq!(
        with_endpoint("h", "addressing_style: auto").addressing,
        Addressing::Path
    );
    assert_eq!(
        with_endpoint("h", "addressing_style: virtual").addressing,
        Addressing::Virtual
    );
    assert_eq!(
        with_endpoint("h", "remove_duplicate_bucket: true").addressing,
        Addressing::BucketInHost
    );
    assert_eq!(
        with_endpoint("h", "remove_duplicate_bucket: false").addressing,
        Addressing::Path
    );
}

#[test]
fn a_folder_has_no_outer_slashes() {
    let check = |written: &str, expected: &str, key: &str| {
        let text = format!("options: {{region: r, bucket: b, folder: '{written}'}}");
        let destination = parse(&text).unwrap().destination;
        assert_eq!(destination.folder, expected);
        assert_eq!(destination.key("backups/x"), key);
    };
    check("f", "f", "f/backups/x");
    check("/test//wrap/", "test/wrap", "test/wrap/backups/x");
    check(" ü/a b", " ü/a b", " ü/a b/backups/x");
    check("/", "", "backups/x");
}

#[test]
fn credentials_come_from_the_file_a_profile_or_the_chain() {
    let given = |token: Option<&str>| Credentials::Given {
        access_key_id: "AK".into(),
        secret_access_key: Secret::new("s+/="),
        session_token: token.map(Secret::new),
    };
    let keys = "aws_access_key_id: AK\naws_secret_access_key: s+/=";
    assert_eq!(settings(keys).destination.credentials, given(None));
    let with_token = format!("{keys}\naws_session_token: tok");
    assert_eq!(
        settings(&with_token).destination.credentials,
        given(Some("tok"))
    );
    let profile = settings("aws_profile: backup").destination.credentials;
    assert_eq!(profile, Credentials::Profile("backup".into()));
    assert_eq!(settings("").destination.credentials, Credentials::Chain);
}

#[test]
fn a_proxy_may_carry_a_password_that_is_never_shown() {
    let destination = settings("http_proxy: http://me:hunter2@proxy:3128").destination;
    let ProxyChoice::Given(proxy) = &destination.proxy else {
        panic!("no proxy")
    };
    assert_eq!(proxy.to_string(), "http://proxy:3128");
    assert_eq!(
        proxy.credentials,
        Some(("me".into(), Secret::new("hunter2")))
    );
    assert!(!format!("{destination:?}").contains("hunter2"));
    assert_eq!(settings("").destination.proxy, ProxyChoice::Environment);
}

#[test]
fn sizes_and_requests_are_read_for_each_direction() {
    let settings = settings(
        "backup_multipart_chunksize: 5MB\nbackup_max_concurrent_requests: 1\n\
         restore_multipart_chunksize: 1 KB\nrestore_max_concurrent_requests: 10000\nmax_memory: 64MiB",
    );
    assert_eq!(settings.upload.part_size, Some(5 << 20));
    assert_eq!(settings.upload.concurrency.get(), 1);
    assert_eq!(settings.download.part_size, Some(1 << 10));
    assert_eq!(settings.download.concurrency.get(), 10_000);
    assert_eq!(settings.max_memory, Some(64 << 20));
}

#[test]
fn the_remaining_options_are_read() {
    let settings = settings(
        "checksum: CRC64NVME\npayload_signing: off\nretry_patience: 2m\nstorage_class: STANDARD_IA\n\
         logger_verbosity: Debug\nca_file: /etc/ca.pem",
    );
    assert_eq!(settings.checksum, Checksum::Crc64Nvme);
    assert_eq!(settings.payload_signing, PayloadSigning::Off);
    assert_eq!(settings.retry_patience, Duration::from_secs(120));
    assert_eq!(
        settings.destination.storage_class.as_deref(),
        Some("STANDARD_IA")
    );
    assert_eq!(settings.verbosity, Verbosity::Debug);
    assert_eq!(
        settings.destination.ca_file,
        Some(PathBuf::from("/etc/ca.pem"))
    );
}
