//! What the plugin's calls cost, per command.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

/// The cost of all calls of one command.
///
/// CPU time and peak memory are those that the kernel accounts to the plugin's process and the children it
/// waited for. The peak cannot be told below the bench's own size (some MB), as a new process starts as a copy.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Cost {
    /// How many calls.
    pub(crate) calls: u64,
    /// Wall time of all of them.
    pub(crate) wall: Duration,
    /// Wall time of the longest.
    pub(crate) longest: Duration,
    /// User and system time of all of them.
    pub(crate) cpu: Duration,
    /// The largest resident size of one, in bytes.
    pub(crate) peak: u64,
}

impl Cost {
    /// The cost of one call.
    pub(crate) fn of_one(wall: Duration, cpu: Duration, peak: u64) -> Self {
        Self {
            calls: 1,
            wall,
            longest: wall,
            cpu,
            peak,
        }
    }

    fn and(self, other: Self) -> Self {
        Self {
            calls: self.calls + other.calls,
            wall: self.wall + other.wall,
            longest: self.longest.max(other.longest),
            cpu: self.cpu + other.cpu,
            peak: self.peak.max(other.peak),
        }
    }
}

/// The bench's own peak of resident memory, in bytes; 0 where the system does not tell.
pub(crate) fn own_peak() -> u64 {
    let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:"));
    let kilobytes =
        line.and_then(|text| text.trim().strip_suffix("kB")?.trim().parse::<u64>().ok());
    kilobytes.unwrap_or_default() * 1024
}

/// Adds up costs from all threads.
#[derive(Debug, Default)]
pub(crate) struct Ledger {
    costs: Mutex<BTreeMap<String, Cost>>,
    uploaded: AtomicU64,
}

impl Ledger {
    /// Adds `cost` to `command`.
    pub(crate) fn add(&self, command: String, cost: Cost) {
        let mut costs = self.costs.lock().unwrap_or_else(PoisonError::into_inner);
        let sum = costs.entry(command).or_default();
        *sum = sum.and(cost);
    }

    /// The costs so far, by command.
    pub(crate) fn costs(&self) -> BTreeMap<String, Cost> {
        self.costs
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .clone()
    }

    /// Adds `bytes` that the plugin was given to store.
    pub(crate) fn add_upload(&self, bytes: u64) {
        self.uploaded.fetch_add(bytes, Ordering::Relaxed);
    }

    /// The bytes that the plugin was given to store so far.
    pub(crate) fn uploaded(&self) -> u64 {
        self.uploaded.load(Ordering::Relaxed)
    }
}
