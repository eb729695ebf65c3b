//! The XML documents of S3's requests and answers.

use bytes::Bytes;
use quick_xml::de;
use quick_xml::se;
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};

use super::error::{Code, Refusal};

/// Where the elements' names come from; the SDK of AWS does not ask for it, others do.
const NAMESPACE: &str = "http://s3.amazonaws.com/doc/2006-03-01/";

/// A document of type `T`, read from a request's body.
pub(crate) fn read<T: DeserializeOwned>(body: &Bytes) -> Result<T, Refusal> {
    let malformed = |error: String| Refusal::new(Code::MalformedXML, error);
    let text = str::from_utf8(body).map_err(|error| malformed(error.to_string()))?;
    de::from_str(text).map_err(|error| malformed(error.to_string()))
}

/// A document with the root element `root`.
pub(crate) fn write<T: Serialize>(root: &str, content: T) -> Result<Bytes, Refusal> {
    let document = Document {
        namespace: NAMESPACE,
        content,
    };
    let text = se::to_string_with_root(root, &document)
        .map_err(|error| Refusal::new(Code::InternalError, error.to_string()))?;
    Ok(format!("<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n{text}").into())
}

#[derive(Serialize)]
struct Document<T> {
    #[serde(rename = "@xmlns")]
    namespace: &'static str,
    #[serde(flatten)]
    content: T,
}

/// The body of a CompleteMultipartUpload request.
#[derive(Deserialize)]
pub(crate) struct CompleteRequest {
    #[serde(rename = "Part", default)]
    pub(crate) parts: Vec<CompletePart>,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
pub(crate) struct CompletePart {
    pub(crate) part_number: u32,
    #[serde(rename = "ETag")]
    pub(crate) etag: String,
    #[serde(rename = "ChecksumCRC64NVME")]
    pub(crate) crc64nvme: Option<String>,
    #[serde(rename = "ChecksumCRC32C")]
    pub(crate) crc32c: Option<String>,
    #[serde(rename = "ChecksumCRC32")]
    pub(crate) crc32: Option<String>,
}

/// The body of a DeleteObjects request.
#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
pub(crate) struct DeleteRequest {
    #[serde(rename = "Object", default)]
    pub(crate) objects: Vec<Key>,
    pub(crate) quiet: Option<bool>,
}

#[derive(Serialize, Deserialize)]
#[serde(rename_all = "PascalCase")]
pub(crate) struct Key {
    pub(crate) key: String,
}

/// A key that was deleted.
#[derive(Serialize)]
#[serde(rename_all = "PascalCase")]
pub(crate) struct Deleted {
    pub(crate) key: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) delete_marker: Option<bool>,
}

/// The answer to DeleteObjects.
#[derive(Serialize)]
#[serde(rename_all = "PascalCase")]
pub(crate) struct DeleteResult {
    pub(crate) deleted: Vec<Deleted>,
    pub(crate) error: Vec<KeyError>,
}

#[derive(Serialize)]
#[serde(rename_all = "PascalCase")]
pub(crate) struct KeyError {
    pub(crate) key: String,
    pub(crate) code: String,
    pub(crate) message: String,
}

/// The answer to CreateMultipartUpload.
#[derive(Serialize)]
#[serde(rename_all = "PascalCase")]
pub(crate) struct Created {
    pub(crate) bucket: String,
    pub(crate) key: String,
    pub(crate) upload_id: String,
}

/// The answer to CompleteMultipartUpload; an absent checksum is left out.
#[derive(Serialize)]
#[serde(rename_all = "PascalCase")]
pub(crate) struct Completed {
    pub(crate) location: String,
    pub(crate) bucket: String,
    pub(crate) key: String,
    #[serde(rename = "ETag")]
    pub(crate) etag: String,
    #[serde(flatten)]
    pub(crate) checksum: Checksums,
}

