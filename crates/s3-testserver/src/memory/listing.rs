//! ListObjects of both versions, ListMultipartUploads and ListParts, a page at a time.

use std::collections::BTreeSet;

use http::StatusCode;
use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, utf8_percent_encode};

use super::call::Call;
use super::checksum::{hex, unhex};
use super::error::{Code, Refusal};
use super::reply::{Reply, xml_date};
use super::service::Service;
use super::store::{Bucket, Object};
use super::xml::{
    self, ListResult, Listed, ListedPart, ListedUpload, PartList, Prefix, UploadList,
};

/// What `encoding-type=url` leaves as it is.
const URL: &AsciiSet = &NON_ALPHANUMERIC
    .remove(b'-')
    .remove(b'_')
    .remove(b'.')
    .remove(b'*')
    .remove(b'/');

impl Service {
    pub(crate) fn list(&self, call: &Call) -> Result<Reply, Refusal> {
        let second_version = call.parameter("list-type") == Some("2");
        let after = match call.parameter("continuation-token") {
            Some(token) if second_version => Some(untoken(token)?),
            _ if second_version => call.parameter("start-after").map(str::to_owned),
            _ => call.parameter("marker").map(str::to_owned),
        };
        let wanted = Wanted {
            prefix: call.parameter("prefix").unwrap_or_default(),
            delimiter: call.parameter("delimiter").filter(|text| !text.is_empty()),
            after: after.unwrap_or_default(),
            limit: self.page("max-keys", call)?,
        };
        let url = call.parameter("encoding-type") == Some("url");
        let encode = |text: &str| match url {
            true => utf8_percent_encode(text, URL).to_string(),
            false => text.to_owned(),
        };

        let store = self.store();
        let page = wanted.page(store.bucket(&call.bucket)?);
        let result = ListResult {
            name: call.bucket.clone(),
            prefix: encode(wanted.prefix),
            max_keys: wanted.limit,
            is_truncated: page.next.is_some(),
            delimiter: wanted.delimiter.map(encode),
            encoding_type: url.then_some("url"),
            key_count: second_version.then_some(page.objects.len() + page.prefixes.len()),
            next_continuation_token: page.next.filter(|_| second_version).map(token),
            next_marker: page.next.filter(|_| !second_version).map(encode),
            contents: page
                .objects
                .iter()
                .map(|(key, object)| listed(encode(key), object))
                .collect(),
            common_prefixes: page
                .prefixes
                .iter()
                .map(|prefix| Prefix {
                    prefix: encode(prefix),
                })
                .collect(),
        };
        Ok(Reply::xml(
            StatusCode::OK,
            xml::write("ListBucketResult", result)?,
        ))
    }

    pub(crate) fn list_uploads(&self, call: &Call) -> Result<Reply, Refusal> {
        let prefix = call.parameter("prefix").unwrap_or_default();
        let limit = self.page("max-uploads", call)?;
        let after = (
            call.parameter("key-marker").unwrap_or_default(),
            call.parameter("upload-id-marker").unwrap_or_default(),
        );
        let store = self.store();
        let bucket = store.bucket(&call.bucket)?;
        let mut all: Vec<_> = bucket
            .uploads
            .iter()
            .filter(|(_, upload)| upload.key.starts_with(prefix))
            .map(|(id, upload)| ((upload.key.as_str(), id.as_str()), upload))
            .filter(|((key, id), _)| match after {
                ("", _) => true,
                (marker, "") => *key > marker,
                marker => (*key, *id) > marker,
            })
            .collect();
        all.sort_by_key(|(name, _)| *name);
        let truncated = all.len() > limit;
        all.truncate(limit);
        let next = all.last().filter(|_| truncated).map(|(name, _)| *name);
        let list = UploadList {
            bucket: call.bucket.clone(),
            prefix: prefix.to_owned(),
            max_uploads: limit,
            is_truncated: truncated,
            next_key_marker: next.map(|(key, _)| key.to_owned()),
            next_upload_id_marker: next.map(|(_, id)| id.to_owned()),
            upload: all
                .iter()
                .map(|((key, id), upload)| ListedUpload {
                    key: (*key).to_owned(),
                    upload_id: (*id).to_owned(),
                    initiated: xml_date(upload.started),
                })
                .collect(),
        };
        Ok(Reply::xml(
            StatusCode::OK,
            xml::write("ListMultipartUploadsResult", list)?,
        ))
    }

