//! The gpbackup plugin API: what gpbackup and gprestore ask of a storage plugin, as types.
//!
//! Write a type that implements [`Plugin`] and hand it to [`run`], which does the rest: it makes a
//! [`Call`] of argv, checks scopes, contentIDs, timestamps, paths and offsets, calls the method, and
//! turns its answer into an exit code and at most one line on stderr. `examples/filesystem_plugin.rs`
//! is a complete plugin.
//!
//! Commands that a plugin may do without come in groups: [`RestoreSubset`], [`Directories`],
//! [`Replication`]. A plugin that does not have a group answers its commands as it answers a made-up
//! one. What only one plugin has is an [`OwnCommand`].
//!
//! Nothing here knows how a plugin's config file looks, or where it stores anything.

mod call;
mod command;
mod commands;
mod error;
mod failure;
mod path;
mod plugin;
mod ranges;
mod run;
mod scope;
mod timestamp;

pub use call::{Call, Offer};
pub use command::{Argument, CommandSpec};
pub use error::Error;
pub use failure::{Answer, Failure};
pub use path::BackupPath;
pub use plugin::{Directories, OwnCommand, Plugin, Replication, RestoreSubset};
pub use ranges::Ranges;
pub use run::{API_VERSION, run};
pub use scope::{ContentId, Hook, Scope};
pub use timestamp::Timestamp;