/// The checksum elements that an object has.
#[derive(Default, Serialize)]
pub(crate) struct Checksums {
    #[serde(rename = "ChecksumCRC64NVME", skip_serializing_if = "Option::is_none")]
    pub(crate) crc64nvme: Option<String>,
    #[serde(rename = "ChecksumCRC32C", skip_serializing_if = "Option::is_none")]
    pub(crate) crc32c: Option<String>,
    #[serde(rename = "ChecksumCRC32", skip_serializing_if = "Option::is_none")]
    pub(crate) crc32: Option<String>,
    #[serde(rename = "ChecksumType", skip_serializing_if = "Option::is_none")]
    pub(crate) kind: Option<&'static str>,
}

/// The answer to CopyObject and UploadPartCopy.
#[derive(Serialize)]
#[serde(rename_all = "PascalCase")]
pub(crate) struct Copied {
    pub(crate) last_modified: String,
    #[serde(rename = "ETag")]
    pub(crate) etag: String,
    #[serde(flatten)]
    pub(crate) checksum: Checksums,
}

/// The answer to ListObjects, of either version.
#[derive(Serialize)]
#[serde(rename_all = "PascalCase")]
pub(crate) struct ListResult {
    pub(crate) name: String,
    pub(crate) prefix: String,
    pub(crate) max_keys: usize,
    pub(crate) is_truncated: bool,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) delimiter: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) encoding_type: Option<&'static str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) key_count: Option<usize>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) next_continuation_token: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) next_marker: Option<String>,
    pub(crate) contents: Vec<Listed>,
    pub(crate) common_prefixes: Vec<Prefix>,
}

#[derive(Serialize)]
#[serde(rename_all = "PascalCase")]
pub(crate) struct Listed {
    pub(crate) key: String,
    pub(crate) last_modified: String,
    #[serde(rename = "ETag")]
    pub(crate) etag: String,
    pub(crate) size: u64,
    pub(crate) storage_class: &'static str,
}

#[derive(Serialize)]
#[serde(rename_all = "PascalCase")]
pub(crate) struct Prefix {
    pub(crate) prefix: String,
}

/// The answer to ListMultipartUploads.
#[derive(Serialize)]
#[serde(rename_all = "PascalCase")]
pub(crate) struct UploadList {
    pub(crate) bucket: String,
    pub(crate) prefix: String,
    pub(crate) max_uploads: usize,
    pub(crate) is_truncated: bool,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) next_key_marker: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) next_upload_id_marker: Option<String>,
    pub(crate) upload: Vec<ListedUpload>,
}

#[derive(Serialize)]
#[serde(rename_all = "PascalCase")]
pub(crate) struct ListedUpload {
    pub(crate) key: String,
    pub(crate) upload_id: String,
    pub(crate) initiated: String,
}

/// The answer to ListParts.
#[derive(Serialize)]
#[serde(rename_all = "PascalCase")]
pub(crate) struct PartList {
    pub(crate) bucket: String,
    pub(crate) key: String,
    pub(crate) upload_id: String,
    pub(crate) max_parts: usize,
    pub(crate) is_truncated: bool,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) next_part_number_marker: Option<u32>,
    pub(crate) part: Vec<ListedPart>,
}

#[derive(Serialize)]
#[serde(rename_all = "PascalCase")]
pub(crate) struct ListedPart {
    pub(crate) part_number: u32,
    pub(crate) last_modified: String,
    #[serde(rename = "ETag")]
    pub(crate) etag: String,
    pub(crate) size: u64,
    #[serde(flatten)]
    pub(crate) checksum: Checksums,
}

/// An error document, which has no namespace.
#[derive(Serialize)]
#[serde(rename = "Error", rename_all = "PascalCase")]
struct ErrorDocument<'a> {
    code: String,
    message: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    region: Option<&'a str>,
}

/// The document that says why a request was refused.
pub(crate) fn error(refusal: &Refusal) -> Bytes {
    let document = ErrorDocument {
        code: refusal.code.to_string(),
        message: &refusal.message,
        region: refusal.region.as_deref(),
    };
    let text = se::to_string(&document).unwrap_or_default();
    format!("<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n{text}").into()
}
