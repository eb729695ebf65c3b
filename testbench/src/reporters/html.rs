//! One page that needs nothing else.

use maud::{DOCTYPE, Markup, PreEscaped, html};

use super::transcript;
use crate::report::{CaseReport, CommandCost, Counts, Outcome, Report, Throughput};

pub(super) fn page(report: &Report) -> Markup {
    let title = format!("{} · {}", report.verdict.name(), plugin_name(report));
    html! {
        (DOCTYPE)
        html lang="en" {
            head {
                meta charset="utf-8";
                meta name="viewport" content="width=device-width, initial-scale=1";
                meta name="color-scheme" content="light dark";
                title { (title) }
                style { (PreEscaped(include_str!("page.css"))) }
            }
            body {
                main {
                    (verdict(report))
                    (failures(report))
                    (groups(report))
                    (costs(report))
                    (throughput(&report.throughput))
                    (surroundings(report))
                }
            }
        }
    }
}

fn plugin_name(report: &Report) -> &str {
    match report.header.plugin_version.as_str() {
        "" => &report.header.plugin,
        version => version,
    }
}

fn verdict(report: &Report) -> Markup {
    let Counts {
        pass,
        fail_must,
        fail_should,
        error,
        skip,
        expected_failures,
        unexpected_passes,
        ..
    } = report.summary;
    html! {
        header class=(if report.exit_code == 0 { "good" } else { "bad" }) {
            h1 { (plugin_name(report)) ": " (report.verdict.name()) }
            p {
                (figure(pass, "passed", "pass")) (figure(fail_must, "must failed", "fail"))
                (figure(fail_should, "should failed", "fail")) (figure(error, "errors", "error"))
                (figure(skip, "skipped", "skip"))
                @if expected_failures > 0 { (figure(expected_failures, "failed as expected", "skip")) }
                @if unexpected_passes > 0 { (figure(unexpected_passes, "passed unexpectedly", "error")) }
            }
        }
    }
}

fn figure(count: usize, what: &str, class: &str) -> Markup {
    let class = if count == 0 { "none" } else { class };
    html! { span class={ "figure " (class) } { b { (count) } " " (what) } }
}

/// What did not pass, first of all, each with its transcript folded.
fn failures(report: &Report) -> Markup {
    let bad: Vec<&CaseReport> = report
        .cases
        .iter()
        .filter(|case| matches!(case.outcome, Outcome::Fail | Outcome::Error))
        .collect();
    html! {
        @if !bad.is_empty() {
            section {
                h2 { "What did not pass" }
                @for case in bad { (failure(case)) }
            }
        }
    }
}

fn failure(case: &CaseReport) -> Markup {
    html! {
        article id=(case.name) {
            h3 {
                span class={ "mark " (case.outcome.name()) } { (case.outcome.name()) }
                " " code { (case.name) } " "
                small { (case.obligation.name()) @if case.expected_failure { ", expected" } }
            }
            p { (case.reason.as_deref().unwrap_or_default()) }
            p class="clause" { "Proves: " (case.clause) }
            @if !case.transcript.is_empty() {
                details {
                    summary { (case.transcript.len()) @if case.transcript.len() == 1 { " call" } @else { " calls" } }
                    pre { @for call in &case.transcript { (transcript::text(call)) } }
                }
            }
        }
    }
}

fn groups(report: &Report) -> Markup {
    html! {
        section {
            h2 { "Cases" }
            div class="wide" { table {
                thead { tr { th { "group" } th { "pass" } th { "fail" } th { "error" } th { "skip" } th { "disabled" } } }
                tbody {
                    @for (group, counts) in &report.groups {
                        tr {
                            td { a href={ "#group-" (group) } { (group) } }
                            (count(counts.pass, "pass")) (count(counts.fail, "fail")) (count(counts.error, "error"))
                            (count(counts.skip, "skip")) (count(counts.disabled, "disabled"))
                        }
                    }
                }
            } }
            @for (group, counts) in &report.groups {
                details id={ "group-" (group) } open[counts.fail + counts.error > 0] {
                    summary { b { (group) } " " (result(counts)) }
                    ul { @for case in report.cases.iter().filter(|case| case.group == *group) { (line(case)) } }
                }
            }
        }
    }
}

