//! A correct S3 store in memory, behind a script of faults.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Mutex, MutexGuard};

use http_body::Body as _;
use md5::{Digest, Md5};
use s3_transport::{
    Algorithm, Checksum, CopySource, Created, Entry, Got, Kind, Object, OpenUpload, Page, Part,
    Payload, Progress, Store, StoreError, Target, UploadMarker, UploadsPage,
};

use crate::fault::{Fault, answer, body, error};
use crate::state::{Given, State, Stored, crc, hex};

/// The store.
#[derive(Debug)]
pub(crate) struct Memory {
    state: Mutex<State>,
    /// Whether objects have checksums, and requests with them are taken.
    checksums: bool,
    parts_under_way: AtomicUsize,
}

/// A request that is neither answered nor given up.
struct UnderWay<'a>(&'a AtomicUsize);

impl<'a> UnderWay<'a> {
    fn begin(count: &'a AtomicUsize) -> Self {
        count.fetch_add(1, Ordering::Relaxed);
        Self(count)
    }
}

impl Drop for UnderWay<'_> {
    fn drop(&mut self) {
        self.0.fetch_sub(1, Ordering::Relaxed);
    }
}

impl Memory {
    pub(crate) fn new(script: impl IntoIterator<Item = Fault>, checksums: bool) -> Self {
        let state = State {
            script: script.into_iter().collect(),
            ..State::default()
        };
        Self {
            state: Mutex::new(state),
            checksums,
            parts_under_way: AtomicUsize::new(0),
        }
    }

    /// What happens to the next requests.
    pub(crate) fn play(&self, script: impl IntoIterator<Item = Fault>) {
        self.lock().script = script.into_iter().collect();
    }

    pub(crate) fn insert(&self, key: &str, bytes: &[u8]) {
        let stored = Stored::new(bytes.to_vec());
        self.lock().objects.insert(key.to_owned(), stored);
    }

    pub(crate) fn open(&self, uploads: usize) {
        let ids = (0..uploads).map(|number| (format!("stale-{number}"), BTreeMap::new()));
        self.lock().uploads.extend(ids);
    }

    pub(crate) fn bytes(&self, key: &str) -> Option<Vec<u8>> {
        self.lock()
            .objects
            .get(key)
            .map(|stored| stored.bytes.clone())
    }

    pub(crate) fn open_uploads(&self) -> usize {
        self.lock().uploads.len()
    }

    /// How many requests to abort an upload were refused.
    pub(crate) fn aborts_refused(&self) -> u64 {
        self.lock().aborts_refused
    }

    pub(crate) fn keys(&self) -> Vec<String> {
        self.lock().objects.keys().cloned().collect()
    }

    pub(crate) fn requests(&self) -> u64 {
        self.lock().requests
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap()
    }

    /// The fault of this request; `Err` where it is refused.
    fn next(&self) -> Result<Fault, StoreError> {
        let mut state = self.lock();
        state.requests += 1;
        match state.script.pop_front() {
            Some(Fault::Refuse(kind)) => Err(error(kind)),
            fault => Ok(fault.unwrap_or(Fault::None)),
        }
    }

    /// Reads a payload as the network would, and checks what came with it.
    async fn receive(&self, payload: &Payload, progress: &Progress) -> Result<Vec<u8>, StoreError> {
        let mut body = Box::pin(payload.body(progress.clone()));
        let mut bytes = Vec::new();
        while let Some(frame) = std::future::poll_fn(|cx| body.as_mut().poll_frame(cx)).await {
            bytes.extend_from_slice(&frame.unwrap().into_data().unwrap());
            // Several requests are under way at a time.
            tokio::task::yield_now().await;
        }
        assert_eq!(bytes.len() as u64, payload.length());
        match payload.checksum {
            Some(_) if !self.checksums => Err(error(Kind::NotImplemented)),
            Some(sent) if sent != crc(&bytes) => Err(error(Kind::Digest)),
            _ => Ok(bytes),
        }
    }
}

