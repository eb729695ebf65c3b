//! Every option of the config file: one declared slice, from which come the unknown and not-built
//! refusals, the hiding of secrets and the table of the documentation.

/// One option.
#[derive(Clone, Copy, Debug)]
pub struct OptionSpec {
    /// The key under `options`.
    pub name: &'static str,
    /// Who reads it first.
    pub origin: Origin,
    /// What it means, in Markdown.
    pub meaning: &'static str,
    /// What holds where it is not given, in Markdown; empty where nothing does.
    pub default: &'static str,
    /// Whether this build knows it; what it does not know it refuses by name.
    pub built: bool,
    /// Whether its value may never be shown.
    pub secret: bool,
}

/// Where an option comes from.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Origin {
    /// The Go plugin: same name, same meaning.
    Go,
    /// Greengage's fork of the Go plugin.
    Greengage,
    /// gpbackup and gprestore, which add it to the file or read it themselves.
    Gpbackup,
    /// This plugin.
    New,
}

/// A row of a slice below, built and not secret.
const fn row(
    origin: Origin,
    name: &'static str,
    default: &'static str,
    meaning: &'static str,
) -> OptionSpec {
    OptionSpec {
        name,
        origin,
        meaning,
        default,
        built: true,
        secret: false,
    }
}

const fn go(name: &'static str, default: &'static str, meaning: &'static str) -> OptionSpec {
    row(Origin::Go, name, default, meaning)
}

const fn gpbackup(name: &'static str, meaning: &'static str) -> OptionSpec {
    row(Origin::Gpbackup, name, "", meaning)
}

const fn new(name: &'static str, default: &'static str, meaning: &'static str) -> OptionSpec {
    row(Origin::New, name, default, meaning)
}

const fn later(name: &'static str, meaning: &'static str) -> OptionSpec {
    OptionSpec {
        built: false,
        ..row(Origin::New, name, "", meaning)
    }
}

const fn secret(spec: OptionSpec) -> OptionSpec {
    OptionSpec {
        secret: true,
        ..spec
    }
}