    pub(crate) fn list_parts(&self, call: &Call) -> Result<Reply, Refusal> {
        let limit = self.page("max-parts", call)?;
        let after = call
            .number::<u32>("part-number-marker")?
            .unwrap_or_default();
        let id = call.required("uploadId")?;
        let mut store = self.store();
        let upload = store.bucket_mut(&call.bucket)?.upload(&call.key, id)?;
        let mut rest = upload.parts.range(after + 1..);
        let part: Vec<ListedPart> = rest
            .by_ref()
            .take(limit)
            .map(|(number, part)| ListedPart {
                part_number: *number,
                last_modified: xml_date(part.modified),
                etag: part.etag.clone(),
                size: part.bytes.len() as u64,
                checksum: part.checksum.map_or_else(Default::default, |checksum| {
                    xml::Checksums::of(checksum, None)
                }),
            })
            .collect();
        let truncated = rest.next().is_some();
        let list = PartList {
            bucket: call.bucket.clone(),
            key: call.key.clone(),
            upload_id: id.to_owned(),
            max_parts: limit,
            is_truncated: truncated,
            next_part_number_marker: part
                .last()
                .filter(|_| truncated)
                .map(|part| part.part_number),
            part,
        };
        Ok(Reply::xml(
            StatusCode::OK,
            xml::write("ListPartsResult", list)?,
        ))
    }

    /// How long a page may be: what the request asks for, but no more than this server gives.
    fn page(&self, parameter: &str, call: &Call) -> Result<usize, Refusal> {
        let wanted = call.number::<usize>(parameter)?;
        Ok(wanted.unwrap_or(usize::MAX).min(self.config.page_size))
    }
}

/// What a listing asks for.
struct Wanted<'a> {
    prefix: &'a str,
    delimiter: Option<&'a str>,
    /// The key or common prefix that the page before ended with.
    after: String,
    limit: usize,
}

/// What a page holds.
#[derive(Default)]
struct Page<'a> {
    objects: Vec<(&'a str, &'a Object)>,
    prefixes: BTreeSet<&'a str>,
    /// What the next page begins behind; `None` on the last one.
    next: Option<&'a str>,
}

impl Wanted<'_> {
    fn page<'a>(&self, bucket: &'a Bucket) -> Page<'a> {
        let mut page = Page::default();
        let mut last = None;
        for (key, object) in &bucket.objects {
            if !key.starts_with(self.prefix) || *key <= self.after {
                continue;
            }
            let group = self
                .delimiter
                .and_then(|delimiter| roll_up(key, self.prefix, delimiter));
            // A page that ended with a common prefix goes on behind all of its keys.
            if group.is_some_and(|group| page.prefixes.contains(group) || self.after == group) {
                continue;
            }
            if page.objects.len() + page.prefixes.len() == self.limit {
                page.next = last;
                break;
            }
            match group {
                Some(group) => drop(page.prefixes.insert(group)),
                None => page.objects.push((key, object)),
            }
            last = Some(group.unwrap_or(key));
        }
        page
    }
}

fn listed(key: String, object: &Object) -> Listed {
    Listed {
        key,
        last_modified: xml_date(object.modified),
        etag: object.etag.clone(),
        size: object.size,
        storage_class: "STANDARD",
    }
}

/// The common prefix that `key` is counted under: up to and with the first delimiter after `prefix`.
fn roll_up<'a>(key: &'a str, prefix: &str, delimiter: &str) -> Option<&'a str> {
    let at = key.get(prefix.len()..)?.find(delimiter)?;
    key.get(..prefix.len() + at + delimiter.len())
}

/// A token that a client cannot mistake for a key.
fn token(last: &str) -> String {
    hex(last.as_bytes())
}

fn untoken(token: &str) -> Result<String, Refusal> {
    let wrong = || {
        Refusal::new(
            Code::InvalidArgument,
            "the continuation token is not of this server",
        )
    };
    String::from_utf8(unhex(token).ok_or_else(wrong)?).map_err(|_| wrong())
}
