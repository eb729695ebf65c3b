//! From where an object is read: one destination, and another one that takes over where it fails.

use tokio::sync::OnceCell;

use crate::destinations::{Destinations, Keys, neither};
use crate::error::Error;
use crate::ranges::Run;
use crate::store::{Got, Kind, Object, Store, same_etag};
use crate::transport::Transport;

/// An object in one destination.
#[derive(Debug)]
pub(crate) struct Source<S> {
    pub(crate) transport: Transport<S>,
    pub(crate) key: String,
}

impl<S> Clone for Source<S> {
    fn clone(&self) -> Self {
        Self {
            transport: self.transport.clone(),
            key: self.key.clone(),
        }
    }
}

impl<S: Store> Source<S> {
    /// Opens the object, or a run of it. Only a whole object's answer carries its checksum, and a
    /// store without checksums may refuse the header that asks for one.
    pub(crate) async fn open(&self, run: Option<Run>) -> Result<Got, Error> {
        let transport = &self.transport;
        let range = run.map(|run| (run.start, run.end));
        let open = |with_checksum| {
            transport.request("GetObject", &self.key, move |_| {
                transport.store.get(&self.key, range, None, with_checksum)
            })
        };
        let asked = run.is_none() && transport.checksum().is_some();
        match open(asked).await {
            Err(error) if asked && error.kind() == Some(&Kind::NotImplemented) => open(false).await,
            got => got,
        }
    }

    /// The same object, waited for no longer than it takes to turn to another destination.
    fn hasty(&self) -> Self {
        let patience = self.transport.options.patience.of_replaceable();
        Self {
            transport: self.transport.with_patience(patience),
            key: self.key.clone(),
        }
    }
}

/// The destinations that may have the object that a restore wants.
#[derive(Debug)]
pub(crate) struct Sources<S> {
    pub(crate) first: Source<S>,
    pub(crate) standby: Option<Source<S>>,
}

impl<S: Store> Destinations<S> {
    pub(crate) fn sources(&self, keys: &Keys) -> Sources<S> {
        let standby = self.second(keys).map(|(second, key)| Source {
            transport: second.transport.clone(),
            key: key.to_owned(),
        });
        Sources {
            first: Source {
                transport: self.first.clone(),
                key: keys.first.clone(),
            },
            standby,
        }
    }
}

impl<S: Store> Sources<S> {
    pub(crate) fn only(transport: &Transport<S>, key: &str) -> Self {
        Self {
            first: Source {
                transport: transport.clone(),
                key: key.to_owned(),
            },
            standby: None,
        }
    }

    /// Opens the object where it can be had; these are the sources from then on.
    pub(crate) async fn open(&mut self, run: Option<Run>) -> Result<Got, Error> {
        let Some(standby) = &self.standby else {
            return self.first.open(run).await;
        };
        let error = match self.first.hasty().open(run).await {
            Ok(got) => return Ok(got),
            Err(error) => error,
        };
        match standby.open(run).await {
            Ok(got) => {
                log::warn!(
                    "'{}' is restored from the second destination, as the first cannot deliver it: {}",
                    standby.key,
                    error.chain()
                );
                self.first = standby.clone();
                self.standby = None;
                Ok(got)
            }
            // The second one may lack what only an outage keeps the first one from.
            Err(second) if error.kind().is_some_and(Kind::is_transient) => {
                log::warn!("the second destination cannot deliver: {}", second.chain());
                self.first.open(run).await.map_err(|e| neither(e, second))
            }
            Err(second) => Err(neither(error, second)),
        }
    }

    /// What the first source, or else the second, says of the object.
    pub(crate) async fn head(&self) -> Result<Object, Error> {
        let Some(standby) = &self.standby else {
            return self.first.transport.head(&self.first.key).await;
        };
        match self.first.hasty().transport.head(&self.first.key).await {
            Ok(object) => Ok(object),
            Err(error) => {
                let object = standby.transport.head(&standby.key).await;
                object.map_err(|second| neither(error, second))
            }
        }
    }

    /// The object that was opened, with its checksum, which no answer with a range has: by it the
    /// second destination's object is known to be the same, should it have to take over.
    pub(crate) async fn described(&self, opened: Object) -> Object {
        match self.first.hasty().transport.head(&self.first.key).await {
            Ok(object) if alike(&object, &opened) => object,
            // The range that is open may come all the same.
            _ => opened,
        }
    }

