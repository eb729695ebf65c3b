//! Checksums of a stream and its parts: computed here and given to the store by value.

use aws_smithy_types::base64;
use crc_fast::{CrcAlgorithm, Digest};

/// An algorithm whose checksum of a whole object follows from those of its parts.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Algorithm {
    /// CRC-64/NVME, the one that S3 recommends for multipart objects.
    Crc64Nvme,
    /// CRC-32C (Castagnoli).
    Crc32C,
    /// CRC-32 (ISO-HDLC): never written here, but verified where another program stored it.
    Crc32,
}

impl Algorithm {
    fn crc(self) -> CrcAlgorithm {
        match self {
            Self::Crc64Nvme => CrcAlgorithm::Crc64Nvme,
            Self::Crc32C => CrcAlgorithm::Crc32Iscsi,
            Self::Crc32 => CrcAlgorithm::Crc32IsoHdlc,
        }
    }

    /// The name as in S3's `x-amz-checksum-algorithm`.
    pub fn name(self) -> &'static str {
        match self {
            Self::Crc64Nvme => "CRC64NVME",
            Self::Crc32C => "CRC32C",
            Self::Crc32 => "CRC32",
        }
    }
}

/// The checksum of `length` bytes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Checksum {
    /// How it was computed.
    pub algorithm: Algorithm,
    /// The CRC, right-aligned where it has 32 bits.
    pub value: u64,
    /// How many bytes it covers.
    pub length: u64,
}

impl Checksum {
    /// The form in which S3's headers carry it: the big-endian bytes in base64.
    pub fn to_base64(self) -> String {
        match self.algorithm {
            Algorithm::Crc64Nvme => base64::encode(self.value.to_be_bytes()),
            Algorithm::Crc32C | Algorithm::Crc32 => {
                base64::encode((self.value as u32).to_be_bytes())
            }
        }
    }

    /// Reads what [`to_base64`](Self::to_base64) wrote; `None` where the text is no such checksum.
    pub fn from_base64(algorithm: Algorithm, text: &str, length: u64) -> Option<Self> {
        let bytes = base64::decode(text).ok()?;
        let value = match algorithm {
            Algorithm::Crc64Nvme => u64::from_be_bytes(bytes.try_into().ok()?),
            Algorithm::Crc32C | Algorithm::Crc32 => {
                u32::from_be_bytes(bytes.try_into().ok()?).into()
            }
        };
        Some(Self {
            algorithm,
            value,
            length,
        })
    }

    /// The checksum of this one's bytes followed by those of `next`, which has the same algorithm.
    pub fn followed_by(self, next: Self) -> Self {
        debug_assert_eq!(self.algorithm, next.algorithm);
        let value =
            crc_fast::checksum_combine(self.algorithm.crc(), self.value, next.value, next.length);
        Self {
            algorithm: self.algorithm,
            value,
            length: self.length + next.length,
        }
    }
}

/// Computes a [`Checksum`] of bytes as they pass by.
#[derive(Debug)]
pub(crate) struct Running {
    algorithm: Algorithm,
    digest: Digest,
}

impl Running {
    pub(crate) fn new(algorithm: Algorithm) -> Self {
        Self {
            algorithm,
            digest: Digest::new(algorithm.crc()),
        }
    }

    pub(crate) fn update(&mut self, bytes: &[u8]) {
        self.digest.update(bytes);
    }

    pub(crate) fn finish(&self) -> Checksum {
        Checksum {
            algorithm: self.algorithm,
            value: self.digest.finalize(),
            length: self.digest.get_amount(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn checksum(algorithm: Algorithm, bytes: &[u8]) -> Checksum {
        let mut running = Running::new(algorithm);
        running.update(bytes);
        running.finish()
    }

    #[test]
    fn check_values_of_the_published_catalogue() {
        // CRC RevEng's check values: the checksum of "123456789".
        let check = |algorithm, value| {
            assert_eq!(
                checksum(algorithm, b"123456789").value,
                value,
                "{}",
                algorithm.name()
            );
        };
        check(Algorithm::Crc64Nvme, 0xae8b_1486_0a79_9888);
        check(Algorithm::Crc32C, 0xe306_9283);
        check(Algorithm::Crc32, 0xcbf4_3926);
    }

    proptest! {
        #[test]
        fn parts_combine_to_the_whole(
            bytes in proptest::collection::vec(any::<u8>(), 0..4096), cut in any::<prop::sample::Index>(),
        ) {
            let (left, right) = bytes.split_at(cut.index(bytes.len() + 1));
            for algorithm in [Algorithm::Crc64Nvme, Algorithm::Crc32C, Algorithm::Crc32] {
                let combined = checksum(algorithm, left).followed_by(checksum(algorithm, right));
                prop_assert_eq!(combined, checksum(algorithm, &bytes));
            }
        }

        #[test]
        fn base64_comes_back(value in any::<u64>()) {
            let whole = Checksum { algorithm: Algorithm::Crc64Nvme, value, length: 7 };
            prop_assert_eq!(Checksum::from_base64(Algorithm::Crc64Nvme, &whole.to_base64(), 7), Some(whole));
        }
    }
}
