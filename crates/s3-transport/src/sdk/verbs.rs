//! One attempt at each verb.

use std::sync::atomic::Ordering;

use aws_runtime::auth::PayloadSigningOverride;
use aws_sdk_s3::config::{ConfigBag, Intercept, RuntimeComponents};
use aws_sdk_s3::primitives::{ByteStream, SdkBody};
use aws_sdk_s3::types::{
    ChecksumAlgorithm, ChecksumMode, ChecksumType, CompletedMultipartUpload, CompletedPart, Delete,
    DeletedObject, ObjectIdentifier, StorageClass,
};
use aws_smithy_runtime_api::box_error::BoxError;
use aws_smithy_runtime_api::client::interceptors::context::BeforeTransmitInterceptorContextMut;

use super::classify::classify;
use super::{SdkStore, answers};
use crate::checksum::{Algorithm, Checksum};
use crate::payload::Payload;
use crate::progress::Progress;
use crate::store::{
    CopySource, Created, Got, Kind, Object, OpenUpload, Page, Part, Store, StoreError, Target,
    UploadMarker, UploadsPage,
};

/// Gives the signer the payload's SHA-256, so that a body in pieces can be signed; or tells it to
/// leave the payload out of the signature.
#[derive(Debug)]
struct SignPayload(Option<[u8; 32]>);

#[aws_smithy_runtime_api::client::interceptors::dyn_dispatch_hint]
impl Intercept for SignPayload {
    fn name(&self) -> &'static str {
        "SignPayload"
    }

    fn modify_before_signing(
        &self,
        _: &mut BeforeTransmitInterceptorContextMut<'_>,
        _: &RuntimeComponents,
        config: &mut ConfigBag,
    ) -> Result<(), BoxError> {
        let choice = match self.0 {
            Some(hash) => PayloadSigningOverride::Precomputed(hex(&hash)),
            None => PayloadSigningOverride::UnsignedPayload,
        };
        config.interceptor_state().store_put(choice);
        Ok(())
    }
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

fn body(payload: &Payload, progress: &Progress) -> ByteStream {
    ByteStream::new(SdkBody::from_body_1_x(payload.body(progress.clone())))
}

fn content_length(payload: &Payload) -> i64 {
    i64::try_from(payload.length()).unwrap_or(i64::MAX)
}

/// Sets the header of whichever algorithm `checksum` has, on any of the SDK's builders.
macro_rules! with_checksum {
    ($builder:expr, $checksum:expr) => {{
        let checksum: Option<Checksum> = $checksum;
        let text = checksum.map(Checksum::to_base64);
        match checksum.map(|checksum| checksum.algorithm) {
            Some(Algorithm::Crc64Nvme) => $builder.set_checksum_crc64_nvme(text),
            Some(Algorithm::Crc32C) => $builder.set_checksum_crc32_c(text),
            Some(Algorithm::Crc32) => $builder.set_checksum_crc32(text),
            None => $builder,
        }
    }};
}

impl SdkStore {
    /// Logs, once, that what is deleted goes on to cost storage.
    fn note_versions(&self) {
        if !self.keeps_versions.swap(true, Ordering::Relaxed) {
            log::warn!(
                "bucket '{}' keeps versions: what is deleted takes up space until a lifecycle rule \
                 or its administrator removes the old versions",
                self.bucket
            );
        }
    }

    pub(super) fn storage_class(&self) -> Option<StorageClass> {
        self.storage_class.as_deref().map(StorageClass::from)
    }
}

impl Store for SdkStore {
    async fn prepare(&self) {
        if let Some(url) = self.url().await {
            self.connector.prepare(url);
        }
    }

    async fn put(
        &self,
        key: &str,
        payload: &Payload,
        if_absent: bool,
        progress: &Progress,
    ) -> Result<(), StoreError> {
        let put = self
            .client
            .put_object()
            .bucket(&self.bucket)
            .key(key)
            .set_storage_class(self.storage_class())
            .set_if_none_match(if_absent.then(|| "*".to_owned()))
            .content_length(content_length(payload))
            .body(body(payload, progress));
        let put = with_checksum!(put, payload.checksum);
        let put = put.customize().interceptor(SignPayload(payload.sha256));
        put.send().await.map(drop).map_err(classify)
    }

