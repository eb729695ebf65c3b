//! From what was typed to what it means.

use std::num::NonZeroUsize;
use std::path::PathBuf;
use std::time::Duration;

use crate::duration::parse_duration;
use crate::endpoint::{Endpoint, Proxy};
use crate::error::{Problem, Problems};
use crate::options;
use crate::raw::RawConfig;
use crate::reader::{Reader, shown};
use crate::secret::Secret;
use crate::settings::{
    Addressing, Checksum, Credentials, Destination, PayloadSigning, ProxyChoice, Settings,
    Transfer, Verbosity,
};
use crate::size::show_size;
use crate::suggest::nearest_option;

/// Smallest part of a multipart upload but for the last one, by the S3 API.
const SMALLEST_PART: u64 = 5 << 20; // 5 MiB
/// Largest part of a multipart upload, by the S3 API.
const LARGEST_PART: u64 = 5 << 30; // 5 GiB
/// Requests in flight where the file says nothing, as by the Go plugin.
const DEFAULT_REQUESTS: NonZeroUsize = NonZeroUsize::new(6).unwrap();
const DEFAULT_PATIENCE: Duration = Duration::from_secs(120);
/// What AWS signs with where nothing else is known.
const DEFAULT_REGION: &str = "us-east-1";

/// Checks everything, and tells every problem, not only the first.
pub(crate) fn check(text: &str) -> Result<Settings, Problems> {
    let mut problems = Vec::new();
    let Some(raw) = RawConfig::parse(text, &mut problems) else {
        return Err(Problems(problems));
    };
    let mut reader = Reader { raw, problems };
    reader.refuse_keys();
    // Where something is wrong, these hold whatever came to hand, and are dropped.
    let settings = reader.settings();
    if reader.problems.is_empty() {
        Ok(settings)
    } else {
        Err(Problems(reader.problems))
    }
}

/// The checks of the single options; [`Reader`] itself knows their forms.
impl Reader {
    /// Refuses what this build does not know, by name.
    fn refuse_keys(&mut self) {
        for (key, _) in self.raw.iter() {
            let message = match options::find(key) {
                Some(spec) if spec.built => continue,
                Some(_) => "is planned and not built yet, remove it".to_owned(),
                None => match nearest_option(key) {
                    Some(near) => format!("unknown option, did you mean {near}?"),
                    None => "unknown option".to_owned(),
                },
            };
            self.problems.push(Problem::of(key, message));
        }
        if self.switch("password_encryption") == Some(true) {
            self.problem(
                "password_encryption",
                "cannot be on, as the plugin reads no encrypted secret; write off",
            );
        }
        if self.switch("replication") == Some(true) {
            self.problem(
                "replication",
                "cannot be on, as a second destination is not built yet; write off",
            );
        }
    }

    fn settings(&mut self) -> Settings {
        Settings {
            destination: self.destination(),
            upload: self.upload(),
            download: self.download(),
            max_memory: self.max_memory(),
            retry_patience: self
                .parsed(
                    "retry_patience",
                    "no duration up to 7 days like 120s, 2m or 1h",
                    parse_duration,
                )
                .unwrap_or(DEFAULT_PATIENCE),
            checksum: self.choice("checksum", CHECKSUMS).unwrap_or_default(),
            payload_signing: self
                .choice("payload_signing", PAYLOAD_SIGNINGS)
                .unwrap_or_default(),
            storage_class: self.token("storage_class"),
            verbosity: self
                .choice("logger_verbosity", VERBOSITIES)
                .unwrap_or_default(),
        }
    }

    fn destination(&mut self) -> Destination {
        let encryption = self.switch("encryption").unwrap_or(true);
        let endpoint = self.described("endpoint", |text| Endpoint::parse(text, encryption));
        let proxy = self.described("http_proxy", Proxy::parse);
        Destination {
            region: self.region(),
            tls: endpoint
                .as_ref()
                .map_or(encryption, |endpoint| endpoint.tls),
            addressing: self.addressing(endpoint.is_some()),
            endpoint,
            bucket: self.bucket(),
            folder: self.folder(),
            credentials: self.credentials(),
            proxy: proxy.map_or(ProxyChoice::Environment, ProxyChoice::Given),
            ca_file: self.text("ca_file").map(PathBuf::from),
        }
    }

    fn region(&mut self) -> String {
        let region = self.token("region");
        if self.text("region").is_none() && self.text("endpoint").is_none() {
            self.problem(
                "region",
                "required where there is no endpoint, as us-west-2",
            );
        }
        region.unwrap_or_else(|| DEFAULT_REGION.to_owned())
    }

    fn bucket(&mut self) -> String {
        let Some(bucket) = self.text("bucket") else {
            self.problem("bucket", "required, name the bucket that keeps the backups");
            return String::new();
        };
        if bucket.contains('/')
            || bucket.contains(char::is_whitespace)
            || bucket.contains(char::is_control)
        {
            let message = format!(
                "{} holds a slash or a blank, write the name alone and the rest to folder",
                shown("bucket", &bucket)
            );
            self.problem("bucket", message);
        }
        bucket
    }