impl Store for Memory {
    async fn put(
        &self,
        key: &str,
        payload: &Payload,
        if_absent: bool,
        progress: &Progress,
    ) -> Result<(), StoreError> {
        let fault = self.next()?;
        let bytes = self.receive(payload, progress).await?;
        let mut state = self.lock();
        if if_absent && state.objects.contains_key(key) {
            return Err(error(Kind::Precondition));
        }
        state.objects.insert(key.to_owned(), Stored::new(bytes));
        answer(&fault, ())
    }

    async fn create(&self, _: &str, checksum: Option<Algorithm>) -> Result<Created, StoreError> {
        let fault = self.next()?;
        if checksum.is_some() && !self.checksums {
            return Err(error(Kind::NotImplemented));
        }
        if fault == Fault::LoseAnswer {
            // An upload whose id nobody learns: no client can abort it.
            return Err(error(Kind::Connection));
        }
        let mut state = self.lock();
        state.uploads_begun += 1;
        let upload_id = format!("upload-{}", state.uploads_begun);
        state.uploads.insert(upload_id.clone(), BTreeMap::new());
        Ok(Created {
            upload_id,
            echoes_checksum: checksum.is_some(),
        })
    }

    async fn part(
        &self,
        target: Target<'_>,
        number: u32,
        payload: &Payload,
        progress: &Progress,
    ) -> Result<Part, StoreError> {
        let _under_way = UnderWay::begin(&self.parts_under_way);
        let fault = self.next()?;
        let bytes = self.receive(payload, progress).await?;
        let mut state = self.lock();
        let etag = hex(&Md5::digest(&bytes));
        let upload = state.uploads.get_mut(target.upload_id);
        upload
            .ok_or(error(Kind::NoSuchUpload))?
            .insert(number, Given::new(bytes));
        let part = Part {
            number,
            etag: format!("\"{etag}\""),
            checksum: payload.checksum,
            echoes_checksum: payload.checksum.is_some(),
        };
        answer(&fault, part)
    }

    async fn complete(
        &self,
        target: Target<'_>,
        parts: &[Part],
        whole: Option<Checksum>,
    ) -> Result<Option<String>, StoreError> {
        let fault = self.next()?;
        let mut state = self.lock();
        let given = state
            .uploads
            .get(target.upload_id)
            .ok_or(error(Kind::NoSuchUpload))?;
        let numbers: Vec<u32> = parts.iter().map(|part| part.number).collect();
        assert_eq!(numbers, given.keys().copied().collect::<Vec<_>>());
        let stored = Stored::assembled(given).ok_or(error(Kind::Other))?;
        if whole.is_some_and(|whole| whole != stored.checksum) {
            return Err(error(Kind::Digest));
        }
        state.uploads.remove(target.upload_id);
        let etag = stored.object(false).etag;
        state.objects.insert(target.key.to_owned(), stored);
        answer(&fault, etag)
    }

    async fn abort(&self, target: Target<'_>) -> Result<(), StoreError> {
        // A part that arrives after the abort would be kept and paid for.
        assert_eq!(self.parts_under_way.load(Ordering::Relaxed), 0);
        let fault = self
            .next()
            .inspect_err(|_| self.lock().aborts_refused += 1)?;
        let removed = self.lock().uploads.remove(target.upload_id);
        answer(&fault, removed.ok_or(error(Kind::NoSuchUpload))?).map(drop)
    }

    async fn get(
        &self,
        key: &str,
        range: Option<(u64, u64)>,
        etag: Option<&str>,
        with_checksum: bool,
    ) -> Result<Got, StoreError> {
        let fault = self.next()?;
        if with_checksum && !self.checksums {
            return Err(error(Kind::NotImplemented));
        }
        let state = self.lock();
        let stored = state.objects.get(key).ok_or(error(Kind::NoSuchKey))?;
        let object = stored.object(with_checksum);
        if etag.is_some() && etag != object.etag.as_deref() {
            return Err(error(Kind::Precondition));
        }
        let (start, end) = range.unwrap_or((0, object.size));
        let end = end.min(object.size);
        if range.is_some() && start >= end {
            return Err(error(Kind::Range));
        }
        if fault == Fault::LoseAnswer || fault == Fault::OtherRange {
            // What the store behind the SDK makes of an answer with another Content-Range.
            return Err(error(Kind::Server));
        }
        let bytes = stored.bytes[start as usize..end as usize].to_vec();
        Ok(Got {
            object,
            range: (start, end),
            body: body(bytes, &fault),
        })
    }

