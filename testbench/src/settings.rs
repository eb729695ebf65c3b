//! What the command line means, checked.

use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};
use std::time::Duration;

use crate::case::Level;
use crate::catalog;
use crate::config::{ConfigError, ConfigText};

/// What is to be tested, and how. Made of unchecked values by [`Settings::check`].
#[derive(Clone, Debug)]
pub struct Settings {
    /// The plugin's executable, absolute.
    pub plugin: PathBuf,
    /// Its config file, absolute.
    pub config: PathBuf,
    /// A config file for the second destination, absolute.
    pub secondary: Option<PathBuf>,
    /// Patterns of case names: a group, a name, or either with `*`. None means all.
    pub filters: Vec<String>,
    /// The level.
    pub level: Level,
    /// Optional commands that the plugin is known to have, so that it is not asked.
    pub with: Vec<String>,
    /// After how long a call of the plugin is killed.
    pub deadline: Duration,
    /// Leave what was uploaded, and the bench's own directory.
    pub keep: bool,
    /// A failed `should` is the verdict too.
    pub strict: bool,
    /// Play the cases of group `scale` with this many MB of table data.
    pub scale: Option<u64>,
    /// A shell command that damages an object behind the plugin's back.
    pub damage: Option<String>,
    /// A shell command that makes the first destination unusable for good.
    pub destroy_primary: Option<String>,
    /// The simulated cluster.
    pub cluster: ClusterSize,
    /// Cases that are known to fail.
    pub expected_failures: Vec<String>,
}

/// The size of the simulated cluster.
#[derive(Clone, Copy, Debug)]
pub struct ClusterSize {
    /// Segment hosts, at least 1.
    pub hosts: usize,
    /// Primary segments on each, at least 1.
    pub segments: usize,
    /// Tables backed up at once on every segment, at least 1.
    pub jobs: usize,
}

/// What is wrong with the command line. Every message says what to do.
#[derive(Debug, thiserror::Error)]
pub enum SettingsError {
    /// No such plugin.
    #[error("there is no plugin {0:?}; give the path of its executable")]
    NoPlugin(PathBuf),
    /// The plugin is not a file with execute permission.
    #[error(
        "the plugin {0:?} is not an executable file; try chmod +x, or give the path of its executable"
    )]
    NotExecutable(PathBuf),
    /// A relative path, which the other hosts of a cluster could not use.
    #[error("the config path {0:?} is relative; give an absolute one, as gpbackup demands")]
    RelativeConfig(PathBuf),
    /// No such file, or not a file.
    #[error("the config {0:?} is {1}; give the path of the plugin's YAML file")]
    NotAFile(PathBuf, &'static str),
    /// The config cannot be used.
    #[error(transparent)]
    Config(#[from] ConfigError),
    /// Both configs are one.
    #[error(
        "the second config {0:?} is the first one; give a config of the second destination, or leave it out"
    )]
    SameConfig(PathBuf),
    /// A name on the list of expected failures that no case has.
    #[error("the expected failure {0:?} is no case; --list tells their names")]
    UnknownCase(String),
    /// A filter that chooses nothing, which is a slip of the pen as a rule.
    #[error(
        "the filter {0:?} matches no case; --list tells their names, which begin with their group and /"
    )]
    IdleFilter(String),
    /// A name that is no optional command.
    #[error("{0:?} is no optional command; those that cases need are {1}")]
    UnknownCommand(String, String),
}

impl Settings {
    /// Checks the three paths, the filters and the names of commands.
    ///
    /// # Errors
    /// The first thing that is wrong with them.
    pub fn check(&self) -> Result<(), SettingsError> {
        check_plugin(&self.plugin)?;
        check_config(&self.config)?;
        if let Some(secondary) = &self.secondary {
            check_config(secondary)?;
            if same_file(secondary, &self.config) {
                return Err(SettingsError::SameConfig(secondary.clone()));
            }
        }
        self.filters
            .iter()
            .try_for_each(|pattern| catalog::check_filter(pattern))?;
        self.with
            .iter()
            .try_for_each(|name| catalog::check_command(name))
    }
}

fn check_plugin(path: &Path) -> Result<(), SettingsError> {
    let found = std::fs::metadata(path).map_err(|_| SettingsError::NoPlugin(path.to_owned()))?;
    if found.is_file() && found.permissions().mode() & 0o111 != 0 {
        Ok(())
    } else {
        Err(SettingsError::NotExecutable(path.to_owned()))
    }
}

fn check_config(path: &Path) -> Result<(), SettingsError> {
    if path.is_relative() {
        return Err(SettingsError::RelativeConfig(path.to_owned()));
    }
    let not_a_file = |what| SettingsError::NotAFile(path.to_owned(), what);
    match std::fs::metadata(path) {
        Err(_) => Err(not_a_file("not there")),
        Ok(found) if found.is_dir() => Err(not_a_file("a directory")),
        Ok(_) => ConfigText::read(path)
            .map(|_| ())
            .map_err(SettingsError::from),
    }
}

fn same_file(a: &Path, b: &Path) -> bool {
    match (std::fs::canonicalize(a), std::fs::canonicalize(b)) {
        (Ok(a), Ok(b)) => a == b || same_bytes(&a, &b),
        _ => false,
    }
}

fn same_bytes(a: &Path, b: &Path) -> bool {
    matches!((std::fs::read(a), std::fs::read(b)), (Ok(a), Ok(b)) if a == b)
}
