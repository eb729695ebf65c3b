//! One command's run: its settings, its log, its connection, and the signals that may end it.

use std::path::Path;

use anyhow::bail;
use plugin_api::{Answer, Failure};
use plugin_config::{Destination, Replication, Settings};
use s3_transport::{Destinations, Error, Interrupt, Keys, SdkStore, Second, Transport};
use tokio::signal::unix::{SignalKind, signal};

use crate::advice;
use crate::logfile;

/// What a command works with.
pub(crate) struct Session {
    pub(crate) settings: Settings,
    /// Where backups go: the second destination is among them with `replication: on`.
    pub(crate) destinations: Destinations<SdkStore>,
    pub(crate) interrupt: Interrupt,
}

impl Session {
    /// The first destination alone.
    pub(crate) fn first(&self) -> &Transport<SdkStore> {
        &self.destinations.first
    }

    /// The second destination, which needs not be written to by every command.
    ///
    /// # Errors
    /// Where the config file names none.
    pub(crate) async fn second(&self) -> anyhow::Result<(&Destination, Transport<SdkStore>)> {
        let Some(remote) = &self.settings.remote else {
            bail!(
                "the config file names no second destination; set remote_bucket, remote_folder or remote_endpoint"
            );
        };
        let transport = match &self.destinations.second {
            Some(second) => second.transport.clone(),
            None => Transport::connect(&self.settings, &remote.destination).await,
        };
        Ok((&remote.destination, transport))
    }

    /// The second destination's settings, where every command writes to it.
    pub(crate) fn replicated(&self) -> Option<&Destination> {
        let remote = self.settings.remote.as_ref()?;
        (remote.replication != Replication::Off).then_some(&remote.destination)
    }

    /// The keys of what has this name below each destination's folder.
    pub(crate) fn keys(&self, name: &str) -> Keys {
        Keys {
            first: self.settings.destination.key(name),
            second: self.replicated().map(|second| second.key(name)),
        }
    }

    /// Runs `work` unless a signal comes first; what `work` holds is dropped then.
    pub(crate) async fn unless_interrupted<T>(
        &self,
        work: impl Future<Output = Result<T, Failure>>,
    ) -> Result<T, Failure> {
        unless(&self.interrupt, work).await
    }
}

/// Runs `work` unless `interrupt` is raised first.
pub(crate) async fn unless<T, E: From<Error>>(
    interrupt: &Interrupt,
    work: impl Future<Output = Result<T, E>>,
) -> Result<T, E> {
    tokio::select! {
        biased;
        signal = interrupt.raised() => Err(Error::Interrupted { signal }.into()),
        result = work => result,
    }
}

/// Reads the config file at `config` and runs `command` with what it asks for.
///
/// One thread runs all requests: a stream needs no more, and dozens of these processes share a host
/// with the database.
pub(crate) fn run<F>(config: &Path, command: F) -> Answer
where
    F: AsyncFnOnce(&Session) -> Answer,
{
    let settings = plugin_config::load(config)?;
    logfile::start(settings.verbosity);
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()?;
    let answer = runtime.block_on(async {
        let interrupt = watch_signals()?;
        let destinations = connect(&settings).await;
        let session = Session {
            settings,
            destinations,
            interrupt,
        };
        command(&session)
            .await
            .map_err(|failure| advise(failure, &session.settings))
    });
    // A name lookup that hangs must not hold the exit up.
    runtime.shutdown_background();
    answer
}

async fn connect(settings: &Settings) -> Destinations<SdkStore> {
    let first = Transport::connect(settings, &settings.destination).await;
    let second = match &settings.remote {
        Some(remote) if remote.replication != Replication::Off => Some(Second {
            transport: Transport::connect(settings, &remote.destination).await,
            required: remote.replication == Replication::Require,
        }),
        _ => None,
    };
    Destinations { first, second }
}

/// Puts what to change in front of an error of the transport.
fn advise(failure: Failure, settings: &Settings) -> Failure {
    match failure {
        Failure::ReaderGone => Failure::ReaderGone,
        Failure::Error(error) => match error.downcast::<Error>() {
            Ok(error) => match *error {
                Error::ReaderGone => Failure::ReaderGone,
                error => advice::of(error, settings).into(),
            },
            Err(error) => Failure::Error(error),
        },
    }
}

/// The failure of a command at the second destination.
pub(crate) fn of_second(failure: Failure) -> Failure {
    match failure {
        Failure::ReaderGone => Failure::ReaderGone,
        Failure::Error(error) => match error.downcast::<Error>() {
            Ok(error) => error.at_second().into(),
            Err(error) => Failure::Error(error),
        },
    }
}

/// Raises the interrupt at the first SIGTERM, SIGINT or SIGHUP.
fn watch_signals() -> std::io::Result<Interrupt> {
    let (trigger, interrupt) = Interrupt::new();
    let mut terminate = signal(SignalKind::terminate())?;
    let mut quit = signal(SignalKind::interrupt())?;
    let mut hang_up = signal(SignalKind::hangup())?;
    tokio::spawn(async move {
        let name = tokio::select! {
            _ = terminate.recv() => "SIGTERM",
            _ = quit.recv() => "SIGINT",
            _ = hang_up.recv() => "SIGHUP",
        };
        trigger.raise(name);
        // The trigger lives as long as the process: dropping it would not undo anything, but a
        // second signal has nothing to add either.
    });
    Ok(interrupt)
}
