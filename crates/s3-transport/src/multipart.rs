//! One multipart upload, from its first part to the store's confirmation.

use std::time::Duration;

use md5::{Digest, Md5};
use tokio::task::{JoinError, JoinSet};

use crate::checksum::Checksum;
use crate::error::Error;
use crate::intake::{Parts, StreamPart};
use crate::plan::MAX_PARTS;
use crate::ranges::{Run, pieces};
use crate::retry::{Attempts, Patience};
use crate::store::{CopySource, Created, Kind, Object, Part, Store, StoreError, Target, same_etag};
use crate::transport::Transport;
use crate::upload::{Stored, next};

/// How long an aborted upload may hold up the end of the process.
pub(crate) const ABORT: Duration = Duration::from_secs(4);

/// How many stalls the answer to a completion may take: S3 documents minutes for many parts.
pub(crate) const COMPLETION_STALLS: u32 = 10;

/// The size of a part that the store copies by itself: 512 MiB, of which 10,000 make 5 TB.
const COPIED_PART: u64 = 512 << 20;

/// An open multipart upload.
pub(crate) struct Multipart<S> {
    transport: Transport<S>,
    key: String,
    upload_id: String,
    /// Whether the store has agreed to checksums when the upload was created.
    agreed: bool,
    /// Whether it has repeated those of all parts so far, and so keeps that of the whole object.
    full_object: bool,
    in_flight: JoinSet<Result<Part, Error>>,
    parts: Vec<Part>,
    whole: Option<Checksum>,
    size: u64,
}

impl<S: Store> Multipart<S> {
    pub(crate) fn new(transport: Transport<S>, key: &str, created: Created) -> Self {
        Self {
            transport,
            key: key.to_owned(),
            upload_id: created.upload_id,
            agreed: created.echoes_checksum,
            full_object: created.echoes_checksum,
            in_flight: JoinSet::new(),
            parts: Vec::new(),
            whole: None,
            size: 0,
        }
    }

    /// Sends every part, several at a time; then the upload can be completed.
    pub(crate) async fn send(&mut self, first: StreamPart, mut parts: Parts) -> Result<(), Error> {
        let concurrency = self.transport.options.parts.concurrency();
        let mut last = first.last;
        self.start(first);
        while !last || !self.in_flight.is_empty() {
            tokio::select! {
                Some(done) = self.in_flight.join_next() => self.sent(done)?,
                part = next(&mut parts), if !last && self.in_flight.len() < concurrency => {
                    let part = part?;
                    last = part.last;
                    self.start(part);
                }
            }
        }
        self.arrived();
        Ok(())
    }

    fn start(&mut self, part: StreamPart) {
        self.size += part.payload.length();
        self.whole = match (self.whole, part.payload.checksum) {
            (Some(whole), Some(next)) => Some(whole.followed_by(next)),
            (None, Some(first)) if part.number == 1 => Some(first),
            _ => None,
        };
        let (transport, agreed) = (self.transport.clone(), self.agreed);
        let (key, upload_id) = (self.key.clone(), self.upload_id.clone());
        self.in_flight.spawn(async move {
            let target = Target {
                key: &key,
                upload_id: &upload_id,
            };
            let send = |payload, progress| {
                let store = &transport.store;
                async move { store.part(target, part.number, &payload, &progress).await }
            };
            transport
                .send("UploadPart", &key, part.payload, agreed, send)
                .await
        });
    }

    fn sent(&mut self, done: Result<Result<Part, Error>, JoinError>) -> Result<(), Error> {
        let part = match done {
            Ok(part) => part?,
            Err(error) if error.is_panic() => std::panic::resume_unwind(error.into_panic()),
            // Tasks are only cancelled by abort(), which takes no more answers.
            Err(_) => return Ok(()),
        };
        self.full_object &= part.echoes_checksum;
        self.parts.push(part);
        Ok(())
    }

    /// Puts the parts in the order in which a completion names them, all with their checksum or none.
    fn arrived(&mut self) {
        self.parts.sort_unstable_by_key(|part| part.number);
        if !self.full_object {
            for part in &mut self.parts {
                part.checksum = None;
            }
        }
    }

