//! Plays cases one after the other, whatever becomes of each.

use std::panic::AssertUnwindSafe;
use std::path::Path;
use std::sync::mpsc;
use std::time::{Duration, Instant};

use crate::bench::Bench;
use crate::case::{Case, Group};
use crate::catalog;
use crate::config::{ConfigText, redact};
use crate::event::{Event, Reporter};
use crate::interrupt;
use crate::leftovers::Stored;
use crate::need::{self, Need};
use crate::report::{CaseReport, Counts, Header, Outcome, Report};
use crate::scene::Scene;
use crate::settings::{Settings, SettingsError};
use crate::trouble::{Trouble, Verdict};

/// Why a run could not begin or be told.
#[derive(Debug, thiserror::Error)]
pub enum RunError {
    /// The settings are wrong.
    #[error(transparent)]
    Settings(#[from] SettingsError),
    /// There is no place to work in.
    #[error("cannot make a directory to work in: {0}")]
    Work(std::io::Error),
    /// The plugin cannot be started at all.
    #[error("{0}")]
    Plugin(String),
    /// A report cannot be written.
    #[error("cannot write a report: {0}")]
    Report(std::io::Error),
}

/// Runs the bench with `settings` and tells `reporters`.
///
/// # Errors
/// What keeps the bench from beginning, and a report that cannot be written. Whatever the plugin does, and
/// the bench's troubles with single cases, is part of the [`Report`].
pub fn run(settings: Settings, reporters: &mut [Box<dyn Reporter>]) -> Result<Report, RunError> {
    settings.check()?;
    for name in &settings.expected_failures {
        catalog::check_name(name)?;
    }
    let config = ConfigText::read(&settings.config).map_err(SettingsError::from)?;
    let mut work = tempfile::Builder::new()
        .prefix("plugin_bench.")
        .tempdir()
        .map_err(RunError::Work)?;
    work.disable_cleanup(settings.keep);
    let bench = Bench::new(settings, config, work.path().to_owned());
    let mut run = Run {
        bench: &bench,
        audience: Audience {
            reporters,
            failure: None,
        },
        cases: Vec::new(),
        stored: Stored::default(),
        notes: Vec::new(),
    };
    run.play()
}

struct Run<'a> {
    bench: &'a Bench,
    audience: Audience<'a>,
    cases: Vec<CaseReport>,
    stored: Stored,
    notes: Vec<String>,
}

/// Those who are told of the run. One that cannot write keeps neither the others from it nor the run from
/// cleaning up.
struct Audience<'a> {
    reporters: &'a mut [Box<dyn Reporter>],
    /// The first error of any of them.
    failure: Option<std::io::Error>,
}

impl Audience<'_> {
    fn tell(&mut self, event: &Event<'_>) {
        for reporter in &mut *self.reporters {
            if let Err(error) = reporter.event(event) {
                self.failure.get_or_insert(error);
            }
        }
    }
}

