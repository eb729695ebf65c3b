//! CreateMultipartUpload, UploadPart, UploadPartCopy, CompleteMultipartUpload, AbortMultipartUpload.

use std::collections::BTreeMap;

use bytes::Bytes;
use http::StatusCode;
use jiff::Timestamp;

use super::call::Call;
use super::checksum::{self, Algorithm, Checksum, Type, etag};
use super::config::Checksums;
use super::error::{Code, Refusal};
use super::objects::parse_range;
use super::reply::{Reply, xml_date};
use super::service::Service;
use super::store::{NamedPart, Object, Part, Upload};
use super::xml::{self, CompletePart, CompleteRequest, Completed, Copied, Created};

/// The highest part number.
const LAST_PART: u32 = 10_000;

impl Service {
    pub(crate) fn create(&self, call: &Call) -> Result<Reply, Refusal> {
        let checksum = match self.config.checksums {
            Checksums::Kept => wanted_checksum(call)?,
            Checksums::Ignored | Checksums::Refused => None,
        };
        let upload = Upload {
            key: call.key.clone(),
            checksum,
            parts: BTreeMap::new(),
            started: Timestamp::now(),
            metadata: call.metadata(),
        };
        let upload_id = self.store().create(&call.bucket, upload)?;
        let created = Created {
            bucket: call.bucket.clone(),
            key: call.key.clone(),
            upload_id,
        };
        let document = xml::write("InitiateMultipartUploadResult", created)?;
        let mut reply = Reply::xml(StatusCode::OK, document);
        if let Some((algorithm, kind)) = checksum {
            reply.set("x-amz-checksum-algorithm", algorithm.name());
            reply.set("x-amz-checksum-type", kind.name());
        }
        Ok(reply)
    }

    pub(crate) fn part(&self, call: &Call, body: &Bytes) -> Result<Reply, Refusal> {
        self.check_digest(call)?;
        let checksum = self.verified(call, body)?;
        let etag = self.store_part(call, body.clone(), checksum)?;
        let mut reply = Reply::empty(StatusCode::OK);
        reply.set("etag", &etag);
        if let Some(checksum) = checksum {
            reply.set(checksum.algorithm.header(), &checksum.base64());
        }
        Ok(reply)
    }

    pub(crate) fn part_copy(&self, call: &Call) -> Result<Reply, Refusal> {
        let source = self.copy_source(call)?;
        let bytes = match call.header("x-amz-copy-source-range") {
            None => source.bytes(),
            Some(range) => {
                let (start, end) = parse_range(range, source.size)?;
                source.range(start, end).concat().into()
            }
        };
        let algorithm = {
            let mut store = self.store();
            let bucket = store.bucket_mut(&call.bucket)?;
            let upload = bucket.upload(&call.key, call.required("uploadId")?)?;
            upload.checksum.map(|(algorithm, _)| algorithm)
        };
        let checksum = algorithm.map(|algorithm| Checksum::of(algorithm, &bytes));
        let etag = self.store_part(call, bytes, checksum)?;
        let copied = Copied {
            last_modified: xml_date(Timestamp::now()),
            etag,
            checksum: checksum.map_or_else(Default::default, |checksum| {
                xml::Checksums::of(checksum, None)
            }),
        };
        Ok(Reply::xml(
            StatusCode::OK,
            xml::write("CopyPartResult", copied)?,
        ))
    }

    fn store_part(
        &self,
        call: &Call,
        bytes: Bytes,
        checksum: Option<Checksum>,
    ) -> Result<String, Refusal> {
        let number = call.number::<u32>("partNumber")?.unwrap_or_default();
        if !(1..=LAST_PART).contains(&number) {
            return Err(Refusal::new(
                Code::InvalidArgument,
                format!("part number {number} is not between 1 and {LAST_PART}"),
            ));
        }
        let part = Part {
            etag: etag(&bytes),
            bytes,
            checksum,
            modified: Timestamp::now(),
        };
        let etag = part.etag.clone();
        let mut store = self.store();
        let bucket = store.bucket_mut(&call.bucket)?;
        let upload = bucket.upload(&call.key, call.required("uploadId")?)?;
        if let Some((wanted, _)) = upload.checksum
            && checksum.map(|checksum| checksum.algorithm) != Some(wanted)
        {
            return Err(Refusal::new(
                Code::InvalidRequest,
                format!("the upload wants a {} with every part", wanted.header()),
            ));
        }
        upload.parts.insert(number, part);
        Ok(etag)
    }

