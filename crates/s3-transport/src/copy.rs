//! Brings objects of the first destination to the second one, later.

use std::io::{self, Write};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

use crate::checksum::{Algorithm, Checksum, Running};
use crate::error::Error;
use crate::interrupt::Interrupt;
use crate::multipart::COMPLETION_STALLS;
use crate::pipe::pipe;
use crate::standby::alike;
use crate::store::{CopySource, Kind, Object, Store};
use crate::transport::Transport;

/// Copies from one destination to the other.
#[derive(Debug)]
pub struct Replicator<S> {
    from: Transport<S>,
    to: Transport<S>,
    /// Where both are one service under one account.
    within: Option<Within>,
}

/// Whether the store is asked to copy by itself. Some copy small objects rightly, and large ones not.
#[derive(Debug)]
struct Within {
    /// By one request.
    at_once: AtomicBool,
    /// In parts.
    in_parts: AtomicBool,
}

/// How an object was copied.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Copied {
    /// By the store; whether a checksum has proven the copy, beside its size.
    Within {
        /// Else the source has none to compare.
        verified: bool,
    },
    /// Through this process, verified on both ways as a restore and a backup are.
    Through,
}

impl<S: Store> Replicator<S> {
    /// Copies from `from` to `to`; `within` where both are one service under one account, which can
    /// copy by itself. Where it then refuses to, or tells another checksum of the copy than of its
    /// source or none, the bytes come through this process: a copy is as provable as its source.
    pub fn new(from: Transport<S>, to: Transport<S>, within: bool) -> Self {
        let within = within.then(|| Within {
            at_once: AtomicBool::new(true),
            in_parts: AtomicBool::new(true),
        });
        Self { from, to, within }
    }

    /// Whether both objects have the same content: by their sizes, and by ETag or checksum. Where the
    /// stores tell neither in common, what has no checksum is read.
    pub async fn same(&self, from_key: &str, to_key: &str) -> Result<bool, Error> {
        let there = async { self.to.head(to_key).await.map_err(Error::at_second) };
        let (from, to) = tokio::try_join!(self.from.head(from_key), there)?;
        if from.size != to.size {
            return Ok(false);
        }
        if let Some(same) = told(&from, &to) {
            return Ok(same);
        }
        log::info!("'{from_key}' and its copy are read, as the stores keep no checksum to compare");
        let algorithm = from.checksum.or(to.checksum).map(|sum| sum.algorithm);
        let algorithm = algorithm.unwrap_or(Algorithm::Crc64Nvme);
        let there = async {
            let sum = checksum(&self.to, to_key, &to, algorithm).await;
            sum.map_err(Error::at_second)
        };
        let here = checksum(&self.from, from_key, &from, algorithm);
        let (here, there) = tokio::try_join!(here, there)?;
        Ok(here == there)
    }

    /// Copies one object, in place of what the second destination may have under that key.
    ///
    /// # Errors
    /// [`Error::Second`] where the second destination failed. After an error nothing is visible there
    /// that the store has copied wrongly, unless it could not be deleted, which is logged.
    pub async fn copy(
        &self,
        from_key: &str,
        to_key: &str,
        interrupt: &Interrupt,
    ) -> Result<Copied, Error> {
        if let Some(copied) = self.copy_within(from_key, to_key, interrupt).await? {
            return Ok(copied);
        }
        self.copy_through(from_key, to_key, interrupt).await?;
        Ok(Copied::Through)
    }

    /// Has the store copy by itself; `None` where it does not, or not provably.
    async fn copy_within(
        &self,
        from_key: &str,
        to_key: &str,
        interrupt: &Interrupt,
    ) -> Result<Option<Copied>, Error> {
        let Some(within) = &self.within else {
            return Ok(None);
        };
        let object = interrupt.or(self.from.head(from_key)).await?;
        let asked = match object.size <= self.to.options.largest_copy {
            true => &within.at_once,
            false => &within.in_parts,
        };
        if !asked.load(Ordering::Relaxed) {
            return Ok(None);
        }
        let source = CopySource {
            bucket: self.from.bucket(),
            key: from_key,
            etag: object.etag.as_deref(),
        };
        let copying = self.to.copy_from(source, &object, to_key, interrupt);
        match copying.await {
            Ok(verified) => Ok(Some(Copied::Within { verified })),
            Err(error) if may_copy_through(&error) => {
                asked.store(false, Ordering::Relaxed);
                let why = match error {
                    Error::Damaged { what, .. } => {
                        self.discard(to_key, interrupt).await;
                        what
                    }
                    error => error.chain(),
                };
                log::info!("'{from_key}' is not copied by the store but through here: {why}");
                Ok(None)
            }
            Err(error) => Err(error.at_second()),
        }
    }

    /// Deletes a copy that may be one of damaged bytes, whose checksum would prove them right.
    async fn discard(&self, to_key: &str, interrupt: &Interrupt) {
        if let Err(error) = interrupt.or(self.to.delete(to_key)).await {
            log::warn!(
                "'{to_key}' must not be used, and could not be deleted at the second destination: {}",
                error.chain()
            );
        }
    }

