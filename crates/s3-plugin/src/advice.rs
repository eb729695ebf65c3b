//! Which key of the config file to look at when a request fails.

use plugin_config::{Credentials, ProxyChoice, Settings};
use s3_transport::{Error, Kind};

/// The error with what to change in front of it, where something in the config file may be wrong.
pub(crate) fn of(error: Error, settings: &Settings) -> anyhow::Error {
    let hidden = match &error {
        Error::Request { verb, .. } => matches!(*verb, "GetObject" | "HeadObject"),
        _ => false,
    };
    let advice = match error.kind() {
        Some(Kind::Tls) if error.chain().contains("CaUsedAsEndEntity") => OWN_AUTHORITY.to_owned(),
        Some(Kind::Denied) if hidden => format!(
            "{}; to credentials that may not list, a store denies an object that is not there too",
            denied(settings)
        ),
        Some(kind) => match advice(kind, settings) {
            Some(advice) => advice,
            None => return error.into(),
        },
        None => return error.into(),
    };
    anyhow::Error::new(error).context(advice)
}

/// rustls takes no certificate with `CA:TRUE` for a server's own, even where it is trusted.
const OWN_AUTHORITY: &str = "TLS fails, as the store shows the certificate of an authority (CA:TRUE) \
     as its own; give the store a certificate that an authority has signed, and that authority's \
     as 'ca_file'";

fn advice(kind: &Kind, settings: &Settings) -> Option<String> {
    let destination = &settings.destination;
    let bucket = &destination.bucket;
    Some(match kind {
        Kind::NoSuchBucket => format!(
            "there is no bucket '{bucket}' here; check 'bucket', and {}",
            place(settings)
        ),
        Kind::Credentials => format!(
            "the store does not accept the credentials; check {}",
            credentials(settings)
        ),
        Kind::NoCredentials => "no credentials were found; set 'aws_access_key_id' and \
             'aws_secret_access_key', or 'aws_profile', or give the host a role"
            .to_owned(),
        Kind::Region(Some(region)) => {
            format!(
                "the bucket is in another region; set 'region' to '{region}' instead of '{}'",
                destination.region
            )
        }
        Kind::Region(None) => {
            format!(
                "the store expects another region than '{}'; check 'region'",
                destination.region
            )
        }
        Kind::Denied => denied(settings),
        Kind::ClockSkew => "the clock of this host is wrong; set it by NTP".to_owned(),
        Kind::Name | Kind::Connection | Kind::Timeout => {
            let place = place(settings);
            format!(
                "the store cannot be reached; check {place}{}",
                proxy(settings)
            )
        }
        Kind::Tls => {
            "TLS fails; check 'endpoint' and 'encryption' (off for plain http), and give the \
             certificate of the store's authority as 'ca_file'"
                .to_owned()
        }
        Kind::Proxy => "the proxy refuses; check 'http_proxy'".to_owned(),
        Kind::Archived => "the object is in an archive; restore it there first".to_owned(),
        _ => return None,
    })
}

fn denied(settings: &Settings) -> String {
    format!(
        "the credentials may not do this in bucket '{}'; check their policy, and {}",
        settings.destination.bucket,
        credentials(settings)
    )
}

/// What tells where the store is.
pub(crate) fn place(settings: &Settings) -> String {
    match &settings.destination.endpoint {
        Some(endpoint) => format!("'endpoint' ({endpoint})"),
        None => format!("'region' ({})", settings.destination.region),
    }
}

fn credentials(settings: &Settings) -> String {
    match &settings.destination.credentials {
        Credentials::Given { access_key_id, .. } => {
            format!("'aws_access_key_id' ({access_key_id}) and 'aws_secret_access_key'")
        }
        Credentials::Profile(profile) => format!("'aws_profile' ({profile})"),
        Credentials::Chain => {
            "the credentials of the environment, the profile or the host's role".to_owned()
        }
    }
}

/// The proxy on the way, where there may be one.
fn proxy(settings: &Settings) -> String {
    const VARIABLES: [&str; 6] = [
        "HTTPS_PROXY",
        "https_proxy",
        "HTTP_PROXY",
        "http_proxy",
        "ALL_PROXY",
        "all_proxy",
    ];
    let is_set = |name: &&&str| std::env::var_os(name).is_some_and(|value| !value.is_empty());
    match &settings.destination.proxy {
        ProxyChoice::Given(proxy) => format!(", and 'http_proxy' ({proxy})"),
        ProxyChoice::Environment => match VARIABLES.iter().find(is_set) {
            Some(name) => format!(", and {name} of the environment"),
            None => String::new(),
        },
    }
}
