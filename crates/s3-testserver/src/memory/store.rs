//! The objects and the open uploads, in memory. Knows nothing of HTTP.

use std::collections::BTreeMap;

use bytes::Bytes;
use http::HeaderMap;
use jiff::Timestamp;

use super::checksum::{Algorithm, Checksum, Type, etag};
use super::error::{Code, Refusal};

/// Everything that is stored, by bucket.
#[derive(Default)]
pub(crate) struct Store {
    buckets: BTreeMap<String, Bucket>,
    uploads_ever: u64,
}

/// One bucket.
#[derive(Default)]
pub(crate) struct Bucket {
    pub(crate) objects: BTreeMap<String, Object>,
    pub(crate) uploads: BTreeMap<String, Upload>,
}

/// An object, complete and visible.
#[derive(Clone)]
pub(crate) struct Object {
    /// The bytes, in order; a multipart object keeps them as they came.
    pub(crate) chunks: Vec<Bytes>,
    pub(crate) size: u64,
    pub(crate) etag: String,
    pub(crate) checksum: Option<(Checksum, Type)>,
    pub(crate) modified: Timestamp,
    /// Headers of the request that are given back with the object.
    pub(crate) metadata: HeaderMap,
}

/// An upload that is neither completed nor aborted.
pub(crate) struct Upload {
    pub(crate) key: String,
    pub(crate) checksum: Option<(Algorithm, Type)>,
    pub(crate) parts: BTreeMap<u32, Part>,
    pub(crate) started: Timestamp,
    pub(crate) metadata: HeaderMap,
}

/// A part of an upload.
#[derive(Clone)]
pub(crate) struct Part {
    pub(crate) bytes: Bytes,
    pub(crate) etag: String,
    pub(crate) checksum: Option<Checksum>,
    pub(crate) modified: Timestamp,
}

/// A part as a completion names it.
pub(crate) struct NamedPart {
    pub(crate) number: u32,
    pub(crate) etag: String,
    /// In base64, with its algorithm.
    pub(crate) checksum: Option<(Algorithm, String)>,
}

impl Object {
    pub(crate) fn new(bytes: Bytes, checksum: Option<Checksum>, metadata: HeaderMap) -> Self {
        Self {
            size: bytes.len() as u64,
            etag: etag(&bytes),
            checksum: checksum.map(|checksum| (checksum, Type::FullObject)),
            modified: Timestamp::now(),
            metadata,
            chunks: vec![bytes],
        }
    }

    /// What a multipart upload without checksums leaves.
    pub(crate) fn of_parts(chunks: Vec<Bytes>) -> Self {
        let etags: Vec<_> = chunks.iter().map(|chunk| etag(chunk)).collect();
        Self {
            size: chunks.iter().map(|chunk| chunk.len() as u64).sum(),
            etag: etag_of_parts(etags.iter().map(String::as_str)),
            checksum: None,
            modified: Timestamp::now(),
            metadata: HeaderMap::new(),
            chunks,
        }
    }

    /// The bytes from `start` to just before `end`, which lie within the object.
    pub(crate) fn range(&self, start: u64, end: u64) -> Vec<Bytes> {
        let mut found = Vec::new();
        let mut at = 0;
        for chunk in &self.chunks {
            let next = at + chunk.len() as u64;
            let (from, to) = (start.max(at), end.min(next));
            if from < to {
                found.push(chunk.slice((from - at) as usize..(to - at) as usize));
            }
            at = next;
        }
        found
    }

    /// All bytes in one piece.
    pub(crate) fn bytes(&self) -> Bytes {
        match self.chunks.as_slice() {
            [only] => only.clone(),
            chunks => Bytes::from(chunks.concat()),
        }
    }
}

impl Store {
    pub(crate) fn add_bucket(&mut self, name: &str) -> Result<(), Refusal> {
        if self.buckets.contains_key(name) {
            return Err(Code::BucketAlreadyOwnedByYou.into());
        }
        self.buckets.insert(name.to_owned(), Bucket::default());
        Ok(())
    }

    pub(crate) fn remove_bucket(&mut self, name: &str) -> Result<(), Refusal> {
        if !self.bucket(name)?.objects.is_empty() {
            return Err(Code::BucketNotEmpty.into());
        }
        self.buckets.remove(name);
        Ok(())
    }

    pub(crate) fn bucket_names(&self) -> impl Iterator<Item = &String> {
        self.buckets.keys()
    }

    pub(crate) fn bucket(&self, name: &str) -> Result<&Bucket, Refusal> {
        self.buckets
            .get(name)
            .ok_or_else(|| Refusal::new(Code::NoSuchBucket, format!("no bucket {name:?}")))
    }

