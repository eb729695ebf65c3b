//! What the server saw.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use super::call::{Call, Kind};
use super::fault::Fault;

/// Counts since the server's start or the last reset of the counters.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Counters {
    /// Connections accepted.
    pub connections: u64,
    /// Requests whose header arrived, by kind.
    pub requests: BTreeMap<Kind, u64>,
    /// Answers that were given, whether they arrived or not, by status.
    pub answers: BTreeMap<u16, u64>,
    /// Requests that a fault met.
    pub faults: u64,
    /// The most requests that were under way at one time.
    pub most_at_once: u64,
    /// Bytes of the bodies of requests that arrived whole.
    pub bytes_in: u64,
    /// Bytes of the bodies of answers, as handed to the connection.
    pub bytes_out: u64,
}

impl Counters {
    /// How many requests of one kind.
    #[must_use]
    pub fn of(&self, kind: Kind) -> u64 {
        self.requests.get(&kind).copied().unwrap_or_default()
    }

    /// How many requests of all kinds.
    #[must_use]
    pub fn total(&self) -> u64 {
        self.requests.values().sum()
    }
}

/// One request, in the order in which the headers arrived.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Seen {
    /// Its kind.
    pub kind: Kind,
    /// The object's key; of a request about a bucket, empty.
    pub key: String,
    /// The Range header.
    pub range: Option<String>,
    /// The part number.
    pub part: Option<u32>,
    /// The id of the multipart upload that the request names.
    pub upload: Option<String>,
    /// The status that it was answered with; `None` where it was not.
    pub status: Option<u16>,
    /// The fault that met it.
    pub fault: Option<Fault>,
}

impl Seen {
    pub(crate) fn new(call: &Call, fault: Option<&Fault>) -> Self {
        Self {
            kind: call.kind,
            key: call.key.clone(),
            range: call.header("range").map(str::to_owned),
            part: call.number("partNumber").ok().flatten(),
            upload: call.parameter("uploadId").map(str::to_owned),
            status: None,
            fault: fault.cloned(),
        }
    }
}

/// Everything that is noted down while the server runs.
#[derive(Default)]
pub(crate) struct Notes {
    pub(crate) counters: Counters,
    pub(crate) seen: Vec<Seen>,
    pub(crate) at_once: u64,
}

impl Notes {
    /// Notes a request whose header has arrived, and gives its number.
    pub(crate) fn arrived(&mut self, call: &Call, fault: Option<&Fault>) -> usize {
        *self.counters.requests.entry(call.kind).or_default() += 1;
        self.counters.faults += u64::from(fault.is_some());
        self.at_once += 1;
        self.counters.most_at_once = self.counters.most_at_once.max(self.at_once);
        self.seen.push(Seen::new(call, fault));
        self.seen.len() - 1
    }

    /// Notes an answer. The request may have been forgotten by a reset in between.
    pub(crate) fn answered(&mut self, number: usize, status: u16) {
        *self.counters.answers.entry(status).or_default() += 1;
        if let Some(seen) = self.seen.get_mut(number) {
            seen.status = Some(status);
        }
    }
}
