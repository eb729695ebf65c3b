//! The second destination: what it takes from the first, and what it may not be.

use plugin_config::{Addressing, Credentials, Remote, Replication, Secret, parse};

use crate::file;

const FIRST: &str = "endpoint: http://one:9000\naws_access_key_id: AK\naws_secret_access_key: s1\n\
                     aws_session_token: t1\nstorage_class: STANDARD_IA\nca_file: /ca.pem\n";

#[track_caller]
fn remote(more: &str) -> Option<Remote> {
    let text = file(&format!("{FIRST}{more}"));
    parse(&text)
        .unwrap_or_else(|problems| panic!("{more}: {problems}"))
        .remote
}

#[track_caller]
fn refused(more: &str, expected: &str) {
    let text = file(&format!("{FIRST}{more}"));
    let problems = parse(&text).expect_err(more).to_string();
    assert_eq!(problems, expected, "{more}");
}

#[test]
fn without_its_options_there_is_none() {
    assert_eq!(remote(""), None);
    assert_eq!(
        remote("replication: off\nremote_password_encryption: on"),
        None
    );
}

#[test]
fn what_is_missing_is_the_first_destinations() {
    let settings = parse(&file(&format!("{FIRST}remote_bucket: b2"))).unwrap();
    let remote = settings.remote.unwrap();
    assert_eq!(remote.replication, Replication::Off);
    let mut expected = settings.destination;
    expected.bucket = "b2".into();
    assert_eq!(remote.destination, expected);
}

#[test]
fn each_option_is_its_own() {
    let given = remote(
        "remote_endpoint: https://two\nremote_region: eu\nremote_bucket: b2\nremote_folder: /g/\n\
         remote_aws_access_key_id: AK2\nremote_aws_secret_access_key: s2\nremote_addressing_style: virtual\n\
         remote_ca_file: /two.pem\nremote_storage_class: GLACIER_IR\nremote_http_proxy: p:3128\n\
         replication: on",
    )
    .unwrap();
    assert_eq!(given.replication, Replication::Require);
    let two = given.destination;
    assert_eq!(two.endpoint.as_ref().unwrap().to_string(), "https://two");
    assert!(two.tls);
    assert_eq!((two.region.as_str(), two.bucket.as_str()), ("eu", "b2"));
    assert_eq!(two.key("x"), "g/x");
    assert_eq!(two.addressing, Addressing::Virtual);
    assert_eq!(two.storage_class.as_deref(), Some("GLACIER_IR"));
    // The first destination's session token belongs to the first destination's keys.
    let keys = Credentials::Given {
        access_key_id: "AK2".into(),
        secret_access_key: Secret::new("s2"),
        session_token: None,
    };
    assert_eq!(two.credentials, keys);
}

#[test]
fn a_scheme_or_encryption_of_its_own_decides_tls() {
    let tls = |more: &str| remote(more).unwrap().destination.tls;
    assert!(tls("remote_endpoint: two"));
    assert!(!tls("remote_endpoint: two\nremote_encryption: off"));
    assert!(!tls("remote_bucket: b2"), "the first endpoint's scheme");
}

#[test]
fn a_profile_takes_the_place_of_the_first_ones_keys() {
    let profile = remote("remote_bucket: b2\nremote_aws_profile: dr").unwrap();
    assert_eq!(
        profile.destination.credentials,
        Credentials::Profile("dr".into())
    );
}

#[test]
fn the_mode_counts_where_replication_is_on() {
    let mode = |more: &str| {
        remote(&format!("remote_bucket: b2\n{more}"))
            .unwrap()
            .replication
    };
    assert_eq!(mode("replication_mode: prefer"), Replication::Off);
    assert_eq!(
        mode("replication: on\nreplication_mode: prefer"),
        Replication::Prefer
    );
    assert_eq!(
        mode("replication: \"on\"\nreplication_mode: Require"),
        Replication::Require
    );
}

#[test]
fn two_destinations_are_two_places() {
    let same = "the second destination is the first one; name another place by remote_bucket, \
                remote_folder or remote_endpoint";
    refused("replication: on", &format!("replication: {same}"));
    refused("remote_bucket: b", &format!("remote_bucket: {same}"));
    refused(
        "replication: on\nremote_region: eu\nremote_endpoint: http://ONE:9000/\nremote_folder: f/",
        &format!("replication: {same}"),
    );
    for aws in [
        "region: us-west-2\nremote_region: eu-west-1",
        "region: us-west-2\nremote_endpoint: https://s3.eu-west-1.amazonaws.com",
    ] {
        let problems = parse(&file(aws)).unwrap_err().to_string();
        assert_eq!(problems, format!("remote_bucket: {same}"));
    }
    for other in [
        "remote_folder: g",
        "remote_bucket: c",
        "remote_endpoint: http://one:9001",
    ] {
        assert!(remote(other).is_some(), "{other}");
    }
}

#[test]
fn one_service_under_one_account_is_told() {
    let shares = |more: &str| {
        let settings = parse(&file(&format!("{FIRST}{more}"))).unwrap();
        let remote = settings.remote.unwrap().destination;
        remote.shares_account(&settings.destination)
    };
    assert!(shares("remote_bucket: b2"));
    assert!(!shares("remote_endpoint: http://two:9000"));
    let keys = "remote_aws_access_key_id: AK2\nremote_aws_secret_access_key: s2";
    assert!(!shares(&format!("remote_bucket: b2\n{keys}")));
}

#[test]
fn problems_name_the_option_that_was_given() {
    refused(
        "remote_aws_access_key_id: AK",
        "remote_aws_secret_access_key: required beside remote_aws_access_key_id",
    );
    refused(
        "remote_bucket: a/b",
        "remote_bucket: \"a/b\" holds a slash or a blank, write the name alone and the rest to folder",
    );
    refused(
        "remote_bucket: c\nremote_remove_duplicate_bucket: true\naddressing_style: virtual",
        "addressing_style: virtual would name the bucket twice with remote_remove_duplicate_bucket: true",
    );
    // A problem that both destinations have is told once.
    let shared = parse(&file("endpoint: h/p\nremote_bucket: c")).unwrap_err();
    assert_eq!(shared.iter().count(), 1, "{shared}");
    refused(
        "replication: on\nreplication_mode: maybe\nremote_bucket: c",
        "replication_mode: \"maybe\" is none of require, prefer",
    );
}
