//! The config file, as far as this plugin needs it: lines `name: value`.

use std::collections::BTreeMap;
use std::path::PathBuf;

use crate::Failure;

/// The options.
pub(crate) struct Config(BTreeMap<String, String>);

impl Config {
    /// Reads the file at `path`.
    pub(crate) fn read(path: &str) -> Result<Self, Failure> {
        let text =
            std::fs::read_to_string(path).map_err(|error| format!("config {path}: {error}"))?;
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
                return Err("config: that is no YAML".into());
            }
            options.insert(
                name.trim().to_owned(),
                value.trim().trim_matches(['"', '\'']).to_owned(),
            );
        }
        Ok(Self(options))
    }

    /// The option `name`.
    pub(crate) fn option(&self, name: &str) -> Option<&str> {
        self.0.get(name).map(String::as_str)
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
