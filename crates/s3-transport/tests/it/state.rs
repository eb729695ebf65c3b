//! What the store in memory holds.

use std::collections::{BTreeMap, VecDeque};

use md5::{Digest, Md5};
use s3_transport::{Algorithm, Checksum, CopySource, Kind, Object, StoreError};

use crate::fault::{Fault, error};

/// An object.
#[derive(Debug, Clone)]
pub(crate) struct Stored {
    pub(crate) bytes: Vec<u8>,
    /// As S3 makes it: the MD5, or that of the parts' MD5s and their number.
    pub(crate) etag: String,
    /// What the store tells of the bytes.
    pub(crate) checksum: Checksum,
}

impl Stored {
    pub(crate) fn new(bytes: Vec<u8>) -> Self {
        Self {
            etag: hex(&Md5::digest(&bytes)),
            checksum: crc(&bytes),
            bytes,
        }
    }

    /// The object that a completed upload makes. Its checksum follows from what was told of the parts.
    pub(crate) fn assembled(parts: &BTreeMap<u32, Given>) -> Option<Self> {
        let digests = parts.values().map(|part| Md5::digest(&part.bytes));
        let digests: Vec<u8> = digests.flat_map(|digest| digest.to_vec()).collect();
        let checksums = parts.values().map(|part| part.checksum);
        Some(Self {
            etag: format!("{}-{}", hex(&Md5::digest(digests)), parts.len()),
            checksum: checksums.reduce(Checksum::followed_by)?,
            bytes: parts.values().flat_map(|part| part.bytes.clone()).collect(),
        })
    }

    pub(crate) fn object(&self, checksums: bool) -> Object {
        Object {
            size: self.bytes.len() as u64,
            etag: Some(format!("\"{}\"", self.etag)),
            checksum: checksums.then_some(self.checksum),
        }
    }
}

/// A part of an open upload.
#[derive(Debug)]
pub(crate) struct Given {
    pub(crate) bytes: Vec<u8>,
    /// What the store told of it.
    pub(crate) checksum: Checksum,
}

impl Given {
    pub(crate) fn new(bytes: Vec<u8>) -> Self {
        let checksum = crc(&bytes);
        Self { bytes, checksum }
    }
}

/// All of the store.
#[derive(Debug, Default)]
pub(crate) struct State {
    pub(crate) objects: BTreeMap<String, Stored>,
    pub(crate) uploads: BTreeMap<String, BTreeMap<u32, Given>>,
    pub(crate) script: VecDeque<Fault>,
    pub(crate) uploads_begun: u64,
    pub(crate) aborts_refused: u64,
    pub(crate) requests: u64,
}

impl State {
    /// The bytes of what is copied.
    pub(crate) fn source(&self, source: CopySource<'_>) -> Result<Vec<u8>, StoreError> {
        let stored = self.objects.get(source.key).ok_or(error(Kind::NoSuchKey))?;
        match source.etag {
            Some(etag) if etag.trim_matches('"') != stored.etag => Err(error(Kind::Precondition)),
            _ => Ok(stored.bytes.clone()),
        }
    }
}

pub(crate) fn crc(bytes: &[u8]) -> Checksum {
    let value = crc_fast::checksum(crc_fast::CrcAlgorithm::Crc64Nvme, bytes);
    Checksum {
        algorithm: Algorithm::Crc64Nvme,
        value,
        length: bytes.len() as u64,
    }
}

pub(crate) fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}
