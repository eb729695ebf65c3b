//! What can go wrong, and the script that says when.

use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use serde::{Deserialize, Serialize};

use super::call::Kind;
use super::error::Code;

/// Something that goes wrong with one request. Offsets and lengths count bytes of the body.
///
/// "Done" means that the store did what was asked; where it does not say so, it did not.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Fault {
    /// The request is answered with this error.
    Error(Code),
    /// The connection is reset before the request's body is read, and new ones are refused for `pause`.
    Refuse {
        /// How long the port is closed.
        #[serde(with = "millis")]
        pause: Duration,
    },
    /// All connections are reset, those of other requests too, and new ones are refused for `pause`.
    Restart {
        /// How long the port is closed.
        #[serde(with = "millis")]
        pause: Duration,
    },
    /// The connection is reset before the request's body is read.
    ResetBefore,
    /// The connection is reset when at least `after` bytes of the request's body have been read;
    /// a shorter body is read to its end first.
    ResetInRequest {
        /// Bytes of the request's body.
        after: u64,
    },
    /// Done, but the connection is reset before the first byte of the answer: nobody knows.
    LoseAnswer,
    /// Done, and the connection is reset after `after` bytes of the answer's body, of which the client
    /// may see fewer. 0 is after the header; anything beyond the body is after its end.
    ResetInAnswer {
        /// Bytes of the answer's body.
        after: u64,
    },
    /// Done, and the connection is closed in good order after `after` bytes of the answer's body.
    Truncate {
        /// Bytes of the answer's body.
        after: u64,
    },
    /// Done, and the answer begins after `pause`.
    SlowFirstByte {
        /// How long the client waits for the answer's first byte.
        #[serde(with = "millis")]
        pause: Duration,
    },
    /// Done, but reading of the request's body stops for `pause` after `after` bytes.
    StallRequest {
        /// Bytes of the request's body.
        after: u64,
        /// How long nothing is read.
        #[serde(with = "millis")]
        pause: Duration,
    },
    /// Done, but the answer's body stops for `pause` after `after` bytes.
    StallAnswer {
        /// Bytes of the answer's body.
        after: u64,
        /// How long nothing is sent.
        #[serde(with = "millis")]
        pause: Duration,
    },
    /// The answer has status 200 and an error as its body, as a completion may have on AWS.
    ErrorInOk(Code),
    /// Done, but the answer has another ETag.
    WrongEtag,
    /// Done, but the answer's checksums, in headers or XML, are those of other bytes.
    WrongChecksum,
    /// Done, but the answer's Content-Range names other bytes than those sent.
    WrongContentRange,
    /// Done, but one bit of the answer's body is flipped: bit `at` modulo the number of bits.
    FlipBit {
        /// Bit number, counted from 0.
        at: u64,
    },
    /// Done, but the byte `at` (modulo the length) of the answer's body is left out; Content-Length fits.
    DropByte {
        /// Byte number, counted from 0.
        at: u64,
    },
    /// Done, but the `len` bytes after `at + len` are those after `at` once more; the length stays.
    RepeatBlock {
        /// Where the block that is repeated begins.
        at: u64,
        /// Its length.
        len: u64,
    },
    /// Done, but `extra` zero bytes follow the answer's body; Content-Length fits.
    Overlong {
        /// How many.
        extra: u64,
    },
    /// A listing gives the page that the request before it got, its token included.
    RepeatPage,
    /// Done, but the answer's body is only its first half; Content-Length fits.
    CutPage,
    /// Every n-th key of a batch delete is refused with `code` and stays.
    KeyErrors {
        /// 1 refuses all keys.
        every: u64,
        /// What the answer says of each.
        code: Code,
    },
}

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

/// A duration as a whole number of milliseconds.
mod millis {
    use std::time::Duration;

    use serde::{Deserialize, Deserializer, Serializer};

    pub(super) fn serialize<S: Serializer>(value: &Duration, to: S) -> Result<S::Ok, S::Error> {
        to.serialize_u64(u64::try_from(value.as_millis()).unwrap_or(u64::MAX))
    }

    pub(super) fn deserialize<'de, D: Deserializer<'de>>(from: D) -> Result<Duration, D::Error> {
        u64::deserialize(from).map(Duration::from_millis)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

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
