//! What is compared: our plugin, others with the same commands, and curl as the raw line.

use std::path::{Path, PathBuf};
use std::str::FromStr;

/// The plugin of this checkout.
pub(crate) const OURS: &str = "ours";

/// What goals call the Go plugin with parts of 16 MB, six at a time: `--against go=…`.
pub(crate) const GO: &str = "go";

pub(crate) const CURL: &str = "curl";
pub(crate) const SHA256: &str = "sha256";

/// What sending and hashing cost when neither knows of the other.
pub(crate) const CURL_AND_SHA256: &str = "curl + sha256";

/// Another plugin, as named on the command line.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Against {
    name: String,
    executable: PathBuf,
    options: Vec<(String, String)>,
}

impl FromStr for Against {
    type Err = &'static str;

    /// `NAME=EXECUTABLE[,OPTION=VALUE…]`.
    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let mut fields = text.split(',').map(|field| field.split_once('='));
        let form = "the accepted form is NAME=EXECUTABLE[,OPTION=VALUE…]";
        let (name, executable) = fields.next().flatten().ok_or(form)?;
        let options: Option<Vec<_>> = fields
            .map(|field| field.map(|(key, value)| (key.to_owned(), value.to_owned())))
            .collect();
        Ok(Self {
            name: name.to_owned(),
            executable: executable.into(),
            options: options.ok_or(form)?,
        })
    }
}

/// One contestant.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Tool {
    /// A plugin: its executable and the options of its config beyond the necessary ones.
    Plugin {
        name: String,
        executable: PathBuf,
        options: Vec<(String, String)>,
    },
    /// curl, which neither signs nor hashes.
    Curl,
    /// One pass of `openssl dgst -sha256` over the stream, which a signed payload cannot do without.
    Sha256,
}

impl Tool {
    /// The plugin of this checkout at its default options.
    pub(crate) fn ours(executable: &Path) -> Self {
        Self::Plugin {
            name: OURS.to_owned(),
            executable: executable.to_owned(),
            options: Vec::new(),
        }
    }

    pub(crate) fn against(other: &Against) -> Self {
        Self::Plugin {
            name: other.name.clone(),
            executable: other.executable.clone(),
            options: other.options.clone(),
        }
    }

    pub(crate) fn name(&self) -> &str {
        match self {
            Self::Plugin { name, .. } => name,
            Self::Curl => CURL,
            Self::Sha256 => SHA256,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn another_plugin_may_have_options() {
        let go: Against = "go=/opt/plugin,backup_multipart_chunksize=16MB"
            .parse()
            .unwrap();
        assert_eq!(go.name, "go");
        assert_eq!(go.executable, Path::new("/opt/plugin"));
        let option = ("backup_multipart_chunksize".to_owned(), "16MB".to_owned());
        assert_eq!(go.options, [option]);
        assert!("/opt/plugin".parse::<Against>().is_err());
        assert!("go=/opt/plugin,fast".parse::<Against>().is_err());
    }
}
