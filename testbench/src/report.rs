//! The report of a run: what reporters show, and the form of `--json`.

use std::collections::BTreeMap;
use std::time::Duration;

use crate::case::{Level, Obligation};
use crate::cost::Cost;
use crate::transcript::Exchange;

/// What a case came to.
#[derive(Clone, Copy, Debug, PartialEq, Eq, serde::Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Outcome {
    /// The plugin did what the case asks.
    Pass,
    /// It did not.
    Fail,
    /// The bench could not play the case.
    Error,
    /// Something that the case needs is not there.
    Skip,
    /// The case was not asked for.
    Disabled,
}

impl Outcome {
    /// Whether the plugin was called at all.
    pub fn was_played(self) -> bool {
        matches!(self, Self::Pass | Self::Fail | Self::Error)
    }

    /// The word that reports use.
    pub fn name(self) -> &'static str {
        match self {
            Self::Pass => "pass",
            Self::Fail => "fail",
            Self::Error => "error",
            Self::Skip => "skip",
            Self::Disabled => "disabled",
        }
    }
}

/// One case's result.
#[derive(Clone, Debug, serde::Serialize)]
pub struct CaseReport {
    /// `group/case`.
    pub name: String,
    /// The group.
    pub group: &'static str,
    /// `must` or `should`.
    pub obligation: Obligation,
    /// From which level on it is played.
    pub level: Level,
    /// The clause it proves.
    pub clause: &'static str,
    /// What it came to.
    pub outcome: Outcome,
    /// Why it did not pass.
    pub reason: Option<String>,
    /// Of a skipped case: the need that is not met.
    pub need: Option<String>,
    /// Whether it is on the list of expected failures.
    pub expected_failure: bool,
    /// Wall time.
    pub seconds: f64,
    /// Every call of the plugin, of a case that failed or had an error.
    pub transcript: Vec<Exchange>,
}

impl CaseReport {
    /// Whether the case is a failure of the plugin's that is part of the verdict.
    pub fn counts(&self, strict: bool) -> bool {
        self.failed_unexpectedly() && (strict || self.obligation == Obligation::Must)
    }

    /// Whether the case failed and nobody expected it.
    pub fn failed_unexpectedly(&self) -> bool {
        self.outcome == Outcome::Fail && !self.expected_failure
    }

    /// Whether the case was expected to fail and passed.
    pub fn passed_unexpectedly(&self) -> bool {
        self.outcome == Outcome::Pass && self.expected_failure
    }
}

/// How many cases came to what.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, serde::Serialize)]
pub struct Counts {
    /// Passed.
    pub pass: usize,
    /// Failed, expected failures included.
    pub fail: usize,
    /// Of these: `must` cases.
    pub fail_must: usize,
    /// Of these: `should` cases.
    pub fail_should: usize,
    /// Failed and on the list of expected failures.
    pub expected_failures: usize,
    /// Passed in spite of being on that list.
    pub unexpected_passes: usize,
    /// Not playable.
    pub error: usize,
    /// Skipped for a need that is not met.
    pub skip: usize,
    /// Not asked for.
    pub disabled: usize,
}

impl Counts {
    /// Counts `cases`.
    pub fn of<'a>(cases: impl IntoIterator<Item = &'a CaseReport>) -> Self {
        let mut counts = Self::default();
        for case in cases {
            match case.outcome {
                Outcome::Pass => counts.pass += 1,
                Outcome::Error => counts.error += 1,
                Outcome::Skip => counts.skip += 1,
                Outcome::Disabled => counts.disabled += 1,
                Outcome::Fail => {
                    counts.fail += 1;
                    match case.obligation {
                        Obligation::Must => counts.fail_must += 1,
                        Obligation::Should => counts.fail_should += 1,
                    }
                }
            }
            counts.expected_failures +=
                usize::from(case.outcome == Outcome::Fail && case.expected_failure);
            counts.unexpected_passes += usize::from(case.passed_unexpectedly());
        }
        counts
    }
}

/// What the plugin's calls of one command cost, as the kernel accounts it to the plugin's processes.
#[derive(Clone, Debug, serde::Serialize)]
pub struct CommandCost {
    /// How many calls were made.
    pub calls: u64,
    /// Wall time of all of them, in seconds.
    pub wall_seconds: f64,
    /// Wall time of the longest, in seconds.
    pub longest_seconds: f64,
    /// CPU time of all of them, in seconds.
    pub cpu_seconds: f64,
    /// The largest resident size of one of them, in bytes.
    pub peak_bytes: u64,
}

impl From<Cost> for CommandCost {
    fn from(cost: Cost) -> Self {
        let seconds = |duration: Duration| duration.as_secs_f64();
        Self {
            calls: cost.calls,
            wall_seconds: seconds(cost.wall),
            longest_seconds: seconds(cost.longest),
            cpu_seconds: seconds(cost.cpu),
            peak_bytes: cost.peak,
        }
    }
}

