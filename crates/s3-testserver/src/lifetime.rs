//! How long a server process lives: never longer than the process that started it.

use std::io::{self, Read};
use std::thread;

use tokio::signal::unix::{SignalKind, signal};
use tokio::sync::oneshot;

/// Waits until stdin closes or SIGTERM or SIGINT comes.
///
/// A parent that ends, in whatever way, closes its end of the pipe, so that no server is left over.
///
/// # Errors
/// When a signal handler cannot be set.
pub async fn ended() -> io::Result<()> {
    let mut terminate = signal(SignalKind::terminate())?;
    let mut interrupt = signal(SignalKind::interrupt())?;
    tokio::select! {
        _ = terminate.recv() => {}
        _ = interrupt.recv() => {}
        () = stdin_closed() => {}
    }
    Ok(())
}

/// Reads stdin on a thread of its own: the runtime would wait at its end for a read that never comes back.
async fn stdin_closed() {
    let (closed, wait) = oneshot::channel();
    thread::spawn(move || {
        let mut buffer = [0; 512];
        while matches!(io::stdin().read(&mut buffer), Ok(count) if count > 0) {}
        closed.send(()).ok();
    });
    wait.await.ok();
}
