//! The store as the transport sees it: one method per S3 verb, one attempt per call.
//!
//! Everything that knows the SDK stands behind this trait; everything that retries, splits,
//! verifies and orders stands before it.

use std::fmt;
use std::time::{Duration, SystemTime};

use aws_sdk_s3::primitives::ByteStream;

use crate::checksum::{Algorithm, Checksum};
use crate::payload::Payload;
use crate::progress::Progress;

/// One attempt at each S3 verb on one bucket. No method retries.
pub trait Store: Send + Sync + 'static {
    /// Begins what the first request would have to wait for, such as a connection. Makes no request, and
    /// neither waits nor fails.
    fn prepare(&self) -> impl Future<Output = ()> + Send {
        std::future::ready(())
    }

    /// PutObject. With `if_absent` an existing object is left alone and the answer is
    /// [`Kind::Precondition`], on stores that know the condition.
    fn put(
        &self,
        key: &str,
        payload: &Payload,
        if_absent: bool,
        progress: &Progress,
    ) -> impl Future<Output = Result<(), StoreError>> + Send;

    /// CreateMultipartUpload, asking for full-object checksums where `checksum` is given.
    fn create(
        &self,
        key: &str,
        checksum: Option<Algorithm>,
    ) -> impl Future<Output = Result<Created, StoreError>> + Send;

    /// UploadPart.
    fn part(
        &self,
        target: Target<'_>,
        number: u32,
        payload: &Payload,
        progress: &Progress,
    ) -> impl Future<Output = Result<Part, StoreError>> + Send;

    /// CompleteMultipartUpload of `parts` in the order of their numbers, each with its checksum where it
    /// has one; `whole` is that of the object. Both only where the upload was created with full-object
    /// checksums.
    fn complete(
        &self,
        target: Target<'_>,
        parts: &[Part],
        whole: Option<Checksum>,
    ) -> impl Future<Output = Result<Option<String>, StoreError>> + Send;

    /// AbortMultipartUpload.
    fn abort(&self, target: Target<'_>) -> impl Future<Output = Result<(), StoreError>> + Send;

    /// GetObject: the whole object, or a range of it (`start..end` in bytes, never empty). `etag` pins
    /// the version that is read; `with_checksum` asks for the checksum that only a whole object has.
    fn get(
        &self,
        key: &str,
        range: Option<(u64, u64)>,
        etag: Option<&str>,
        with_checksum: bool,
    ) -> impl Future<Output = Result<Got, StoreError>> + Send;

    /// HeadObject; asks for the object's checksum where `with_checksum` is set.
    fn head(
        &self,
        key: &str,
        with_checksum: bool,
    ) -> impl Future<Output = Result<Object, StoreError>> + Send;

    /// ListObjectsV2: one page of the keys that begin with `prefix`, of at most `limit` keys.
    fn list(
        &self,
        prefix: &str,
        continuation: Option<&str>,
        limit: u16,
    ) -> impl Future<Output = Result<Page, StoreError>> + Send;

    /// ListMultipartUploads: one page of the uploads under `prefix` that are neither completed nor
    /// aborted. Only a hint on several stores: MinIO lists exact keys alone.
    fn uploads(
        &self,
        prefix: &str,
        after: Option<&UploadMarker>,
    ) -> impl Future<Output = Result<UploadsPage, StoreError>> + Send;

    /// DeleteObjects of at most 1,000 keys; the answer holds the keys that are still there.
    fn delete_batch(
        &self,
        keys: &[String],
    ) -> impl Future<Output = Result<Vec<(String, StoreError)>, StoreError>> + Send;

    /// CopyObject of `source` to `key`, without its bytes coming here; the copy is given a checksum of
    /// this algorithm where one is named.
    fn copy(
        &self,
        source: CopySource<'_>,
        key: &str,
        checksum: Option<Algorithm>,
    ) -> impl Future<Output = Result<(), StoreError>> + Send;

    /// UploadPartCopy of a range of `source` (`start..end` in bytes).
    fn copy_part(
        &self,
        target: Target<'_>,
        number: u32,
        source: CopySource<'_>,
        range: (u64, u64),
    ) -> impl Future<Output = Result<Part, StoreError>> + Send;

    /// DeleteObject.
    fn delete(&self, key: &str) -> impl Future<Output = Result<(), StoreError>> + Send;
}

/// The multipart upload that a request belongs to.
#[derive(Debug, Clone, Copy)]
pub struct Target<'a> {
    /// The key under which the object becomes visible.
    pub key: &'a str,
    /// The id that CreateMultipartUpload gave.
    pub upload_id: &'a str,
}

/// The object that a copy is made of, in a bucket of the same service.
#[derive(Debug, Clone, Copy)]
pub struct CopySource<'a> {
    /// Its bucket.
    pub bucket: &'a str,
    /// Its key.
    pub key: &'a str,
    /// The version that is copied.
    pub etag: Option<&'a str>,
}

/// The answer to CreateMultipartUpload.
#[derive(Debug, Clone)]
pub struct Created {
    /// Names the upload in every further request.
    pub upload_id: String,
    /// Whether the store repeated algorithm and type, which tells that it keeps full-object checksums.
    pub echoes_checksum: bool,
}