    fn folder(&mut self) -> String {
        let Some(folder) = self.text("folder") else {
            self.problem(
                "folder",
                "required, name what every key begins with, as gpbackup/prod",
            );
            return String::new();
        };
        let components: Vec<_> = folder
            .split('/')
            .filter(|component| !component.is_empty())
            .collect();
        if components
            .iter()
            .any(|component| matches!(*component, "." | ".."))
            || folder.contains(char::is_control)
        {
            let message = format!(
                "{} holds a component . or .., or a control character",
                shown("folder", &folder)
            );
            self.problem("folder", message);
        }
        components.join("/")
    }

    fn credentials(&mut self) -> Credentials {
        let id = self.token("aws_access_key_id");
        let secret = self.token("aws_secret_access_key").map(Secret::new);
        let token = self.token("aws_session_token").map(Secret::new);
        let profile = self.text("aws_profile");
        let given =
            ["aws_access_key_id", "aws_secret_access_key"].map(|key| self.text(key).is_some());
        match given {
            [true, false] => {
                self.problem("aws_secret_access_key", "required beside aws_access_key_id")
            }
            [false, true] => {
                self.problem("aws_access_key_id", "required beside aws_secret_access_key")
            }
            [false, false] if token.is_some() => {
                self.problem(
                    "aws_session_token",
                    "wants aws_access_key_id and aws_secret_access_key beside it",
                );
            }
            [true, true] if profile.is_some() => {
                self.problem(
                    "aws_profile",
                    "cannot stand beside aws_access_key_id, remove one of them",
                );
            }
            _ => {}
        }
        match (id, secret, profile) {
            (Some(access_key_id), Some(secret_access_key), _) => Credentials::Given {
                access_key_id,
                secret_access_key,
                session_token: token,
            },
            (_, _, Some(profile)) => Credentials::Profile(profile),
            _ => Credentials::Chain,
        }
    }

    fn addressing(&mut self, has_endpoint: bool) -> Addressing {
        let by_default = if has_endpoint {
            Addressing::Path
        } else {
            Addressing::Virtual
        };
        let style = self.choice("addressing_style", ADDRESSING_STYLES).flatten();
        if self.switch("remove_duplicate_bucket") != Some(true) {
            return style.unwrap_or(by_default);
        }
        if self.text("endpoint").is_none() {
            self.problem(
                "remove_duplicate_bucket",
                "true wants an endpoint whose host names the bucket",
            );
        }
        if style == Some(Addressing::Virtual) {
            self.problem(
                "addressing_style",
                "virtual would name the bucket twice with remove_duplicate_bucket: true",
            );
        }
        Addressing::BucketInHost
    }

    fn upload(&mut self) -> Transfer {
        let key = "backup_multipart_chunksize";
        let part_size = self.size(key);
        if let Some(size) = part_size
            && !(SMALLEST_PART..=LARGEST_PART).contains(&size)
        {
            let message = format!(
                "{} is not between {} and {}",
                show_size(size),
                show_size(SMALLEST_PART),
                show_size(LARGEST_PART)
            );
            self.problem(key, message);
        }
        Transfer {
            part_size,
            concurrency: self
                .requests("backup_max_concurrent_requests")
                .unwrap_or(DEFAULT_REQUESTS),
        }
    }

    fn download(&mut self) -> Transfer {
        let key = "restore_multipart_chunksize";
        let part_size = self.size(key);
        if part_size == Some(0) {
            self.problem(key, "0 bytes is not a size to read in, write at least 1");
        }
        Transfer {
            part_size,
            concurrency: self
                .requests("restore_max_concurrent_requests")
                .unwrap_or(DEFAULT_REQUESTS),
        }
    }

    fn max_memory(&mut self) -> Option<u64> {
        let size = self.size("max_memory")?;
        // One part is read while another is sent.
        let least = 2 * SMALLEST_PART;
        if size < least {
            let message = format!(
                "{} does not hold two parts, write at least {}",
                show_size(size),
                show_size(least)
            );
            self.problem("max_memory", message);
        }
        Some(size)
    }
}

const ADDRESSING_STYLES: &[(&str, Option<Addressing>)] = &[
    ("auto", None),
    ("path", Some(Addressing::Path)),
    ("virtual", Some(Addressing::Virtual)),
];

const CHECKSUMS: &[(&str, Checksum)] = &[
    ("auto", Checksum::Auto),
    ("crc64nvme", Checksum::Crc64Nvme),
    ("crc32c", Checksum::Crc32c),
    ("off", Checksum::Off),
];

const PAYLOAD_SIGNINGS: &[(&str, PayloadSigning)] = &[
    ("auto", PayloadSigning::Auto),
    ("on", PayloadSigning::On),
    ("off", PayloadSigning::Off),
];

const VERBOSITIES: &[(&str, Verbosity)] = &[
    ("error", Verbosity::Error),
    ("info", Verbosity::Info),
    ("verbose", Verbosity::Verbose),
    ("debug", Verbosity::Debug),
];
