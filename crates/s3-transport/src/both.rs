//! Stores a stream in two destinations at once.
//!
//! It is read, buffered and hashed once. Each part goes to both and is freed when both have it, so
//! that the slower destination sets the pace and the memory is that of one upload. Nothing becomes
//! visible before both have every byte.

use std::io::{self, Read};

use tokio::sync::mpsc;

use crate::destinations::{Destinations, Keys, Second};
use crate::error::Error;
use crate::intake::{self, Parts, StreamPart};
use crate::interrupt::Interrupt;
use crate::multipart::{ABORT, Multipart};
use crate::payload::Payload;
use crate::store::Store;
use crate::transport::Transport;
use crate::upload::{Stored, first};

impl<S: Store> Destinations<S> {
    /// Stores all of `source` under its key in each destination, as
    /// [`Transport::upload`] does in one.
    ///
    /// Where the second one is required it gets the object first, so that whatever is visible at the
    /// first destination is at the second one too.
    ///
    /// # Errors
    /// [`Error::Second`] where the second destination is required and failed: the first has no
    /// object then. [`Error::Alone`] where one destination had the object when the other failed: it
    /// is deleted there, best effort, also where it has replaced an older one of that key.
    pub async fn upload(
        &self,
        keys: &Keys,
        source: impl Read + Send + 'static,
        interrupt: &Interrupt,
    ) -> Result<Stored, Error> {
        let Some((second, second_key)) = self.second(keys) else {
            return self.first.upload(&keys.first, source, interrupt).await;
        };
        let hashing = self.first.hashing().and(second.transport.hashing());
        let mut parts =
            intake::start(source, self.first.options.parts, hashing).map_err(Error::Source)?;
        let prepare = async {
            tokio::join!(self.first.store.prepare(), second.transport.store.prepare());
        };
        let start = interrupt.or(first(&mut parts, prepare)).await?;
        let mut sides = Sides::open(
            (&self.first, &keys.first),
            (second, second_key),
            &start,
            interrupt,
        )
        .await?;
        match interrupt.or(sides.store(start, parts)).await {
            Ok(stored) => Ok(stored),
            Err(error) => Err(sides.withdraw(error).await),
        }
    }
}

/// An object on its way to both destinations.
struct Sides<S> {
    first: Side<S>,
    /// Gone where it failed and is not required.
    second: Option<Side<S>>,
    required: bool,
}

impl<S: Store> Sides<S> {
    async fn open(
        (first, first_key): (&Transport<S>, &str),
        (second, second_key): (&Second<S>, &str),
        start: &StreamPart,
        interrupt: &Interrupt,
    ) -> Result<Self, Error> {
        let patience = second.transport.options.patience;
        let transport = match second.required {
            true => second.transport.clone(),
            false => second.transport.with_patience(patience.of_replaceable()),
        };
        let opened = tokio::join!(
            Side::open(first.clone(), first_key, start, interrupt),
            Side::open(transport, second_key, start, interrupt),
        );
        let required = second.required;
        match opened {
            (Ok(first), Ok(second)) => Ok(Self {
                first,
                second: Some(second),
                required,
            }),
            (Ok(first), Err(error)) if !required && !is_interrupt(&error) => {
                lost(second_key, &error);
                Ok(Self {
                    first,
                    second: None,
                    required,
                })
            }
            (Ok(mut first), Err(error)) => {
                first.withdraw().await;
                Err(error.at_second())
            }
            (Err(error), second) => {
                if let Ok(mut second) = second {
                    second.withdraw().await;
                }
                Err(error)
            }
        }
    }

    /// Sends the stream to both, and then makes it visible in both.
    async fn store(&mut self, start: StreamPart, parts: Parts) -> Result<Stored, Error> {
        if !start.last {
            self.send(start, parts).await?;
        }
        if self.required {
            self.publish_second().await?;
            return self.first.publish().await;
        }
        let stored = self.first.publish().await?;
        self.publish_second().await?;
        Ok(stored)
    }

    async fn send(&mut self, start: StreamPart, parts: Parts) -> Result<(), Error> {
        let (to_first, first_parts) = mpsc::channel(1);
        let (to_second, second_parts) = mpsc::channel(1);
        let required = self.required;
        let passing_on = async {
            pass_on(parts, &to_first, &to_second).await;
            Ok(())
        };
        let first = self.first.send(start.clone(), first_parts);
        let second = async {
            let Some(side) = &mut self.second else {
                drop(second_parts);
                return Ok(true);
            };
            match side.send(start, second_parts).await {
                Ok(()) => Ok(true),
                // The stream itself cannot be read: neither destination is to blame.
                Err(error @ Error::Source(_)) => Err(error),
                Err(error) if required => Err(error.at_second()),
                Err(error) => {
                    lost(&side.key, &error);
                    side.withdraw().await;
                    Ok(false)
                }
            }
        };
        let ((), (), kept) = tokio::try_join!(passing_on, first, second)?;
        if !kept {
            self.second = None;
        }
        Ok(())
    }

