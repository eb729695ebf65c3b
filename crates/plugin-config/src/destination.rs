//! The destinations: each option of the first one, and what `remote_…` says of the second.

use std::path::PathBuf;

use crate::endpoint::{Endpoint, Proxy};
use crate::error::Problem;
use crate::reader::{Reader, View, shown};
use crate::secret::Secret;
use crate::settings::{Addressing, Credentials, Destination, ProxyChoice, Remote, Replication};

/// What AWS signs with where nothing else is known.
const DEFAULT_REGION: &str = "us-east-1";

/// The options that say as whom a destination is reached: they belong together, so that a second
/// destination takes all of them from the first one or none.
const CREDENTIALS: [&str; 4] = [
    "aws_access_key_id",
    "aws_secret_access_key",
    "aws_session_token",
    "aws_profile",
];

impl Reader {
    /// The second destination, where one is named, and what it is for.
    pub(crate) fn remote(&mut self, first: &Destination) -> Option<Remote> {
        let on = self.switch("replication") == Some(true);
        let mode = self.choice("replication_mode", MODES).unwrap_or_default();
        if !on && !self.names_remote() {
            return None;
        }
        let sound = self.problems.is_empty();
        self.view = View::Inheriting;
        let destination = self.destination();
        self.view = View::First;
        if sound && self.problems.is_empty() && destination.is_at(first) {
            let key = if on { "replication" } else { "remote_bucket" };
            self.problems.push(Problem::of(
                key,
                "the second destination is the first one; name another place by remote_bucket, \
                 remote_folder or remote_endpoint",
            ));
        }
        let replication = match on {
            true => mode,
            false => Replication::Off,
        };
        Some(Remote {
            destination,
            replication,
        })
    }

    pub(crate) fn destination(&mut self) -> Destination {
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
            storage_class: self.token("storage_class"),
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
        let view = self.view;
        if view == View::Inheriting && self.names_any(&CREDENTIALS) {
            self.view = View::Remote;
        }
        let credentials = self.credentials_in_view();
        self.view = view;
        credentials
    }

    fn credentials_in_view(&mut self) -> Credentials {
        let id = self.token("aws_access_key_id");
        let secret = self.token("aws_secret_access_key").map(Secret::new);
        let token = self.token("aws_session_token").map(Secret::new);
        let profile = self.text("aws_profile");
        let given =
            ["aws_access_key_id", "aws_secret_access_key"].map(|key| self.text(key).is_some());
        match given {
            [true, false] => {
                let message = format!("required beside {}", self.name("aws_access_key_id"));
                self.problem("aws_secret_access_key", message);
            }
            [false, true] => {
                let message = format!("required beside {}", self.name("aws_secret_access_key"));
                self.problem("aws_access_key_id", message);
            }
            [false, false] if token.is_some() => {
                let message = format!(
                    "wants {} and {} beside it",
                    self.name("aws_access_key_id"),
                    self.name("aws_secret_access_key")
                );
                self.problem("aws_session_token", message);
            }
            [true, true] if profile.is_some() => {
                let message = format!(
                    "cannot stand beside {}, remove one of them",
                    self.name("aws_access_key_id")
                );
                self.problem("aws_profile", message);
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
            let message = format!(
                "virtual would name the bucket twice with {}: true",
                self.name("remove_duplicate_bucket")
            );
            self.problem("addressing_style", message);
        }
        Addressing::BucketInHost
    }
}

const ADDRESSING_STYLES: &[(&str, Option<Addressing>)] = &[
    ("auto", None),
    ("path", Some(Addressing::Path)),
    ("virtual", Some(Addressing::Virtual)),
];

const MODES: &[(&str, Replication)] = &[
    ("require", Replication::Require),
    ("prefer", Replication::Prefer),
];
