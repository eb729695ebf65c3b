//! What the server does with a request that arrived whole: one function per S3 verb.

use std::sync::{Mutex, MutexGuard, PoisonError};

use bytes::Bytes;
use http::StatusCode;
use serde::Serialize;

use super::call::{Call, Kind};
use super::checksum;
use super::config::{Checksums, Config};
use super::error::{Code, Refusal};
use super::fault::Fault;
use super::reply::Reply;
use super::store::Store;
use super::xml;

/// The store and how it behaves.
pub(crate) struct Service {
    pub(crate) config: Config,
    store: Mutex<Store>,
    /// The last listing, which [`Fault::RepeatPage`] gives once more.
    last_page: Mutex<Option<Reply>>,
}

impl Service {
    pub(crate) fn new(config: Config) -> Self {
        let mut store = Store::default();
        for bucket in &config.buckets {
            // A name that is given twice is one bucket.
            store.add_bucket(bucket).ok();
        }
        Self {
            config,
            store: Mutex::new(store),
            last_page: Mutex::new(None),
        }
    }

    pub(crate) fn store(&self) -> MutexGuard<'_, Store> {
        self.store.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Carries out a request, with the faults that change what is done.
    pub(crate) fn answer(&self, call: &Call, body: &Bytes, fault: Option<&Fault>) -> Reply {
        match fault {
            Some(Fault::Error(code)) => return Reply::refusal(&(*code).into()),
            Some(Fault::ErrorInOk(code)) => {
                let document = xml::error(&(*code).into());
                return Reply::xml(StatusCode::OK, document);
            }
            Some(Fault::RepeatPage) => {
                if let Some(page) = self.last_page().clone() {
                    return page;
                }
            }
            _ => {}
        }
        let mut reply = self
            .carry_out(call, body, fault)
            .unwrap_or_else(|refusal| Reply::refusal(&refusal));
        if call.kind == Kind::List {
            *self.last_page() = Some(reply.clone());
        }
        if let Some(fault) = fault {
            reply.spoil(fault);
        }
        reply
    }

    fn last_page(&self) -> MutexGuard<'_, Option<Reply>> {
        self.last_page
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
    }

    fn carry_out(
        &self,
        call: &Call,
        body: &Bytes,
        fault: Option<&Fault>,
    ) -> Result<Reply, Refusal> {
        let Config {
            credentials,
            region,
            ..
        } = &self.config;
        super::signature::check(call, body, credentials, region)?;
        self.check_checksum_headers(call)?;
        match call.kind {
            Kind::Put => self.put(call, body),
            Kind::Get => self.get(call),
            Kind::Head => self.head(call),
            Kind::Delete => self.delete(call),
            Kind::DeleteBatch => self.delete_batch(call, body, fault),
            Kind::Copy => self.copy(call),
            Kind::Create => self.create(call),
            Kind::Part => self.part(call, body),
            Kind::PartCopy => self.part_copy(call),
            Kind::Complete => self.complete(call, body),
            Kind::Abort => self.abort(call),
            Kind::ListParts => self.list_parts(call),
            Kind::ListUploads => self.list_uploads(call),
            Kind::List => self.list(call),
            Kind::Bucket => self.bucket(call),
            Kind::Other => Err(Code::NotImplemented.into()),
        }
    }

    /// Old stores know no checksum headers at all, and say so.
    fn check_checksum_headers(&self, call: &Call) -> Result<(), Refusal> {
        let about_checksums = |name: &str| {
            name.starts_with("x-amz-checksum-") || name == "x-amz-sdk-checksum-algorithm"
        };
        match call
            .headers
            .keys()
            .find(|name| about_checksums(name.as_str()))
        {
            Some(name) if self.config.checksums == Checksums::Refused => Err(Refusal::new(
                Code::NotImplemented,
                format!("the header {name} is not implemented"),
            )),
            _ => Ok(()),
        }
    }

    /// The checksum of the body that the request gives, verified, where this store looks at it.
    pub(crate) fn verified(
        &self,
        call: &Call,
        body: &Bytes,
    ) -> Result<Option<checksum::Checksum>, Refusal> {
        match self.config.checksums {
            Checksums::Kept => checksum::verify(&call.headers, body),
            Checksums::Ignored | Checksums::Refused => Ok(None),
        }
    }

    fn bucket(&self, call: &Call) -> Result<Reply, Refusal> {
        let mut store = self.store();
        match call.method.as_str() {
            "GET" if call.bucket.is_empty() => {
                let names: Vec<_> = store.bucket_names().cloned().collect();
                let buckets = names.into_iter().map(|name| BucketName { name }).collect();
                let list = BucketList {
                    buckets: Buckets { bucket: buckets },
                };
                Ok(Reply::xml(
                    StatusCode::OK,
                    xml::write("ListAllMyBucketsResult", list)?,
                ))
            }
            "PUT" => {
                store.add_bucket(&call.bucket)?;
                Ok(Reply::empty(StatusCode::OK))
            }
            "DELETE" => {
                store.remove_bucket(&call.bucket)?;
                Ok(Reply::empty(StatusCode::NO_CONTENT))
            }
            "HEAD" => {
                store.bucket(&call.bucket)?;
                let mut reply = Reply::empty(StatusCode::OK);
                reply.set("x-amz-bucket-region", &self.config.region);
                Ok(reply)
            }
            // GetBucketLocation.
            _ => {
                store.bucket(&call.bucket)?;
                let region = Location {
                    text: self.config.region.clone(),
                };
                Ok(Reply::xml(
                    StatusCode::OK,
                    xml::write("LocationConstraint", region)?,
                ))
            }
        }
    }
}

#[derive(Serialize)]
#[serde(rename_all = "PascalCase")]
struct BucketList {
    buckets: Buckets,
}

#[derive(Serialize)]
#[serde(rename_all = "PascalCase")]
struct Buckets {
    bucket: Vec<BucketName>,
}

#[derive(Serialize)]
#[serde(rename_all = "PascalCase")]
struct BucketName {
    name: String,
}

#[derive(Serialize)]
struct Location {
    #[serde(rename = "$text")]
    text: String,
}
