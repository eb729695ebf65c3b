//! Single objects: what is put comes back, and what is wrong is refused.

use aws_sdk_s3::types::{ChecksumAlgorithm, ChecksumMode, ChecksumType, Delete, ObjectIdentifier};
use s3_testserver::memory::{Checksums, Code, Config, Fault, Kind, Rule, Script, Which};

use crate::client::{BUCKET, code, faulty, pair};

/// CRC64NVME of `123456789`, in base64.
const CRC64: &str = "rosUhgp5mIg=";

#[tokio::test]
async fn an_object_comes_back_with_its_checksum() {
    let pair = pair(Config::default()).await;
    let put = pair.client.put_object().bucket(BUCKET).key("a b/ü+");
    let put = put.body(b"123456789".to_vec().into());
    let put = put.checksum_crc64_nvme(CRC64).send().await.unwrap();
    assert_eq!(put.checksum_crc64_nvme(), Some(CRC64));

    let get = pair.client.get_object().bucket(BUCKET).key("a b/ü+");
    let get = get
        .checksum_mode(ChecksumMode::Enabled)
        .send()
        .await
        .unwrap();
    assert_eq!(get.checksum_crc64_nvme(), Some(CRC64));
    assert_eq!(get.checksum_type(), Some(&ChecksumType::FullObject));
    assert_eq!(get.e_tag(), put.e_tag());
    assert_eq!(get.body.collect().await.unwrap().to_vec(), b"123456789");
    assert_eq!(pair.server.keys(BUCKET), ["a b/ü+"]);
}

#[tokio::test]
async fn a_range_has_its_bytes_and_no_checksum() {
    let pair = pair(Config::default()).await;
    pair.put("key", b"0123456789").await;
    let get = || pair.client.get_object().bucket(BUCKET).key("key");
    let part = get().range("bytes=2-4").send().await.unwrap();
    assert_eq!(part.content_range(), Some("bytes 2-4/10"));
    assert_eq!(part.checksum_type(), None);
    assert_eq!(part.body.collect().await.unwrap().to_vec(), b"234");
    assert_eq!(code(get().range("bytes=10-").send().await), "InvalidRange");
    assert_eq!(
        code(get().if_match("\"other\"").send().await),
        "PreconditionFailed"
    );
    assert_eq!(pair.server.seen().last().unwrap().range, None);
}

#[tokio::test]
async fn what_is_missing_or_wrong_is_told() {
    let pair = pair(Config::default()).await;
    let get = pair.client.get_object().bucket(BUCKET).key("none");
    assert_eq!(code(get.send().await), "NoSuchKey");
    let get = pair.client.get_object().bucket("none").key("none");
    assert_eq!(code(get.send().await), "NoSuchBucket");
    let put = || pair.client.put_object().bucket(BUCKET).key("key");
    let wrong = put().body(b"x".to_vec().into()).checksum_crc64_nvme(CRC64);
    assert_eq!(code(wrong.send().await), "BadDigest");
    let wrong = put()
        .body(b"x".to_vec().into())
        .content_md5("rL0Y20zC+Fzt72VPzMSk2A==");
    assert_eq!(code(wrong.send().await), "BadDigest");
    pair.put("key", b"x").await;
    assert_eq!(
        code(put().if_none_match("*").send().await),
        "PreconditionFailed"
    );
}

#[tokio::test]
async fn a_store_that_refuses_checksums_says_so() {
    let pair = pair(Config {
        checksums: Checksums::Refused,
        ..Config::default()
    })
    .await;
    let put = pair.client.put_object().bucket(BUCKET).key("key");
    let put = put
        .body(b"123456789".to_vec().into())
        .checksum_crc64_nvme(CRC64);
    assert_eq!(code(put.send().await), "NotImplemented");
}

#[tokio::test]
async fn a_copy_keeps_bytes_and_checksum() {
    let pair = pair(Config::default()).await;
    pair.put("from here", b"123456789").await;
    let copy = pair.client.copy_object().bucket(BUCKET).key("to");
    let copy = copy.copy_source("bucket/from%20here");
    let copy = copy.checksum_algorithm(ChecksumAlgorithm::Crc64Nvme);
    let copied = copy.send().await.unwrap();
    let result = copied.copy_object_result().unwrap();
    assert_eq!(result.checksum_crc64_nvme(), Some(CRC64));
    assert_eq!(&pair.server.object(BUCKET, "to").unwrap()[..], b"123456789");
}

fn all_of(keys: &[&str]) -> Delete {
    let keys = keys
        .iter()
        .map(|key| ObjectIdentifier::builder().key(*key).build().unwrap());
    Delete::builder()
        .set_objects(Some(keys.collect()))
        .build()
        .unwrap()
}

#[tokio::test]
async fn a_batch_deletes_what_the_script_lets_it() {
    let rule = Rule::new(
        Kind::DeleteBatch,
        Which::Nth(1),
        Fault::KeyErrors {
            every: 2,
            code: Code::AccessDenied,
        },
    );
    let pair = faulty(Script::new([rule])).await;
    for key in ["a", "b&<", "c"] {
        pair.put(key, b"x").await;
    }
    let delete = || pair.client.delete_objects().bucket(BUCKET);
    let answer = delete()
        .delete(all_of(&["a", "b&<", "none"]))
        .send()
        .await
        .unwrap();
    let errors: Vec<_> = answer
        .errors()
        .iter()
        .map(|error| (error.key(), error.code()))
        .collect();
    assert_eq!(errors, [(Some("b&<"), Some("AccessDenied"))]);
    assert_eq!(answer.deleted().len(), 2);
    assert_eq!(pair.server.keys(BUCKET), ["b&<", "c"]);
    delete().delete(all_of(&["b&<", "c"])).send().await.unwrap();
    assert!(pair.server.keys(BUCKET).is_empty());
}