    /// Reads the object and stores it; it ends, and so becomes visible, only when all of it is right.
    async fn copy_through(
        &self,
        from_key: &str,
        to_key: &str,
        interrupt: &Interrupt,
    ) -> Result<(), Error> {
        let (sink, source, end) = pipe();
        let mut reading = std::pin::pin!(async {
            self.from.download(from_key, sink).await?;
            end.finish();
            Ok(())
        });
        let mut storing = std::pin::pin!(self.to.upload(to_key, source, interrupt));
        let read = tokio::select! {
            biased;
            read = &mut reading => read,
            stored = &mut storing => return stored.map(drop).map_err(Error::at_second),
        };
        // After a failure the upload fails too, and tidies up.
        let stored = storing.await;
        match read {
            Ok(()) | Err(Error::ReaderGone) => stored.map(drop).map_err(Error::at_second),
            Err(error) => Err(error),
        }
    }
}

impl<S: Store> Transport<S> {
    /// Has the store copy `source`, which is `object`, to `key`: by one request, or in parts. Returns
    /// whether a checksum has proven the copy.
    ///
    /// # Errors
    /// [`Error::Damaged`] where the copy is not proven, though the source has a checksum.
    async fn copy_from(
        &self,
        source: CopySource<'_>,
        object: &Object,
        key: &str,
        interrupt: &Interrupt,
    ) -> Result<bool, Error> {
        if object.size <= self.options.largest_copy {
            interrupt.or(self.copy_at_once(source, key)).await?;
        } else {
            self.copy_in_parts(source, object, key, interrupt).await?;
        }
        let copy = interrupt.or(self.head(key)).await?;
        let verified = told(object, &copy) == Some(true);
        if copy.size != object.size || (object.checksum.is_some() && !verified) {
            let what = format!(
                "the store has made it of '{}', and tells {} of it instead of {}",
                source.key,
                description(&copy),
                description(object),
            );
            return Err(self.damaged(key, what));
        }
        Ok(verified)
    }

    async fn copy_in_parts(
        &self,
        source: CopySource<'_>,
        object: &Object,
        key: &str,
        interrupt: &Interrupt,
    ) -> Result<(), Error> {
        let mut upload = self.open(key, interrupt).await?;
        let copying = async {
            upload.copy(source, object).await?;
            upload.complete().await
        };
        let copied = interrupt.or(copying).await;
        if copied.is_err() {
            upload.abort().await;
        }
        copied.map(drop)
    }

    async fn copy_at_once(&self, source: CopySource<'_>, key: &str) -> Result<(), Error> {
        let stall = self.options.patience.stall * COMPLETION_STALLS;
        let copy = |checksum| {
            self.request_within(stall, "CopyObject", key, move |_| {
                self.store.copy(source, key, checksum)
            })
        };
        let checksum = self.checksum();
        match copy(checksum).await {
            Err(error) if checksum.is_some() && self.may_refuse(&error) => copy(None).await,
            copied => copied,
        }
    }
}

/// Whether the stores tell that two objects have the same content; `None` where they do not say.
fn told(one: &Object, other: &Object) -> Option<bool> {
    match (one.checksum, other.checksum) {
        (Some(one), Some(other)) if one.algorithm == other.algorithm => Some(one == other),
        _ => alike(one, other).then_some(true),
    }
}

/// What a store tells of an object's content, for a message.
fn description(object: &Object) -> String {
    match object.checksum {
        Some(sum) => format!(
            "{} bytes with {} {}",
            object.size,
            sum.algorithm.name(),
            sum.to_base64()
        ),
        None => format!("{} bytes and no checksum", object.size),
    }
}

/// The checksum of the object's bytes: the store's, or computed of what it gives.
async fn checksum<S: Store>(
    transport: &Transport<S>,
    key: &str,
    object: &Object,
    algorithm: Algorithm,
) -> Result<Checksum, Error> {
    if let Some(kept) = object.checksum.filter(|kept| kept.algorithm == algorithm) {
        return Ok(kept);
    }
    let running = Digest(Arc::new(Mutex::new(Running::new(algorithm))));
    transport.download(key, running.clone()).await?;
    Ok(running.lock().finish())
}

/// A sink that keeps only the checksum.
#[derive(Clone)]
struct Digest(Arc<Mutex<Running>>);

impl Digest {
    fn lock(&self) -> std::sync::MutexGuard<'_, Running> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Write for Digest {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.lock().update(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

/// Whether the store may have refused to copy, or copied otherwise than asked, and take the bytes all
/// the same.
fn may_copy_through(error: &Error) -> bool {
    let refused = matches!(
        error.kind(),
        Some(
            Kind::NotImplemented
                | Kind::Denied
                | Kind::Other
                | Kind::NoSuchBucket
                | Kind::NoSuchKey
        )
    );
    refused || matches!(error, Error::Damaged { .. })
}
