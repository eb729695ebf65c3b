//! Multipart uploads: checksums of the whole, and everything that a completion can get wrong.

use aws_sdk_s3::types::{
    ChecksumAlgorithm, ChecksumMode, ChecksumType, CompletedMultipartUpload, CompletedPart,
};
use s3_testserver::memory::Config;

use crate::client::{BUCKET, Pair, code, pair};

/// CRC64NVME of `1234`, of `56789` and of both together, in base64.
const FIRST: &str = "KfXb5+L/cdQ=";
const SECOND: &str = "+H3Ihxds5mc=";
const WHOLE: &str = "rosUhgp5mIg=";

async fn create(pair: &Pair, checksum: bool) -> String {
    let create = pair
        .client
        .create_multipart_upload()
        .bucket(BUCKET)
        .key("key");
    let answer = if checksum {
        let create = create.checksum_algorithm(ChecksumAlgorithm::Crc64Nvme);
        let answer = create
            .checksum_type(ChecksumType::FullObject)
            .send()
            .await
            .unwrap();
        assert_eq!(
            answer.checksum_algorithm(),
            Some(&ChecksumAlgorithm::Crc64Nvme)
        );
        assert_eq!(answer.checksum_type(), Some(&ChecksumType::FullObject));
        answer
    } else {
        create.send().await.unwrap()
    };
    answer.upload_id().unwrap().to_owned()
}

async fn part(
    pair: &Pair,
    id: &str,
    number: i32,
    bytes: &[u8],
    sum: Option<&str>,
) -> CompletedPart {
    let part = pair.client.upload_part().bucket(BUCKET).key("key");
    let part = part
        .upload_id(id)
        .part_number(number)
        .body(bytes.to_vec().into());
    let answer = part
        .set_checksum_crc64_nvme(sum.map(str::to_owned))
        .send()
        .await
        .unwrap();
    assert_eq!(answer.checksum_crc64_nvme(), sum);
    CompletedPart::builder()
        .part_number(number)
        .set_e_tag(answer.e_tag().map(str::to_owned))
        .set_checksum_crc64_nvme(sum.map(str::to_owned))
        .build()
}

fn of(parts: &[CompletedPart]) -> CompletedMultipartUpload {
    CompletedMultipartUpload::builder()
        .set_parts(Some(parts.to_vec()))
        .build()
}

#[tokio::test]
async fn the_parts_make_an_object_with_a_checksum_of_the_whole() {
    let pair = pair(Config::default()).await;
    let id = create(&pair, true).await;
    // The second one first: the order of the numbers counts, not that of arrival.
    let second = part(&pair, &id, 2, b"56789", Some(SECOND)).await;
    let first = part(&pair, &id, 1, b"1234", Some(FIRST)).await;
    assert_eq!(pair.server.open_uploads()[0].parts, [1, 2]);

    let complete = || {
        let complete = pair
            .client
            .complete_multipart_upload()
            .bucket(BUCKET)
            .key("key");
        complete
            .upload_id(&id)
            .checksum_type(ChecksumType::FullObject)
    };
    let both = of(&[first.clone(), second.clone()]);
    let wrong = complete()
        .multipart_upload(both.clone())
        .checksum_crc64_nvme(FIRST);
    assert_eq!(code(wrong.send().await), "BadDigest");
    let swapped = complete().multipart_upload(of(&[second, first]));
    assert_eq!(code(swapped.send().await), "InvalidPartOrder");
    let right = complete()
        .multipart_upload(both.clone())
        .checksum_crc64_nvme(WHOLE);
    let answer = right.send().await.unwrap();
    assert_eq!(answer.checksum_crc64_nvme(), Some(WHOLE));
    assert!(answer.e_tag().unwrap().ends_with("-2\""));

    let head = pair.client.head_object().bucket(BUCKET).key("key");
    let head = head
        .checksum_mode(ChecksumMode::Enabled)
        .send()
        .await
        .unwrap();
    assert_eq!(head.content_length(), Some(9));
    assert_eq!(head.checksum_crc64_nvme(), Some(WHOLE));
    assert_eq!(
        &pair.server.object(BUCKET, "key").unwrap()[..],
        b"123456789"
    );
    assert!(pair.server.open_uploads().is_empty());
    assert_eq!(
        code(complete().multipart_upload(both).send().await),
        "NoSuchUpload"
    );
}

