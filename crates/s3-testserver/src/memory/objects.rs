//! PutObject, GetObject, HeadObject, CopyObject, DeleteObject and DeleteObjects.

use bytes::Bytes;
use http::StatusCode;
use percent_encoding::percent_decode_str;

use super::call::Call;
use super::checksum::{self, Checksum};
use super::config::Checksums;
use super::error::{Code, Refusal};
use super::fault::Fault;
use super::reply::{Reply, http_date, xml_date};
use super::service::Service;
use super::store::{Bucket, Object};
use super::xml::{self, Copied, DeleteRequest, DeleteResult, Deleted, Key, KeyError};

/// The most keys of one DeleteObjects request.
const LARGEST_BATCH: usize = 1000;

impl Service {
    pub(crate) fn put(&self, call: &Call, body: &Bytes) -> Result<Reply, Refusal> {
        self.check_digest(call)?;
        let checksum = self.verified(call, body)?;
        let object = Object::new(body.clone(), checksum, call.metadata());
        let mut reply = Reply::empty(StatusCode::OK);
        reply.set("etag", &object.etag);
        if let Some((checksum, kind)) = object.checksum {
            reply.set_checksum(checksum, kind, 1);
        }
        self.store_object(call, object)?;
        Ok(reply)
    }

    /// A bucket that locks its objects wants a digest with each.
    pub(crate) fn check_digest(&self, call: &Call) -> Result<(), Refusal> {
        let has_digest =
            call.headers.contains_key("content-md5") || checksum::sent(&call.headers)?.is_some();
        match self.config.locked && !has_digest {
            true => Err(Refusal::new(
                Code::InvalidRequest,
                "Content-MD5 or a checksum is required to put objects with Object Lock parameters",
            )),
            false => Ok(()),
        }
    }

    /// Makes an object visible, unless the request wants it only where none is.
    pub(crate) fn store_object(&self, call: &Call, object: Object) -> Result<(), Refusal> {
        let mut store = self.store();
        let bucket = store.bucket_mut(&call.bucket)?;
        if call.header("if-none-match") == Some("*") && bucket.objects.contains_key(&call.key) {
            return Err(Code::PreconditionFailed.into());
        }
        bucket.objects.insert(call.key.clone(), object);
        Ok(())
    }

    pub(crate) fn get(&self, call: &Call) -> Result<Reply, Refusal> {
        let store = self.store();
        let object = store.bucket(&call.bucket)?.object(&call.key)?;
        check_conditions(call, object)?;
        let Some(range) = call.header("range") else {
            let mut reply = self.describe(call, object, StatusCode::OK);
            reply.body = object.chunks.clone();
            return Ok(reply);
        };
        let (start, end) = parse_range(range, object.size)?;
        let mut reply = self.describe(call, object, StatusCode::PARTIAL_CONTENT);
        // A checksum of the whole says nothing of a range, and no store sends one with it.
        let checksums: Vec<_> = reply.headers.keys().cloned().collect();
        for name in checksums {
            if name.as_str().starts_with("x-amz-checksum-") {
                reply.headers.remove(name);
            }
        }
        let last = end - 1;
        reply.set(
            "content-range",
            &format!("bytes {start}-{last}/{}", object.size),
        );
        reply.body = object.range(start, end);
        Ok(reply)
    }

    pub(crate) fn head(&self, call: &Call) -> Result<Reply, Refusal> {
        let store = self.store();
        let object = store.bucket(&call.bucket)?.object(&call.key)?;
        check_conditions(call, object)?;
        let mut reply = self.describe(call, object, StatusCode::OK);
        reply.set("content-length", &object.size.to_string());
        Ok(reply)
    }

    /// An answer with the object's headers and no body.
    fn describe(&self, call: &Call, object: &Object, status: StatusCode) -> Reply {
        let mut reply = Reply::empty(status);
        reply.headers.extend(object.metadata.clone());
        reply.set("etag", &object.etag);
        reply.set("last-modified", &http_date(object.modified));
        reply.set("accept-ranges", "bytes");
        if let Some((checksum, kind)) = object.checksum
            && call.header("x-amz-checksum-mode") == Some("ENABLED")
        {
            reply.set_checksum(checksum, kind, object.chunks.len());
        }
        reply
    }

    pub(crate) fn copy(&self, call: &Call) -> Result<Reply, Refusal> {
        let source = self.copy_source(call)?;
        let bytes = source.bytes();
        let algorithm = match call.header("x-amz-checksum-algorithm") {
            Some(name) if self.config.checksums == Checksums::Kept => {
                Some(checksum::Algorithm::named(name)?)
            }
            _ => source.checksum.map(|(checksum, _)| checksum.algorithm),
        };
        let checksum = algorithm.map(|algorithm| Checksum::of(algorithm, &bytes));
        let object = Object::new(bytes, checksum, source.metadata.clone());
        let copied = Copied {
            last_modified: xml_date(object.modified),
            etag: object.etag.clone(),
            checksum: object.checksum_elements(),
        };
        self.store_object(call, object)?;
        Ok(Reply::xml(
            StatusCode::OK,
            xml::write("CopyObjectResult", copied)?,
        ))
    }

