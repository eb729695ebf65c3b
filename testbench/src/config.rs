//! The plugin's config file as text. The bench never parses and writes it anew: in its copies single option
//! lines are added or replaced, and every other option keeps the text it has.

use std::io;
use std::path::Path;

/// Words in an option's name that make its value a secret.
const SECRET_WORDS: [&str; 4] = ["secret", "password", "token", "access_key"];

/// What stands for a secret in reports.
const HIDDEN: &str = "********";

/// The text of a config file.
#[derive(Clone, Debug)]
pub(crate) struct ConfigText(String);

/// Why a config file cannot be copied with more options.
#[derive(Debug, thiserror::Error)]
pub enum ConfigError {
    /// It cannot be read.
    #[error("cannot read the config file {path:?}: {source}")]
    Unreadable {
        /// The file.
        path: std::path::PathBuf,
        /// Why.
        source: io::Error,
    },
    /// It has no options as a block of lines.
    #[error(
        "the config file {path:?} has no line \"options:\" followed by indented lines \"name: value\", \
         one option each, as gpbackup writes them"
    )]
    NoOptions {
        /// The file.
        path: std::path::PathBuf,
    },
}

impl ConfigText {
    /// Reads the file at `path`.
    ///
    /// # Errors
    /// Where it cannot be read as text, or has no block of options.
    pub(crate) fn read(path: &Path) -> Result<Self, ConfigError> {
        let text = std::fs::read_to_string(path).map_err(|source| ConfigError::Unreadable {
            path: path.to_owned(),
            source,
        })?;
        let config = Self(text);
        match config.indent() {
            Some(_) => Ok(config),
            None => Err(ConfigError::NoOptions {
                path: path.to_owned(),
            }),
        }
    }

    /// The text.
    pub(crate) fn as_str(&self) -> &str {
        &self.0
    }

    /// The text of the option `name`, with the quotes that stand around it taken off.
    pub(crate) fn option(&self, name: &str) -> Option<&str> {
        self.options()
            .find(|(option, _)| *option == name)
            .map(|(_, value)| unquoted(value))
    }

    /// The plugin that gpbackup runs by this config: it replaces `$NAME` and `${NAME}` by the environment's.
    pub(crate) fn executable(&self) -> String {
        let named = self
            .0
            .lines()
            .filter(|line| !line.starts_with([' ', '\t']))
            .filter_map(split)
            .find(|(name, _)| *name == "executablepath");
        let path = named.map(|(_, value)| unquoted(value)).unwrap_or_default();
        expand(path, |name| std::env::var(name).unwrap_or_default())
    }

    /// The same config with the option `name` spelled as `value`, whatever it was before.
    pub(crate) fn with_option(&self, name: &str, value: &str) -> Self {
        let indent = self.indent().unwrap_or_default();
        let mut text = String::new();
        let mut within = false;
        for line in self.0.lines() {
            let replaced = within && split(line).is_some_and(|(option, _)| option == name);
            if !replaced {
                text.push_str(line);
                text.push('\n');
            }
            if is_options_line(line) {
                text.push_str(&format!("{indent}{name}: {value}\n"));
                within = true;
            } else if !line.starts_with([' ', '\t', '#']) && !line.trim().is_empty() {
                within = false;
            }
        }
        Self(text)
    }

    /// The values that must never be shown, and the `user:password` and the password within URLs, at least six
    /// characters long: shorter ones are in any text.
    pub(crate) fn secrets(&self) -> Vec<&str> {
        let mut secrets = Vec::new();
        for (name, value) in self.options() {
            if is_secret(name) {
                secrets.push(unquoted(value));
            }
            for credentials in credentials(value) {
                secrets.push(credentials);
                secrets.extend(credentials.split_once(':').map(|(_, password)| password));
            }
        }
        secrets.retain(|secret| secret.len() >= 6);
        secrets
    }

