//! A request as S3 understands it: its kind, bucket, key and parameters.

use std::collections::BTreeMap;

use http::request::Parts;
use http::{HeaderMap, Method};
use percent_encoding::percent_decode_str;
use serde::{Deserialize, Serialize};

use super::error::{Code, Refusal};

/// The kinds of requests, by the verbs of S3.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Kind {
    /// PutObject.
    Put,
    /// GetObject.
    Get,
    /// HeadObject.
    Head,
    /// DeleteObject.
    Delete,
    /// DeleteObjects.
    DeleteBatch,
    /// CopyObject.
    Copy,
    /// CreateMultipartUpload.
    Create,
    /// UploadPart.
    Part,
    /// UploadPartCopy.
    PartCopy,
    /// CompleteMultipartUpload.
    Complete,
    /// AbortMultipartUpload.
    Abort,
    /// ListParts.
    ListParts,
    /// ListMultipartUploads.
    ListUploads,
    /// ListObjects, version 1 or 2.
    List,
    /// Everything that is about a bucket itself.
    Bucket,
    /// What this server does not know.
    Other,
}

/// A request without its body.
pub(crate) struct Call {
    pub(crate) kind: Kind,
    pub(crate) method: Method,
    /// The path as the client wrote and signed it.
    pub(crate) raw_path: String,
    pub(crate) bucket: String,
    pub(crate) key: String,
    /// The query's parameters, decoded; one without a value has an empty one.
    pub(crate) query: BTreeMap<String, String>,
    pub(crate) headers: HeaderMap,
}

impl Call {
    /// Path-style requests only: `/bucket/key`.
    pub(crate) fn parse(parts: &Parts) -> Self {
        let raw_path = parts.uri.path().to_owned();
        let (bucket, key) = match raw_path[1..].split_once('/') {
            Some((bucket, key)) => (decode(bucket), decode(key)),
            None => (decode(&raw_path[1..]), String::new()),
        };
        let query: BTreeMap<String, String> = parts
            .uri
            .query()
            .unwrap_or_default()
            .split('&')
            .filter(|pair| !pair.is_empty())
            .map(|pair| pair.split_once('=').unwrap_or((pair, "")))
            .map(|(name, value)| (decode(name), decode(value)))
            .collect();
        let mut call = Self {
            kind: Kind::Other,
            method: parts.method.clone(),
            raw_path,
            bucket,
            key,
            query,
            headers: parts.headers.clone(),
        };
        call.kind = if call.key.is_empty() {
            call.bucket_kind()
        } else {
            call.object_kind()
        };
        call
    }

    fn object_kind(&self) -> Kind {
        let has = |name: &str| self.query.contains_key(name);
        let copies = self.headers.contains_key("x-amz-copy-source");
        match self.method.as_str() {
            "PUT" if has("partNumber") && copies => Kind::PartCopy,
            "PUT" if has("partNumber") => Kind::Part,
            "PUT" if copies => Kind::Copy,
            "PUT" if self.plain() => Kind::Put,
            "GET" if has("uploadId") => Kind::ListParts,
            "GET" if self.plain() => Kind::Get,
            "HEAD" if self.plain() => Kind::Head,
            "POST" if has("uploads") => Kind::Create,
            "POST" if has("uploadId") => Kind::Complete,
            "DELETE" if has("uploadId") => Kind::Abort,
            "DELETE" if self.plain() => Kind::Delete,
            _ => Kind::Other,
        }
    }

    fn bucket_kind(&self) -> Kind {
        let has = |name: &str| self.query.contains_key(name);
        match self.method.as_str() {
            "POST" if has("delete") => Kind::DeleteBatch,
            "GET" if has("uploads") => Kind::ListUploads,
            "GET" if self.bucket.is_empty() || has("location") => Kind::Bucket,
            "GET"
                if ["acl", "policy", "versioning", "versions", "tagging"]
                    .iter()
                    .any(|name| has(name)) =>
            {
                Kind::Other
            }
            "GET" => Kind::List,
            "PUT" | "HEAD" | "DELETE" => Kind::Bucket,
            _ => Kind::Other,
        }
    }

    /// Whether the query asks for nothing that this server does not know, such as an object's ACL.
    fn plain(&self) -> bool {
        self.query
            .keys()
            .all(|name| name == "x-id" || name.starts_with("response-"))
    }

    /// A header's value, where it is text.
    pub(crate) fn header(&self, name: &str) -> Option<&str> {
        self.headers.get(name)?.to_str().ok()
    }

    /// A parameter of the query.
    pub(crate) fn parameter(&self, name: &str) -> Option<&str> {
        self.query.get(name).map(String::as_str)
    }

    /// A parameter that the request cannot do without.
    pub(crate) fn required(&self, name: &str) -> Result<&str, Refusal> {
        self.parameter(name)
            .ok_or_else(|| Refusal::new(Code::InvalidArgument, format!("no parameter {name:?}")))
    }

    /// A parameter that is a number.
    pub(crate) fn number<T: std::str::FromStr>(&self, name: &str) -> Result<Option<T>, Refusal> {
        let parse = |text: &str| {
            text.parse().map_err(|_| {
                Refusal::new(Code::InvalidArgument, format!("{name}={text} is no number"))
            })
        };
        self.parameter(name).map(parse).transpose()
    }

    /// Headers that are kept with the object and given back with it.
    pub(crate) fn metadata(&self) -> HeaderMap {
        let kept = |name: &str| {
            name.starts_with("x-amz-meta-")
                || matches!(
                    name,
                    "content-type"
                        | "content-encoding"
                        | "cache-control"
                        | "content-disposition"
                        | "x-amz-storage-class"
                        | "x-amz-server-side-encryption"
                )
        };
        self.headers
            .iter()
            .filter(|(name, _)| kept(name.as_str()))
            .map(|(name, value)| (name.clone(), value.clone()))
            .collect()
    }
}

fn decode(text: &str) -> String {
    percent_decode_str(text).decode_utf8_lossy().into_owned()
}

#[cfg(test)]
mod tests {
    use http::Request;

    use super::*;

    fn check(method: &str, uri: &str, copy: bool, expected: Kind) {
        let mut request = Request::builder().method(method).uri(uri);
        if copy {
            request = request.header("x-amz-copy-source", "bucket/key");
        }
        let (parts, ()) = request.body(()).unwrap().into_parts();
        assert_eq!(Call::parse(&parts).kind, expected, "{method} {uri}");
    }

    #[test]
    fn a_request_is_told_by_method_and_query() {
        check("PUT", "/bucket/a/b?x-id=PutObject", false, Kind::Put);
        check("PUT", "/bucket/a", true, Kind::Copy);
        check(
            "PUT",
            "/bucket/a?partNumber=1&uploadId=u",
            false,
            Kind::Part,
        );
        check(
            "PUT",
            "/bucket/a?partNumber=1&uploadId=u",
            true,
            Kind::PartCopy,
        );
        check("POST", "/bucket/a?uploads", false, Kind::Create);
        check("POST", "/bucket/a?uploadId=u", false, Kind::Complete);
        check("DELETE", "/bucket/a?uploadId=u", false, Kind::Abort);
        check("GET", "/bucket/a?uploadId=u", false, Kind::ListParts);
        check("GET", "/bucket/a?acl", false, Kind::Other);
        check("GET", "/bucket/?list-type=2&prefix=a", false, Kind::List);
        check("GET", "/bucket?uploads", false, Kind::ListUploads);
        check("POST", "/bucket?delete", false, Kind::DeleteBatch);
        check("GET", "/", false, Kind::Bucket);
    }
}
