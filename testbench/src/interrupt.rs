//! Stopping the bench: SIGINT, SIGTERM and SIGHUP end the run after the call under way, which is killed.

use std::io;
use std::sync::Arc;
use std::sync::OnceLock;
use std::sync::atomic::{AtomicBool, Ordering};

use signal_hook::consts::{SIGHUP, SIGINT, SIGTERM};

static REQUESTED: OnceLock<Arc<AtomicBool>> = OnceLock::new();

/// Has the signals noted from now on, so that what the bench made is cleaned up before it ends.
///
/// # Errors
/// Where the system refuses a signal handler.
pub fn catch() -> io::Result<()> {
    let requested = REQUESTED.get_or_init(Arc::default);
    for signal in [SIGINT, SIGTERM, SIGHUP] {
        signal_hook::flag::register(signal, Arc::clone(requested))?;
    }
    Ok(())
}

/// Whether the bench is to stop.
pub(crate) fn requested() -> bool {
    REQUESTED
        .get()
        .is_some_and(|requested| requested.load(Ordering::Relaxed))
}

/// Holds a request to stop back while this lives, for cleaning up: only a second signal cuts that short.
pub(crate) struct HeldBack(bool);

/// Holds back a request that there may be.
pub(crate) fn hold_back() -> HeldBack {
    HeldBack(
        REQUESTED
            .get()
            .is_some_and(|requested| requested.swap(false, Ordering::Relaxed)),
    )
}

impl Drop for HeldBack {
    fn drop(&mut self) {
        if let (true, Some(requested)) = (self.0, REQUESTED.get()) {
            requested.store(true, Ordering::Relaxed);
        }
    }
}

/// Takes note that the bench is stopping: what follows is its cleaning up, which a second signal cuts short.
pub(crate) fn acknowledge() {
    if let Some(requested) = REQUESTED.get() {
        requested.store(false, Ordering::Relaxed);
    }
}