/// All options, those of the Go plugin first. A name stands here once.
pub const OPTIONS: &[OptionSpec] = &[
    go(
        "region",
        "`us-east-1` with an `endpoint`",
        "AWS region; required unless `endpoint` is set, where it still signs",
    ),
    go(
        "endpoint",
        "AWS",
        "S3-compatible service: `host`, `host:port` or `http://host:port`; the scheme, where given, decides TLS",
    ),
    go(
        "aws_access_key_id",
        "the SDK's chain",
        "together with `aws_secret_access_key`; neither means environment, profile, web identity, container, instance",
    ),
    secret(go(
        "aws_secret_access_key",
        "the SDK's chain",
        "see `aws_access_key_id`",
    )),
    go(
        "bucket",
        "",
        "required; the bucket that keeps the backups, which must exist",
    ),
    go(
        "folder",
        "",
        "required; what every key begins with; outer slashes are dropped",
    ),
    go(
        "encryption",
        "`on`",
        "`on` or `off`: TLS, for AWS and for an endpoint without a scheme",
    ),
    secret(go(
        "http_proxy",
        "`HTTPS_PROXY`, `HTTP_PROXY`, `NO_PROXY`; none for loopback",
        "proxy as `http://user:password@host:port`; user and password may be left out",
    )),
    go(
        "backup_max_concurrent_requests",
        "6",
        "upload requests in flight per process, 1 to 10000",
    ),
    go(
        "restore_max_concurrent_requests",
        "6",
        "download requests in flight per process, 1 to 10000",
    ),
    go(
        "backup_multipart_chunksize",
        "`10MiB`",
        "first part size of an upload, which grows with the stream, 5 MiB to 5 GiB, as `500MB`, `16MiB`, `1.5GB` or `5242880`; units are binary",
    ),
    go(
        "restore_multipart_chunksize",
        "`10MiB`",
        "range size of a download, in the same spellings",
    ),
    go(
        "remove_duplicate_bucket",
        "`false`",
        "`true` where the endpoint's host already names the bucket",
    ),
    row(
        Origin::Greengage,
        "logger_verbosity",
        "`info`",
        "`error`, `info`, `verbose` or `debug`: how much goes to the log file",
    ),
    gpbackup("pgport", "accepted; added by gpbackup"),
    gpbackup("backup_plugin_version", "accepted; added by gprestore"),
    gpbackup(
        "restore_subset",
        "accepted; `on` makes gprestore ask for ranges of an uncompressed single data file",
    ),
    gpbackup(
        "password_encryption",
        "`off` accepted; `on` is refused, as there is no encrypted secret to read",
    ),
    gpbackup("remote_password_encryption", "accepted"),
    secret(gpbackup(
        "gpbackup_s3_plugin",
        "accepted; added by gpbackup",
    )),
    row(
        Origin::Gpbackup,
        "replication",
        "`off`",
        "`on` writes every object to the second destination too, and restores from it what the first cannot deliver",
    ),
    new(
        "replication_mode",
        "`require`",
        "`require`: a command succeeds only when both destinations have the object; `prefer`: what the second does not take is logged, and `replicate_backup` brings it there later",
    ),
    secret(new(
        "aws_session_token",
        "",
        "third part of temporary credentials, beside the two keys",
    )),
    new(
        "aws_profile",
        "",
        "a profile of the shared AWS files, in place of the two keys",
    ),
    new(
        "addressing_style",
        "`auto`",
        "`path`, `virtual` or `auto`: path with an endpoint, virtual on AWS",
    ),
    new(
        "ca_file",
        "the system's",
        "PEM file of trusted authorities, besides the system's",
    ),
    new(
        "checksum",
        "`auto`",
        "`auto`, `crc64nvme`, `crc32c` or `off`",
    ),
    new(
        "payload_signing",
        "`auto`",
        "`auto` (signed over http, unsigned over https), `on` or `off`",
    ),
    new(
        "retry_patience",
        "`120s`",
        "how long a data or file command goes on while nothing succeeds, as `120`, `120s`, `2m` or `1h`; at most 7 days",
    ),
    new(
        "max_memory",
        "none: one part more than requests in flight",
        "upper bound on transfer buffers of one process, at least 10 MiB; where given it wins over sizes and concurrency",
    ),
    new(
        "storage_class",
        "the bucket's",
        "storage class of every object written",
    ),
    new(
        "remote_endpoint",
        "`endpoint`",
        "endpoint of the second destination; for AWS beside an `endpoint` write `https://s3.REGION.amazonaws.com`",
    ),
    new("remote_region", "`region`", "its region"),
    new(
        "remote_bucket",
        "`bucket`",
        "its bucket; the two destinations differ in bucket, folder or endpoint",
    ),
    new("remote_folder", "`folder`", "its folder"),
    new(
        "remote_aws_access_key_id",
        "`aws_access_key_id`",
        "its key, together with `remote_aws_secret_access_key`; where neither these two nor `remote_aws_profile` are given, the first destination's credentials count",
    ),
    secret(new(
        "remote_aws_secret_access_key",
        "`aws_secret_access_key`",
        "see `remote_aws_access_key_id`",
    )),
    secret(new(
        "remote_aws_session_token",
        "see `remote_aws_access_key_id`",
        "third part of its temporary credentials",
    )),
    new(
        "remote_aws_profile",
        "see `remote_aws_access_key_id`",
        "its profile of the shared AWS files",
    ),
    new(
        "remote_encryption",
        "`encryption`",
        "its TLS: `on` or `off`",
    ),
    secret(new("remote_http_proxy", "`http_proxy`", "its proxy")),
    new(
        "remote_addressing_style",
        "`addressing_style`",
        "its addressing: `path`, `virtual` or `auto`",
    ),
    new("remote_ca_file", "`ca_file`", "PEM file of its authorities"),
    new(
        "remote_remove_duplicate_bucket",
        "`remove_duplicate_bucket`",
        "`true` where its host already names its bucket",
    ),
    new(
        "remote_storage_class",
        "`storage_class`",
        "storage class of every object written there",
    ),
    later("role_arn", "role to assume on top of the credentials found"),
    later("role_session_name", "name of that session"),
    later("external_id", "external id of that role"),
    later("tls_verify", "`off` accepts any certificate"),
    later(
        "server_side_encryption",
        "`AES256`, `aws:kms` or `aws:kms:dsse`",
    ),
    later("sse_kms_key_id", "key of `aws:kms`"),
    secret(later("sse_customer_key", "base64 256-bit key of SSE-C")),
    later("tags", "tags of every object written"),
    later("requester_pays", "the requester pays"),
    later("object_lock_mode", "retention of every object written"),
    later("object_lock_retain_days", "days of that retention"),
    later("max_bandwidth", "bytes per second per process, each way"),
];

/// The option of this name.
pub(crate) fn find(name: &str) -> Option<&'static OptionSpec> {
    OPTIONS.iter().find(|spec| spec.name == name)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_name_stands_once_and_is_a_key() {
        for (at, spec) in OPTIONS.iter().enumerate() {
            let is_key = spec
                .name
                .bytes()
                .all(|b| matches!(b, b'a'..=b'z' | b'0'..=b'9' | b'_'));
            assert!(is_key && !spec.name.is_empty(), "{}", spec.name);
            assert!(
                OPTIONS[..at].iter().all(|other| other.name != spec.name),
                "{} stands twice",
                spec.name
            );
        }
    }

    #[test]
    fn every_option_is_explained_in_a_table_cell() {
        for spec in OPTIONS {
            assert!(!spec.meaning.is_empty(), "{}", spec.name);
            assert!(
                !spec.meaning.contains(['|', '\n']) && !spec.default.contains(['|', '\n']),
                "{}",
                spec.name
            );
        }
    }

    #[test]
    fn what_sounds_secret_is_secret() {
        let sounds = |name: &str| {
            ["secret", "token", "proxy", "customer_key"]
                .iter()
                .any(|word| name.contains(word))
        };
        for spec in OPTIONS.iter().filter(|spec| sounds(spec.name)) {
            assert!(spec.secret, "{}", spec.name);
        }
    }

    #[test]
    fn a_remote_option_has_the_secrecy_of_the_first_destination() {
        for spec in OPTIONS {
            let Some(first) = spec.name.strip_prefix("remote_").and_then(find) else {
                continue;
            };
            assert_eq!(spec.secret, first.secret, "{}", spec.name);
        }
    }
}