fn result(counts: &Counts) -> String {
    match counts.pass + counts.fail + counts.error {
        0 => "not played".into(),
        played => format!("{} of {played} passed", counts.pass),
    }
}

fn count(count: usize, class: &str) -> Markup {
    let class = if count == 0 {
        "number none".to_owned()
    } else {
        format!("number {class}")
    };
    html! { td class=(class) { (count) } }
}

fn line(case: &CaseReport) -> Markup {
    let outcome = case.outcome.name();
    let seconds = format!("{:.2} s", case.seconds);
    html! {
        li {
            span class={ "mark " (outcome) } { (outcome) } " "
            @match case.outcome {
                Outcome::Fail | Outcome::Error => { a href={ "#" (case.name) } { code { (case.name) } } }
                _ => { code { (case.name) } }
            }
            " " small {
                (case.obligation.name())
                @match case.outcome {
                    Outcome::Skip => { " · " (case.reason.as_deref().unwrap_or_default()) }
                    Outcome::Disabled => {}
                    _ => { " · " (seconds) }
                }
                @if case.passed_unexpectedly() { " · it was expected to fail" }
            }
        }
    }
}

fn costs(report: &Report) -> Markup {
    html! {
        section {
            h2 { "What the plugin's calls cost" }
            div class="wide" { table {
                thead { tr {
                    th { "command" } th { "calls" } th { "wall s" } th { "longest s" } th { "CPU s" } th { "peak MB" }
                } }
                tbody { @for (command, cost) in &report.costs { (cost_row(command, cost, report)) } }
            } }
            p { small {
                "Uploaded: " (format!("{:.2} MB", report.uploaded_bytes as f64 / 1e6))
                ". A peak marked ≤ is not above the bench's own: the kernel cannot tell it more closely."
            } }
        }
    }
}

fn cost_row(command: &str, cost: &CommandCost, report: &Report) -> Markup {
    let CommandCost {
        calls,
        wall_seconds,
        longest_seconds,
        cpu_seconds,
        ..
    } = cost;
    html! {
        tr {
            td { code { (command) } }
            td class="number" { (calls) }
            @for seconds in [wall_seconds, longest_seconds, cpu_seconds] {
                td class="number" { (format!("{seconds:.2}")) }
            }
            td class="number" { (report.peak(cost)) }
        }
    }
}

fn throughput(lines: &[Throughput]) -> Markup {
    html! {
        @if !lines.is_empty() {
            section {
                h2 { "Throughput" }
                div class="wide" { table {
                    thead { tr { th { "run" } th { "MB" } th { "s" } th { "MB/s" } } }
                    tbody { @for line in lines { tr {
                        td { code { (line.what) } }
                        td class="number" { (line.bytes / 1_000_000) }
                        td class="number" { (format!("{:.1}", line.seconds)) }
                        td class="number" { (format!("{:.1}", line.megabytes_per_second())) }
                    } } }
                } }
            }
        }
    }
}

fn surroundings(report: &Report) -> Markup {
    let header = &report.header;
    html! {
        section {
            h2 { "What was tested" }
            dl {
                dt { "plugin" } dd { code { (header.plugin) } " " (header.plugin_version) }
                dt { "plugin API" } dd { (header.api_version) }
                dt { "bench" } dd { "gpbackup_plugin_test " (header.bench_version) ", level " (header.level.name()) @if header.strict { ", strict" } }
                dt { "wall time" } dd { (format!("{:.1} s", report.seconds)) }
                dt { "config" } dd { code { (header.config_path) } }
                @if let Some(secondary) = &header.secondary_path { dt { "second config" } dd { code { (secondary) } } }
            }
            pre { (header.config) }
            @if !report.notes.is_empty() { ul { @for note in &report.notes { li { (note) } } } }
        }
    }
}