    /// Has the store copy every part from `source`, which is `object`, several at a time; then the
    /// upload can be completed.
    ///
    /// # Errors
    /// [`Error::Damaged`] where the parts' checksums do not make that of the source: VersityGW 1.8 tells
    /// the source's of each part, and would keep what follows from those for good.
    pub(crate) async fn copy(
        &mut self,
        source: CopySource<'_>,
        object: &Object,
    ) -> Result<(), Error> {
        let size = object.size;
        let options = &self.transport.options;
        let concurrency = options.parts.concurrency();
        let part = COPIED_PART.min(options.largest_copy);
        let whole = Run {
            start: 0,
            end: size,
        };
        let mut runs = (1..).zip(pieces(whole, part.max(size.div_ceil(MAX_PARTS.into()))));
        loop {
            while self.in_flight.len() < concurrency {
                let Some((number, run)) = runs.next() else {
                    break;
                };
                self.copy_part(number, source, run);
            }
            let Some(done) = self.in_flight.join_next().await else {
                break;
            };
            self.sent(done)?;
        }
        self.arrived();
        self.size = size;
        let checksums: Option<Vec<_>> = self.parts.iter().map(|part| part.checksum).collect();
        self.whole = checksums.and_then(|all| all.into_iter().reduce(Checksum::followed_by));
        if self.proven(object) == Some(false) {
            let what = format!(
                "the store tells of its parts what makes {}, their source has {}",
                told(self.whole, None),
                told(object.checksum, None),
            );
            return Err(self.transport.damaged(&self.key, what));
        }
        Ok(())
    }

    fn copy_part(&mut self, number: u32, source: CopySource<'_>, run: Run) {
        let (transport, upload_id) = (self.transport.clone(), self.upload_id.clone());
        let key = self.key.clone();
        let (bucket, from) = (source.bucket.to_owned(), source.key.to_owned());
        let etag = source.etag.map(str::to_owned);
        self.in_flight.spawn(async move {
            let target = Target {
                key: &key,
                upload_id: &upload_id,
            };
            let source = CopySource {
                bucket: &bucket,
                key: &from,
                etag: etag.as_deref(),
            };
            let store = &transport.store;
            let copy = |_| store.copy_part(target, number, source, (run.start, run.end));
            let stall = transport.options.patience.stall * COMPLETION_STALLS;
            transport
                .request_within(stall, "UploadPartCopy", &key, copy)
                .await
        });
    }