    pub(crate) fn bucket_mut(&mut self, name: &str) -> Result<&mut Bucket, Refusal> {
        self.buckets
            .get_mut(name)
            .ok_or_else(|| Refusal::new(Code::NoSuchBucket, format!("no bucket {name:?}")))
    }

    /// Opens an upload and gives its id, which is never used again.
    pub(crate) fn create(&mut self, bucket: &str, upload: Upload) -> Result<String, Refusal> {
        self.uploads_ever += 1;
        let id = format!("upload-{:06}", self.uploads_ever);
        self.bucket_mut(bucket)?.uploads.insert(id.clone(), upload);
        Ok(id)
    }
}

impl Bucket {
    pub(crate) fn object(&self, key: &str) -> Result<&Object, Refusal> {
        self.objects
            .get(key)
            .ok_or_else(|| Refusal::new(Code::NoSuchKey, format!("no object {key:?}")))
    }

    pub(crate) fn upload(&mut self, key: &str, id: &str) -> Result<&mut Upload, Refusal> {
        self.uploads
            .get_mut(id)
            .filter(|upload| upload.key == key)
            .ok_or_else(|| Refusal::new(Code::NoSuchUpload, format!("no upload {id:?} of {key:?}")))
    }
}

impl Upload {
    /// The object that the named parts make, each checked as AWS and MinIO check it together.
    pub(crate) fn assemble(&self, named: &[NamedPart], least_part: u64) -> Result<Object, Refusal> {
        if named.is_empty() {
            return Err(Refusal::new(Code::MalformedXML, "no part is named"));
        }
        if named
            .windows(2)
            .any(|pair| pair[0].number >= pair[1].number)
        {
            return Err(Code::InvalidPartOrder.into());
        }
        let parts: Vec<&Part> = named
            .iter()
            .map(|name| self.named_part(name))
            .collect::<Result<_, _>>()?;
        if let Some((_, all_but_last)) = parts.split_last()
            && let Some(small) = all_but_last
                .iter()
                .find(|part| (part.bytes.len() as u64) < least_part)
        {
            return Err(Refusal::new(
                Code::EntityTooSmall,
                format!(
                    "a part has {} bytes, {least_part} is the least",
                    small.bytes.len()
                ),
            ));
        }
        Ok(Object {
            size: parts.iter().map(|part| part.bytes.len() as u64).sum(),
            etag: etag_of_parts(parts.iter().map(|part| part.etag.as_str())),
            checksum: self.checksum.and_then(|kind| whole_checksum(kind, &parts)),
            modified: Timestamp::now(),
            metadata: self.metadata.clone(),
            chunks: parts.iter().map(|part| part.bytes.clone()).collect(),
        })
    }

    fn named_part(&self, name: &NamedPart) -> Result<&Part, Refusal> {
        let invalid =
            |what: &str| Refusal::new(Code::InvalidPart, format!("part {}: {what}", name.number));
        let part = self
            .parts
            .get(&name.number)
            .ok_or_else(|| invalid("was not uploaded"))?;
        if part.etag.trim_matches('"') != name.etag.trim_matches('"') {
            return Err(invalid("has another ETag"));
        }
        match (&name.checksum, part.checksum) {
            (Some((algorithm, value)), Some(checksum))
                if *algorithm == checksum.algorithm && *value == checksum.base64() =>
            {
                Ok(part)
            }
            (Some(_), _) => Err(invalid("has another checksum, or none")),
            // AWS takes full-object uploads without them, MinIO and VersityGW do not.
            (None, _) if self.checksum.is_some() => Err(invalid("is named without its checksum")),
            (None, _) => Ok(part),
        }
    }
}

/// The ETag of an object of parts that have these: another digest, and their number.
fn etag_of_parts<'a>(etags: impl Iterator<Item = &'a str> + Clone) -> String {
    let whole = etag(etags.clone().collect::<String>().as_bytes());
    format!("{}-{}\"", whole.trim_end_matches('"'), etags.count())
}

fn whole_checksum(
    (algorithm, kind): (Algorithm, Type),
    parts: &[&Part],
) -> Option<(Checksum, Type)> {
    let mut each = parts
        .iter()
        .map(|part| Some((part.checksum?, part.bytes.len() as u64)));
    let checksum = match kind {
        Type::FullObject => {
            let first = each.next()??.0;
            each.try_fold(first, |whole, part| {
                part.map(|(checksum, length)| whole.followed_by(checksum, length))
            })?
        }
        Type::Composite => {
            let all: Option<Vec<_>> = each.collect();
            Checksum::composite(algorithm, all?.into_iter().map(|(checksum, _)| checksum))
        }
    };
    Some((checksum, kind))
}
