//! What the SDK's answers say of an object: its size, its version, its checksum, its range.

use aws_sdk_s3::operation::get_object::GetObjectOutput;
use aws_sdk_s3::operation::head_object::HeadObjectOutput;
use aws_sdk_s3::operation::list_objects_v2::ListObjectsV2Output;
use aws_sdk_s3::types::ChecksumType;

use crate::checksum::{Algorithm, Checksum};
use crate::store::{Entry, Got, Kind, Object, Page, StoreError};

/// The checksum headers of an answer.
struct Checksums<'a> {
    kind: Option<&'a ChecksumType>,
    crc64nvme: Option<&'a str>,
    crc32c: Option<&'a str>,
    crc32: Option<&'a str>,
}

impl Checksums<'_> {
    /// The checksum of all `size` bytes: not one of its parts' checksums, which says `-N` or
    /// `COMPOSITE`.
    fn whole(&self, size: u64) -> Option<Checksum> {
        if self.kind == Some(&ChecksumType::Composite) {
            return None;
        }
        [
            (Algorithm::Crc64Nvme, self.crc64nvme),
            (Algorithm::Crc32C, self.crc32c),
            (Algorithm::Crc32, self.crc32),
        ]
        .into_iter()
        .find_map(|(algorithm, text)| Checksum::from_base64(algorithm, text?, size))
    }
}

pub(super) fn of_head(answer: &HeadObjectOutput) -> Result<Object, StoreError> {
    let size = length(answer.content_length)?;
    let checksums = Checksums {
        kind: answer.checksum_type.as_ref(),
        crc64nvme: answer.checksum_crc64_nvme.as_deref(),
        crc32c: answer.checksum_crc32_c.as_deref(),
        crc32: answer.checksum_crc32.as_deref(),
    };
    Ok(Object {
        size,
        etag: answer.e_tag.clone(),
        checksum: checksums.whole(size),
    })
}

/// Checks that the answer to a GET is what was asked for, and no other piece of the object.
pub(super) fn of_get(
    answer: GetObjectOutput,
    asked: Option<(u64, u64)>,
) -> Result<Got, StoreError> {
    let sent = length(answer.content_length)?;
    let Some(asked) = asked else {
        let checksums = Checksums {
            kind: answer.checksum_type.as_ref(),
            crc64nvme: answer.checksum_crc64_nvme.as_deref(),
            crc32c: answer.checksum_crc32_c.as_deref(),
            crc32: answer.checksum_crc32.as_deref(),
        };
        let object = Object {
            size: sent,
            etag: answer.e_tag,
            checksum: checksums.whole(sent),
        };
        return Ok(Got {
            object,
            range: (0, sent),
            body: answer.body,
        });
    };
    let told = answer.content_range.as_deref();
    let (range, size) = told
        .and_then(content_range)
        .ok_or_else(|| wrong_range(asked, told))?;
    let expected = (asked.0, asked.1.min(size));
    if range != expected || sent != range.1 - range.0 {
        return Err(wrong_range(asked, told));
    }
    let object = Object {
        size,
        etag: answer.e_tag,
        checksum: None,
    };
    Ok(Got {
        object,
        range,
        body: answer.body,
    })
}

pub(super) fn of_list(answer: ListObjectsV2Output) -> Result<Page, StoreError> {
    // Scality's CloudServer once ended its listings with an empty token.
    let continuation = answer
        .next_continuation_token
        .filter(|token| !token.is_empty() && answer.is_truncated != Some(false));
    if answer.is_truncated == Some(true) && continuation.is_none() {
        return Err(cut_off());
    }
    let listed = answer.contents.unwrap_or_default().into_iter();
    let entries = listed.filter_map(|object| {
        let size = object.size.and_then(|size| u64::try_from(size).ok());
        Some(Entry {
            key: object.key?,
            size: size.unwrap_or(0),
            etag: object.e_tag,
        })
    });
    Ok(Page {
        entries: entries.collect(),
        continuation,
    })
}

pub(super) fn cut_off() -> StoreError {
    let message = "the listing is cut off and does not tell how to go on";
    StoreError::new(Kind::Server, message)
}

fn length(length: Option<i64>) -> Result<u64, StoreError> {
    length
        .and_then(|length| u64::try_from(length).ok())
        .ok_or_else(|| {
            StoreError::new(Kind::Server, "the answer does not tell the object's length")
        })
}

/// Worth another try: seen of caches and proxies between host and store.
fn wrong_range(asked: (u64, u64), told: Option<&str>) -> StoreError {
    let (start, last) = (asked.0, asked.1 - 1);
    let told = told.unwrap_or("no Content-Range");
    StoreError::new(
        Kind::Server,
        format!("asked for bytes {start}-{last}, the answer has '{told}'"),
    )
}

/// Reads `bytes 0-99/1234` as the range `0..100` of 1234 bytes.
fn content_range(text: &str) -> Option<((u64, u64), u64)> {
    let (range, size) = text.strip_prefix("bytes ")?.split_once('/')?;
    let (start, last) = range.split_once('-')?;
    let (start, last) = (start.parse().ok()?, last.parse::<u64>().ok()?);
    let end = last.checked_add(1)?;
    (start < end).then_some(((start, end), size.parse().ok()?))
}

#[cfg(test)]
mod tests {
    use super::*;
    use aws_sdk_s3::primitives::ByteStream;

    fn answer(length: i64, range: &str) -> GetObjectOutput {
        GetObjectOutput::builder()
            .content_length(length)
            .content_range(range)
            .body(ByteStream::from_static(b""))
            .build()
    }

    #[test]
    fn a_range_must_be_the_one_asked_for() {
        let check = |length, range, ok| {
            let got = of_get(answer(length, range), Some((10, 20)));
            assert_eq!(got.is_ok(), ok, "{length} {range}");
        };
        check(10, "bytes 10-19/100", true);
        check(5, "bytes 10-14/15", true);
        check(9, "bytes 10-18/100", false);
        check(10, "bytes 11-20/100", false);
        check(9, "bytes 10-19/100", false);
        check(10, "bytes 10-19/*", false);
        check(10, "10-19/100", false);
    }

    #[test]
    fn a_listing_ends_where_the_store_says_so() {
        let page = |truncated, token: Option<&str>| {
            of_list(
                ListObjectsV2Output::builder()
                    .set_is_truncated(truncated)
                    .set_next_continuation_token(token.map(str::to_owned))
                    .build(),
            )
        };
        for (truncated, token) in [
            (Some(false), Some("")),
            (Some(false), Some("after")),
            (None, None),
        ] {
            assert_eq!(page(truncated, token).unwrap().continuation, None);
        }
        for truncated in [Some(true), None] {
            let next = page(truncated, Some("after")).unwrap().continuation;
            assert_eq!(next.as_deref(), Some("after"));
        }
        for token in [None, Some("")] {
            assert_eq!(page(Some(true), token).unwrap_err().kind, Kind::Server);
        }
    }

    #[test]
    fn a_checksum_of_parts_proves_nothing_of_the_whole() {
        let head = |kind, crc32c: &str| {
            HeadObjectOutput::builder()
                .content_length(9)
                .checksum_type(kind)
                .checksum_crc32_c(crc32c)
                .build()
        };
        let whole = of_head(&head(ChecksumType::FullObject, "4waSgw==")).unwrap();
        assert_eq!(
            whole.checksum.map(|checksum| checksum.value),
            Some(0xe306_9283)
        );
        let parts = of_head(&head(ChecksumType::Composite, "4waSgw==-2")).unwrap();
        assert_eq!(parts.checksum, None);
    }
}
