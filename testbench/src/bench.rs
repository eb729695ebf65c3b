//! What all cases of a run share: the settings, the working directory, the timestamps, the account of costs.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Mutex, MutexGuard, PoisonError};

use crate::call::Call;
use crate::config::ConfigText;
use crate::cost::Ledger;
use crate::report::Throughput;
use crate::settings::Settings;
use crate::stamps::Stamps;
use crate::transcript::Transcript;
use crate::trouble::Verdict;
use crate::unread::LongStream;

/// The four hooks.
pub(crate) const HOOKS: [&str; 4] = [
    "setup_plugin_for_backup",
    "cleanup_plugin_for_backup",
    "setup_plugin_for_restore",
    "cleanup_plugin_for_restore",
];

/// The content ID of the coordinator as gpbackup writes it: the quotes are part of the argument.
pub(crate) const COORDINATOR_CONTENT: &str = "\"-1\"";

/// A run of the bench.
pub(crate) struct Bench {
    pub(crate) settings: Settings,
    pub(crate) config: ConfigText,
    pub(crate) work: PathBuf,
    pub(crate) stamps: Stamps,
    pub(crate) ledger: Ledger,
    /// The optional commands asked for so far, and whether the plugin has them.
    pub(crate) commands: Mutex<BTreeMap<&'static str, bool>>,
    /// Calls that belong to no case.
    pub(crate) aside: Transcript,
    /// What the group `scale` measured.
    pub(crate) throughput: Mutex<Vec<Throughput>>,
    /// Whether there is no first destination any more.
    primary_destroyed: AtomicBool,
    long_stream: Mutex<Option<LongStream>>,
    /// What the stages on a real database left.
    leftovers: Mutex<Vec<String>>,
}

impl Bench {
    /// A run in the empty directory `work`.
    pub(crate) fn new(settings: Settings, config: ConfigText, work: PathBuf) -> Self {
        Self {
            settings,
            config,
            work,
            stamps: Stamps::default(),
            ledger: Ledger::default(),
            commands: Mutex::default(),
            aside: Transcript::default(),
            throughput: Mutex::default(),
            primary_destroyed: AtomicBool::default(),
            long_stream: Mutex::default(),
            leftovers: Mutex::default(),
        }
    }

    /// A call of the plugin that is told to `transcript`.
    pub(crate) fn call<'a>(&'a self, command: &str, transcript: &'a Transcript) -> Call<'a> {
        let settings = &self.settings;
        Call::new(
            &settings.plugin,
            settings.deadline,
            transcript,
            &self.ledger,
        )
        .arg(command)
    }

    /// A call with the config as its first argument, that belongs to no case.
    pub(crate) fn aside(&self, command: &str) -> Call<'_> {
        self.call(command, &self.aside).arg(&self.settings.config)
    }

    /// What no report may show: the secrets of both configs.
    pub(crate) fn secrets(&self) -> Vec<String> {
        let secondary = self.settings.secondary.as_deref().map(ConfigText::read);
        let configs = std::iter::once(&self.config).chain(secondary.iter().flatten());
        configs
            .flat_map(ConfigText::secrets)
            .map(str::to_owned)
            .collect()
    }

    /// Takes note that the first destination is done away with.
    pub(crate) fn destroys_primary(&self) {
        self.primary_destroyed.store(true, Ordering::Relaxed);
    }

    /// Whether the first destination was done away with.
    pub(crate) fn primary_is_destroyed(&self) -> bool {
        self.primary_destroyed.load(Ordering::Relaxed)
    }

    /// The stream for plugins that enlarge their pipe, where it is stored already.
    pub(crate) fn long_stream(&self) -> MutexGuard<'_, Option<LongStream>> {
        self.long_stream
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
    }

    /// Notes what a stage left, and has the notes so far.
    pub(crate) fn leftovers(&self) -> MutexGuard<'_, Vec<String>> {
        self.leftovers
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
    }

    /// The scale stage's table so far.
    pub(crate) fn throughput(&self) -> Vec<Throughput> {
        self.throughput
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .clone()
    }

    /// Calls `command`, a hook, at the coordinator, one segment host and one segment, in gpbackup's order.
    /// How it ends is not judged: the group `hooks` does that.
    pub(crate) fn hook_everywhere(
        &self,
        command: &str,
        config: &Path,
        dir: &Path,
    ) -> Verdict<bool> {
        let scopes: [&[&str]; 3] = [
            &["coordinator", COORDINATOR_CONTENT],
            &["segment_host"],
            &["segment", "\"0\""],
        ];
        let mut ended = true;
        for scope in scopes {
            let call = self
                .call(command, &self.aside)
                .arg(config)
                .arg(dir)
                .args(scope);
            ended &= call.run()?.ended != crate::finished::Ended::Overdue;
        }
        Ok(ended)
    }
}