    async fn publish_second(&mut self) -> Result<(), Error> {
        let Some(side) = &mut self.second else {
            return Ok(());
        };
        match side.publish().await {
            Ok(_) => Ok(()),
            Err(error) if self.required => Err(error.at_second()),
            Err(error) => {
                lost(&side.key, &error);
                side.withdraw().await;
                Ok(())
            }
        }
    }

    /// Leaves the object in neither destination, and adds to `error` what became of it where it was.
    async fn withdraw(&mut self, error: Error) -> Error {
        if !self.required && self.first.visible {
            // Only a signal comes this late: the first destination has what it is to have.
            if let Some(second) = &mut self.second {
                second.withdraw().await;
            }
            return error;
        }
        let second = async {
            match &mut self.second {
                Some(side) => side.withdraw().await,
                None => None,
            }
        };
        let (first, second) = tokio::join!(self.first.withdraw(), second);
        match first.or(second) {
            None => error,
            Some(Withdrawn { key, bucket, fate }) => Error::Alone {
                key,
                bucket,
                fate,
                source: Box::new(error),
            },
        }
    }
}

/// Gives every part to both destinations; to one alone where the other one takes no more.
async fn pass_on(
    mut parts: Parts,
    first: &mpsc::Sender<io::Result<StreamPart>>,
    second: &mpsc::Sender<io::Result<StreamPart>>,
) {
    while let Some(part) = parts.recv().await {
        let copy = match &part {
            Ok(part) => Ok(part.clone()),
            Err(error) => Err(io::Error::new(error.kind(), error.to_string())),
        };
        if let (Err(_), Err(_)) = tokio::join!(first.send(part), second.send(copy)) {
            return;
        }
    }
}

/// An object on its way to one destination.
struct Side<S> {
    transport: Transport<S>,
    key: String,
    content: Content<S>,
    /// Whether the store has said that it has the object.
    visible: bool,
}

enum Content<S> {
    /// Sent by the request that makes it visible.
    Whole(Payload),
    Parts(Multipart<S>),
}

/// What became of an object that was visible.
struct Withdrawn {
    key: String,
    bucket: String,
    fate: String,
}

impl<S: Store> Side<S> {
    async fn open(
        transport: Transport<S>,
        key: &str,
        start: &StreamPart,
        interrupt: &Interrupt,
    ) -> Result<Self, Error> {
        let content = match start.last {
            true => Content::Whole(start.payload.clone()),
            false => Content::Parts(transport.open(key, interrupt).await?),
        };
        Ok(Self {
            transport,
            key: key.to_owned(),
            content,
            visible: false,
        })
    }

    async fn send(&mut self, start: StreamPart, parts: Parts) -> Result<(), Error> {
        match &mut self.content {
            Content::Whole(_) => Ok(()),
            Content::Parts(upload) => upload.send(start, parts).await,
        }
    }

    async fn publish(&mut self) -> Result<Stored, Error> {
        let stored = match &self.content {
            Content::Whole(payload) => self.transport.put(&self.key, payload.clone()).await?,
            Content::Parts(upload) => upload.complete().await?,
        };
        self.visible = true;
        Ok(stored)
    }

    /// Takes back what the store has of the object, within a few seconds.
    async fn withdraw(&mut self) -> Option<Withdrawn> {
        if !self.visible {
            if let Content::Parts(upload) = &mut self.content {
                upload.abort().await;
            }
            return None;
        }
        let deleting = self.transport.delete(&self.key);
        let fate = match tokio::time::timeout(ABORT, deleting).await {
            Ok(Ok(())) => "was deleted there again".to_owned(),
            Ok(Err(error)) => format!("could not be deleted there ({})", error.chain()),
            Err(_) => format!(
                "could not be deleted there (no answer within {} s)",
                ABORT.as_secs()
            ),
        };
        Some(Withdrawn {
            key: self.key.clone(),
            bucket: self.transport.bucket().to_owned(),
            fate,
        })
    }
}

fn is_interrupt(error: &Error) -> bool {
    matches!(error, Error::Interrupted { .. })
}

fn lost(key: &str, error: &Error) {
    log::warn!(
        "'{key}' is not at the second destination, replicate_backup brings it there: {}",
        error.chain()
    );
}