    /// The object that `x-amz-copy-source` names, where the request's conditions on it are met.
    pub(crate) fn copy_source(&self, call: &Call) -> Result<Object, Refusal> {
        let source = call.header("x-amz-copy-source").unwrap_or_default();
        let source = percent_decode_str(source).decode_utf8_lossy();
        let (bucket, key) = source
            .trim_start_matches('/')
            .split_once('/')
            .ok_or_else(|| Refusal::new(Code::InvalidArgument, "the copy source is bucket/key"))?;
        let store = self.store();
        let object = store.bucket(bucket)?.object(key)?;
        match call.header("x-amz-copy-source-if-match") {
            Some(etag) if !same_etag(etag, &object.etag) => Err(Code::PreconditionFailed.into()),
            _ => Ok(object.clone()),
        }
    }

    pub(crate) fn delete(&self, call: &Call) -> Result<Reply, Refusal> {
        let mut store = self.store();
        store.bucket_mut(&call.bucket)?.objects.remove(&call.key);
        let mut reply = Reply::empty(StatusCode::NO_CONTENT);
        if self.config.locked {
            reply.set("x-amz-delete-marker", "true");
        }
        Ok(reply)
    }

    pub(crate) fn delete_batch(
        &self,
        call: &Call,
        body: &Bytes,
        fault: Option<&Fault>,
    ) -> Result<Reply, Refusal> {
        if !self.config.batch_delete {
            return Err(Code::NotImplemented.into());
        }
        let has_digest =
            call.headers.contains_key("content-md5") || checksum::sent(&call.headers)?.is_some();
        if self.config.checksums == Checksums::Kept && !has_digest {
            return Err(Refusal::new(
                Code::InvalidRequest,
                "missing required header for this request: Content-MD5 or a checksum",
            ));
        }
        self.verified(call, body)?;
        let request: DeleteRequest = xml::read(body)?;
        if request.objects.is_empty() || request.objects.len() > LARGEST_BATCH {
            return Err(Refusal::new(
                Code::MalformedXML,
                format!(
                    "{} keys; 1 to {LARGEST_BATCH} are taken",
                    request.objects.len()
                ),
            ));
        }
        let mut store = self.store();
        let bucket = store.bucket_mut(&call.bucket)?;
        let marker = self.config.locked.then_some(true);
        let mut result = delete_each(bucket, request.objects, marker, fault);
        if request.quiet == Some(true) {
            result.deleted.clear();
        }
        Ok(Reply::xml(
            StatusCode::OK,
            xml::write("DeleteResult", result)?,
        ))
    }
}

fn delete_each(
    bucket: &mut Bucket,
    keys: Vec<Key>,
    delete_marker: Option<bool>,
    fault: Option<&Fault>,
) -> DeleteResult {
    let mut result = DeleteResult {
        deleted: Vec::new(),
        error: Vec::new(),
    };
    for (key, number) in keys.into_iter().zip(1..) {
        match fault {
            Some(Fault::KeyErrors { every, code }) if number % (*every).max(1) == 0 => {
                result.error.push(KeyError {
                    key: key.key,
                    code: code.to_string(),
                    message: "as the script has it".to_owned(),
                });
            }
            _ => {
                bucket.objects.remove(&key.key);
                result.deleted.push(Deleted {
                    key: key.key,
                    delete_marker,
                });
            }
        }
    }
    result
}

fn check_conditions(call: &Call, object: &Object) -> Result<(), Refusal> {
    let meets = |wanted: &str| {
        let mut each = wanted.split(',').map(str::trim);
        each.any(|etag| etag == "*" || same_etag(etag, &object.etag))
    };
    if call.header("if-match").is_some_and(|wanted| !meets(wanted)) {
        return Err(Code::PreconditionFailed.into());
    }
    if call.header("if-none-match").is_some_and(meets) {
        return Err(Code::NotModified.into());
    }
    Ok(())
}

fn same_etag(one: &str, other: &str) -> bool {
    one.trim_matches('"') == other.trim_matches('"')
}

/// One range of bytes, `start..end`, within an object of `size` bytes.
///
/// A range that begins at or beyond the end cannot be had, so none of an empty object can.
pub(crate) fn parse_range(text: &str, size: u64) -> Result<(u64, u64), Refusal> {
    let malformed = || {
        Refusal::new(
            Code::InvalidArgument,
            format!("the range {text:?} is not understood"),
        )
    };
    let (first, last) = text
        .strip_prefix("bytes=")
        .and_then(|span| span.split_once('-'))
        .ok_or_else(malformed)?;
    let number = |text: &str| text.parse::<u64>().map_err(|_| malformed());
    let (start, end) = match (first, last) {
        ("", count) => (size.saturating_sub(number(count)?), size),
        (first, "") => (number(first)?, size),
        (first, last) => (number(first)?, number(last)?.saturating_add(1).min(size)),
    };
    if start >= end {
        return Err(Code::InvalidRange.into());
    }
    Ok((start, end))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_range_lies_within_the_object() {
        let check = |text, size, expected| {
            assert_eq!(
                parse_range(text, size).map_err(|refusal| refusal.code),
                expected
            );
        };
        check("bytes=0-0", 10, Ok((0, 1)));
        check("bytes=2-5", 10, Ok((2, 6)));
        check("bytes=2-", 10, Ok((2, 10)));
        check("bytes=-3", 10, Ok((7, 10)));
        check("bytes=0-99", 10, Ok((0, 10)));
        check("bytes=10-", 10, Err(Code::InvalidRange));
        check("bytes=0-", 0, Err(Code::InvalidRange));
        check("lines=0-1", 10, Err(Code::InvalidArgument));
    }
}
