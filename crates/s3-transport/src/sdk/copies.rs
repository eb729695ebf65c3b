//! The verbs that copy within the service.

use aws_sdk_s3::types::ChecksumAlgorithm;
use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, utf8_percent_encode};

use super::SdkStore;
use super::classify::classify;
use crate::checksum::{Algorithm, Checksum};
use crate::store::{CopySource, Kind, Part, StoreError, Target};

/// What stands for itself in `x-amz-copy-source`, which has to be URL-encoded (CopyObject).
const ENCODED: AsciiSet = NON_ALPHANUMERIC
    .remove(b'/')
    .remove(b'-')
    .remove(b'_')
    .remove(b'.')
    .remove(b'~');

impl CopySource<'_> {
    fn header(&self) -> String {
        utf8_percent_encode(&format!("{}/{}", self.bucket, self.key), &ENCODED).to_string()
    }

    fn if_match(&self) -> Option<String> {
        self.etag.map(str::to_owned)
    }
}

impl SdkStore {
    pub(super) async fn copy_object(
        &self,
        source: CopySource<'_>,
        key: &str,
        checksum: Option<Algorithm>,
    ) -> Result<(), StoreError> {
        let copy = self
            .client
            .copy_object()
            .bucket(&self.bucket)
            .key(key)
            .copy_source(source.header())
            .set_copy_source_if_match(source.if_match())
            .set_storage_class(self.storage_class())
            .set_checksum_algorithm(
                checksum.map(|algorithm| ChecksumAlgorithm::from(algorithm.name())),
            );
        copy.send().await.map(drop).map_err(classify)
    }

    pub(super) async fn copy_range(
        &self,
        target: Target<'_>,
        number: u32,
        source: CopySource<'_>,
        (start, end): (u64, u64),
    ) -> Result<Part, StoreError> {
        let copy = self
            .client
            .upload_part_copy()
            .bucket(&self.bucket)
            .key(target.key)
            .upload_id(target.upload_id)
            .part_number(number.cast_signed())
            .copy_source(source.header())
            .set_copy_source_if_match(source.if_match())
            .copy_source_range(format!("bytes={start}-{}", end - 1));
        let answer = copy.send().await.map_err(classify)?;
        let answer = answer.copy_part_result;
        let etag = answer.as_ref().and_then(|answer| answer.e_tag.clone());
        let etag = etag.ok_or_else(|| {
            let message = format!("the answer to the copied part {number} has no ETag");
            StoreError::new(Kind::Server, message)
        })?;
        let checksum = answer.and_then(|answer| {
            let crc64nvme = (Algorithm::Crc64Nvme, answer.checksum_crc64_nvme);
            let crc32c = (Algorithm::Crc32C, answer.checksum_crc32_c);
            [crc64nvme, crc32c]
                .into_iter()
                .find_map(|(algorithm, text)| Checksum::from_base64(algorithm, &text?, end - start))
        });
        Ok(Part {
            number,
            etag,
            checksum,
            echoes_checksum: checksum.is_some(),
        })
    }
}