/// A part that the store has taken.
#[derive(Debug, Clone)]
pub struct Part {
    /// From 1 on.
    pub number: u32,
    /// As the store gave it.
    pub etag: String,
    /// The checksum that was sent with it, or that the store computed where it copied the part.
    pub checksum: Option<Checksum>,
    /// Whether the checksum stood in the store's answer.
    pub echoes_checksum: bool,
}

/// What the store says of an object.
#[derive(Debug, Clone)]
pub struct Object {
    /// In bytes.
    pub size: u64,
    /// Changes whenever the object is replaced.
    pub etag: Option<String>,
    /// The checksum of the whole object, where the store keeps one.
    pub checksum: Option<Checksum>,
}

/// Whether two ETags name the same version: some stores leave out the quotes in some answers.
pub(crate) fn same_etag(a: &str, b: &str) -> bool {
    a.trim_matches('"') == b.trim_matches('"')
}

/// The answer to GetObject.
#[derive(Debug)]
pub struct Got {
    /// The object of which this is all or a range.
    pub object: Object,
    /// Which bytes `body` holds: `start..end`.
    pub range: (u64, u64),
    /// The bytes, as they come.
    pub body: ByteStream,
}

/// One page of a listing.
#[derive(Debug, Clone, Default)]
pub struct Page {
    /// Keys and sizes in bytes.
    pub entries: Vec<Entry>,
    /// Asks for the next page; `None` on the last one.
    pub continuation: Option<String>,
}

/// One listed object.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Entry {
    /// The full key, from the bucket's root.
    pub key: String,
    /// In bytes.
    pub size: u64,
    /// As the store gave it.
    pub etag: Option<String>,
}

/// One page of a listing of open multipart uploads.
#[derive(Debug, Clone, Default)]
pub struct UploadsPage {
    /// In the order of the listing.
    pub uploads: Vec<OpenUpload>,
    /// Asks for the next page; `None` on the last one.
    pub next: Option<UploadMarker>,
}

/// Where the next page of a listing of uploads begins.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct UploadMarker {
    /// The last key of the page before.
    pub key: String,
    /// The last upload id of the page before.
    pub upload_id: String,
}

/// A multipart upload that is neither completed nor aborted.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct OpenUpload {
    /// The key under which the object would become visible.
    pub key: String,
    /// Names the upload.
    pub upload_id: String,
    /// When it was begun, where the store tells.
    pub initiated: Option<SystemTime>,
}

/// Why one attempt failed, by what the caller decides on it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Kind {
    /// No such object.
    NoSuchKey,
    /// No such bucket.
    NoSuchBucket,
    /// The multipart upload is not known (any more).
    NoSuchUpload,
    /// A condition (If-Match, If-None-Match) was not met.
    Precondition,
    /// The range lies outside the object, or the object is empty.
    Range,
    /// The credentials are known but may not do this.
    Denied,
    /// The access key is not known, or the secret does not fit it.
    Credentials,
    /// No credentials could be found at all.
    NoCredentials,
    /// The bucket is in another region, named where the store told it.
    Region(Option<String>),
    /// The clocks of host and store differ too much.
    ClockSkew,
    /// The object is in an archive and must be brought back first.
    Archived,
    /// The bytes that arrived do not fit the checksum sent with them.
    Digest,
    /// The store does not know this request or one of its headers.
    NotImplemented,
    /// The store asks to slow down (503 SlowDown, 429).
    Throttled,
    /// Nothing moved for too long.
    Timeout,
    /// The store failed (5xx).
    Server,
    /// The connection could not be made or broke.
    Connection,
    /// The endpoint's name does not resolve.
    Name,
    /// The TLS handshake failed: a certificate that is not trusted, or no TLS on the other side.
    Tls,
    /// The proxy refused.
    Proxy,
    /// Something else that trying again does not mend.
    Other,
}

impl Kind {
    /// Whether the same request may succeed when it is sent again.
    pub fn is_transient(&self) -> bool {
        matches!(
            self,
            Self::Digest
                | Self::Throttled
                | Self::Timeout
                | Self::Server
                | Self::Connection
                | Self::Name
        )
    }
}

/// Why one attempt failed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StoreError {
    /// What the caller decides on.
    pub kind: Kind,
    /// The HTTP status, where there was an answer.
    pub status: Option<u16>,
    /// S3's own code, such as `SlowDown`, where there was one.
    pub code: Option<String>,
    /// What the store, the network or the SDK said.
    pub message: String,
}

impl StoreError {
    /// An error that did not come as an answer of the store.
    pub fn new(kind: Kind, message: impl Into<String>) -> Self {
        Self {
            kind,
            status: None,
            code: None,
            message: message.into(),
        }
    }

    pub(crate) fn stalled(limit: Duration) -> Self {
        Self::new(
            Kind::Timeout,
            format!("no bytes moved for {} s", limit.as_secs_f64()),
        )
    }
}

impl fmt::Display for StoreError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let status = self.status.map(|status| status.to_string());
        let head = status
            .into_iter()
            .chain(self.code.clone())
            .collect::<Vec<_>>()
            .join(" ");
        match (head.is_empty(), self.message.is_empty()) {
            (true, _) => f.write_str(&self.message),
            (false, true) => f.write_str(&head),
            (false, false) => write!(f, "{head}: {}", self.message),
        }
    }
}

impl std::error::Error for StoreError {}
