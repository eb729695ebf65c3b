//! Each fault as a client sees it.

use std::io::ErrorKind;
use std::time::{Duration, Instant};

use s3_testserver::memory::{Code, Fault, Kind, Rule, Script, Which};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

use crate::client::{BUCKET, Pair, code, faulty};

const SHORT: Duration = Duration::from_millis(100);

async fn with(kind: Kind, fault: Fault) -> Pair {
    faulty(Script::new([Rule::new(kind, Which::Nth(1), fault)])).await
}

/// Puts an object twice, of which the first attempt meets the fault; gives what the first one left.
async fn put_twice(fault: Fault) -> Option<Vec<u8>> {
    let pair = with(Kind::Put, fault).await;
    let put = || {
        let put = pair.client.put_object().bucket(BUCKET).key("key");
        put.body(vec![7; 300_000].into())
    };
    put().send().await.unwrap_err();
    let left = pair
        .server
        .object(BUCKET, "key")
        .map(|bytes| bytes.to_vec());
    put().send().await.unwrap();
    left
}

#[tokio::test]
async fn a_put_is_done_only_where_its_answer_is_lost() {
    let done = Some(vec![7; 300_000]);
    assert_eq!(put_twice(Fault::ResetBefore).await, None);
    assert_eq!(put_twice(Fault::ResetInRequest { after: 1000 }).await, None);
    assert_eq!(
        put_twice(Fault::ResetInRequest { after: u64::MAX }).await,
        None
    );
    assert_eq!(
        put_twice(Fault::Error(Code::InsufficientStorage)).await,
        None
    );
    assert_eq!(put_twice(Fault::LoseAnswer).await, done);
}

/// Gets an object of 300,000 bytes; gives the bytes that arrive and how the body ended.
async fn get(fault: Fault) -> (Vec<u8>, bool) {
    let pair = with(Kind::Get, fault).await;
    let bytes: Vec<u8> = (0..300_000u32).map(|n| n as u8).collect();
    pair.server.insert(BUCKET, "key", bytes);
    let get = pair.client.get_object().bucket(BUCKET).key("key");
    let mut body = get.send().await.unwrap().body;
    let mut all = Vec::new();
    loop {
        match body.next().await {
            Some(Ok(bytes)) => all.extend_from_slice(&bytes),
            Some(Err(_)) => return (all, false),
            None => return (all, true),
        }
    }
}

#[tokio::test]
async fn a_body_breaks_where_the_script_says() {
    let (bytes, whole) = get(Fault::Truncate { after: 100_000 }).await;
    assert_eq!((bytes.len(), whole), (100_000, false));
    let (bytes, whole) = get(Fault::ResetInAnswer { after: 100_000 }).await;
    assert!(bytes.len() <= 100_000 && !whole);
    let (bytes, whole) = get(Fault::ResetInAnswer { after: 0 }).await;
    assert_eq!((bytes.len(), whole), (0, false));
    let start = Instant::now();
    let pause = SHORT;
    let (bytes, whole) = get(Fault::StallAnswer { after: 1000, pause }).await;
    assert_eq!((bytes.len(), whole), (300_000, true));
    assert!(start.elapsed() >= SHORT);
    let (bytes, whole) = get(Fault::SlowFirstByte { pause }).await;
    assert_eq!((bytes.len(), whole), (300_000, true));
}

#[tokio::test]
async fn a_reset_behind_a_small_answer_leaves_it_whole() {
    let after = u64::MAX;
    let reset = Rule::new(Kind::Get, Which::All, Fault::ResetInAnswer { after });
    let pair = faulty(Script::new([reset])).await;
    pair.put("key", &[7; 1000]).await;
    for _ in 0..100 {
        let get = pair.client.get_object().bucket(BUCKET).key("key").send();
        let body = get.await.unwrap().body.collect().await.unwrap();
        assert_eq!(body.into_bytes(), [7; 1000][..]);
    }
    assert!(pair.server.counters().connections >= 100);
}

