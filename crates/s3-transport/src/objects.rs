//! Looks at, lists and deletes objects.

use std::collections::HashSet;

use crate::checksum::Running;
use crate::error::Error;
use crate::payload::Payload;
use crate::store::{
    Entry, Kind, Object, OpenUpload, Page, Store, StoreError, Target, UploadMarker,
};
use crate::transport::Transport;

/// The most keys that one DeleteObjects request may name.
const BATCH: usize = 1000;

impl<S: Store> Transport<S> {
    /// The object's size, version and checksum.
    pub async fn head(&self, key: &str) -> Result<Object, Error> {
        let asked = self.checksum().is_some();
        let head = |with_checksum| {
            self.request("HeadObject", key, move |_| {
                self.store.head(key, with_checksum)
            })
        };
        match head(asked).await {
            // Stores without checksums may refuse the header that asks for one.
            Err(error) if asked && error.kind() == Some(&Kind::NotImplemented) => head(false).await,
            result => result,
        }
    }

    /// Stores an empty object, unless there is one: `false` where there was.
    ///
    /// Stores that do not know the condition are written to all the same, so the caller looks first.
    pub async fn put_empty_if_absent(&self, key: &str) -> Result<bool, Error> {
        // A bucket that locks its objects takes none without a checksum.
        let checksum = self
            .checksum()
            .map(|algorithm| Running::new(algorithm).finish());
        let sha256 = self.options.sign_payload.then(sha256_of_nothing);
        let payload = Payload::new(Vec::new(), checksum, sha256);
        let put = |if_absent| {
            let send = move |payload: Payload, progress| async move {
                self.store.put(key, &payload, if_absent, &progress).await
            };
            self.send("PutObject", key, payload.clone(), false, send)
        };
        match put(true).await {
            Err(error) if error.kind() == Some(&Kind::Precondition) => Ok(false),
            Err(error) if error.kind() == Some(&Kind::NotImplemented) => {
                put(false).await.map(|()| true)
            }
            result => result.map(|()| true),
        }
    }

    /// The first page of a listing, of at most `limit` keys: tells whether the bucket answers.
    pub async fn list_some(&self, prefix: &str, limit: u16) -> Result<Page, Error> {
        self.request("ListObjectsV2", prefix, |_| {
            self.store.list(prefix, None, limit)
        })
        .await
    }

    /// Every object whose key begins with `prefix`, in the order of their keys.
    pub async fn list(&self, prefix: &str) -> Result<Vec<Entry>, Error> {
        let mut entries = Vec::new();
        let mut tokens = HashSet::new();
        let mut continuation: Option<String> = None;
        loop {
            let page = self.page(prefix, continuation.as_deref()).await?;
            entries.extend(page.entries);
            let Some(next) = page.continuation else { break };
            if !tokens.insert(next.clone()) {
                return Err(self.listing_in_circles(prefix));
            }
            continuation = Some(next);
        }
        // A page may be repeated by a store; an object still counts once.
        entries.sort_unstable();
        entries.dedup_by(|a, b| a.key == b.key);
        Ok(entries)
    }

    /// One page of a listing; one that is not the page asked for is asked for again.
    async fn page(&self, prefix: &str, continuation: Option<&str>) -> Result<Page, Error> {
        self.request("ListObjectsV2", prefix, |_| async move {
            let page = self.store.list(prefix, continuation, 1000).await?;
            let repeated = continuation.is_some() && page.continuation.as_deref() == continuation;
            let is_other = |entry: &Entry| !entry.key.starts_with(prefix);
            if repeated || page.entries.iter().any(is_other) {
                let message = "the answer is another page than the one asked for";
                return Err(StoreError::new(Kind::Server, message));
            }
            Ok(page)
        })
        .await
    }

    fn listing_in_circles(&self, prefix: &str) -> Error {
        let message = "the store gave the same continuation token twice";
        Error::Request {
            verb: "ListObjectsV2",
            key: prefix.to_owned(),
            bucket: self.bucket.to_string(),
            attempts: 1,
            elapsed: std::time::Duration::ZERO,
            source: Box::new(StoreError::new(Kind::Other, message)),
        }
    }

    /// Every open multipart upload under `prefix` that the store tells of.
    pub async fn open_uploads(&self, prefix: &str) -> Result<Vec<OpenUpload>, Error> {
        let mut uploads: Vec<OpenUpload> = Vec::new();
        let mut seen = HashSet::new();
        let mut after: Option<UploadMarker> = None;
        loop {
            let list = self.request("ListMultipartUploads", prefix, |_| {
                self.store.uploads(prefix, after.as_ref())
            });
            let page = list.await?;
            uploads.extend(
                page.uploads
                    .into_iter()
                    .filter(|upload| upload.key.starts_with(prefix)),
            );
            // Some stores do not know their own marker, and begin anew.
            match page.next {
                Some(next) if seen.insert(next.clone()) => after = Some(next),
                _ => return Ok(uploads),
            }
        }
    }

