//! The script that says when something goes wrong.

use std::sync::{Mutex, PoisonError};

use serde::{Deserialize, Serialize};

use super::call::Kind;
use super::fault::Fault;

/// Which requests of a rule's kind are met. They count from 1.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Which {
    /// Every one.
    All,
    /// Only this one.
    Nth(u64),
    /// From the first to this one.
    First(u64),
    /// This one and all that follow.
    From(u64),
    /// So many in a hundred, chosen by the script's seed and the request's number alone.
    Percent(u8),
}

/// A fault and the requests that it meets.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Rule {
    /// The kind of request; `None` is every kind.
    #[serde(default)]
    pub kind: Option<Kind>,
    /// Which of them.
    pub which: Which,
    /// What happens to them.
    pub fault: Fault,
}

impl Rule {
    /// A rule for one kind of request.
    #[must_use]
    pub fn new(kind: Kind, which: Which, fault: Fault) -> Self {
        Self {
            kind: Some(kind),
            which,
            fault,
        }
    }

    /// A rule for all kinds of requests.
    #[must_use]
    pub fn any(which: Which, fault: Fault) -> Self {
        Self {
            kind: None,
            which,
            fault,
        }
    }
}

/// What goes wrong during a run. Each rule counts the requests of its kind by itself; of the rules that
/// meet a request the first one happens. The default is that nothing goes wrong.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Script {
    /// Decides which requests [`Which::Percent`] meets.
    #[serde(default)]
    pub seed: u64,
    /// In order of precedence.
    #[serde(default)]
    pub rules: Vec<Rule>,
}

impl Script {
    /// A script of these rules, with seed 0.
    #[must_use]
    pub fn new(rules: impl IntoIterator<Item = Rule>) -> Self {
        Self {
            seed: 0,
            rules: rules.into_iter().collect(),
        }
    }

    /// The same rules with another seed.
    #[must_use]
    pub fn with_seed(self, seed: u64) -> Self {
        Self { seed, ..self }
    }
}

/// A script that is being played.
#[derive(Default)]
pub(crate) struct Player(Mutex<Played>);

#[derive(Default)]
struct Played {
    script: Script,
    /// How many requests each rule has seen.
    seen: Vec<u64>,
}

impl Player {
    pub(crate) fn load(&self, script: Script) {
        let seen = vec![0; script.rules.len()];
        *self.0.lock().unwrap_or_else(PoisonError::into_inner) = Played { script, seen };
    }

    /// What happens to the next request of this kind.
    pub(crate) fn next(&self, kind: Kind) -> Option<Fault> {
        let mut played = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let Played { script, seen } = &mut *played;
        let mut found = None;
        for (number, (rule, seen)) in script.rules.iter().zip(seen).enumerate() {
            if rule.kind.is_some_and(|wanted| wanted != kind) {
                continue;
            }
            *seen += 1;
            if found.is_none() && meets(rule.which, *seen, script.seed, number as u64) {
                found = Some(rule.fault.clone());
            }
        }
        found
    }
}

fn meets(which: Which, count: u64, seed: u64, rule: u64) -> bool {
    match which {
        Which::All => true,
        Which::Nth(nth) => count == nth,
        Which::First(last) => count <= last,
        Which::From(first) => count >= first,
        Which::Percent(percent) => {
            let mut dice = fastrand::Rng::with_seed(
                seed ^ count.wrapping_mul(0x9e37_79b9_7f4a_7c15) ^ rule.rotate_left(48),
            );
            dice.u8(..100) < percent
        }
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;
    use crate::memory::error::Code;

    fn met(which: Which, seed: u64, requests: u64) -> Vec<u64> {
        let player = Player::default();
        let rule = Rule::new(Kind::Get, which, Fault::ResetBefore);
        player.load(Script::new([rule]).with_seed(seed));
        (1..=requests)
            .filter(|_| player.next(Kind::Get).is_some())
            .collect()
    }

    #[test]
    fn a_rule_meets_the_requests_that_it_names() {
        assert_eq!(met(Which::Nth(2), 0, 4), [2]);
        assert_eq!(met(Which::First(2), 0, 4), [1, 2]);
        assert_eq!(met(Which::From(3), 0, 4), [3, 4]);
        assert_eq!(met(Which::All, 0, 2), [1, 2]);
    }

    #[test]
    fn the_seed_alone_chooses_the_percentage() {
        let once = met(Which::Percent(20), 7, 1000);
        assert_eq!(once, met(Which::Percent(20), 7, 1000));
        assert_ne!(once, met(Which::Percent(20), 8, 1000));
        assert!((150..250).contains(&once.len()), "{}", once.len());
    }

    #[test]
    fn other_kinds_do_not_count() {
        let player = Player::default();
        let rule = Rule::new(Kind::Part, Which::Nth(2), Fault::LoseAnswer);
        player.load(Script::new([rule]));
        assert_eq!(player.next(Kind::Part), None);
        assert_eq!(player.next(Kind::Get), None);
        assert_eq!(player.next(Kind::Part), Some(Fault::LoseAnswer));
    }

    #[test]
    fn a_script_is_written_as_json() {
        let text = r#"{"seed":1,"rules":[
            {"kind":"part","which":{"percent":20},"fault":{"error":"SlowDown"}},
            {"which":{"nth":3},"fault":{"stall_answer":{"after":10,"pause":250}}}]}"#;
        let script: Script = serde_json::from_str(text).unwrap();
        let pause = Duration::from_millis(250);
        let expected = Script::new([
            Rule::new(Kind::Part, Which::Percent(20), Fault::Error(Code::SlowDown)),
            Rule::any(Which::Nth(3), Fault::StallAnswer { after: 10, pause }),
        ]);
        assert_eq!(script, expected.with_seed(1));
    }
}
