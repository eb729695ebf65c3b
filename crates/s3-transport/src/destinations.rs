//! Where backups are kept: one destination, or two of which each object is to be in both.

use crate::error::Error;
use crate::store::{Entry, Store};
use crate::transport::Transport;

/// One destination or two. Cloning shares what was learned of the stores.
#[derive(Debug)]
pub struct Destinations<S> {
    /// The one that is always written to, and read from as long as it delivers.
    pub first: Transport<S>,
    /// The other one.
    pub second: Option<Second<S>>,
}

/// The second destination.
#[derive(Debug)]
pub struct Second<S> {
    /// The way to it.
    pub transport: Transport<S>,
    /// Whether a backup fails without it; else what it does not take is logged.
    pub required: bool,
}

/// The keys of one object, or the prefixes of one directory.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Keys {
    /// At the first destination.
    pub first: String,
    /// At the second one; `None` where there is none.
    pub second: Option<String>,
}

impl<S> Clone for Destinations<S> {
    fn clone(&self) -> Self {
        Self {
            first: self.first.clone(),
            second: self.second.as_ref().map(|second| Second {
                transport: second.transport.clone(),
                required: second.required,
            }),
        }
    }
}

impl Keys {
    /// The keys of what is called `name` below these.
    pub fn join(&self, name: &str) -> Self {
        Self {
            first: format!("{}{name}", self.first),
            second: self.second.as_ref().map(|key| format!("{key}{name}")),
        }
    }
}

impl<S: Store> Destinations<S> {
    /// Each destination through `change`: with another patience, say.
    pub fn map(&self, change: impl Fn(&Transport<S>) -> Transport<S>) -> Self {
        Self {
            first: change(&self.first),
            second: self.second.as_ref().map(|second| Second {
                transport: change(&second.transport),
                required: second.required,
            }),
        }
    }

    /// The second destination and the key there, where there are two.
    pub(crate) fn second<'a>(&'a self, keys: &'a Keys) -> Option<(&'a Second<S>, &'a str)> {
        self.second.as_ref().zip(keys.second.as_deref())
    }

    /// Every object below a directory: the names that follow its key, and the sizes, in their order.
    ///
    /// Where the first destination cannot tell, the second one does.
    pub async fn list(&self, directory: &Keys) -> Result<Vec<Entry>, Error> {
        let Some((second, key)) = self.second(directory) else {
            let entries = self.first.list(&directory.first).await?;
            return Ok(below(&directory.first, entries));
        };
        let patience = self.first.options.patience.of_replaceable();
        let hasty = self.first.with_patience(patience);
        let error = match hasty.list(&directory.first).await {
            Ok(entries) => return Ok(below(&directory.first, entries)),
            Err(error) => error,
        };
        match second.transport.list(key).await {
            Ok(entries) => {
                log::warn!(
                    "'{key}' is listed at the second destination, as the first cannot: {}",
                    error.chain()
                );
                Ok(below(key, entries))
            }
            Err(source) => Err(neither(error, source)),
        }
    }

    /// Deletes every object below a directory in each destination, and returns how many there were.
    ///
    /// # Errors
    /// [`Error::HalfDeleted`] where one destination failed, after the other one has deleted all.
    pub async fn delete_directory(&self, directory: &Keys) -> Result<usize, Error> {
        let first = self.first.delete_directory(&directory.first);
        let Some((second, key)) = self.second(directory) else {
            return first.await;
        };
        let deleted = tokio::join!(first, second.transport.delete_directory(key));
        let half = |count, prefix: &str, bucket: &str, source| Error::HalfDeleted {
            count,
            prefix: prefix.to_owned(),
            bucket: bucket.to_owned(),
            source: Box::new(source),
        };
        match deleted {
            (Ok(here), Ok(there)) => Ok(here + there),
            (Ok(count), Err(error)) => {
                let bucket = self.first.bucket();
                Err(half(count, &directory.first, bucket, error.at_second()))
            }
            (Err(error), Ok(count)) => Err(half(count, key, second.transport.bucket(), error)),
            (Err(first), Err(source)) => Err(neither(first, source)),
        }
    }
}

/// The error of two destinations that failed both.
pub(crate) fn neither(first: Error, second: Error) -> Error {
    Error::Neither {
        first: first.chain(),
        source: Box::new(second),
    }
}

/// The entries by what follows `prefix` in their keys.
fn below(prefix: &str, entries: Vec<Entry>) -> Vec<Entry> {
    let named = entries.into_iter().filter_map(|entry| {
        let key = entry.key.strip_prefix(prefix)?.to_owned();
        Some(Entry { key, ..entry })
    });
    named.collect()
}
