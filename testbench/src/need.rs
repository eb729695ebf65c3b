//! What a case needs besides the plugin and its config: each need with its check and its reason, once.

use std::sync::PoisonError;

use crate::bench::Bench;
use crate::case::{Case, Level};
use crate::finished::{Ended, Finished};
use crate::leftovers::DIRECTORIES;
use crate::trouble::Verdict;

/// Something without which a case is skipped.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Need {
    /// A command that plugins may leave out.
    Command(&'static str),
    /// A config of the second destination.
    SecondConfig,
    /// The plugin writes to both destinations by itself.
    Replication,
    /// A value in the config that must not be shown.
    Secret,
    /// A way to damage what is stored.
    Damage,
    /// A way to do away with the first destination.
    DestroyPrimary,
    /// gpbackup, gprestore and a database that answers.
    Database,
    /// The long run was asked for.
    Scale,
}

impl Need {
    /// What the need is called in lists.
    pub fn name(self) -> String {
        match self {
            Self::Command(command) => format!("command {command}"),
            Self::SecondConfig => "second config".into(),
            Self::Replication => "replication".into(),
            Self::Secret => "a secret in the config".into(),
            Self::Damage => "--damage".into(),
            Self::DestroyPrimary => "--destroy-primary".into(),
            Self::Database => "database".into(),
            Self::Scale => "--scale".into(),
        }
    }

    /// The reason why the need is not met, if so.
    pub(crate) fn unmet(self, bench: &Bench) -> Verdict<Option<String>> {
        let settings = &bench.settings;
        let (met, reason) = match self {
            Self::Command(command) => {
                let reason =
                    format!("the plugin answers {command} as it answers an unknown command");
                (bench.has_command(command)?, reason)
            }
            Self::SecondConfig => (
                settings.secondary.is_some(),
                "no config of a second destination was given".into(),
            ),
            Self::Replication => (
                bench.config.option("replication") != Some("off"),
                "the config says replication: off".into(),
            ),
            Self::Secret => (
                !bench.config.secrets().is_empty(),
                "the config has no option that looks like a secret".into(),
            ),
            Self::Damage => (
                settings.damage.is_some(),
                "no --damage COMMAND was given".into(),
            ),
            Self::DestroyPrimary => (
                settings.destroy_primary.is_some(),
                "no --destroy-primary COMMAND was given".into(),
            ),
            Self::Database => match crate::database::missing(bench) {
                None => (true, String::new()),
                Some(reason) => (false, reason),
            },
            Self::Scale => (
                settings.scale.is_some(),
                "the long run is played with --scale only".into(),
            ),
        };
        Ok((!met).then_some(reason))
    }
}

/// The first need of `case` that is not met, with the reason.
pub(crate) fn unmet(case: &Case, bench: &Bench) -> Verdict<Option<(String, String)>> {
    if case.level == Level::Full && bench.settings.level == Level::Core {
        return Ok(Some((
            "level full".into(),
            "it is played at --level full only".into(),
        )));
    }
    for need in case.needs {
        if let Some(reason) = need.unmet(bench)? {
            return Ok(Some((need.name(), reason)));
        }
    }
    Ok(None)
}

/// A command that no plugin has.
const MADE_UP: &str = "bench_made_up_command";

impl Bench {
    /// Whether the plugin has the optional `command`: it counts as absent only when, called with valid
    /// arguments, it answers as a made-up command does.
    pub(crate) fn has_command(&self, command: &'static str) -> Verdict<bool> {
        if self.settings.with.iter().any(|name| name == command) {
            return Ok(true);
        }
        let known = self
            .commands
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .get(command)
            .copied();
        if let Some(present) = known {
            return Ok(present);
        }
        let present = self.ask_for(command)?;
        self.commands
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .insert(command, present);
        Ok(present)
    }

    fn ask_for(&self, command: &str) -> Verdict<bool> {
        let timestamp = self.shared_timestamp()?;
        let work = self.work.join(format!("ask-{command}"));
        let dir = timestamp.dir(&work.join("gpseg0"));
        std::fs::create_dir_all(&dir)?;
        let data = dir.join(format!("gpbackup_0_{timestamp}_ask"));
        self.aside("backup_data")
            .arg(&data)
            .stdin("abcdefghij")
            .run()?;
        let offsets = work.join("offsets");
        std::fs::write(&offsets, "1 3 7")?;
        let prefix = format!("{DIRECTORIES}{timestamp}");
        std::fs::create_dir_all(work.join(&prefix))?;
        std::fs::write(work.join(&prefix).join("file"), "ask")?;
        let stamp = timestamp.to_string();
        let ask = |command: &str, like: &str| {
            let call = self.aside(command).cwd(&work);
            match like {
                "restore_data_subset" => call.arg(&data).arg(&offsets),
                "replicate_backup" | "delete_replica" => call.arg(&stamp),
                _ => call.arg(&prefix),
            }
            .run()
        };
        let real = ask(command, command)?;
        let made_up = ask(MADE_UP, command)?;
        Ok(answer(&real, command) != answer(&made_up, MADE_UP))
    }
}

/// What makes two answers the same: how the call ended, and the first lines on stdout and stderr, with the
/// command's own name and all digits (times, process ids) taken out.
fn answer(finished: &Finished, command: &str) -> (Ended, String, String) {
    let line = |bytes: &[u8]| {
        let text = String::from_utf8_lossy(bytes).replace(command, "COMMAND");
        let first = text.lines().next().unwrap_or_default();
        first
            .chars()
            .filter(|char| !char.is_ascii_digit())
            .collect::<String>()
    };
    (
        finished.ended,
        line(&finished.stdout),
        line(&finished.stderr),
    )
}