    /// Binds the sources to the object that was opened at the first one.
    pub(crate) fn bind(self, object: Object, covered: bool) -> Bound<S> {
        Bound {
            object,
            covered,
            sources: self,
            asked: OnceCell::new(),
        }
    }
}

/// The sources of one object, all of whose bytes must be of the same content.
#[derive(Debug)]
pub(crate) struct Bound<S> {
    object: Object,
    /// Whether the checksum of all bytes is compared in the end, wherever they came from.
    covered: bool,
    sources: Sources<S>,
    /// The object at the second destination, where it can take over; asked for once.
    asked: OnceCell<Option<Object>>,
}

/// From where a run is read at the moment.
#[derive(Debug)]
pub(crate) struct Reading<S> {
    pub(crate) source: Source<S>,
    /// The version that is read.
    pub(crate) object: Object,
    turn: Turn,
}

/// What is done when a source fails.
#[derive(Debug)]
enum Turn {
    /// The second destination is asked.
    AskSecond,
    /// The restore fails.
    Last,
    /// The restore fails, of the first destination's failure too.
    Second { first: String },
}

impl<S: Store> Bound<S> {
    /// From where the next run is read.
    pub(crate) fn reading(&self) -> Reading<S> {
        if let (Some(standby), Some(Some(object))) = (&self.sources.standby, self.asked.get()) {
            let first = "it failed before".to_owned();
            return Reading {
                source: standby.clone(),
                object: object.clone(),
                turn: Turn::Second { first },
            };
        }
        let (source, turn) = match (&self.sources.standby, self.asked.initialized()) {
            (Some(_), false) => (self.sources.first.hasty(), Turn::AskSecond),
            _ => (self.sources.first.clone(), Turn::Last),
        };
        Reading {
            source,
            object: self.object.clone(),
            turn,
        }
    }

    /// From where a run is read on, after `failed` has failed at byte `at`.
    pub(crate) async fn instead_of(
        &self,
        failed: &Reading<S>,
        at: u64,
        error: Error,
    ) -> Result<Reading<S>, Error> {
        let standby = match (&failed.turn, &self.sources.standby) {
            (Turn::AskSecond, Some(standby)) => standby,
            (Turn::Second { first }, _) => {
                return Err(Error::Neither {
                    first: first.clone(),
                    source: Box::new(error),
                });
            }
            _ => return Err(error),
        };
        let why = error.chain();
        match self.asked.get_or_init(|| self.ask(standby)).await {
            Some(object) => {
                log::warn!(
                    "'{}' is restored from the second destination from byte {at} on, as the first \
                     cannot deliver it: {why}",
                    standby.key
                );
                Ok(Reading {
                    source: standby.clone(),
                    object: object.clone(),
                    turn: Turn::Second { first: why },
                })
            }
            None if error.kind().is_some_and(Kind::is_transient) => Ok(Reading {
                source: self.sources.first.clone(),
                object: self.object.clone(),
                turn: Turn::Last,
            }),
            None => Err(error),
        }
    }

    /// The object at the second destination, where it is the one that was begun.
    async fn ask(&self, standby: &Source<S>) -> Option<Object> {
        let why = match standby.hasty().transport.head(&standby.key).await {
            Err(error) => error.chain(),
            Ok(object) => match difference(&self.object, &object, self.covered) {
                None => return Some(object),
                Some(difference) => {
                    format!("'{}' is another object there: {difference}", standby.key)
                }
            },
        };
        log::warn!("the second destination cannot take over: {why}");
        None
    }
}

/// What tells two objects apart, or leaves it open whether they are the same.
fn difference(first: &Object, second: &Object, covered: bool) -> Option<String> {
    if first.size != second.size {
        return Some(format!("{} bytes instead of {}", second.size, first.size));
    }
    match (first.checksum, second.checksum) {
        (Some(first), Some(second)) if first.algorithm == second.algorithm => (first != second)
            .then(|| format!("{} instead of {}", second.to_base64(), first.to_base64())),
        _ if covered || alike(first, second) => None,
        _ => Some("no checksum and no ETag tells that it is the same".to_owned()),
    }
}

/// Whether the ETags tell that the content is the same.
pub(crate) fn alike(first: &Object, second: &Object) -> bool {
    match (&first.etag, &second.etag) {
        (Some(first), Some(second)) => same_etag(first, second),
        _ => false,
    }
}