    fn target(&self) -> Target<'_> {
        Target {
            key: &self.key,
            upload_id: &self.upload_id,
        }
    }

    /// Makes the object visible, and has the store confirm what it has.
    ///
    /// Once an answer may have been lost, what is there decides before anything is called failed
    /// or is sent again.
    pub(crate) async fn complete(&self) -> Result<Stored, Error> {
        let transport = &self.transport;
        let patience = transport.options.patience;
        let mut whole = self.whole.filter(|_| self.full_object);
        let mut attempts = Attempts::new(patience);
        let mut answer_lost = false;
        // The patience is that of the completion: a look at what is there is not to have as much again.
        let look = transport.with_patience(Patience {
            total: patience.not_found,
            ..patience
        });
        loop {
            let stall = patience.stall * COMPLETION_STALLS;
            let mut complete = |_| transport.store.complete(self.target(), &self.parts, whole);
            let error = match transport.attempt_within(stall, &mut complete).await {
                Ok(etag) => return self.confirm(etag).await,
                // The whole stream is not what the store has: sending it again changes nothing.
                Err(error) if error.kind == Kind::Digest => StoreError {
                    kind: Kind::Other,
                    ..error
                },
                Err(error) => error,
            };
            // S3Mock says that it keeps the checksum of the whole, and computes one of the parts'.
            if whole.is_some() && transport.refuses(&error) {
                log::info!("completing '{}' without its checksum: {error}", self.key);
                whole = None;
                continue;
            }
            answer_lost |= error
                .status
                .is_none_or(|status| !(400..500).contains(&status));
            if answer_lost
                && let Ok(object) = look.head(&self.key).await
                && self.is_this(&object)
            {
                log::info!(
                    "'{}' is stored, although completing it failed: {error}",
                    self.key
                );
                // The same bytes may have been there before: then the upload is still open.
                self.close().await;
                return Ok(self.stored());
            }
            transport
                .pause("CompleteMultipartUpload", &self.key, &mut attempts, error)
                .await?;
        }
    }

    /// Compares what the store has with what was sent.
    async fn confirm(&self, etag: Option<String>) -> Result<Stored, Error> {
        let object = match self.transport.head(&self.key).await {
            Ok(object) => object,
            // Credentials that may only write, and stores that show an object late: the answer to
            // the completion stands, as a good backup must not fail for this.
            Err(error) if etag.is_some() => {
                let why = error.chain();
                log::warn!(
                    "'{}' is stored, but could not be confirmed: {why}",
                    self.key
                );
                return Ok(self.stored());
            }
            Err(error) => return Err(error),
        };
        let answered = match (&etag, &object.etag) {
            (Some(answer), Some(kept)) => same_etag(answer, kept),
            _ => true,
        };
        if self.is_this(&object) || (object.size == self.size && answered && self.may_fit(&object))
        {
            return Ok(self.stored());
        }
        let what = format!(
            "{} bytes with {} were sent, the store has {} with {}",
            self.size,
            told(self.whole, etag.as_deref()),
            object.size,
            told(object.checksum, object.etag.as_deref()),
        );
        Err(self.transport.damaged(&self.key, what))
    }

    /// Whether the object's checksum, where it has one to compare, is that of the stream.
    fn may_fit(&self, object: &Object) -> bool {
        self.proven(object).unwrap_or(true)
    }

    /// Whether `object` is what this upload makes, judged by what only it can have: the checksum of
    /// all its bytes, or the ETag that follows from those of the parts.
    fn is_this(&self, object: &Object) -> bool {
        object.size == self.size
            && self.proven(object).unwrap_or_else(|| {
                let kept = object.etag.as_deref().unwrap_or_default();
                multipart_etag(&self.parts).is_some_and(|etag| same_etag(&etag, kept))
            })
    }

    fn proven(&self, object: &Object) -> Option<bool> {
        // A store that has not agreed to checksums may tell that of an object which was there before.
        let (sent, kept) = (self.whole.filter(|_| self.full_object)?, object.checksum?);
        (sent.algorithm == kept.algorithm).then_some(sent == kept)
    }

    fn stored(&self) -> Stored {
        let parts = u32::try_from(self.parts.len()).unwrap_or(u32::MAX);
        Stored {
            size: self.size,
            parts,
        }
    }

    /// Ends the upload without an object. No part is under way any more when the store is asked.
    pub(crate) async fn abort(&mut self) {
        self.in_flight.shutdown().await;
        self.close().await;
    }

    async fn close(&self) {
        // A store that throttles is not waited for: this is the last request.
        let transport = self.transport.at_once();
        let abort = transport.abort(&self.key, &self.upload_id);
        let why = match tokio::time::timeout(ABORT, abort).await {
            Ok(Ok(())) => return,
            Ok(Err(error)) => error.chain(),
            Err(_) => format!("no answer within {} s", ABORT.as_secs()),
        };
        log::error!(
            "upload {} of '{}' is still open; clean_uploads aborts it: {why}",
            self.upload_id,
            self.key
        );
    }
}

/// The ETag that S3 gives to an object of these parts: the MD5 of their MD5s and their number. `None`
/// where the parts' ETags are no MD5s, as on stores that encrypt or count otherwise.
fn multipart_etag(parts: &[Part]) -> Option<String> {
    let mut md5 = Md5::new();
    for part in parts {
        let text = part.etag.trim_matches('"');
        if text.len() != 32 {
            return None;
        }
        let value = u128::from_str_radix(text, 16).ok()?;
        md5.update(value.to_be_bytes());
    }
    let hex: String = md5
        .finalize()
        .iter()
        .map(|byte| format!("{byte:02x}"))
        .collect();
    Some(format!("{hex}-{}", parts.len()))
}

fn told(checksum: Option<Checksum>, etag: Option<&str>) -> String {
    match checksum {
        Some(checksum) => format!("{} {}", checksum.algorithm.name(), checksum.to_base64()),
        None => format!("ETag {}", etag.unwrap_or("unknown")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_etag_follows_from_those_of_the_parts() {
        let part = |etag: &str| Part {
            number: 1,
            etag: etag.to_owned(),
            checksum: None,
            echoes_checksum: false,
        };
        // md5(md5("a") + md5("b")), as `printf a | md5sum` and its like compute it.
        let parts = [
            part("\"0cc175b9c0f1b6a831c399e269772661\""),
            part("92eb5ffee6ae2fec3ad71c777531578f"),
        ];
        assert_eq!(
            multipart_etag(&parts).as_deref(),
            Some("96e024ba2074fe77e8e965ba43a704be-2")
        );
        assert_eq!(multipart_etag(&[part("no-md5")]), None);
    }
}
