//! The sink keeps the protocol and nothing else.

use std::time::{Duration, Instant};

use aws_sdk_s3::Client;
use aws_sdk_s3::types::{ChecksumMode, CompletedMultipartUpload, CompletedPart};
use s3_testserver::memory::Kind;
use s3_testserver::sink::{Sink, SinkConfig};

use crate::client::{BUCKET, client_at};

async fn sink(config: SinkConfig) -> (Sink, Client) {
    let sink = Sink::start(config).await.unwrap();
    let client = client_at(sink.url(), "any", "keys", "us-east-1");
    (sink, client)
}

#[tokio::test]
async fn an_upload_leaves_its_size_and_checksum() {
    let (sink, client) = sink(SinkConfig::default()).await;
    let create = client.create_multipart_upload().bucket(BUCKET).key("key");
    let id = create.send().await.unwrap().upload_id().unwrap().to_owned();
    for number in 1..=2 {
        let part = client
            .upload_part()
            .bucket(BUCKET)
            .key("key")
            .upload_id(&id);
        let part = part.part_number(number).body(vec![0; 1000].into());
        let part = part
            .checksum_crc64_nvme("AAAAAAAAAAA=")
            .send()
            .await
            .unwrap();
        assert_eq!(part.checksum_crc64_nvme(), Some("AAAAAAAAAAA="));
    }
    let parts = CompletedMultipartUpload::builder().parts(CompletedPart::builder().build());
    let complete = client.complete_multipart_upload().bucket(BUCKET).key("key");
    let complete = complete.upload_id(&id).multipart_upload(parts.build());
    complete
        .checksum_crc64_nvme("rosUhgp5mIg=")
        .send()
        .await
        .unwrap();

    let head = client
        .head_object()
        .bucket(BUCKET)
        .key("key")
        .send()
        .await
        .unwrap();
    assert_eq!(head.content_length(), Some(2000));
    assert_eq!(head.checksum_crc64_nvme(), Some("rosUhgp5mIg="));
    let counters = sink.counters();
    assert_eq!((counters.of(Kind::Part), counters.total()), (2, 5));
}

#[tokio::test]
async fn a_download_is_as_long_as_its_key_says() {
    let (sink, client) = sink(SinkConfig::default()).await;
    let get = || client.get_object().bucket(BUCKET).key("a/b_3000000");
    let whole = get()
        .checksum_mode(ChecksumMode::Enabled)
        .send()
        .await
        .unwrap();
    assert!(whole.checksum_crc64_nvme().is_some());
    let whole = whole.body.collect().await.unwrap().to_vec();
    assert_eq!(whole.len(), 3_000_000);
    let range = get().range("bytes=1048570-2097160").send().await.unwrap();
    assert_eq!(range.content_range(), Some("bytes 1048570-2097160/3000000"));
    let range = range.body.collect().await.unwrap().to_vec();
    assert_eq!(range, whole[1_048_570..=2_097_160]);
    assert_eq!(sink.counters().bytes_out, 3_000_000 + 1_048_591);
    get().key("none").send().await.unwrap_err();
}

#[tokio::test]
async fn a_slow_line_takes_its_time_both_ways() {
    let (_sink, client) = sink(SinkConfig {
        latency: Duration::from_millis(30),
        bandwidth: Some(10_000_000),
        ..SinkConfig::default()
    })
    .await;
    let start = Instant::now();
    let put = client.put_object().bucket(BUCKET).key("key");
    put.body(vec![0; 2_000_000].into()).send().await.unwrap();
    assert!(start.elapsed() >= Duration::from_millis(200));
    let start = Instant::now();
    let get = client
        .get_object()
        .bucket(BUCKET)
        .key("a_2000000")
        .send()
        .await
        .unwrap();
    get.body.collect().await.unwrap();
    assert!(start.elapsed() >= Duration::from_millis(190));
}
