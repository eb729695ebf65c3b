//! Listings: every key once, in short pages, whatever is in its name.

use aws_sdk_s3::types::EncodingType;
use s3_testserver::memory::{Config, Fault, Kind, Rule, Script, Which};

use crate::client::{BUCKET, Pair, pair};

async fn with_keys(page_size: usize, keys: &[&str]) -> Pair {
    let pair = pair(Config {
        page_size,
        ..Config::default()
    })
    .await;
    for key in keys {
        pair.server.insert(BUCKET, key, key.to_string());
    }
    pair
}

async fn list(pair: &Pair, prefix: &str) -> Vec<String> {
    let list = pair.client.list_objects_v2().bucket(BUCKET).prefix(prefix);
    let mut pages = list.into_paginator().send();
    let mut keys = Vec::new();
    while let Some(page) = pages.next().await {
        let page = page.unwrap();
        keys.extend(
            page.contents()
                .iter()
                .map(|object| object.key().unwrap().to_owned()),
        );
    }
    keys
}

#[tokio::test]
async fn every_key_comes_once_however_short_the_pages_are() {
    let keys = ["a", "a/1", "a/2", "a/b/3", "a/ü &+<%", "b"];
    for page_size in 1..=7 {
        let pair = with_keys(page_size, &keys).await;
        assert_eq!(list(&pair, "").await, keys);
        assert_eq!(list(&pair, "a/").await, keys[1..5]);
        assert!(list(&pair, "none").await.is_empty());
    }
}

#[tokio::test]
async fn the_first_version_goes_on_at_its_marker() {
    let pair = with_keys(2, &["a", "b", "c"]).await;
    let page = pair
        .client
        .list_objects()
        .bucket(BUCKET)
        .send()
        .await
        .unwrap();
    assert_eq!(page.next_marker(), Some("b"));
    let rest = pair
        .client
        .list_objects()
        .bucket(BUCKET)
        .marker("b")
        .send()
        .await
        .unwrap();
    assert_eq!(rest.contents()[0].key(), Some("c"));
    assert_eq!(rest.is_truncated(), Some(false));
}

#[tokio::test]
async fn a_delimiter_rolls_keys_up_across_pages() {
    let pair = with_keys(1, &["a/1", "a/2", "b/1", "c"]).await;
    let list = pair.client.list_objects_v2().bucket(BUCKET).delimiter("/");
    let mut pages = list.into_paginator().send();
    let mut names = Vec::new();
    while let Some(page) = pages.next().await {
        let page = page.unwrap();
        names.extend(
            page.common_prefixes()
                .iter()
                .map(|p| p.prefix().unwrap().to_owned()),
        );
        names.extend(
            page.contents()
                .iter()
                .map(|object| object.key().unwrap().to_owned()),
        );
    }
    assert_eq!(names, ["a/", "b/", "c"]);
}

#[tokio::test]
async fn keys_are_encoded_where_that_is_asked_for() {
    let pair = with_keys(10, &["a b/ü"]).await;
    let list = pair.client.list_objects_v2().bucket(BUCKET);
    let page = list.encoding_type(EncodingType::Url).send().await.unwrap();
    assert_eq!(page.contents()[0].key(), Some("a%20b/%C3%BC"));
}

#[tokio::test]
async fn open_uploads_are_listed_in_pages() {
    let pair = with_keys(2, &[]).await;
    for key in ["x", "y", "y", "z"] {
        let create = pair
            .client
            .create_multipart_upload()
            .bucket(BUCKET)
            .key(key);
        create.send().await.unwrap();
    }
    let list = || pair.client.list_multipart_uploads().bucket(BUCKET);
    let first = list().send().await.unwrap();
    assert_eq!(first.is_truncated(), Some(true));
    let rest = list()
        .set_key_marker(first.next_key_marker().map(str::to_owned))
        .set_upload_id_marker(first.next_upload_id_marker().map(str::to_owned));
    let rest = rest.send().await.unwrap();
    let all = first.uploads().iter().chain(rest.uploads());
    let keys: Vec<_> = all.map(|upload| upload.key().unwrap()).collect();
    assert_eq!(keys, ["x", "y", "y", "z"]);
    assert_eq!(pair.server.open_uploads().len(), 4);
}

#[tokio::test]
async fn a_page_can_come_twice_or_be_cut() {
    let pair = with_keys(2, &["a", "b", "c"]).await;
    pair.server.play(Script::new([
        Rule::new(Kind::List, Which::Nth(2), Fault::RepeatPage),
        Rule::new(Kind::List, Which::Nth(3), Fault::CutPage),
    ]));
    // The SDK's paginator takes a token that comes twice for the end.
    assert_eq!(list(&pair, "").await, ["a", "b", "a", "b"]);
    // The SDK takes a document that breaks off for a whole one.
    let cut = pair.client.list_objects_v2().bucket(BUCKET);
    assert!(cut.send().await.unwrap().contents().len() < 2);
}
