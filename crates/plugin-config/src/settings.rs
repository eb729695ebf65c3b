//! What the file means, after every check.

use std::num::NonZeroUsize;
use std::path::PathBuf;
use std::time::Duration;

use crate::endpoint::{Endpoint, Proxy};
use crate::secret::Secret;

/// The checked content of a config file: nothing in it needs a second check.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Settings {
    /// Where the objects are, and as whom they are reached.
    pub destination: Destination,
    /// The second destination, where an option `remote_…` names one.
    pub remote: Option<Remote>,
    /// How streams and files are written: `backup_multipart_chunksize`, `backup_max_concurrent_requests`.
    pub upload: Transfer,
    /// How they are read: `restore_multipart_chunksize`, `restore_max_concurrent_requests`.
    pub download: Transfer,
    /// `max_memory` in bytes, at least 10 MiB (two parts); `None` where not given.
    pub max_memory: Option<u64>,
    /// How long a data or file command goes on while nothing succeeds; 120 s where not given, at most 7 days.
    pub retry_patience: Duration,
    /// `checksum`: the checksum sent with every part.
    pub checksum: Checksum,
    /// `payload_signing`: whether request bodies are part of the signature.
    pub payload_signing: PayloadSigning,
    /// `logger_verbosity`: how much goes to the log file.
    pub verbosity: Verbosity,
}

/// One place where backups are kept.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Destination {
    /// `region`, which is signed into every request; `us-east-1` where only an endpoint is given.
    pub region: String,
    /// `endpoint`; `None` means AWS.
    pub endpoint: Option<Endpoint>,
    /// Whether requests go over TLS: the endpoint's scheme where it has one, else `encryption`. It holds for AWS too.
    pub tls: bool,
    /// `bucket`, as it was written.
    pub bucket: String,
    /// `folder` without outer slashes, inner runs of slashes collapsed; empty for the bucket's root (`/`).
    pub folder: String,
    /// Which credentials sign the requests.
    pub credentials: Credentials,
    /// Which proxy the requests go through.
    pub proxy: ProxyChoice,
    /// Where the bucket's name stands in a URL.
    pub addressing: Addressing,
    /// `ca_file`: trusted besides the system's authorities.
    pub ca_file: Option<PathBuf>,
    /// `storage_class`, passed as it was written with every object.
    pub storage_class: Option<String>,
}

/// The second destination, which is never the place of the first.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Remote {
    /// Where it is: each `remote_…` option, or the first destination's where that is not given. The
    /// credentials are taken together: all of the first destination, or none.
    pub destination: Destination,
    /// What is written to it.
    pub replication: Replication,
}

/// What backups write to the second destination.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Replication {
    /// `replication: off`: nothing; it is for `replicate_backup`.
    Off,
    /// `replication_mode: prefer`: every object that it takes.
    Prefer,
    /// `replication_mode: require`: every object, or the command fails.
    #[default]
    Require,
}

impl Destination {
    /// The key of the object `name`: `folder` in front of it, and a slash between them where there is a folder.
    pub fn key(&self, name: &str) -> String {
        if self.folder.is_empty() {
            name.to_owned()
        } else {
            format!("{}/{name}", self.folder)
        }
    }
}

/// Which credentials sign the requests.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Credentials {
    /// Those of the file itself.
    Given {
        /// `aws_access_key_id`.
        access_key_id: String,
        /// `aws_secret_access_key`.
        secret_access_key: Secret,
        /// `aws_session_token`, which temporary credentials carry.
        session_token: Option<Secret>,
    },
    /// `aws_profile`: a profile of the shared credentials and config files.
    Profile(String),
    /// The SDK's whole chain: environment, profile, web identity, container, instance.
    Chain,
}

/// Which proxy the requests go through.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ProxyChoice {
    /// `HTTPS_PROXY`, `HTTP_PROXY` and `NO_PROXY` count, as `http_proxy` is not in the file.
    Environment,
    /// `http_proxy`, for every request.
    Given(Proxy),
}

/// Where the bucket's name stands in a URL.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Addressing {
    /// In the path: `https://host/bucket/key`. Default with an endpoint.
    Path,
    /// In front of the host: `https://bucket.host/key`. Default on AWS.
    Virtual,
    /// Nowhere, as the endpoint's host already names the bucket: `remove_duplicate_bucket: true`.
    BucketInHost,
}

/// Sizes and concurrency of one direction.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Transfer {
    /// Bytes of the first part or of a range; for uploads 5 MiB to 5 GiB, for downloads at least 1.
    /// `None` where not given.
    pub part_size: Option<u64>,
    /// Requests in flight per process, 1 to 10,000; 6 where not given.
    pub concurrency: NonZeroUsize,
}

/// The checksum sent with every part.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Checksum {
    /// The transport's choice.
    #[default]
    Auto,
    /// CRC-64/NVME.
    Crc64Nvme,
    /// CRC-32C.
    Crc32c,
    /// None, for stores that refuse them.
    Off,
}

/// Whether request bodies are part of the signature.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum PayloadSigning {
    /// Signed over http, unsigned over https.
    #[default]
    Auto,
    /// Always.
    On,
    /// Never.
    Off,
}

/// How much goes to the log file; each level contains those before it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub enum Verbosity {
    /// Failures.
    Error,
    /// What was done.
    #[default]
    Info,
    /// How it was done.
    Verbose,
    /// Every request.
    Debug,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_key_has_the_folder_in_front() {
        for (folder, expected) in [("test/wrap", "test/wrap/backups/x"), ("", "backups/x")] {
            let destination = Destination {
                region: "us-east-1".into(),
                endpoint: None,
                tls: true,
                bucket: "b".into(),
                folder: folder.into(),
                credentials: Credentials::Chain,
                proxy: ProxyChoice::Environment,
                addressing: Addressing::Virtual,
                ca_file: None,
                storage_class: None,
            };
            assert_eq!(destination.key("backups/x"), expected);
        }
    }
}
