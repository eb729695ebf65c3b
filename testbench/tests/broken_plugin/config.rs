//! The config file, as far as this plugin needs it: lines `name: value`.

use std::collections::BTreeMap;
use std::io::ErrorKind;
use std::path::PathBuf;

use crate::{Failure, fault};

/// The options, as they are written.
pub(crate) struct Config(BTreeMap<String, String>);

impl Config {
    /// Reads the file at `path`.
    pub(crate) fn read(path: &str) -> Result<Self, Failure> {
        let path = match path.split_once(' ') {
            Some((before, _)) if fault("config-path-split-at-spaces") => before,
            _ => path,
        };
        let text = match std::fs::read_to_string(path) {
            Err(error)
                if error.kind() == ErrorKind::NotFound && fault("missing-config-accepted") =>
            {
                std::process::exit(0)
            }
            Err(error)
                if error.kind() != ErrorKind::NotFound && fault("unreadable-config-accepted") =>
            {
                std::process::exit(0)
            }
            other => other.map_err(|error| format!("config {path}: {error}"))?,
        };
        let mut options = BTreeMap::new();
        for line in text
            .lines()
            .filter(|line| !line.trim().is_empty() && !line.trim().starts_with('#'))
        {
            let (name, value) = line
                .split_once(':')
                .ok_or("config: a line without a colon")?;
            if !name
                .trim()
                .bytes()
                .all(|byte| byte.is_ascii_lowercase() || byte == b'_')
            {
                if fault("no-yaml-accepted") {
                    std::process::exit(0);
                }
                return Err("config: that is no YAML".into());
            }
            options.insert(name.trim().to_owned(), value.trim().to_owned());
        }
        let config = Self(options);
        config.refuse_spellings()?;
        Ok(config)
    }

    /// What a plugin may have against the options that gpbackup adds.
    fn refuse_spellings(&self) -> Result<(), Failure> {
        let spelled = |name: &str| self.0.get(name).map(String::as_str).unwrap_or_default();
        let version = self.option("backup_plugin_version").unwrap_or_default();
        let refused = fault("bare-pgport-refused")
            && spelled("pgport").starts_with(|char: char| char.is_ascii_digit())
            || fault("empty-version-refused") && spelled("backup_plugin_version") == "\"\""
            || fault("restore-subset-refused") && self.option("restore_subset").is_some()
            || fault("versions-compared-as-text") && version > crate::VERSION;
        if refused {
            Err("config: an option is refused".into())
        } else {
            Ok(())
        }
    }

    /// The option `name`, without quotes.
    pub(crate) fn option(&self, name: &str) -> Option<&str> {
        self.0.get(name).map(|text| text.trim_matches(['"', '\'']))
    }

    /// Where objects go.
    pub(crate) fn directory(&self) -> Result<PathBuf, Failure> {
        Ok(self
            .option("directory")
            .ok_or("config: no option directory")?
            .into())
    }

    /// Where copies go, if any are configured.
    pub(crate) fn remote(&self) -> Option<PathBuf> {
        self.option("remote_directory").map(PathBuf::from)
    }

    /// Whether every object is written to both places.
    pub(crate) fn replicates(&self) -> bool {
        self.option("replication") == Some("on")
    }
}