impl Run<'_> {
    fn play(&mut self) -> Result<Report, RunError> {
        let started = Instant::now();
        let header = self.header()?;
        self.audience.tell(&Event::Start(&header));
        let mut stopped = false;
        for (group, case) in catalog::in_order() {
            let report = self.case(group, case, stopped);
            stopped = stopped || interrupt::requested();
            self.audience.tell(&Event::CaseEnd(&report));
            self.cases.push(report);
        }
        stopped = stopped || interrupt::requested();
        interrupt::acknowledge();
        self.clean_up();
        self.notes.append(&mut self.bench.leftovers());
        let secrets = self.bench.secrets();
        let hide = |note: &mut String| *note = redact(note, &secrets);
        self.notes.iter_mut().for_each(hide);
        stopped = stopped || interrupt::requested();
        let report = self.report(header, started, stopped);
        self.audience.tell(&Event::End(&report));
        match self.audience.failure.take() {
            None => Ok(report),
            Some(error) => Err(RunError::Report(error)),
        }
    }

    fn header(&self) -> Result<Header, RunError> {
        let settings = &self.bench.settings;
        let ask = |command: &str| {
            let call = self.bench.call(command, &self.bench.aside);
            match call.run() {
                Ok(answer) => {
                    let text = String::from_utf8_lossy(&answer.stdout);
                    Ok(text.lines().next().unwrap_or_default().to_owned())
                }
                Err(Trouble::Bench(message)) => Err(RunError::Plugin(format!(
                    "{message}; is it built for this machine, and does its first line name its interpreter?"
                ))),
                Err(trouble) => Err(RunError::Plugin(trouble.to_string())),
            }
        };
        Ok(Header {
            bench_version: env!("CARGO_PKG_VERSION"),
            plugin: settings.plugin.display().to_string(),
            plugin_version: ask("--version")?,
            api_version: ask("plugin_api_version")?,
            config_path: settings.config.display().to_string(),
            config: self.bench.config.redacted(),
            secondary_path: settings
                .secondary
                .as_ref()
                .map(|path| path.display().to_string()),
            level: settings.level,
            strict: settings.strict,
        })
    }

    fn case(&mut self, group: &'static Group, case: &'static Case, stopped: bool) -> CaseReport {
        let name = catalog::full_name(group, case);
        let settings = &self.bench.settings;
        let mut report = CaseReport {
            group: group.name,
            obligation: case.obligation,
            level: case.level,
            clause: case.clause,
            outcome: Outcome::Disabled,
            reason: None,
            need: None,
            expected_failure: settings.expected_failures.contains(&name),
            seconds: 0.0,
            transcript: Vec::new(),
            name,
        };
        let wanted = settings.filters.is_empty()
            || settings
                .filters
                .iter()
                .any(|pattern| catalog::matches(pattern, &report.name));
        if stopped || !wanted {
            return report;
        }
        match need::unmet(case, self.bench) {
            Ok(None) => {}
            Ok(Some((need, reason))) => {
                report.outcome = Outcome::Skip;
                report.need = Some(need);
                report.reason = Some(reason);
                return report;
            }
            Err(trouble) => {
                (report.outcome, report.reason) = outcome(Err(trouble));
                return report;
            }
        }
        self.audience.tell(&Event::CaseStart { name: &report.name });
        self.play_case(case, &mut report);
        report
    }

    fn play_case(&mut self, case: &'static Case, report: &mut CaseReport) {
        let started = Instant::now();
        let secrets = self.bench.secrets();
        let scene = match Scene::new(self.bench, &report.name) {
            Ok(scene) => scene,
            Err(trouble) => {
                (report.outcome, report.reason) = outcome(Err(trouble));
                return;
            }
        };
        let audience = &mut self.audience;
        let verdict = std::thread::scope(|scope| {
            let (sender, done) = mpsc::channel();
            let scene = &scene;
            scope.spawn(move || {
                let verdict = std::panic::catch_unwind(AssertUnwindSafe(|| (case.run)(scene)));
                // The receiver waits for as long as this thread lives.
                let _ = sender.send(verdict);
            });
            wait(&done, &report.name, audience)
        });
        report.seconds = started.elapsed().as_secs_f64();
        (report.outcome, report.reason) = outcome(verdict);
        report.reason = report.reason.take().map(|reason| redact(&reason, &secrets));
        let calls = scene.transcript.take(&secrets);
        self.stored.note(&calls);
        if report.outcome != Outcome::Pass {
            report.transcript = calls;
        }
        if !self.bench.settings.keep {
            remove(&scene.dir);
        }
    }

    /// Deletes what the run stored. What cannot be deleted is named, and is no matter of the verdict.
    fn clean_up(&mut self) {
        let bench = self.bench;
        self.stored.note(&bench.aside.take(&[]));
        if !bench.settings.keep {
            return self.notes.extend(self.stored.delete(bench));
        }
        let claimed = bench.claimed_timestamps();
        let stamps: Vec<String> = claimed.iter().map(ToString::to_string).collect();
        self.notes.push(format!(
            "kept {} and the backups {}",
            bench.work.display(),
            stamps.join(" ")
        ));
        let directories: Vec<&str> = self.stored.directories().collect();
        if !directories.is_empty() {
            self.notes
                .push(format!("kept the directories {}", directories.join(" ")));
        }
    }

    fn report(&mut self, header: Header, started: Instant, stopped: bool) -> Report {
        let cases = std::mem::take(&mut self.cases);
        let verdict = Report::judge(header.strict, &cases, stopped);
        if stopped {
            self.notes.push(Trouble::Interrupted.to_string());
        }
        let groups = catalog::GROUPS
            .iter()
            .map(|group| {
                (
                    group.name,
                    Counts::of(cases.iter().filter(|case| case.group == group.name)),
                )
            })
            .collect();
        let costs = self.bench.ledger.costs();
        Report {
            header,
            verdict,
            exit_code: verdict.exit_code(),
            seconds: started.elapsed().as_secs_f64(),
            summary: Counts::of(&cases),
            groups,
            cases,
            costs: costs
                .into_iter()
                .map(|(command, cost)| (command, cost.into()))
                .collect(),
            own_peak_bytes: crate::cost::own_peak(),
            uploaded_bytes: self.bench.ledger.uploaded(),
            notes: std::mem::take(&mut self.notes),
            throughput: self.bench.throughput(),
        }
    }
}

fn outcome(verdict: Verdict) -> (Outcome, Option<String>) {
    match verdict {
        Ok(()) => (Outcome::Pass, None),
        Err(Trouble::Plugin(reason)) => (Outcome::Fail, Some(reason)),
        Err(trouble) => (Outcome::Error, Some(trouble.to_string())),
    }
}

/// Waits for a case, and tells every second that it is still under way.
fn wait(
    done: &mpsc::Receiver<std::thread::Result<Verdict>>,
    name: &str,
    audience: &mut Audience<'_>,
) -> Verdict {
    let started = Instant::now();
    loop {
        match done.recv_timeout(Duration::from_secs(1)) {
            Ok(Ok(verdict)) => return verdict,
            Err(mpsc::RecvTimeoutError::Timeout) => audience.tell(&Event::CaseRuns {
                name,
                elapsed: started.elapsed(),
            }),
            Ok(Err(_)) | Err(mpsc::RecvTimeoutError::Disconnected) => {
                return Err(Trouble::bench(
                    "the case panicked; please report this bench's bug",
                ));
            }
        }
    }
}

/// Removes a case's directory; what a running leftover of the plugin still holds goes with the work directory.
fn remove(dir: &Path) {
    let _ = std::fs::remove_dir_all(dir);
}

/// Whether the case does away with the first destination, and so is played last.
pub(crate) fn is_final(case: &Case) -> bool {
    case.needs.contains(&Need::DestroyPrimary)
}
