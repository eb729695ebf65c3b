//! Whether the bench's JSON report proves anything; the bench itself prints the counts by group.

use std::path::Path;

use anyhow::{Context, Result, bail};
use serde::Deserialize;

/// The part of the bench's report that is judged here.
#[derive(Deserialize)]
pub(crate) struct Summary {
    #[serde(default)]
    verdict: String,
    cases: Vec<Case>,
}

#[derive(Deserialize)]
struct Case {
    name: String,
    outcome: Outcome,
    /// Of a skipped case: what it needs and did not find.
    need: Option<String>,
}

#[derive(Clone, Copy, Deserialize, PartialEq, Eq)]
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

    /// Whether no obligatory case failed but those that were expected to.
    pub(crate) fn has_passed(&self) -> bool {
        self.verdict == "passed"
    }

    /// How many cases passed, failed (or could not be judged), and were skipped.
    pub(crate) fn counts(&self) -> (usize, usize, usize) {
        let count = |outcome| {
            let cases = self.cases.iter();
            cases.filter(|case| case.outcome == outcome).count()
        };
        let failed = count(Outcome::Fail) + count(Outcome::Error);
        (count(Outcome::Pass), failed, count(Outcome::Skip))
    }

    /// The names of the cases that failed or could not be judged.
    pub(crate) fn failures(&self) -> impl Iterator<Item = &str> {
        let failed = |case: &&Case| matches!(case.outcome, Outcome::Fail | Outcome::Error);
        self.cases
            .iter()
            .filter(failed)
            .map(|case| case.name.as_str())
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
