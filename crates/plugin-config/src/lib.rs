//! The plugin's config file: YAML in, checked settings out.
//!
//! What was typed (text for every option) and what it means ([`Settings`]) are two types;
//! nothing behind this crate checks a setting again. [`OPTIONS`] declares every option in one slice.
//! Nothing here calls S3, reads the environment or opens a file other than the config file.
//!
//! ```
//! let settings = plugin_config::parse(
//!     "executablepath: $GPHOME/bin/gpbackup_s3_plugin
//! options:
//!   endpoint: http://127.0.0.1:9000
//!   bucket: backups
//!   folder: /prod/
//! ",
//! )?;
//! assert_eq!(settings.destination.folder, "prod");
//! assert_eq!(settings.upload.concurrency.get(), 6);
//! # Ok::<(), plugin_config::Problems>(())
//! ```
//!
//! # Options
#![doc = include_str!("../OPTIONS.md")]

mod check;
mod destination;
mod duration;
mod endpoint;
mod error;
mod options;
mod place;
mod raw;
mod reader;
mod secret;
mod settings;
mod size;
mod suggest;
mod table;

use std::path::Path;

pub use duration::parse_duration;
pub use endpoint::{Endpoint, Proxy};
pub use error::{Error, Problem, Problems};
pub use options::{OPTIONS, OptionSpec, Origin};
pub use secret::Secret;
pub use settings::{
    Addressing, Checksum, Credentials, Destination, PayloadSigning, ProxyChoice, Remote,
    Replication, Settings, Transfer, Verbosity,
};
pub use size::{parse_size, show_size};
pub use table::options_table;

/// Reads and checks the config file at `path`.
///
/// # Errors
/// All problems of the file at once, each with its key; or why the file cannot be read.
pub fn load(path: &Path) -> Result<Settings, Error> {
    let text = std::fs::read_to_string(path).map_err(|source| Error::Unreadable {
        path: path.to_owned(),
        source,
    })?;
    parse(&text).map_err(|source| Error::Invalid {
        path: path.to_owned(),
        source,
    })
}

/// Checks the text of a config file.
///
/// # Errors
/// All problems at once, each with its key, the accepted form and the value that was given, which is
/// never quoted where it is a secret.
pub fn parse(text: &str) -> Result<Settings, Problems> {
    check::check(text)
}
