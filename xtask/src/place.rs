//! A place to write to: endpoint, keys, bucket and folder, and the config file that names it.

use std::fmt::Write as _;
use std::fs::OpenOptions;
use std::io::Write as _;
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result};

/// Where a plugin is told to write.
#[derive(Clone)]
pub(crate) struct Place {
    /// The endpoint with its scheme, such as `http://127.0.0.1:41235`.
    pub(crate) endpoint: String,
    pub(crate) region: String,
    pub(crate) access_key: String,
    pub(crate) secret_key: String,
    pub(crate) bucket: String,
    /// The certificate of the authority that signed the endpoint's, where it is not a public one.
    pub(crate) ca_file: Option<PathBuf>,
}

/// The folder within each bucket.
pub(crate) const FOLDER: &str = "gpbackup/plugin-test";

impl Place {
    /// Writes the plugin's config file, readable by its owner only, as it holds the secret.
    pub(crate) fn write_config(&self, file: &Path, plugin: &Path) -> Result<()> {
        self.write_config_with(file, plugin, &[])
    }

    /// The same, with these options besides.
    pub(crate) fn write_config_with(
        &self,
        file: &Path,
        plugin: &Path,
        options: &[(String, String)],
    ) -> Result<()> {
        OpenOptions::new()
            .write(true)
            .create_new(true)
            .mode(0o600)
            .open(file)
            .and_then(|mut out| out.write_all(self.config(plugin, options).as_bytes()))
            .with_context(|| format!("cannot write {}", file.display()))
    }

    /// The options that make this place the second destination of another one.
    pub(crate) fn as_remote(&self) -> Vec<(String, String)> {
        let mut options = vec![
            ("replication", "on"),
            ("remote_endpoint", &self.endpoint),
            ("remote_region", &self.region),
            ("remote_bucket", &self.bucket),
            ("remote_aws_access_key_id", &self.access_key),
            ("remote_aws_secret_access_key", &self.secret_key),
        ];
        let ca_file = self.ca_file.as_ref().map(|file| file.to_string_lossy());
        options.extend(ca_file.iter().map(|file| ("remote_ca_file", &**file)));
        let owned = options.into_iter();
        owned
            .map(|(name, value)| (name.to_owned(), value.to_owned()))
            .collect()
    }

    fn config(&self, plugin: &Path, options: &[(String, String)]) -> String {
        let encryption = if self.endpoint.starts_with("https:") {
            "on"
        } else {
            "off"
        };
        let mut text = format!(
            "executablepath: {}\noptions:\n",
            scalar(&plugin.to_string_lossy())
        );
        let mut option = |key: &str, value: &str| {
            writeln!(text, "  {key}: {}", scalar(value)).ok();
        };
        option("region", &self.region);
        option("endpoint", &self.endpoint);
        option("aws_access_key_id", &self.access_key);
        option("aws_secret_access_key", &self.secret_key);
        option("bucket", &self.bucket);
        option("folder", FOLDER);
        option("encryption", encryption);
        if let Some(ca_file) = &self.ca_file {
            option("ca_file", &ca_file.to_string_lossy());
        }
        for (key, value) in options {
            option(key, value);
        }
        text
    }
}

/// A YAML scalar that is read back as the same text; every JSON string is one.
fn scalar(text: &str) -> String {
    serde_json::Value::from(text).to_string()
}

/// A pair of keys for one run: 20 and 40 letters, the lengths that AWS gives.
pub(crate) fn new_keys() -> (String, String) {
    let letters = |count| std::iter::repeat_with(fastrand::alphanumeric).take(count);
    (letters(20).collect(), letters(40).collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_value_with_yaml_in_it_stays_text() {
        let place = Place {
            endpoint: "http://127.0.0.1:9".into(),
            region: "us-east-1".into(),
            access_key: "on".into(),
            secret_key: "a: \"b\" #c".into(),
            bucket: "0123".into(),
            ca_file: None,
        };
        let text = place.config(Path::new("/bin/a plugin"), &[]);
        assert!(
            text.starts_with("executablepath: \"/bin/a plugin\"\noptions:\n"),
            "{text}"
        );
        assert!(text.contains("  aws_access_key_id: \"on\"\n"), "{text}");
        assert!(
            text.contains(r#"  aws_secret_access_key: "a: \"b\" #c""#),
            "{text}"
        );
        assert!(text.contains("  bucket: \"0123\"\n"), "{text}");
        assert!(text.contains("  encryption: \"off\"\n"), "{text}");
    }
}
