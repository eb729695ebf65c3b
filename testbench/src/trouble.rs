//! Why a case did not pass.

use std::io;

/// Why a case did not pass: the plugin's fault and the bench's own are never mixed up.
#[derive(Debug, thiserror::Error)]
pub enum Trouble {
    /// The plugin did not do what the case asks: the outcome is `fail`.
    #[error("{0}")]
    Plugin(String),
    /// The bench could not play the case: the outcome is `error`.
    #[error("{0}")]
    Bench(String),
    /// Somebody stopped the bench (SIGINT, SIGTERM or SIGHUP): the outcome is `error`.
    #[error("the bench was interrupted")]
    Interrupted,
}

/// What a case comes to: nothing, or the reason why it did not pass.
pub(crate) type Verdict<T = ()> = Result<T, Trouble>;

impl Trouble {
    /// A fault of the plugin's.
    pub fn plugin(message: impl Into<String>) -> Self {
        Self::Plugin(message.into())
    }

    /// A fault of the bench's own.
    pub fn bench(message: impl Into<String>) -> Self {
        Self::Bench(message.into())
    }
}

/// Files and pipes of its own are the bench's business: what the plugin left wrong is told apart before.
impl From<io::Error> for Trouble {
    fn from(error: io::Error) -> Self {
        Self::Bench(format!("the bench could not do its own work: {error}"))
    }
}

/// Fails the plugin with `message` unless `condition` holds.
pub(crate) fn ensure(condition: bool, message: impl FnOnce() -> String) -> Verdict {
    if condition {
        Ok(())
    } else {
        Err(Trouble::Plugin(message()))
    }
}
