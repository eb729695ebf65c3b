//! Certifies any gpbackup plugin executable.
//!
//! A run goes through these, in this order:
//! [`Settings`] are what the command line means; [`run`] plays the cases of [`GROUPS`] one by one, each in a
//! scene with calls of the plugin; what happens is told as [`Event`]s to [`Reporter`]s; at the end there is a
//! [`Report`] with a verdict.
//!
//! The bench shares no code with the plugins it certifies: a shared mistake would cancel out.

mod bench;
mod call;
mod case;
mod cases;
mod catalog;
mod cluster;
mod config;
mod cost;
mod database;
mod event;
mod finished;
mod interrupt;
mod leftovers;
mod list;
mod need;
mod payload;
mod replay;
mod report;
mod reporters;
mod runner;
mod running;
mod scene;
mod settings;
mod shim;
mod stamps;
mod timestamp;
mod trace;
mod transcript;
mod trouble;
mod unread;

pub use case::{Case, Group, Level, Obligation};
pub use catalog::{GROUPS, full_name, in_order};
pub use config::ConfigError;
pub use event::{Event, Reporter};
pub use interrupt::catch as catch_signals;
pub use list::{list, markdown};
pub use need::Need;
pub use report::{CaseReport, CommandCost, Counts, Header, Outcome, Report, Throughput, Verdict};
pub use reporters::{FileReport, Form, Human};
pub use runner::{RunError, run};
pub use scene::Scene;
pub use settings::{ClusterSize, Settings, SettingsError};
pub use shim::Shim;
pub use transcript::Exchange;
pub use trouble::Trouble;