    async fn create(&self, key: &str, checksum: Option<Algorithm>) -> Result<Created, StoreError> {
        let algorithm = checksum.map(|algorithm| ChecksumAlgorithm::from(algorithm.name()));
        let create = self
            .client
            .create_multipart_upload()
            .bucket(&self.bucket)
            .key(key)
            .set_storage_class(self.storage_class())
            .set_checksum_type(checksum.map(|_| ChecksumType::FullObject))
            .set_checksum_algorithm(algorithm.clone());
        let answer = create.send().await.map_err(classify)?;
        let echoes_checksum = algorithm.is_some()
            && answer.checksum_algorithm == algorithm
            && answer.checksum_type == Some(ChecksumType::FullObject);
        let upload_id = answer
            .upload_id
            .filter(|id| !id.is_empty())
            .ok_or_else(|| {
                StoreError::new(
                    Kind::Server,
                    "the answer to CreateMultipartUpload has no upload id",
                )
            })?;
        Ok(Created {
            upload_id,
            echoes_checksum,
        })
    }

    async fn part(
        &self,
        target: Target<'_>,
        number: u32,
        payload: &Payload,
        progress: &Progress,
    ) -> Result<Part, StoreError> {
        let part = self
            .client
            .upload_part()
            .bucket(&self.bucket)
            .key(target.key)
            .upload_id(target.upload_id)
            .part_number(number.cast_signed())
            .content_length(content_length(payload))
            .body(body(payload, progress));
        let part = with_checksum!(part, payload.checksum);
        let part = part.customize().interceptor(SignPayload(payload.sha256));
        let answer = part.send().await.map_err(classify)?;
        let etag = answer.e_tag.ok_or_else(|| {
            StoreError::new(
                Kind::Server,
                format!("the answer to part {number} has no ETag"),
            )
        })?;
        let echo = answer.checksum_crc64_nvme.or(answer.checksum_crc32_c);
        let sent = payload.checksum.map(Checksum::to_base64);
        if let (Some(echo), Some(sent)) = (&echo, &sent)
            && echo != sent
        {
            let message = format!("part {number} arrived with checksum {echo}, {sent} was sent");
            return Err(StoreError::new(Kind::Digest, message));
        }
        Ok(Part {
            number,
            etag,
            checksum: payload.checksum,
            echoes_checksum: echo.is_some(),
        })
    }

    async fn complete(
        &self,
        target: Target<'_>,
        parts: &[Part],
        whole: Option<Checksum>,
    ) -> Result<Option<String>, StoreError> {
        let parts = parts.iter().map(|part| {
            let completed = CompletedPart::builder()
                .part_number(part.number.cast_signed())
                .e_tag(&part.etag);
            with_checksum!(completed, part.checksum).build()
        });
        let parts = CompletedMultipartUpload::builder()
            .set_parts(Some(parts.collect()))
            .build();
        let complete = self
            .client
            .complete_multipart_upload()
            .bucket(&self.bucket)
            .key(target.key)
            .upload_id(target.upload_id)
            .set_checksum_type(whole.map(|_| ChecksumType::FullObject))
            .multipart_upload(parts);
        let complete = with_checksum!(complete, whole);
        complete
            .send()
            .await
            .map(|answer| answer.e_tag)
            .map_err(classify)
    }

    async fn abort(&self, target: Target<'_>) -> Result<(), StoreError> {
        let abort = self
            .client
            .abort_multipart_upload()
            .bucket(&self.bucket)
            .key(target.key)
            .upload_id(target.upload_id);
        abort.send().await.map(drop).map_err(classify)
    }

    async fn get(
        &self,
        key: &str,
        range: Option<(u64, u64)>,
        etag: Option<&str>,
        with_checksum: bool,
    ) -> Result<Got, StoreError> {
        let get = self
            .client
            .get_object()
            .bucket(&self.bucket)
            .key(key)
            .set_if_match(etag.map(str::to_owned))
            .set_range(range.map(|(start, end)| format!("bytes={start}-{}", end - 1)))
            .set_checksum_mode(with_checksum.then_some(ChecksumMode::Enabled));
        let answer = get.send().await.map_err(classify)?;
        answers::of_get(answer, range)
    }