    /// The text with its secrets hidden, for reports: the values of options that are secrets by their name,
    /// whatever their length and however many lines they have, and the credentials within URLs.
    pub(crate) fn redacted(&self) -> String {
        let mut text = String::new();
        let mut secret_at = None;
        for line in self.0.lines() {
            let depth = line.len() - line.trim_start().len();
            let goes_on = secret_at.is_some_and(|secret| depth > secret) && !line.trim().is_empty();
            let (name, value) = line.split_once(':').unwrap_or((line, ""));
            let hidden = if goes_on {
                format!("{}{HIDDEN}", &line[..depth])
            } else {
                secret_at = is_secret(name).then_some(depth);
                match secret_at {
                    Some(_) if !value.trim().is_empty() => format!("{name}: {HIDDEN}"),
                    _ => line.to_owned(),
                }
            };
            text.push_str(&without_credentials(&hidden));
            text.push('\n');
        }
        let secrets: Vec<String> = self.secrets().into_iter().map(str::to_owned).collect();
        redact(&text, &secrets)
    }

    fn indent(&self) -> Option<String> {
        let mut lines = self
            .0
            .lines()
            .skip_while(|line| !is_options_line(line))
            .skip(1);
        let first =
            lines.find(|line| split(line).is_some() && !line.trim_start().starts_with('#'))?;
        let indent = &first[..first.len() - first.trim_start().len()];
        (!indent.is_empty()).then(|| indent.to_owned())
    }

    fn options(&self) -> impl Iterator<Item = (&str, &str)> {
        let lines = self
            .0
            .lines()
            .skip_while(|line| !is_options_line(line))
            .skip(1);
        lines
            .take_while(|line| line.starts_with([' ', '\t', '#']) || line.trim().is_empty())
            .filter_map(split)
    }
}

/// Replaces every one of `secrets` in `text`.
pub(crate) fn redact(text: &str, secrets: &[String]) -> String {
    secrets
        .iter()
        .fold(text.to_owned(), |text, secret| text.replace(secret, HIDDEN))
}

/// Whether the option `name` has a value that must not be shown.
fn is_secret(name: &str) -> bool {
    let name = name.to_ascii_lowercase();
    SECRET_WORDS.iter().any(|word| name.contains(word))
}

/// What stands between `://` and the last `@` of each URL in `text`. A password may hold an unescaped slash.
fn credentials(text: &str) -> impl Iterator<Item = &str> {
    let urls = text.split("://").skip(1);
    urls.filter_map(|rest| {
        let ends = |char: char| char.is_whitespace() || char == '"' || char == '\'';
        let url = rest.split(ends).next().unwrap_or_default();
        url.rsplit_once('@').map(|(credentials, _)| credentials)
    })
}

fn without_credentials(text: &str) -> String {
    credentials(text).fold(text.to_owned(), |hidden, credentials| {
        hidden.replace(&format!("://{credentials}@"), &format!("://{HIDDEN}@"))
    })
}

/// Replaces `$NAME` and `${NAME}` in `text` by what `value` says.
fn expand(text: &str, value: impl Fn(&str) -> String) -> String {
    let mut parts = text.split('$');
    let mut expanded = parts.next().unwrap_or_default().to_owned();
    for part in parts {
        let (name, rest) = match part.strip_prefix('{').and_then(|part| part.split_once('}')) {
            Some(braced) => braced,
            None => {
                let within = |char: char| char.is_ascii_alphanumeric() || char == '_';
                part.split_at(part.find(|char| !within(char)).unwrap_or(part.len()))
            }
        };
        expanded += &value(name);
        expanded += rest;
    }
    expanded
}

fn is_options_line(line: &str) -> bool {
    split(line).is_some_and(|(name, value)| name == "options" && value.is_empty())
}

/// A line `name: value`, with a comment behind the value taken off.
fn split(line: &str) -> Option<(&str, &str)> {
    let (name, value) = line.split_once(':')?;
    let value = value.trim();
    let value = match value.chars().next() {
        Some(quote @ ('"' | '\'')) => match value[1..].find(quote) {
            Some(end) => &value[..end + 2],
            None => value,
        },
        _ => value.split(" #").next().unwrap_or_default().trim_end(),
    };
    Some((name.trim(), value))
}

