//! What a case plays in: a directory of its own, calls of the plugin, paths that nobody else uses.

use std::path::{Path, PathBuf};
use std::time::Duration;

use crate::bench::Bench;
use crate::call::Call;
use crate::finished::Finished;
use crate::timestamp::Timestamp;
use crate::transcript::Transcript;
use crate::trouble::{Trouble, Verdict};

/// Removes a local file that a plugin may have taken away already.
pub(crate) fn remove_local(path: &Path) -> Verdict {
    match std::fs::remove_file(path) {
        Err(error) if error.kind() != std::io::ErrorKind::NotFound => Err(error.into()),
        _ => Ok(()),
    }
}

/// The longest that "prompt" may take; it is half the deadline where that is less.
const PROMPT: Duration = Duration::from_secs(10);

/// The surroundings of one case.
pub struct Scene<'a> {
    pub(crate) bench: &'a Bench,
    /// The case's name with a hyphen, for file names.
    pub(crate) slug: String,
    /// A directory of the case's own.
    pub(crate) dir: PathBuf,
    pub(crate) transcript: Transcript,
}

impl<'a> Scene<'a> {
    /// The surroundings of the case `name`, with a directory made for it.
    pub(crate) fn new(bench: &'a Bench, name: &str) -> Verdict<Self> {
        let slug = name.replace('/', "-");
        let dir = bench.work.join(&slug);
        std::fs::create_dir_all(&dir)?;
        Ok(Self {
            bench,
            slug,
            dir,
            transcript: Transcript::default(),
        })
    }

    /// The plugin's config file.
    pub(crate) fn config(&self) -> &'a Path {
        &self.bench.settings.config
    }

    /// The config of the second destination, which the case needs.
    pub(crate) fn secondary(&self) -> Verdict<&'a Path> {
        let secondary = self.bench.settings.secondary.as_deref();
        secondary.ok_or_else(|| Trouble::bench("the case needs a second config"))
    }

    /// A copy of the config in the case's directory, with some options spelled as given.
    pub(crate) fn config_with(&self, name: &str, options: &[(&str, &str)]) -> Verdict<PathBuf> {
        let config = options
            .iter()
            .fold(self.bench.config.clone(), |config, (name, value)| {
                config.with_option(name, value)
            });
        let path = self.dir.join(name);
        std::fs::write(&path, config.as_str())?;
        Ok(path)
    }

    /// A call of the plugin without a config.
    pub(crate) fn bare(&self, command: &str) -> Call<'_> {
        self.bench.call(command, &self.transcript)
    }

    /// A call of the plugin without even a command.
    pub(crate) fn nothing(&self) -> Call<'_> {
        let settings = &self.bench.settings;
        Call::new(
            &settings.plugin,
            settings.deadline,
            &self.transcript,
            &self.bench.ledger,
        )
    }

    /// A call of the plugin with its config.
    pub(crate) fn call(&self, command: &str) -> Call<'_> {
        self.call_with(command, self.config())
    }

    /// A call of the plugin with another config.
    pub(crate) fn call_with(&self, command: &str, config: &Path) -> Call<'_> {
        self.bare(command).arg(config)
    }

    /// The time within which the plugin has to react where the case asks for promptness.
    pub(crate) fn prompt(&self) -> Duration {
        (self.bench.settings.deadline / 2).min(PROMPT)
    }

    /// The backup directory of segment `content`, made.
    pub(crate) fn backup_dir(&self, content: i32, timestamp: Timestamp) -> Verdict<PathBuf> {
        let dir = timestamp.dir(&self.dir.join(format!("gpseg{content}")));
        std::fs::create_dir_all(&dir)?;
        Ok(dir)
    }

    /// A path on segment 0 in the timestamp that cases share, of a file that no other case names.
    pub(crate) fn path(&self, what: &str) -> Verdict<PathBuf> {
        self.path_at(self.bench.shared_timestamp()?, what)
    }

    /// A path on segment 0 in `timestamp`.
    pub(crate) fn path_at(&self, timestamp: Timestamp, what: &str) -> Verdict<PathBuf> {
        let name = format!("gpbackup_0_{timestamp}_{}_{what}", self.slug);
        Ok(self.backup_dir(0, timestamp)?.join(name))
    }

    /// Stores `bytes` as a stream under `path`.
    pub(crate) fn backup_data(&self, path: &Path, bytes: &[u8]) -> Verdict<Finished> {
        self.call("backup_data")
            .arg(path)
            .stdin(bytes)
            .run()?
            .succeeds()
    }

    /// Brings the stream back; how that ends is left to the case.
    pub(crate) fn restore_data(&self, path: &Path) -> Verdict<Finished> {
        self.call("restore_data").arg(path).run()
    }

    /// Brings the stream back and asks that it is `bytes`.
    pub(crate) fn restores(&self, path: &Path, bytes: &[u8]) -> Verdict {
        self.restore_data(path)?.succeeds()?.with_stdout(bytes)?;
        Ok(())
    }

    /// Writes `bytes` to the local file `path` and stores it.
    pub(crate) fn backup_file(&self, path: &Path, bytes: &[u8]) -> Verdict<Finished> {
        std::fs::write(path, bytes)?;
        self.call("backup_file").arg(path).run()?.succeeds()
    }

    /// Brings the file back; how that ends is left to the case.
    pub(crate) fn restore_file(&self, path: &Path) -> Verdict<Finished> {
        self.call("restore_file").arg(path).run()
    }
}