#[tokio::test]
async fn a_part_without_the_checksum_that_was_promised_is_refused() {
    let pair = pair(Config::default()).await;
    let id = create(&pair, true).await;
    let part = pair
        .client
        .upload_part()
        .bucket(BUCKET)
        .key("key")
        .upload_id(&id);
    let part = part.part_number(1).body(b"1234".to_vec().into());
    assert_eq!(code(part.send().await), "InvalidRequest");
}

#[tokio::test]
async fn an_upload_without_checksums_takes_none_at_its_end() {
    let pair = pair(Config::default()).await;
    let id = create(&pair, false).await;
    let only = part(&pair, &id, 1, b"123456789", None).await;
    let complete = || {
        let complete = pair
            .client
            .complete_multipart_upload()
            .bucket(BUCKET)
            .key("key");
        complete
            .upload_id(&id)
            .multipart_upload(of(std::slice::from_ref(&only)))
    };
    assert_eq!(
        code(complete().checksum_crc64_nvme(WHOLE).send().await),
        "InvalidRequest"
    );
    complete().send().await.unwrap();
    let head = pair.client.head_object().bucket(BUCKET).key("key");
    let head = head
        .checksum_mode(ChecksumMode::Enabled)
        .send()
        .await
        .unwrap();
    assert_eq!(head.checksum_crc64_nvme(), None);
}

#[tokio::test]
async fn an_aborted_upload_leaves_nothing() {
    let pair = pair(Config::default()).await;
    let id = create(&pair, false).await;
    part(&pair, &id, 1, b"1234", None).await;
    let abort = pair
        .client
        .abort_multipart_upload()
        .bucket(BUCKET)
        .key("key");
    abort.upload_id(&id).send().await.unwrap();
    assert!(pair.server.open_uploads().is_empty());
    assert!(pair.server.keys(BUCKET).is_empty());
    let late = pair
        .client
        .upload_part()
        .bucket(BUCKET)
        .key("key")
        .upload_id(&id);
    let late = late.part_number(2).body(b"x".to_vec().into());
    assert_eq!(code(late.send().await), "NoSuchUpload");
}

#[tokio::test]
async fn a_small_part_before_the_last_is_refused_at_the_end() {
    let server = s3_testserver::memory::MemoryServer::start(Config::default())
        .await
        .unwrap();
    let client = crate::client::client(&server, "test", "secret", "us-east-1");
    let pair = Pair { server, client };
    let id = create(&pair, false).await;
    let parts = [
        part(&pair, &id, 1, b"1234", None).await,
        part(&pair, &id, 2, b"56789", None).await,
    ];
    let complete = pair
        .client
        .complete_multipart_upload()
        .bucket(BUCKET)
        .key("key");
    let complete = complete.upload_id(&id).multipart_upload(of(&parts));
    assert_eq!(code(complete.send().await), "EntityTooSmall");
}

#[tokio::test]
async fn a_part_can_be_copied_from_a_range() {
    let pair = pair(Config::default()).await;
    pair.put("source", b"0123456789").await;
    let id = create(&pair, true).await;
    let copy = pair
        .client
        .upload_part_copy()
        .bucket(BUCKET)
        .key("key")
        .upload_id(&id);
    let copy = copy
        .part_number(1)
        .copy_source("bucket/source")
        .copy_source_range("bytes=1-9");
    let copied = copy.send().await.unwrap();
    assert_eq!(
        copied.copy_part_result().unwrap().checksum_crc64_nvme(),
        Some(WHOLE)
    );
}
