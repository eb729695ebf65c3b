//! Who may ask: the right keys, the right region, the right body.

use s3_testserver::memory::Config;

use crate::client::{BUCKET, client, code, pair};

#[tokio::test]
async fn wrong_keys_and_regions_are_told_apart() {
    let pair = pair(Config::default()).await;
    let check = async |key, secret, region, expected| {
        let client = client(&pair.server, key, secret, region);
        let answer = client.list_objects_v2().bucket(BUCKET).send().await;
        assert_eq!(code(answer), expected);
    };
    check("test", "other", "us-east-1", "SignatureDoesNotMatch").await;
    check("other", "secret", "us-east-1", "InvalidAccessKeyId").await;
    check(
        "test",
        "secret",
        "eu-west-1",
        "AuthorizationHeaderMalformed",
    )
    .await;
}

#[tokio::test]
async fn an_unsigned_payload_is_taken() {
    let pair = pair(Config::default()).await;
    let put = pair.client.put_object().bucket(BUCKET).key("key");
    let put = put.body(b"bytes".to_vec().into()).customize();
    put.disable_payload_signing().send().await.unwrap();
    assert_eq!(&pair.server.object(BUCKET, "key").unwrap()[..], b"bytes");
}
