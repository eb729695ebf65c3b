//! A case as data: its name, what it is worth, what it proves, what it needs, and the function that plays it.

use crate::need::Need;
use crate::scene::Scene;
use crate::trouble::Verdict;

/// What a failure of the case means.
#[derive(Clone, Copy, Debug, PartialEq, Eq, serde::Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Obligation {
    /// The published text or a recorded failure of gpbackup stands behind it: a failure is the verdict.
    Must,
    /// Good practice: a failure is reported, and is the verdict only with `--strict`.
    Should,
}

impl Obligation {
    /// `must` or `should`.
    pub fn name(self) -> &'static str {
        match self {
            Self::Must => "must",
            Self::Should => "should",
        }
    }
}

/// How much is uploaded.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, clap::ValueEnum, serde::Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Level {
    /// Payloads of up to 200 KB, less than 1 MB in all, as the published API text promises; besides, one stream
    /// of up to 2 MiB for a plugin that enlarges its pipe.
    Core,
    /// Payloads of 1 MB and more, and more than 1,000 objects, besides.
    Full,
}

impl Level {
    /// `core` or `full`.
    pub fn name(self) -> &'static str {
        match self {
            Self::Core => "core",
            Self::Full => "full",
        }
    }
}

/// One case.
pub struct Case {
    /// Its name within the group, in lower case with hyphens.
    pub name: &'static str,
    /// What a failure means.
    pub obligation: Obligation,
    /// From which level on it is played.
    pub level: Level,
    /// The clause it proves, opened by its source: `API`, `script`, `gpbackup`, `contract` or `practice`.
    pub clause: &'static str,
    /// What has to be there besides the plugin and its config; without it the case is skipped.
    pub needs: &'static [Need],
    /// Plays the case.
    pub run: fn(&Scene<'_>) -> Verdict,
}

/// Cases about one command, or about one danger.
pub struct Group {
    /// The first half of its cases' names.
    pub name: &'static str,
    /// What the group is about, in a few words.
    pub about: &'static str,
    /// The cases, in the order in which they are played.
    pub cases: &'static [Case],
}

/// A case whose failure is the verdict.
pub(crate) const fn must(
    name: &'static str,
    clause: &'static str,
    run: fn(&Scene<'_>) -> Verdict,
) -> Case {
    Case {
        name,
        obligation: Obligation::Must,
        level: Level::Core,
        clause,
        needs: &[],
        run,
    }
}

/// A case whose failure is reported only.
pub(crate) const fn should(
    name: &'static str,
    clause: &'static str,
    run: fn(&Scene<'_>) -> Verdict,
) -> Case {
    Case {
        obligation: Obligation::Should,
        ..must(name, clause, run)
    }
}

impl Case {
    /// The same case, skipped where `needs` are not met.
    pub(crate) const fn needs(mut self, needs: &'static [Need]) -> Self {
        self.needs = needs;
        self
    }

    /// The same case, played at level `full` only.
    pub(crate) const fn full(mut self) -> Self {
        self.level = Level::Full;
        self
    }
}
