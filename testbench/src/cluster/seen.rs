//! What the plugin's processes saw, held against a recorded run.

use std::collections::BTreeMap;

use super::Cluster;
use crate::scene::remove_local;
use crate::shim::{self, Line};
use crate::trace::{self, Recorded};
use crate::trouble::{Trouble, Verdict, ensure};

/// Calls that look alike, one step of a run.
#[derive(Debug, PartialEq, Eq)]
struct Step {
    form: String,
    calls: usize,
    side_by_side: bool,
}

/// The primary segments of the recorded cluster.
const RECORDED_SEGMENTS: usize = 3;

impl Step {
    /// How often this recorded step is called with `segments` segments: hooks and versions once for each, and
    /// maybe once on the coordinator. Of streams there are as many as tables.
    fn calls_with(&self, segments: usize) -> Option<usize> {
        let streams = self.form.starts_with("backup_data") || self.form.starts_with("restore_data");
        let each = self.calls >= RECORDED_SEGMENTS;
        (!streams).then_some(if each {
            self.calls - RECORDED_SEGMENTS + segments
        } else {
            self.calls
        })
    }
}

impl Cluster<'_> {
    /// Forgets what was seen so far.
    pub(crate) fn forget(&self) -> Verdict {
        remove_local(&self.log)
    }

    /// Asks that the plugin was called as in recording `number`: the same steps with the same arguments in
    /// the same order, none begun before the one before had ended everywhere, side by side where they were.
    pub(crate) fn seen_as_recorded(&self, number: u32) -> Verdict {
        let recorded = recorded_steps(&trace::recording(number).map_err(Trouble::bench)?);
        let lines = shim::read(&self.log)?;
        let seen = seen_steps(&lines)?;
        let forms = |steps: &[Step]| {
            steps
                .iter()
                .map(|step| step.form.clone())
                .collect::<Vec<_>>()
        };
        let (seen_forms, recorded_forms) = (forms(&seen), forms(&recorded));
        ensure(seen_forms == recorded_forms, || {
            first_difference(&recorded_forms, &seen_forms)
        })?;
        for (seen, recorded) in seen.iter().zip(&recorded) {
            let expected = recorded.calls_with(self.contents().len());
            ensure(
                expected.is_none_or(|expected| seen.calls == expected),
                || {
                    let (form, calls) = (&seen.form, seen.calls);
                    format!(
                        "{form} was called {calls} times, and {expected:?} times is enough where nothing fails"
                    )
                },
            )?;
        }
        let alone = seen.iter().zip(&recorded).find(|(seen, recorded)| {
            recorded.side_by_side && !seen.side_by_side && self.contents().len() > 1
        });
        match alone {
            None => Ok(()),
            Some((step, _)) => Err(Trouble::bench(format!(
                "{} was not played side by side",
                step.form
            ))),
        }
    }
}

fn recorded_steps(calls: &[Recorded]) -> Vec<Step> {
    let mut steps: Vec<Step> = Vec::new();
    for wave in trace::waves(calls) {
        let step = Step {
            form: trace::step(&wave[0].argv),
            calls: wave.len(),
            side_by_side: wave.len() > 1,
        };
        push(&mut steps, step);
    }
    steps
}

/// The steps of the log. A call that begins while one of another step is under way breaks a barrier.
fn seen_steps(lines: &[Line]) -> Verdict<Vec<Step>> {
    let mut steps: Vec<Step> = Vec::new();
    let mut under_way: BTreeMap<u32, String> = BTreeMap::new();
    for line in lines {
        match line {
            Line::Start { pid, argv } => {
                let form = trace::step(argv);
                let other = under_way.values().find(|other| **other != form);
                if let Some(other) = other {
                    return Err(Trouble::bench(format!(
                        "{form} began while {other} was under way"
                    )));
                }
                push(
                    &mut steps,
                    Step {
                        form: form.clone(),
                        calls: 1,
                        side_by_side: !under_way.is_empty(),
                    },
                );
                under_way.insert(*pid, form);
            }
            Line::End { pid } => {
                under_way.remove(pid);
            }
        }
    }
    Ok(steps)
}

fn push(steps: &mut Vec<Step>, step: Step) {
    match steps.last_mut() {
        Some(last) if last.form == step.form => {
            last.side_by_side |= step.side_by_side;
            last.calls += step.calls;
        }
        _ => steps.push(step),
    }
}

fn first_difference(recorded: &[String], seen: &[String]) -> String {
    let same = recorded
        .iter()
        .zip(seen)
        .take_while(|(a, b)| a == b)
        .count();
    let at = |steps: &[String]| {
        steps
            .get(same)
            .cloned()
            .unwrap_or_else(|| "nothing more".into())
    };
    format!(
        "step {} was recorded as {}, and here it was {}",
        same + 1,
        at(recorded),
        at(seen)
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    fn start(pid: u32, argv: &[&str]) -> Line {
        Line::Start {
            pid,
            argv: argv.iter().map(|arg| (*arg).to_owned()).collect(),
        }
    }

    #[test]
    fn a_broken_barrier_is_seen() {
        let lines = [
            start(1, &["a"]),
            start(2, &["b"]),
            Line::End { pid: 1 },
            Line::End { pid: 2 },
        ];
        assert!(seen_steps(&lines).is_err());
    }

    #[test]
    fn calls_side_by_side_are_one_step() {
        let lines = [
            start(1, &["a"]),
            start(2, &["a"]),
            Line::End { pid: 1 },
            Line::End { pid: 2 },
            start(3, &["b"]),
            Line::End { pid: 3 },
        ];
        let steps = seen_steps(&lines).unwrap();
        assert_eq!(steps.len(), 2);
        assert!(steps[0].side_by_side);
        assert!(!steps[1].side_by_side);
    }

    #[test]
    fn the_recorded_steps_are_those_of_the_contract() {
        let steps = recorded_steps(&trace::recording(12).unwrap());
        let commands: Vec<&str> = steps
            .iter()
            .filter_map(|step| step.form.split(' ').next())
            .collect();
        let setup = "setup_plugin_for_backup";
        assert_eq!(
            commands[..6],
            [
                "plugin_api_version",
                "--version",
                setup,
                setup,
                setup,
                "backup_data"
            ]
        );
        assert_eq!(commands.len(), 14);
    }
}
