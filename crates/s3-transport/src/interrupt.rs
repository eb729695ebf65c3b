//! Tells a transfer that the process is to end, so that it can tidy up.

use tokio::sync::watch;

use crate::error::Error;

/// Raises an [`Interrupt`].
#[derive(Debug, Clone)]
pub struct Trigger(watch::Sender<Option<&'static str>>);

impl Trigger {
    /// Interrupts every transfer that was given the [`Interrupt`]; `signal` is named in their errors.
    pub fn raise(&self, signal: &'static str) {
        self.0.send_replace(Some(signal));
    }
}

/// The transfer's side: never raised where its [`Trigger`] is gone.
#[derive(Debug, Clone)]
pub struct Interrupt(watch::Receiver<Option<&'static str>>);

impl Interrupt {
    /// A trigger and what it raises.
    pub fn new() -> (Trigger, Self) {
        let (sender, receiver) = watch::channel(None);
        (Trigger(sender), Self(receiver))
    }

    /// Runs `work` unless this is raised first; what `work` holds is dropped then.
    pub async fn or<T, E: From<Error>>(
        &self,
        work: impl Future<Output = Result<T, E>>,
    ) -> Result<T, E> {
        tokio::select! {
            biased;
            signal = self.raised() => Err(Error::Interrupted { signal }.into()),
            result = work => result,
        }
    }

    /// Waits for the signal and returns its name.
    pub async fn raised(&self) -> &'static str {
        let mut receiver = self.0.clone();
        let signal = match receiver.wait_for(Option::is_some).await {
            Ok(signal) => *signal,
            Err(_) => None,
        };
        match signal {
            Some(signal) => signal,
            None => std::future::pending().await,
        }
    }
}