fn unquoted(value: &str) -> &str {
    ['"', '\'']
        .into_iter()
        .find_map(|quote| value.strip_prefix(quote)?.strip_suffix(quote))
        .unwrap_or(value)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn config(text: &str) -> ConfigText {
        ConfigText(text.to_owned())
    }

    const USUAL: &str = "executablepath: /bin/p\noptions:\n  # where\n  bucket: 0123\n  region: \"on\" # yes\n  aws_secret_access_key: 's3cret: \"x'\n";

    #[test]
    fn every_other_option_keeps_its_text() {
        let copy = config(USUAL)
            .with_option("pgport", "\"6102\"")
            .with_option("bucket", "new");
        let kept: Vec<&str> = USUAL
            .lines()
            .filter(|line| !line.contains("bucket"))
            .collect();
        for line in kept {
            assert!(copy.as_str().contains(line), "{line} in {}", copy.as_str());
        }
        assert_eq!(copy.option("pgport"), Some("6102"));
        assert_eq!(copy.option("bucket"), Some("new"));
        assert_eq!(copy.as_str().matches("bucket").count(), 1);
    }

    #[test]
    fn options_are_read_as_text() {
        assert_eq!(config(USUAL).option("bucket"), Some("0123"));
        assert_eq!(config(USUAL).option("region"), Some("on"));
        assert_eq!(
            config(USUAL).option("aws_secret_access_key"),
            Some("s3cret: \"x")
        );
        assert_eq!(config(USUAL).option("executablepath"), None);
    }

    #[test]
    fn the_plugin_is_named_with_variables() {
        let value = |name: &str| format!("<{name}>");
        for (text, expected) in [
            ("/bin/p", "/bin/p"),
            ("$GPHOME/bin/p", "<GPHOME>/bin/p"),
            ("${A}b/$C_1", "<A>b/<C_1>"),
        ] {
            assert_eq!(expand(text, value), expected);
        }
        assert_eq!(config(USUAL).executable(), "/bin/p");
    }

    #[test]
    fn secrets_are_hidden() {
        let redacted = config(USUAL).redacted();
        assert!(!redacted.contains("s3cret"), "{redacted}");
        assert!(redacted.contains("bucket: 0123"), "{redacted}");
    }

    #[test]
    fn secrets_of_any_length_and_shape_are_hidden() {
        let check = |line: &str, expected: &str| {
            let redacted = config(&format!("options:\n  a: b\n{line}\n")).redacted();
            assert_eq!(redacted, format!("options:\n  a: b\n{expected}\n"));
        };
        check("  password: abc", "  password: ********");
        check("  password: abc # was xyz", "  password: ********");
        check("  # Password: abc", "  # Password: ********");
        check("  session_token:", "  session_token:");
        check(
            "  secret_key: |\n    abc\n    def\n  bucket: abc",
            "  secret_key: ********\n    ********\n    ********\n  bucket: abc",
        );
        check(
            "  http_proxy: \"http://me:pw@proxy:3128\" # or http://x@y",
            "  http_proxy: \"http://********@proxy:3128\" # or http://********@y",
        );
        check(
            "  endpoint: http://host:9000",
            "  endpoint: http://host:9000",
        );
    }

    #[test]
    fn credentials_in_urls_are_secrets() {
        let config =
            config("options:\n  http_proxy: http://me:pa/ss@word@proxy:3128\n  e: http://host\n");
        assert_eq!(config.secrets(), ["me:pa/ss@word", "pa/ss@word"]);
    }

    #[test]
    fn a_config_without_a_block_of_options_is_refused() {
        for text in [
            "",
            "options: {a: b}\n",
            "executablepath: x\noptions:\n",
            "options:\na: b\n",
        ] {
            assert!(config(text).indent().is_none(), "{text:?}");
        }
    }
}