/// What was tested, with what.
#[derive(Clone, Debug, serde::Serialize)]
pub struct Header {
    /// The bench's version.
    pub bench_version: &'static str,
    /// The plugin's path.
    pub plugin: String,
    /// What the plugin says to `--version`.
    pub plugin_version: String,
    /// What the plugin says to `plugin_api_version`.
    pub api_version: String,
    /// The config's path.
    pub config_path: String,
    /// The config's text with secrets hidden.
    pub config: String,
    /// The second config's path.
    pub secondary_path: Option<String>,
    /// The level.
    pub level: Level,
    /// Whether a failed `should` counts.
    pub strict: bool,
}

/// What the run says of the plugin.
#[derive(Clone, Copy, Debug, PartialEq, Eq, serde::Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Verdict {
    /// It failed no `must` (with `--strict`, nothing at all): exit code 0.
    Passed,
    /// It did: exit code 1.
    Failed,
    /// The bench could not do its work: exit code 2.
    Error,
    /// No case was played: exit code 4.
    NothingRan,
}

impl Verdict {
    /// The exit code of the bench.
    pub fn exit_code(self) -> u8 {
        match self {
            Self::Passed => 0,
            Self::Failed => 1,
            Self::Error => 2,
            Self::NothingRan => 4,
        }
    }

    /// The word that reports use.
    pub fn name(self) -> &'static str {
        match self {
            Self::Passed => "passed",
            Self::Failed => "failed",
            Self::Error => "error",
            Self::NothingRan => "nothing ran",
        }
    }
}

/// Everything that is known at the end of a run.
#[derive(Clone, Debug, serde::Serialize)]
pub struct Report {
    /// What was tested.
    #[serde(flatten)]
    pub header: Header,
    /// The verdict.
    pub verdict: Verdict,
    /// The bench's exit code.
    pub exit_code: u8,
    /// Wall time of the run.
    pub seconds: f64,
    /// All cases together.
    pub summary: Counts,
    /// Each group's cases.
    pub groups: BTreeMap<&'static str, Counts>,
    /// Every case, in the order in which they were played.
    pub cases: Vec<CaseReport>,
    /// What the plugin's calls cost, by command.
    pub costs: BTreeMap<String, CommandCost>,
    /// Bytes that the plugin was given to store by `backup_data` and `backup_file`.
    pub uploaded_bytes: u64,
    /// The bench's own peak of resident memory, below which the plugin's cannot be told.
    pub own_peak_bytes: u64,
    /// What went wrong outside the cases, such as leftovers that could not be deleted.
    pub notes: Vec<String>,
    /// Throughput of the group `scale`.
    pub throughput: Vec<Throughput>,
}

/// One line of the scale stage's table.
#[derive(Clone, Debug, serde::Serialize)]
pub struct Throughput {
    /// What was run.
    pub what: String,
    /// Bytes of the database.
    pub bytes: u64,
    /// Wall time in seconds.
    pub seconds: f64,
}

impl Throughput {
    /// Megabytes per second.
    pub fn megabytes_per_second(&self) -> f64 {
        self.bytes as f64 / 1e6 / self.seconds.max(1e-9)
    }
}

impl Report {
    /// The peak memory of `cost` in MB; `≤` where it cannot be told below the bench's own.
    pub fn peak(&self, cost: &CommandCost) -> String {
        let unsure = if cost.peak_bytes <= self.own_peak_bytes {
            "≤ "
        } else {
            ""
        };
        format!("{unsure}{:.1}", cost.peak_bytes as f64 / 1e6)
    }

    /// Judges `cases`. A run that was `stopped` says nothing of the cases it did not come to.
    pub(crate) fn judge(strict: bool, cases: &[CaseReport], stopped: bool) -> Verdict {
        let counts = Counts::of(cases);
        let failed = cases.iter().any(|case| case.counts(strict));
        if stopped || counts.error > 0 {
            Verdict::Error
        } else if counts.pass + counts.fail == 0 {
            Verdict::NothingRan
        } else if failed || strict && counts.unexpected_passes > 0 {
            Verdict::Failed
        } else {
            Verdict::Passed
        }
    }

    /// The last line of the run.
    pub fn last_line(&self) -> String {
        let Counts {
            pass,
            fail,
            fail_must,
            fail_should,
            error,
            skip,
            disabled,
            ..
        } = self.summary;
        let passes = if pass == 1 {
            "1 case".into()
        } else {
            format!("{pass} cases")
        };
        format!(
            "verdict: {}; {passes} passed, {fail} failed ({fail_must} must, {fail_should} should), \
             {error} errors, {skip} skipped, {disabled} disabled",
            self.verdict.name()
        )
    }
}
