//! Reading one option in the form it takes.

use std::num::NonZeroUsize;

use crate::error::Problem;
use crate::options::{self, Origin};
use crate::raw::RawConfig;
use crate::size::parse_size;

/// More requests than an upload can have parts are never in flight.
const MOST_REQUESTS: usize = 10_000;

/// The options as they were typed, and what was found to be wrong with them so far.
pub(crate) struct Reader {
    pub(crate) raw: RawConfig,
    pub(crate) problems: Vec<Problem>,
    pub(crate) view: View,
}

/// Under which name an option is looked for.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum View {
    /// Its own.
    First,
    /// With `remote_` in front, and where that is not set its own.
    Inheriting,
    /// With `remote_` in front only.
    Remote,
}

/// What begins the names of the second destination's options.
const REMOTE: &str = "remote_";

impl Reader {
    pub(crate) fn new(raw: RawConfig, problems: Vec<Problem>) -> Self {
        Self {
            raw,
            problems,
            view: View::First,
        }
    }

    /// Whether any option of a second destination is set.
    pub(crate) fn names_remote(&self) -> bool {
        self.raw.iter().any(|(name, _)| {
            let first = name.strip_prefix(REMOTE).and_then(options::find);
            first.is_some_and(|first| first.origin != Origin::Gpbackup)
        })
    }

    /// Whether one of `keys` is set for the second destination.
    pub(crate) fn names_any(&self, keys: &[&str]) -> bool {
        let set = |key: &&str| self.raw.get(&format!("{REMOTE}{key}")).is_some();
        keys.iter().any(set)
    }

    /// The name under which an option is read, or would be where it is not set.
    pub(crate) fn name(&self, key: &str) -> String {
        match self.view {
            View::Remote => format!("{REMOTE}{key}"),
            View::Inheriting if self.names_any(&[key]) => format!("{REMOTE}{key}"),
            View::First | View::Inheriting => key.to_owned(),
        }
    }

    /// A number of bytes.
    pub(crate) fn size(&mut self, key: &'static str) -> Option<u64> {
        self.parsed(
            key,
            "no size like 500MB, 16MiB, 1.5GB or 5242880",
            parse_size,
        )
    }

    /// A number of requests in flight.
    pub(crate) fn requests(&mut self, key: &'static str) -> Option<NonZeroUsize> {
        self.parsed(key, "no whole number from 1 to 10000", |text| {
            let number = text.trim().parse::<NonZeroUsize>().ok()?;
            (number.get() <= MOST_REQUESTS).then_some(number)
        })
    }

    /// `on` or `off`; `true`, `false`, `yes` and `no` mean the same, as YAML has it.
    pub(crate) fn switch(&mut self, key: &'static str) -> Option<bool> {
        self.choice(key, SWITCH)
    }

    /// One of a few words, in any case.
    pub(crate) fn choice<T: Copy>(&mut self, key: &'static str, words: &[(&str, T)]) -> Option<T> {
        let accepted: Vec<_> = words.iter().map(|(word, _)| *word).collect();
        let form = format!("none of {}", accepted.join(", "));
        self.parsed(key, &form, |text| {
            let named = words
                .iter()
                .find(|(word, _)| text.eq_ignore_ascii_case(word));
            named.map(|(_, meaning)| *meaning)
        })
    }

    /// What goes into a request's head: printable ASCII without blanks.
    pub(crate) fn token(&mut self, key: &'static str) -> Option<String> {
        self.parsed(key, "no printable ASCII without blanks", |text| {
            text.bytes()
                .all(|b| b.is_ascii_graphic())
                .then(|| text.to_owned())
        })
    }

    /// A value whose parser knows what is wrong with it.
    pub(crate) fn described<T>(
        &mut self,
        key: &'static str,
        parse: impl Fn(&str) -> Result<T, &'static str>,
    ) -> Option<T> {
        let text = self.text(key)?;
        parse(&text)
            .map_err(|wrong| self.problem(key, format!("{}: {wrong}", shown(key, &text))))
            .ok()
    }

    /// A value of which one form is accepted; `form` goes on from the value: `"x" is <form>`.
    pub(crate) fn parsed<T>(
        &mut self,
        key: &'static str,
        form: &str,
        parse: impl Fn(&str) -> Option<T>,
    ) -> Option<T> {
        let text = self.text(key)?;
        let value = parse(&text);
        if value.is_none() {
            self.problem(key, format!("{} is {form}", shown(key, &text)));
        }
        value
    }

    /// The text of an option, where it is set.
    pub(crate) fn text(&self, key: &'static str) -> Option<String> {
        self.raw.get(&self.name(key)).map(str::to_owned)
    }

    /// Notes what is wrong with an option; once, where two destinations share it.
    pub(crate) fn problem(&mut self, key: &'static str, message: impl Into<String>) {
        let problem = Problem::of(&self.name(key), message);
        if !self.problems.contains(&problem) {
            self.problems.push(problem);
        }
    }
}

/// A value as a message quotes it; a secret's never.
pub(crate) fn shown(key: &str, text: &str) -> String {
    if options::find(key).is_some_and(|spec| !spec.secret) {
        format!("{text:?}")
    } else {
        "the value".to_owned()
    }
}

/// The words of a switch, as the Go plugin and as YAML spell them.
const SWITCH: &[(&str, bool)] = &[
    ("on", true),
    ("off", false),
    ("true", true),
    ("false", false),
    ("yes", true),
    ("no", false),
];
