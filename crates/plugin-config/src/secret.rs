//! Text that must never be shown.

use std::fmt;

/// A secret of the config file: a key, a token or a password.
///
/// `Debug` prints `[hidden]` and there is no `Display`, so that a secret reaches a log or an error
/// only where somebody writes [`Secret::reveal`].
#[derive(Clone, PartialEq, Eq)]
pub struct Secret(String);

impl Secret {
    /// Hides `text`.
    pub fn new(text: impl Into<String>) -> Self {
        Self(text.into())
    }

    /// The text itself, for signing a request and for nothing else.
    pub fn reveal(&self) -> &str {
        &self.0
    }
}

impl fmt::Debug for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("[hidden]")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn debug_hides_the_text() {
        let shown = format!("{:?}", Some(Secret::new("wJalrXUtnFEMI")));
        assert_eq!(shown, "Some([hidden])");
    }
}