#[tokio::test]
async fn a_body_is_damaged_where_the_script_says() {
    let (bytes, _) = get(Fault::FlipBit { at: 80_001 }).await;
    assert_eq!((bytes[10_000], bytes.len()), (10_000u32 as u8 ^ 2, 300_000));
    let (bytes, whole) = get(Fault::DropByte { at: 5 }).await;
    assert_eq!((bytes[5], bytes.len(), whole), (6, 299_999, true));
    let (bytes, whole) = get(Fault::Overlong { extra: 3 }).await;
    assert_eq!((bytes.len(), whole), (300_003, true));
}

#[tokio::test]
async fn an_answer_can_lie_about_what_it_holds() {
    let pair = with(Kind::Get, Fault::WrongContentRange).await;
    pair.put("key", b"0123456789").await;
    let get = || {
        pair.client
            .get_object()
            .bucket(BUCKET)
            .key("key")
            .range("bytes=2-4")
    };
    assert_eq!(
        get().send().await.unwrap().content_range(),
        Some("bytes 3-5/10")
    );
    assert_eq!(
        get().send().await.unwrap().content_range(),
        Some("bytes 2-4/10")
    );

    let pair = with(Kind::Put, Fault::WrongEtag).await;
    let put = || pair.client.put_object().bucket(BUCKET).key("key").send();
    assert_ne!(put().await.unwrap().e_tag(), put().await.unwrap().e_tag());

    let pair = with(Kind::Create, Fault::ErrorInOk(Code::InternalError)).await;
    let create = pair
        .client
        .create_multipart_upload()
        .bucket(BUCKET)
        .key("key");
    let answer = create.send().await;
    assert!(answer.is_err() || answer.unwrap().upload_id().is_none());
    assert!(pair.server.open_uploads().is_empty());
}

#[tokio::test]
async fn every_error_has_its_status() {
    for (error, status) in [
        (Code::InternalError, 500),
        (Code::SlowDown, 503),
        (Code::TooManyRequests, 429),
        (Code::RequestTimeout, 400),
        (Code::RequestTimeTooSkewed, 403),
        (Code::ExpiredToken, 403),
        (Code::InsufficientStorage, 507),
    ] {
        let pair = with(Kind::Get, Fault::Error(error)).await;
        let get = pair.client.get_object().bucket(BUCKET).key("key");
        assert_eq!(code(get.send().await), error.to_string());
        assert_eq!(pair.server.seen()[0].status, Some(status));
    }
}

#[tokio::test]
async fn a_request_is_read_slowly() {
    let stall = Fault::StallRequest {
        after: 1000,
        pause: SHORT,
    };
    let pair = with(Kind::Put, stall).await;
    let start = Instant::now();
    pair.put("key", &[7; 10_000]).await;
    assert!(start.elapsed() >= SHORT);
}

#[tokio::test]
async fn the_port_is_closed_for_a_while() {
    let pair = with(Kind::Put, Fault::Refuse { pause: SHORT }).await;
    let mut idle = TcpStream::connect(pair.server.address()).await.unwrap();
    let put = pair.client.put_object().bucket(BUCKET).key("key");
    put.send().await.unwrap_err();
    refused_then_open(&pair).await;
    // The other connection still works.
    idle.write_all(b"GET /-/counters HTTP/1.1\r\nHost: test\r\n\r\n")
        .await
        .unwrap();
    assert_ne!(idle.read(&mut [0; 100]).await.unwrap(), 0);
}

#[tokio::test]
async fn a_restart_resets_every_connection() {
    let pair = faulty(Script::default()).await;
    let mut idle = TcpStream::connect(pair.server.address()).await.unwrap();
    idle.write_all(b"GET /-/counters HTTP/1.1\r\nHost: test\r\n\r\n")
        .await
        .unwrap();
    assert_ne!(idle.read(&mut [0; 1000]).await.unwrap(), 0);
    pair.server.restart(SHORT).await;
    let end = idle.read(&mut [0; 1000]).await;
    assert_eq!(end.unwrap_err().kind(), ErrorKind::ConnectionReset);
    refused_then_open(&pair).await;
}

async fn refused_then_open(pair: &Pair) {
    let address = pair.server.address();
    let error = TcpStream::connect(address).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::ConnectionRefused);
    let deadline = Instant::now() + Duration::from_secs(10);
    while TcpStream::connect(address).await.is_err() {
        assert!(Instant::now() < deadline, "the port stays closed");
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
    pair.put("key", b"x").await;
}
