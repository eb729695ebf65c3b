//! From what was typed to what it means.

use std::num::NonZeroUsize;
use std::time::Duration;

use crate::duration::parse_duration;
use crate::error::{Problem, Problems};
use crate::options;
use crate::raw::RawConfig;
use crate::reader::Reader;
use crate::settings::{Checksum, PayloadSigning, Settings, Transfer, Verbosity};
use crate::size::show_size;
use crate::suggest::nearest_option;

/// Smallest part of a multipart upload but for the last one, by the S3 API.
const SMALLEST_PART: u64 = 5 << 20; // 5 MiB
/// Largest part of a multipart upload, by the S3 API.
const LARGEST_PART: u64 = 5 << 30; // 5 GiB
/// Requests in flight where the file says nothing, as by the Go plugin.
const DEFAULT_REQUESTS: NonZeroUsize = NonZeroUsize::new(6).unwrap();
const DEFAULT_PATIENCE: Duration = Duration::from_secs(120);

/// Checks everything, and tells every problem, not only the first.
pub(crate) fn check(text: &str) -> Result<Settings, Problems> {
    let mut problems = Vec::new();
    let Some(raw) = RawConfig::parse(text, &mut problems) else {
        return Err(Problems(problems));
    };
    let mut reader = Reader::new(raw, problems);
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
    }

    fn settings(&mut self) -> Settings {
        let destination = self.destination();
        Settings {
            remote: self.remote(&destination),
            destination,
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
            verbosity: self
                .choice("logger_verbosity", VERBOSITIES)
                .unwrap_or_default(),
        }
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
