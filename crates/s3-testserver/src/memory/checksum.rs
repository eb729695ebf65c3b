//! Checksums as S3 has them: of a body, of an object put together from parts, in base64.

use base64::Engine as _;
use base64::prelude::BASE64_STANDARD;
use bytes::Bytes;
use crc_fast::CrcAlgorithm;
use http::HeaderMap;
use md5::{Digest as _, Md5};
use ring::digest::{SHA256, digest};

use super::error::{Code, Refusal};

/// The algorithms that can be combined, so that an object of many parts has one checksum of all its bytes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Algorithm {
    Crc64Nvme,
    Crc32C,
    Crc32,
}

impl Algorithm {
    pub(crate) const ALL: [Self; 3] = [Self::Crc64Nvme, Self::Crc32C, Self::Crc32];

    /// As `x-amz-checksum-algorithm` writes it.
    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Crc64Nvme => "CRC64NVME",
            Self::Crc32C => "CRC32C",
            Self::Crc32 => "CRC32",
        }
    }

    /// The header that carries a value.
    pub(crate) fn header(self) -> &'static str {
        match self {
            Self::Crc64Nvme => "x-amz-checksum-crc64nvme",
            Self::Crc32C => "x-amz-checksum-crc32c",
            Self::Crc32 => "x-amz-checksum-crc32",
        }
    }

    pub(crate) fn named(name: &str) -> Result<Self, Refusal> {
        let found = Self::ALL
            .into_iter()
            .find(|algorithm| algorithm.name().eq_ignore_ascii_case(name));
        found.ok_or_else(|| {
            Refusal::new(
                Code::InvalidRequest,
                format!("no checksum algorithm {name:?}"),
            )
        })
    }

    fn crc(self) -> CrcAlgorithm {
        match self {
            Self::Crc64Nvme => CrcAlgorithm::Crc64Nvme,
            Self::Crc32C => CrcAlgorithm::Crc32Iscsi,
            Self::Crc32 => CrcAlgorithm::Crc32IsoHdlc,
        }
    }
}

/// What the checksum of a multipart object is made of.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Type {
    /// Of all bytes of the object.
    FullObject,
    /// Of the checksums of its parts.
    Composite,
}

impl Type {
    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::FullObject => "FULL_OBJECT",
            Self::Composite => "COMPOSITE",
        }
    }
}

/// A checksum of some bytes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Checksum {
    pub(crate) algorithm: Algorithm,
    value: u64,
}

impl Checksum {
    pub(crate) fn of(algorithm: Algorithm, bytes: &[u8]) -> Self {
        let value = crc_fast::checksum(algorithm.crc(), bytes);
        Self { algorithm, value }
    }

    /// The checksum of these bytes followed by `length` bytes whose checksum is `next`.
    pub(crate) fn followed_by(self, next: Self, length: u64) -> Self {
        let value =
            crc_fast::checksum_combine(self.algorithm.crc(), self.value, next.value, length);
        Self { value, ..self }
    }

    /// The checksum of the parts' checksums, one after the other.
    pub(crate) fn composite(algorithm: Algorithm, parts: impl Iterator<Item = Self>) -> Self {
        let all: Vec<u8> = parts.flat_map(Self::bytes).collect();
        Self::of(algorithm, &all)
    }

    pub(crate) fn base64(self) -> String {
        BASE64_STANDARD.encode(self.bytes())
    }

    fn bytes(self) -> Vec<u8> {
        let bytes = self.value.to_be_bytes();
        match self.algorithm {
            Algorithm::Crc64Nvme => bytes.to_vec(),
            Algorithm::Crc32C | Algorithm::Crc32 => bytes[4..].to_vec(),
        }
    }
}

/// The checksum header of a request: algorithm and value as sent.
pub(crate) fn sent(headers: &HeaderMap) -> Result<Option<(Algorithm, String)>, Refusal> {
    let mut found = Algorithm::ALL.into_iter().filter_map(|algorithm| {
        let value = headers.get(algorithm.header())?.to_str().ok()?;
        Some((algorithm, value.to_owned()))
    });
    let first = found.next();
    if found.next().is_some() {
        return Err(Refusal::new(
            Code::InvalidRequest,
            "expecting a single x-amz-checksum- header",
        ));
    }
    Ok(first)
}

/// Checks `x-amz-checksum-*` and `Content-MD5` against the body, and returns the former.
pub(crate) fn verify(headers: &HeaderMap, body: &Bytes) -> Result<Option<Checksum>, Refusal> {
    if let Some(wanted) = headers.get("content-md5") {
        let wanted = BASE64_STANDARD
            .decode(wanted.as_bytes())
            .map_err(|_| Refusal::from(Code::InvalidDigest))?;
        if wanted != Md5::digest(body).as_slice() {
            return Err(Refusal::new(
                Code::BadDigest,
                "the Content-MD5 is not that of the body",
            ));
        }
    }
    let Some((algorithm, wanted)) = sent(headers)? else {
        return Ok(None);
    };
    let checksum = Checksum::of(algorithm, body);
    if checksum.base64() != wanted {
        return Err(Refusal::new(
            Code::BadDigest,
            format!("the {} sent is not that of the body", algorithm.header()),
        ));
    }
    Ok(Some(checksum))
}

/// SHA-256 in lower-case hexadecimal digits.
pub(crate) fn sha256_hex(bytes: &[u8]) -> String {
    hex(digest(&SHA256, bytes).as_ref())
}

/// Lower-case hexadecimal digits.
pub(crate) fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

/// The bytes of hexadecimal digits.
pub(crate) fn unhex(text: &str) -> Option<Vec<u8>> {
    text.as_bytes()
        .chunks(2)
        .map(|pair| u8::from_str_radix(str::from_utf8(pair).ok()?, 16).ok())
        .collect()
}

/// An entity tag of the usual form, made of SHA-256, as MD5 costs much more without optimisation.
/// A client may not rely on what the digits are.
pub(crate) fn etag(bytes: &[u8]) -> String {
    format!("\"{}\"", &sha256_hex(bytes)[..32])
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_published_check_values_come_out() {
        let check = |algorithm, expected: u64| {
            assert_eq!(Checksum::of(algorithm, b"123456789").value, expected);
        };
        check(Algorithm::Crc64Nvme, 0xae8b_1486_0a79_9888);
        check(Algorithm::Crc32C, 0xe306_9283);
        check(Algorithm::Crc32, 0xcbf4_3926);
    }

    #[test]
    fn parts_combine_to_the_whole() {
        for algorithm in Algorithm::ALL {
            let parts =
                Checksum::of(algorithm, b"1234").followed_by(Checksum::of(algorithm, b"56789"), 5);
            assert_eq!(parts, Checksum::of(algorithm, b"123456789"));
        }
    }
}
