//! How a command ends when it does not succeed.

use std::error::Error;

/// What a command answers: nothing, or why it failed.
pub type Answer = Result<(), Failure>;

/// Why a command failed; any error becomes one with `?`, also `anyhow`'s.
#[derive(Debug)]
pub enum Failure {
    /// The reader of the stream went away (`EPIPE` on stdout). A filtered restore does that as a matter
    /// of course, so that the exit code is not zero and nothing is said.
    ReaderGone,
    /// Everything else. It is told on one line: the error, then what it came from, with colons between.
    Error(Box<dyn Error + Send + Sync>),
}

impl<E: Into<Box<dyn Error + Send + Sync>>> From<E> for Failure {
    fn from(error: E) -> Self {
        Self::Error(error.into())
    }
}

/// The error and what it came from on one line, each cause once.
pub(crate) fn one_line(error: &(dyn Error + Send + Sync)) -> String {
    let mut line = flat(&error.to_string());
    let mut cause = error.source();
    while let Some(error) = cause {
        let text = flat(&error.to_string());
        // Some errors quote their cause and have it too.
        if !line.ends_with(&text) {
            line = format!("{line}: {text}");
        }
        cause = error.source();
    }
    line
}

/// Line breaks and other control characters as blanks, so that a message is one line in every log.
fn flat(text: &str) -> String {
    let words = text.split(|c: char| c.is_control()).map(str::trim);
    words
        .filter(|word| !word.is_empty())
        .collect::<Vec<_>>()
        .join(" ")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[derive(Debug, thiserror::Error)]
    #[error("{text}")]
    struct Link {
        text: &'static str,
        #[source]
        cause: Option<Box<Link>>,
    }

    #[track_caller]
    fn check(chain: &[&'static str], expected: &str) {
        let error = chain
            .iter()
            .rev()
            .fold(None, |cause, text| Some(Box::new(Link { text, cause })));
        assert_eq!(one_line(&*error.unwrap()), expected);
    }

    #[test]
    fn a_chain_is_one_line() {
        check(
            &["cannot store x", "no route", "timed out"],
            "cannot store x: no route: timed out",
        );
        check(
            &["cannot store x: timed out", "timed out"],
            "cannot store x: timed out",
        );
        check(
            &["first\n  second\r\n", "third\u{1b}[0m"],
            "first second: third [0m",
        );
    }

    #[test]
    fn any_error_becomes_a_failure() {
        fn fails() -> Answer {
            std::fs::read("/nonexistent/file")?;
            Ok(())
        }
        fn fails_with_context() -> Answer {
            Err(anyhow::anyhow!("inner").context("outer"))?
        }
        assert!(matches!(fails(), Err(Failure::Error(_))));
        let Err(Failure::Error(error)) = fails_with_context() else {
            panic!("no error")
        };
        assert_eq!(one_line(&*error), "outer: inner");
    }
}