    /// Aborts a multipart upload; that it is not known any more is no error.
    pub async fn abort(&self, key: &str, upload_id: &str) -> Result<(), Error> {
        let target = Target { key, upload_id };
        match self
            .request("AbortMultipartUpload", key, |_| self.store.abort(target))
            .await
        {
            Err(error) if error.kind() == Some(&Kind::NoSuchUpload) => Ok(()),
            result => result,
        }
    }

    /// Deletes one object; that there is none is no error.
    pub async fn delete(&self, key: &str) -> Result<(), Error> {
        match self
            .request("DeleteObject", key, |_| self.store.delete(key))
            .await
        {
            Err(error) if error.kind() == Some(&Kind::NoSuchKey) => Ok(()),
            result => result,
        }
    }

    /// Deletes every object under the directory `prefix`, and returns how many there were.
    ///
    /// The prefix gets a `/` at its end, so that `…/2026` never reaches into `…/20261122`.
    ///
    /// # Errors
    /// [`Error::UnsafePrefix`] for an empty prefix and one with a `..` component;
    /// [`Error::NotDeleted`] when objects are left, after all others were deleted.
    pub async fn delete_directory(&self, prefix: &str) -> Result<usize, Error> {
        let prefix = directory_prefix(prefix)?;
        let entries = self.list(&prefix).await?;
        // What a store lists is not taken on trust where it is deleted.
        let keys = entries
            .into_iter()
            .map(|entry| entry.key)
            .filter(|key| key.starts_with(&prefix));
        let keys: Vec<String> = keys.collect();
        let mut left = Vec::new();
        for batch in keys.chunks(BATCH) {
            left.extend(self.delete_keys(&prefix, batch).await?);
        }
        match left.pop() {
            None => Ok(keys.len()),
            Some((key, source)) => Err(Error::NotDeleted {
                count: left.len() + 1,
                prefix,
                bucket: self.bucket.to_string(),
                key,
                source: Box::new(source),
            }),
        }
    }

    /// Deletes one batch; what could not be deleted is tried once more, one by one.
    async fn delete_keys(
        &self,
        prefix: &str,
        keys: &[String],
    ) -> Result<Vec<(String, StoreError)>, Error> {
        let batch = self
            .request("DeleteObjects", prefix, |_| self.store.delete_batch(keys))
            .await;
        let one_by_one: Vec<String> = match batch {
            Ok(failed) => failed.into_iter().map(|(key, _)| key).collect(),
            Err(error) if has_no_batch_delete(&error) => {
                log::info!("the store has no batch delete: {}", error.chain());
                keys.to_vec()
            }
            Err(error) => return Err(error),
        };
        let mut left = Vec::new();
        for key in one_by_one {
            match self.delete(&key).await {
                Ok(()) => {}
                Err(Error::Request { source, .. }) if concerns_one_key(&source.kind) => {
                    left.push((key, *source));
                }
                // Further keys would fail the same way, each after all patience.
                Err(error) => return Err(error),
            }
        }
        Ok(left)
    }
}

/// 501, and the 400 of stores that want another digest of the request than the one it has.
fn has_no_batch_delete(error: &Error) -> bool {
    let Error::Request { source, .. } = error else {
        return false;
    };
    let unknown = matches!(source.kind, Kind::Other | Kind::Digest | Kind::NoSuchKey);
    source.kind == Kind::NotImplemented
        || (unknown && matches!(source.status, Some(400 | 404 | 405)))
}

/// Whether an object alone is the reason: it is locked, say, or a policy protects it.
fn concerns_one_key(kind: &Kind) -> bool {
    matches!(
        kind,
        Kind::Denied | Kind::Precondition | Kind::Archived | Kind::Other
    )
}

fn sha256_of_nothing() -> [u8; 32] {
    let mut hash = [0; 32];
    hash.copy_from_slice(ring::digest::digest(&ring::digest::SHA256, b"").as_ref());
    hash
}

/// Checks that `prefix` names a directory below the bucket's root, and ends it with one `/`.
fn directory_prefix(prefix: &str) -> Result<String, Error> {
    let refused = |why| Error::UnsafePrefix {
        prefix: prefix.to_owned(),
        why,
    };
    let trimmed = prefix.trim_end_matches('/');
    if trimmed.trim_start_matches('/').is_empty() {
        return Err(refused("it would reach every object of the bucket"));
    }
    if trimmed.split('/').any(|component| component == "..") {
        return Err(refused("a '..' in it would reach outside it"));
    }
    Ok(format!("{trimmed}/"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_prefix_names_one_directory() {
        let check = |prefix: &str, expected: Option<&str>| {
            assert_eq!(
                directory_prefix(prefix).ok().as_deref(),
                expected,
                "{prefix}"
            );
        };
        check("test/backups/2026", Some("test/backups/2026/"));
        check("test//", Some("test/"));
        check("", None);
        check("/", None);
        check("a/../b", None);
        check("..", None);
        check("a..b", Some("a..b/"));
    }
}
