//! The stream of events of a run, and who listens to it.

use std::io;
use std::time::Duration;

use crate::report::{CaseReport, Header, Report};

/// Something that happened.
pub enum Event<'a> {
    /// The run begins.
    Start(&'a Header),
    /// A case begins.
    CaseStart {
        /// `group/case`.
        name: &'a str,
    },
    /// A case has been going on for some seconds.
    CaseRuns {
        /// `group/case`.
        name: &'a str,
        /// For how long.
        elapsed: Duration,
    },
    /// A case has ended, or was not played.
    CaseEnd(&'a CaseReport),
    /// The run is over.
    End(&'a Report),
}

/// Somebody who tells of a run.
pub trait Reporter {
    /// Takes note of `event`.
    ///
    /// # Errors
    /// Where it cannot be written down: the run goes on, and ends with exit code 2.
    fn event(&mut self, event: &Event<'_>) -> io::Result<()>;
}
