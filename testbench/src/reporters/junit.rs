//! One suite for each group, as CI servers read it.

use std::io;
use std::time::Duration;

use quick_junit::{NonSuccessKind, TestCase, TestCaseStatus, TestSuite};

use super::transcript;
use crate::report::{CaseReport, Outcome, Report};

pub(super) fn text(report: &Report) -> io::Result<String> {
    let mut junit =
        quick_junit::Report::new(format!("gpbackup_plugin_test {}", report.header.plugin));
    junit.set_time(Duration::from_secs_f64(report.seconds));
    for group in report.groups.keys() {
        let mut suite = TestSuite::new(*group);
        let cases = report
            .cases
            .iter()
            .filter(|case| case.group == *group && case.outcome != Outcome::Disabled);
        suite.add_test_cases(cases.map(|case| test_case(case, report.header.strict)));
        if !suite.test_cases.is_empty() {
            junit.add_test_suite(suite);
        }
    }
    junit.to_string().map_err(io::Error::other)
}

/// A failure that is no part of the verdict is a skipped case there, with the reason: the report and the exit
/// code have to agree.
fn test_case(case: &CaseReport, strict: bool) -> TestCase {
    let reason = case.reason.clone().unwrap_or_default();
    let counts = case.counts(strict);
    let mut status = match case.outcome {
        Outcome::Pass => TestCaseStatus::success(),
        Outcome::Fail if counts => TestCaseStatus::non_success(NonSuccessKind::Failure),
        Outcome::Error => TestCaseStatus::non_success(NonSuccessKind::Error),
        Outcome::Fail | Outcome::Skip | Outcome::Disabled => TestCaseStatus::skipped(),
    };
    if case.outcome != Outcome::Pass {
        let word = if case.outcome == Outcome::Fail && !counts {
            "failed, but does not count: "
        } else {
            ""
        };
        status.set_message(format!("{word}{reason}"));
    }
    let mut test = TestCase::new(case.name.clone(), status);
    test.set_classname(case.obligation.name());
    test.set_time(Duration::from_secs_f64(case.seconds));
    if !case.transcript.is_empty() {
        let calls: Vec<String> = case.transcript.iter().map(transcript::text).collect();
        test.set_system_out(format!("proves: {}\n{}", case.clause, calls.concat()));
    }
    test
}