    pub(crate) fn complete(&self, call: &Call, body: &Bytes) -> Result<Reply, Refusal> {
        let request: CompleteRequest = xml::read(body)?;
        let id = call.required("uploadId")?;
        let named: Vec<NamedPart> = request.parts.into_iter().map(CompletePart::named).collect();
        let object = {
            let mut store = self.store();
            let upload = store.bucket_mut(&call.bucket)?.upload(&call.key, id)?;
            let object = upload.assemble(&named, self.config.least_part)?;
            self.check_whole(call, upload, &object)?;
            object
        };
        let completed = Completed {
            location: format!("/{}/{}", call.bucket, call.key),
            bucket: call.bucket.clone(),
            key: call.key.clone(),
            etag: object.etag.clone(),
            checksum: object.checksum_elements(),
        };
        self.store_object(call, object)?;
        self.store().bucket_mut(&call.bucket)?.uploads.remove(id);
        Ok(Reply::xml(
            StatusCode::OK,
            xml::write("CompleteMultipartUploadResult", completed)?,
        ))
    }

    /// Compares what the completion says of the whole object with the object.
    fn check_whole(&self, call: &Call, upload: &Upload, object: &Object) -> Result<(), Refusal> {
        let size = call.header("x-amz-mp-object-size");
        if size.is_some_and(|size| size != object.size.to_string()) {
            return Err(Refusal::new(
                Code::InvalidRequest,
                format!("the object has {} bytes", object.size),
            ));
        }
        if self.config.checksums != Checksums::Kept {
            return Ok(());
        }
        let kind = call.header("x-amz-checksum-type");
        let of_upload = upload.checksum.map(|(_, kind)| kind.name());
        if kind.is_some() && kind != of_upload {
            return Err(Refusal::new(
                Code::InvalidRequest,
                "x-amz-checksum-type is not that of the upload",
            ));
        }
        match (checksum::sent(&call.headers)?, object.checksum) {
            (None, _) => Ok(()),
            (Some((algorithm, sent)), Some((checksum, _)))
                if algorithm == checksum.algorithm && sent == checksum.base64() =>
            {
                Ok(())
            }
            (Some(_), Some(_)) => Err(Code::BadDigest.into()),
            (Some(_), None) => Err(Refusal::new(
                Code::InvalidRequest,
                "a checksum of an object whose upload was created without one",
            )),
        }
    }

    pub(crate) fn abort(&self, call: &Call) -> Result<Reply, Refusal> {
        let mut store = self.store();
        let bucket = store.bucket_mut(&call.bucket)?;
        let id = call.required("uploadId")?;
        bucket.upload(&call.key, id)?;
        bucket.uploads.remove(id);
        Ok(Reply::empty(StatusCode::NO_CONTENT))
    }
}

impl CompletePart {
    fn named(self) -> NamedPart {
        let checksums = [
            (Algorithm::Crc64Nvme, self.crc64nvme),
            (Algorithm::Crc32C, self.crc32c),
            (Algorithm::Crc32, self.crc32),
        ];
        NamedPart {
            number: self.part_number,
            etag: self.etag,
            checksum: checksums
                .into_iter()
                .find_map(|(algorithm, value)| Some((algorithm, value?))),
        }
    }
}

impl Object {
    /// The object's checksum as elements of an XML answer.
    pub(crate) fn checksum_elements(&self) -> xml::Checksums {
        match self.checksum {
            Some((checksum, kind)) => xml::Checksums::of(checksum, Some(kind)),
            None => xml::Checksums::default(),
        }
    }
}

impl xml::Checksums {
    pub(crate) fn of(checksum: Checksum, kind: Option<Type>) -> Self {
        let mut elements = Self {
            kind: kind.map(Type::name),
            ..Self::default()
        };
        let element = match checksum.algorithm {
            Algorithm::Crc64Nvme => &mut elements.crc64nvme,
            Algorithm::Crc32C => &mut elements.crc32c,
            Algorithm::Crc32 => &mut elements.crc32,
        };
        *element = Some(checksum.base64());
        elements
    }
}

/// Algorithm and type that an upload is created with. CRC64NVME is of the full object always, the
/// others where that is asked for.
fn wanted_checksum(call: &Call) -> Result<Option<(Algorithm, Type)>, Refusal> {
    let Some(name) = call.header("x-amz-checksum-algorithm") else {
        return Ok(None);
    };
    let algorithm = Algorithm::named(name)?;
    let kind = match (algorithm, call.header("x-amz-checksum-type")) {
        (Algorithm::Crc64Nvme, None) | (_, Some("FULL_OBJECT")) => Type::FullObject,
        (Algorithm::Crc32C | Algorithm::Crc32, None | Some("COMPOSITE")) => Type::Composite,
        (_, kind) => {
            return Err(Refusal::new(
                Code::InvalidRequest,
                format!("{} cannot be of type {kind:?}", algorithm.name()),
            ));
        }
    };
    Ok(Some((algorithm, kind)))
}
