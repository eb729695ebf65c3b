//! One command's run: its settings, its log, its connection, and the signals that may end it.

use std::fs;
use std::io;
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

/// Raises the interrupt at the first SIGTERM, SIGINT or SIGHUP, except one that is ignored since before
/// the start, as `nohup` has SIGHUP ignored.
fn watch_signals() -> io::Result<Interrupt> {
    let (trigger, interrupt) = Interrupt::new();
    let ignored = ignored_signals();
    for (kind, name) in [
        (SignalKind::terminate(), "SIGTERM"),
        (SignalKind::interrupt(), "SIGINT"),
        (SignalKind::hangup(), "SIGHUP"),
    ] {
        if ignored >> (kind.as_raw_value() - 1) & 1 == 1 {
            continue;
        }
        let (mut signals, trigger) = (signal(kind)?, trigger.clone());
        tokio::spawn(async move {
            signals.recv().await;
            trigger.raise(name);
        });
    }
    Ok(interrupt)
}

/// The signals that this process was told to ignore, signal 1 in the lowest bit; none where the system
/// does not tell.
fn ignored_signals() -> u64 {
    let status = fs::read_to_string("/proc/self/status").unwrap_or_default();
    let mask = status.lines().find_map(|line| line.strip_prefix("SigIgn:"));
    mask.and_then(|mask| u64::from_str_radix(mask.trim(), 16).ok())
        .unwrap_or_default()
}
