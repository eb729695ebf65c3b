//! What was said between the bench and the plugin during a case.

use std::sync::{Mutex, PoisonError};

use crate::config::redact;
use crate::finished::Finished;
use crate::payload;

/// How much of stderr a transcript keeps: a plugin in a loop shall not fill the report.
const STDERR_SHOWN: usize = 2000;

/// One call, as reports show it.
#[derive(Clone, Debug, serde::Serialize)]
pub struct Exchange {
    /// The plugin and its arguments.
    pub argv: Vec<String>,
    /// Bytes given on stdin.
    pub stdin_bytes: u64,
    /// How it ended, such as `exit 1`.
    pub ended: String,
    /// Wall time in seconds.
    pub seconds: f64,
    /// Bytes that came on stdout.
    pub stdout_bytes: usize,
    /// The first of them, escaped.
    pub stdout_head: String,
    /// All of stderr up to 2,000 bytes.
    pub stderr: String,
}

/// Collects the calls of one case, from all its threads.
#[derive(Debug, Default)]
pub(crate) struct Transcript(Mutex<Vec<Exchange>>);

impl Transcript {
    /// Adds a call that has ended.
    pub(crate) fn add(&self, finished: &Finished) {
        let shown = finished.stderr.len().min(STDERR_SHOWN);
        let exchange = Exchange {
            argv: finished
                .argv
                .iter()
                .map(|arg| arg.to_string_lossy().into_owned())
                .collect(),
            stdin_bytes: finished.stdin_len,
            ended: finished.ended.to_string(),
            seconds: finished.wall.as_secs_f64(),
            stdout_bytes: finished.stdout.len(),
            stdout_head: match finished.stdout.as_slice() {
                [] => String::new(),
                bytes => payload::excerpt(bytes),
            },
            stderr: String::from_utf8_lossy(&finished.stderr[..shown]).into_owned(),
        };
        self.0
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .push(exchange);
    }

    /// The calls, in the order in which they ended, without `secrets`.
    pub(crate) fn take(&self, secrets: &[String]) -> Vec<Exchange> {
        let mut calls = std::mem::take(&mut *self.0.lock().unwrap_or_else(PoisonError::into_inner));
        for call in &mut calls {
            for text in call
                .argv
                .iter_mut()
                .chain([&mut call.stderr, &mut call.stdout_head])
            {
                *text = redact(text, secrets);
            }
        }
        calls
    }
}
