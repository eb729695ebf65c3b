//! What the bench's JSON report says, counted by group, and whether it proves anything.

use std::collections::BTreeMap;
use std::fmt;
use std::path::Path;

use anyhow::{Context, Result, bail};
use serde::Deserialize;

/// The groups that cannot pass yet, each with the reason.
const NOT_YET: &[(&str, &str)] = &[(
    "secondary",
    "not yet run: the plugin cannot write a second destination yet",
)];

/// The part of the bench's report that is judged here.
#[derive(Deserialize)]
pub(crate) struct Summary {
    cases: Vec<Case>,
}

#[derive(Deserialize)]
struct Case {
    name: String,
    group: String,
    outcome: Outcome,
    /// Of a skipped case: what it needs and did not find.
    need: Option<String>,
}

#[derive(Clone, Copy, Deserialize, PartialEq, Eq, PartialOrd, Ord)]
#[serde(rename_all = "lowercase")]
enum Outcome {
    Pass,
    Fail,
    Error,
    Skip,
    Disabled,
}

impl Summary {
    /// Reads the bench's report.
    pub(crate) fn read(report: &Path) -> Result<Self> {
        let text = std::fs::read(report)
            .with_context(|| format!("cannot read the bench's report {}", report.display()))?;
        serde_json::from_slice(&text).context("cannot understand the bench's report")
    }

    /// Fails when no case was played or one was skipped for no declared need, whatever the exit code.
    pub(crate) fn ensure_proof(&self) -> Result<()> {
        let played = |case: &Case| matches!(case.outcome, Outcome::Pass | Outcome::Fail);
        if !self.cases.iter().any(played) {
            bail!("no case was played, which proves nothing");
        }
        let unexplained = |case: &&Case| case.outcome == Outcome::Skip && case.need.is_none();
        if let Some(case) = self.cases.iter().find(unexplained) {
            bail!("{} was skipped without a declared need", case.name);
        }
        Ok(())
    }

    fn groups(&self) -> BTreeMap<&str, BTreeMap<Outcome, usize>> {
        let mut groups: BTreeMap<&str, BTreeMap<Outcome, usize>> = BTreeMap::new();
        for case in &self.cases {
            *groups
                .entry(&case.group)
                .or_default()
                .entry(case.outcome)
                .or_default() += 1;
        }
        groups
    }
}

/// A table: one line a group.
impl fmt::Display for Summary {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "{:<13} {:>4} {:>4} {:>5} {:>4} {:>8}",
            "group", "pass", "fail", "error", "skip", "disabled"
        )?;
        for (group, counts) in self.groups() {
            let count = |outcome| counts.get(&outcome).copied().unwrap_or_default();
            write!(
                f,
                "\n{group:<13} {:>4} {:>4} {:>5} {:>4} {:>8}",
                count(Outcome::Pass),
                count(Outcome::Fail),
                count(Outcome::Error),
                count(Outcome::Skip),
                count(Outcome::Disabled),
            )?;
            let remark = NOT_YET.iter().find(|(name, _)| *name == group);
            if let Some((_, reason)) = remark.filter(|_| count(Outcome::Skip) > 0) {
                write!(f, "  {reason}")?;
            }
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(cases: &str, expected: Result<(), &str>) {
        let summary: Summary = serde_json::from_str(&format!("{{\"cases\":[{cases}]}}")).unwrap();
        let proof = summary.ensure_proof().map_err(|error| error.to_string());
        assert_eq!(proof, expected.map_err(str::to_owned));
    }

    #[test]
    fn only_cases_that_were_played_prove_something() {
        let pass = r#"{"name":"data/empty","group":"data","outcome":"pass","need":null}"#;
        let off = r#"{"name":"data/empty","group":"data","outcome":"disabled","need":null}"#;
        let told = r#"{"name":"gpbackup/x","group":"gpbackup","outcome":"skip","need":"database"}"#;
        let untold = r#"{"name":"gpbackup/x","group":"gpbackup","outcome":"skip","need":null}"#;
        check(pass, Ok(()));
        check(&format!("{pass},{told}"), Ok(()));
        check(
            &format!("{off},{told}"),
            Err("no case was played, which proves nothing"),
        );
        check("", Err("no case was played, which proves nothing"));
        check(
            &format!("{pass},{untold}"),
            Err("gpbackup/x was skipped without a declared need"),
        );
    }
}
