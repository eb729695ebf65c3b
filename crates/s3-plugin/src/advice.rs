//! Which key of the config file to look at when a request fails.

use plugin_config::{Credentials, Destination, ProxyChoice, Settings};
use s3_transport::{Error, Kind};

/// The error with what to change in front of it, where something in the config file may be wrong.
pub(crate) fn of(error: Error, settings: &Settings) -> anyhow::Error {
    let side = match &settings.remote {
        Some(remote) if error.is_of_second() => Side::second(&remote.destination),
        _ => Side::first(&settings.destination),
    };
    let hidden = match error.root() {
        Error::Request { verb, .. } => matches!(*verb, "GetObject" | "HeadObject"),
        _ => false,
    };
    let advice = match error.kind() {
        Some(Kind::Tls) if error.chain().contains("CaUsedAsEndEntity") => {
            Some(side.own_authority())
        }
        Some(Kind::Denied) if hidden => Some(format!(
            "{}; to credentials that may not list, a store denies an object that is not there too",
            side.denied()
        )),
        Some(_) if is_of_a_stranger(error.root()) => Some(side.stranger()),
        Some(kind) => side.advice(kind),
        None => None,
    };
    match advice {
        Some(advice) => anyhow::Error::new(error).context(advice),
        None => error.into(),
    }
}

/// Whether what has answered is no S3 service: such a one gives a code with each refusal, but for a HEAD.
fn is_of_a_stranger(error: &Error) -> bool {
    let Error::Request { verb, source, .. } = error else {
        return false;
    };
    let answered = source.status.is_some_and(|status| status < 500) && source.code.is_none();
    match source.kind {
        Kind::Other => answered && *verb != "HeadObject",
        Kind::NoSuchKey => answered && !matches!(*verb, "HeadObject" | "GetObject"),
        _ => false,
    }
}

/// A destination, and what begins the names of its options.
pub(crate) struct Side<'a> {
    destination: &'a Destination,
    prefix: &'static str,
}

impl<'a> Side<'a> {
    pub(crate) fn first(destination: &'a Destination) -> Self {
        Self {
            destination,
            prefix: "",
        }
    }

    pub(crate) fn second(destination: &'a Destination) -> Self {
        Self {
            destination,
            prefix: "remote_",
        }
    }

    fn advice(&self, kind: &Kind) -> Option<String> {
        let Self {
            destination,
            prefix,
        } = self;
        let bucket = &destination.bucket;
        Some(match kind {
            Kind::NoSuchBucket => format!(
                "there is no bucket '{bucket}' here; check '{prefix}bucket', and {}",
                self.place()
            ),
            Kind::Credentials => format!(
                "the store does not accept the credentials; check {}",
                self.credentials()
            ),
            Kind::NoCredentials => format!(
                "no credentials were found; set '{prefix}aws_access_key_id' and \
             '{prefix}aws_secret_access_key', or '{prefix}aws_profile', or give the host a role"
            ),
            Kind::Region(Some(region)) => {
                format!(
                    "the bucket is in another region; set '{prefix}region' to '{region}' instead of '{}'",
                    destination.region
                )
            }
            Kind::Region(None) => {
                format!(
                    "the store expects another region than '{}'; check '{prefix}region'",
                    destination.region
                )
            }
            Kind::Denied => self.denied(),
            Kind::ClockSkew => "the clock of this host is wrong; set it by NTP".to_owned(),
            Kind::Name | Kind::Connection | Kind::Timeout => {
                format!(
                    "the store cannot be reached; check {}{}",
                    self.place(),
                    self.proxy()
                )
            }
            Kind::Tls => {
                format!(
                    "TLS fails; check '{prefix}endpoint' and '{prefix}encryption' (off for plain http), \
                 and give the certificate of the store's authority as '{prefix}ca_file'"
                )
            }
            Kind::Proxy => format!("the proxy refuses; check '{prefix}http_proxy'"),
            Kind::Archived => "the object is in an archive; restore it there first".to_owned(),
            _ => return None,
        })
    }

    fn stranger(&self) -> String {
        format!(
            "what answers is no S3 service, or wants TLS; check {}, '{}encryption'{}",
            self.place(),
            self.prefix,
            self.proxy()
        )
    }

    fn denied(&self) -> String {
        format!(
            "the credentials may not do this in bucket '{}'; check their policy, and {}",
            self.destination.bucket,
            self.credentials()
        )
    }

    /// rustls takes no certificate with `CA:TRUE` for a server's own, even where it is trusted.
    fn own_authority(&self) -> String {
        format!(
            "TLS fails, as the store shows the certificate of an authority (CA:TRUE) as its own; \
             give the store a certificate that an authority has signed, and that authority's as \
             '{}ca_file'",
            self.prefix
        )
    }

    /// What tells where the store is.
    pub(crate) fn place(&self) -> String {
        let Self {
            destination,
            prefix,
        } = self;
        match &destination.endpoint {
            Some(endpoint) => format!("'{prefix}endpoint' ({endpoint})"),
            None => format!("'{prefix}region' ({})", destination.region),
        }
    }

    fn credentials(&self) -> String {
        let prefix = self.prefix;
        match &self.destination.credentials {
            Credentials::Given { access_key_id, .. } => {
                format!(
                    "'{prefix}aws_access_key_id' ({access_key_id}) and '{prefix}aws_secret_access_key'"
                )
            }
            Credentials::Profile(profile) => format!("'{prefix}aws_profile' ({profile})"),
            Credentials::Chain => {
                "the credentials of the environment, the profile or the host's role".to_owned()
            }
        }
    }

    /// The proxy on the way, where there may be one.
    fn proxy(&self) -> String {
        const VARIABLES: [&str; 6] = [
            "HTTPS_PROXY",
            "https_proxy",
            "HTTP_PROXY",
            "http_proxy",
            "ALL_PROXY",
            "all_proxy",
        ];
        let is_set = |name: &&&str| std::env::var_os(name).is_some_and(|value| !value.is_empty());
        match &self.destination.proxy {
            ProxyChoice::Given(proxy) => format!(", and '{}http_proxy' ({proxy})", self.prefix),
            ProxyChoice::Environment => match VARIABLES.iter().find(is_set) {
                Some(name) => format!(", and {name} of the environment"),
                None => String::new(),
            },
        }
    }
}
