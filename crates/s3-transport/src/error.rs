//! Why a transfer failed, told so that a person knows what to change.

use std::io;
use std::time::Duration;

use crate::store::{Kind, StoreError};

/// Why a transfer failed.
///
/// The message names verb, key and bucket; what the store or the network said is the source.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// A request failed for good.
    #[error("{verb} of '{key}' in bucket '{bucket}' failed{}", tries(*attempts, *elapsed))]
    Request {
        /// S3's name of the request.
        verb: &'static str,
        /// The object's key, or the prefix of a listing.
        key: String,
        /// The bucket.
        bucket: String,
        /// How often it was tried.
        attempts: u32,
        /// How long it was tried since bytes last moved.
        elapsed: Duration,
        /// What the last attempt ended with.
        source: Box<StoreError>,
    },
    /// The bytes to store could not be read.
    #[error("reading the data to back up failed")]
    Source(#[source] io::Error),
    /// The restored bytes could not be written.
    #[error("writing the restored data failed")]
    Sink(#[source] io::Error),
    /// The reader of the restored bytes went away (`EPIPE`).
    #[error("the reader of the restored data went away")]
    ReaderGone,
    /// The bytes are not those that were stored.
    #[error(
        "'{key}' in bucket '{bucket}' is damaged or was replaced, and must not be used: {what}"
    )]
    Damaged {
        /// The object's key.
        key: String,
        /// The bucket.
        bucket: String,
        /// What does not fit.
        what: String,
    },
    /// A wanted range ends behind the object.
    #[error("the range {start}..{end} ends behind '{key}', which has {size} bytes")]
    OutOfBounds {
        /// The object's key.
        key: String,
        /// First byte of the range.
        start: u64,
        /// The byte behind its last.
        end: u64,
        /// The object's size in bytes.
        size: u64,
    },
    /// Some objects could not be deleted.
    #[error(
        "{count} objects under '{prefix}' in bucket '{bucket}' could not be deleted, '{key}' among them"
    )]
    NotDeleted {
        /// How many are left.
        count: usize,
        /// What they have in common.
        prefix: String,
        /// The bucket.
        bucket: String,
        /// One of them.
        key: String,
        /// Why that one could not be deleted.
        source: Box<StoreError>,
    },
    /// A prefix that would reach too far.
    #[error("refusing the prefix '{prefix}': {why}")]
    UnsafePrefix {
        /// As it was given.
        prefix: String,
        /// The rule that it breaks.
        why: &'static str,
    },
    /// The second destination failed.
    #[error("at the second destination")]
    Second(#[source] Box<Error>),
    /// One destination had the object when the other one failed.
    #[error("'{key}' was in bucket '{bucket}' alone and {fate}")]
    Alone {
        /// The object's key there.
        key: String,
        /// The bucket that had it.
        bucket: String,
        /// What became of it there.
        fate: String,
        /// Why the other one does not have it.
        source: Box<Error>,
    },
    /// Objects are deleted in one destination and not in the other.
    #[error(
        "the {count} objects under '{prefix}' in bucket '{bucket}' are deleted, those of the other destination are not"
    )]
    HalfDeleted {
        /// How many there were.
        count: usize,
        /// What they had in common.
        prefix: String,
        /// The bucket that has them no longer.
        bucket: String,
        /// Why the other one still has them.
        source: Box<Error>,
    },
    /// Both destinations failed.
    #[error("neither destination can do it; the first: {first}; the second")]
    Neither {
        /// Why the first one failed.
        first: String,
        /// Why the second one failed.
        source: Box<Error>,
    },
    /// The process was told to end.
    #[error("interrupted by {signal}")]
    Interrupted {
        /// The signal's name.
        signal: &'static str,
    },
}

impl Error {
    /// What the store's answer means, where a request failed.
    pub fn kind(&self) -> Option<&Kind> {
        match self {
            Self::Request { source, .. } | Self::NotDeleted { source, .. } => Some(&source.kind),
            _ => self.inner()?.kind(),
        }
    }

    /// This error as one of the second destination; a signal is nobody's.
    #[must_use]
    pub fn at_second(self) -> Self {
        match self {
            Self::Interrupted { .. } => self,
            error => Self::Second(Box::new(error)),
        }
    }

    /// Whether it is the second destination that failed.
    pub fn is_of_second(&self) -> bool {
        matches!(self, Self::Second(_) | Self::Neither { .. })
            || self.inner().is_some_and(Self::is_of_second)
    }

    /// The error and what it came from, joined by colons: one line for a log.
    pub fn chain(&self) -> String {
        let mut text = self.to_string();
        let mut cause = std::error::Error::source(self);
        while let Some(error) = cause {
            text = format!("{text}: {error}");
            cause = error.source();
        }
        text
    }

    /// What happened at one destination, where the error is about two; else the error itself.
    pub fn root(&self) -> &Self {
        self.inner().map_or(self, Self::root)
    }

    fn inner(&self) -> Option<&Self> {
        match self {
            Self::Second(source)
            | Self::Alone { source, .. }
            | Self::HalfDeleted { source, .. }
            | Self::Neither { source, .. } => Some(source),
            _ => None,
        }
    }
}

fn tries(attempts: u32, elapsed: Duration) -> String {
    match attempts {
        0 | 1 => String::new(),
        _ => format!(" {attempts} times in {:.1} s", elapsed.as_secs_f64()),
    }
}