    async fn head(&self, key: &str, with_checksum: bool) -> Result<Object, StoreError> {
        let fault = self.next()?;
        if with_checksum && !self.checksums {
            return Err(error(Kind::NotImplemented));
        }
        let state = self.lock();
        let stored = state.objects.get(key).ok_or(error(Kind::NoSuchKey))?;
        answer(&fault, stored.object(self.checksums))
    }

    async fn list(
        &self,
        prefix: &str,
        continuation: Option<&str>,
        limit: u16,
    ) -> Result<Page, StoreError> {
        let fault = self.next()?;
        let state = self.lock();
        let after = |key: &str| continuation.is_none_or(|last| key > last);
        let mut keys = state
            .objects
            .iter()
            .filter(|(key, _)| key.starts_with(prefix) && after(key));
        // Short pages, as stores may give them.
        let limit = limit.min(7).into();
        let entries: Vec<Entry> = keys
            .by_ref()
            .take(limit)
            .map(|(key, stored)| Entry {
                key: key.clone(),
                size: stored.bytes.len() as u64,
                etag: Some(stored.etag.clone()),
            })
            .collect();
        let more = keys.next().is_some();
        let continuation = entries
            .last()
            .filter(|_| more)
            .map(|entry| entry.key.clone());
        answer(
            &fault,
            Page {
                entries,
                continuation,
            },
        )
    }

    async fn uploads(
        &self,
        _: &str,
        after: Option<&UploadMarker>,
    ) -> Result<UploadsPage, StoreError> {
        let fault = self.next()?;
        let state = self.lock();
        let after = after.map(|marker| &marker.upload_id);
        let mut ids = state
            .uploads
            .keys()
            .filter(|id| after.is_none_or(|after| *id > after));
        let uploads: Vec<OpenUpload> = ids
            .by_ref()
            .take(2)
            .map(|id| OpenUpload {
                key: "key".into(),
                upload_id: id.clone(),
                initiated: None,
            })
            .collect();
        let more = ids.next().is_some();
        let last = uploads.last().filter(|_| more);
        let marker = |last: &OpenUpload| UploadMarker {
            key: last.key.clone(),
            upload_id: last.upload_id.clone(),
        };
        let next = last.map(marker);
        answer(&fault, UploadsPage { uploads, next })
    }

    async fn delete_batch(&self, keys: &[String]) -> Result<Vec<(String, StoreError)>, StoreError> {
        let fault = self.next()?;
        assert!(keys.len() <= 1000);
        let mut state = self.lock();
        for key in keys {
            state.objects.remove(key);
        }
        answer(&fault, Vec::new())
    }

    async fn copy(
        &self,
        source: CopySource<'_>,
        key: &str,
        checksum: Option<Algorithm>,
    ) -> Result<(), StoreError> {
        let fault = self.next()?;
        if checksum.is_some() && !self.checksums {
            return Err(error(Kind::NotImplemented));
        }
        let mut state = self.lock();
        let stored = Stored::new(state.source(source)?);
        state.objects.insert(key.to_owned(), stored);
        answer(&fault, ())
    }

    async fn copy_part(
        &self,
        target: Target<'_>,
        number: u32,
        source: CopySource<'_>,
        (start, end): (u64, u64),
    ) -> Result<Part, StoreError> {
        let fault = self.next()?;
        let mut state = self.lock();
        let all = state.source(source)?;
        let mut given = Given::new(all[start as usize..end as usize].to_vec());
        if fault == Fault::ChecksumOfSource {
            given.checksum.value = crc(&all).value;
        }
        let part = Part {
            number,
            etag: hex(&Md5::digest(&given.bytes)),
            checksum: self.checksums.then_some(given.checksum),
            echoes_checksum: self.checksums,
        };
        let upload = state.uploads.get_mut(target.upload_id);
        upload
            .ok_or(error(Kind::NoSuchUpload))?
            .insert(number, given);
        answer(&fault, part)
    }

    async fn delete(&self, key: &str) -> Result<(), StoreError> {
        let fault = self.next()?;
        let removed = self.lock().objects.remove(key);
        answer(&fault, removed.ok_or(error(Kind::NoSuchKey))?).map(drop)
    }
}