    async fn head(&self, key: &str, with_checksum: bool) -> Result<Object, StoreError> {
        let head = self
            .client
            .head_object()
            .bucket(&self.bucket)
            .key(key)
            .set_checksum_mode(with_checksum.then_some(ChecksumMode::Enabled));
        answers::of_head(&head.send().await.map_err(classify)?)
    }

    async fn list(
        &self,
        prefix: &str,
        continuation: Option<&str>,
        limit: u16,
    ) -> Result<Page, StoreError> {
        let list = self
            .client
            .list_objects_v2()
            .bucket(&self.bucket)
            .prefix(prefix)
            .max_keys(limit.into())
            .set_continuation_token(continuation.map(str::to_owned));
        answers::of_list(list.send().await.map_err(classify)?)
    }

    async fn uploads(
        &self,
        prefix: &str,
        after: Option<&UploadMarker>,
    ) -> Result<UploadsPage, StoreError> {
        let list = self
            .client
            .list_multipart_uploads()
            .bucket(&self.bucket)
            .prefix(prefix)
            .set_key_marker(after.map(|marker| marker.key.clone()))
            .set_upload_id_marker(after.map(|marker| marker.upload_id.clone()));
        let answer = list.send().await.map_err(classify)?;
        let next = match (answer.next_key_marker, answer.next_upload_id_marker) {
            _ if answer.is_truncated != Some(true) => None,
            (Some(key), Some(upload_id)) => Some(UploadMarker { key, upload_id }),
            _ => return Err(answers::cut_off()),
        };
        let uploads = answer
            .uploads
            .unwrap_or_default()
            .into_iter()
            .filter_map(|upload| {
                let initiated = upload.initiated.and_then(|time| time.try_into().ok());
                Some(OpenUpload {
                    key: upload.key?,
                    upload_id: upload.upload_id?,
                    initiated,
                })
            });
        Ok(UploadsPage {
            uploads: uploads.collect(),
            next,
        })
    }

    async fn delete_batch(&self, keys: &[String]) -> Result<Vec<(String, StoreError)>, StoreError> {
        let objects: Result<Vec<_>, _> = keys
            .iter()
            .map(|key| ObjectIdentifier::builder().key(key).build())
            .collect();
        let delete = objects.and_then(|objects| {
            Delete::builder()
                .set_objects(Some(objects))
                .quiet(false)
                .build()
        });
        let delete = delete.map_err(|error| StoreError::new(Kind::Other, error.to_string()))?;
        let request = self
            .client
            .delete_objects()
            .bucket(&self.bucket)
            .delete(delete);
        let answer = request.send().await.map_err(classify)?;
        let keeps = |deleted: &DeletedObject| deleted.delete_marker == Some(true);
        if answer.deleted().iter().any(keeps) {
            self.note_versions();
        }
        let failed = answer
            .errors
            .unwrap_or_default()
            .into_iter()
            .filter_map(|error| {
                let code = error.code.unwrap_or_default();
                if code == "NoSuchKey" {
                    return None;
                }
                let kind = if code == "AccessDenied" {
                    Kind::Denied
                } else {
                    Kind::Server
                };
                let message = error.message.unwrap_or_default();
                let code = Some(code).filter(|code| !code.is_empty());
                Some((
                    error.key?,
                    StoreError {
                        kind,
                        status: None,
                        code,
                        message,
                    },
                ))
            });
        Ok(failed.collect())
    }

    async fn copy(
        &self,
        source: CopySource<'_>,
        key: &str,
        checksum: Option<Algorithm>,
    ) -> Result<(), StoreError> {
        self.copy_object(source, key, checksum).await
    }

    async fn copy_part(
        &self,
        target: Target<'_>,
        number: u32,
        source: CopySource<'_>,
        range: (u64, u64),
    ) -> Result<Part, StoreError> {
        self.copy_range(target, number, source, range).await
    }

    async fn delete(&self, key: &str) -> Result<(), StoreError> {
        let delete = self.client.delete_object().bucket(&self.bucket).key(key);
        let answer = delete.send().await.map_err(classify)?;
        if answer.delete_marker == Some(true) {
            self.note_versions();
        }
        Ok(())
    }
}
