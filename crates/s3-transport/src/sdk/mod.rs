//! The store behind aws-sdk-s3: configuration of the client, and one attempt at each verb.

mod answers;
mod classify;
mod copies;
mod verbs;
mod whole;

use std::fmt;
use std::sync::atomic::AtomicBool;
use std::time::Duration;

use ::http::Uri;
use aws_config::SdkConfig;
use aws_credential_types::Credentials as Keys;
use aws_sdk_s3::Client;
use aws_sdk_s3::config::endpoint::{
    DefaultResolver, Endpoint, EndpointFuture, Params, ParamsBuilder, ResolveEndpoint,
};
use aws_sdk_s3::config::retry::RetryConfig;
use aws_sdk_s3::config::timeout::TimeoutConfig;
use aws_sdk_s3::config::{
    BehaviorVersion, Builder, IdentityCache, Region, RequestChecksumCalculation,
    ResponseChecksumValidation, SharedCredentialsProvider, StalledStreamProtectionConfig,
};
use aws_smithy_runtime_api::client::endpoint::{EndpointResolverParams, ResolveEndpoint as _};
use plugin_config::{Addressing, Credentials, Destination};

use crate::http::{self, Connector};

/// How long credentials are waited for that a program or a service gives: 25 s, so that what is slow where
/// dozens of processes ask is told before the request counts as stalled. By itself, the SDK waits 6 s.
const CREDENTIALS_TIMEOUT: Duration = Duration::from_secs(25);

/// One bucket, reached by the SDK.
///
/// The SDK's own retries, timeouts, stall detection and checksums are off: the transport does
/// these, as it alone knows what a stream needs.
pub struct SdkStore {
    client: Client,
    connector: Connector,
    /// What the client's endpoint resolver is asked with.
    address: ParamsBuilder,
    bucket: String,
    /// Passed with every object written.
    storage_class: Option<String>,
    /// Whether a deletion has been answered with a marker.
    keeps_versions: AtomicBool,
}

impl fmt::Debug for SdkStore {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("SdkStore")
            .field("bucket", &self.bucket)
            .finish_non_exhaustive()
    }
}

impl SdkStore {
    /// A client for `destination`. Makes no request, except where credentials must be looked up
    /// in files or from a service of the environment.
    pub async fn new(destination: &Destination) -> Self {
        let connector = Connector::new(destination);
        let http_client = http::client(&connector);
        let builder = match &destination.credentials {
            // The chain is left alone: it reads files and asks the network.
            Credentials::Given {
                access_key_id,
                secret_access_key,
                session_token,
            } => {
                let keys = Keys::new(
                    access_key_id,
                    secret_access_key.reveal(),
                    session_token
                        .as_ref()
                        .map(|token| token.reveal().to_owned()),
                    None,
                    "config file",
                );
                Builder::new()
                    .behavior_version(BehaviorVersion::latest())
                    .credentials_provider(SharedCredentialsProvider::new(keys))
            }
            Credentials::Profile(_) | Credentials::Chain => {
                // Nothing else of the environment counts: not its endpoint, not its retry mode.
                let found = lookup(destination, http_client.clone()).await;
                let builder = Builder::new()
                    .behavior_version(BehaviorVersion::latest())
                    .identity_cache(
                        IdentityCache::lazy()
                            .load_timeout(CREDENTIALS_TIMEOUT)
                            .build(),
                    );
                match found.credentials_provider() {
                    Some(provider) => builder.credentials_provider(provider),
                    None => builder,
                }
            }
        };
        let builder = builder
            .http_client(http_client)
            .region(Region::new(destination.region.clone()))
            .retry_config(RetryConfig::disabled())
            .timeout_config(TimeoutConfig::disabled())
            .stalled_stream_protection(StalledStreamProtectionConfig::disabled())
            .request_checksum_calculation(RequestChecksumCalculation::WhenRequired)
            .response_checksum_validation(ResponseChecksumValidation::WhenRequired)
            .interceptor(whole::WholeDocuments);
        let (builder, address) = address(builder, destination);
        let client = Client::from_conf(builder.build());
        Self {
            client,
            connector,
            address,
            bucket: destination.bucket.clone(),
            storage_class: destination.storage_class.clone(),
            keeps_versions: AtomicBool::new(false),
        }
    }

    /// The URL of the bucket, by the rules of its requests.
    async fn url(&self) -> Option<Uri> {
        let address = self.address.clone().build().ok()?;
        let address = EndpointResolverParams::new(address);
        let resolver = self.client.config().endpoint_resolver();
        let endpoint = resolver.resolve_endpoint(&address).await.ok()?;
        endpoint.url().parse().ok()
    }
}

/// The SDK's credential chain, or one profile of it.
async fn lookup(
    destination: &Destination,
    http_client: aws_smithy_runtime_api::client::http::SharedHttpClient,
) -> SdkConfig {
    let loader = aws_config::defaults(BehaviorVersion::latest()).http_client(http_client);
    let loader = loader.region(Region::new(destination.region.clone()));
    match &destination.credentials {
        Credentials::Profile(profile) => loader.profile_name(profile).load().await,
        Credentials::Chain | Credentials::Given { .. } => loader.load().await,
    }
}

/// Where requests go, and where in their URL the bucket stands.
fn address(builder: Builder, destination: &Destination) -> (Builder, ParamsBuilder) {
    let path_style = destination.addressing == Addressing::Path;
    let endpoint = match &destination.endpoint {
        Some(endpoint) => Some(endpoint.to_string()),
        None if destination.tls => None,
        None => Some(plain_aws(&destination.region)),
    };
    // As the Go plugin: the dual-stack names serve IPv4 and IPv6.
    let dual_stack = endpoint.is_none();
    let address = Params::builder()
        .bucket(&destination.bucket)
        .region(&destination.region)
        .force_path_style(path_style)
        .use_dual_stack(dual_stack)
        .set_endpoint(endpoint.clone());
    let mut builder = builder
        .force_path_style(path_style)
        .use_dual_stack(dual_stack);
    // The SDK's own resolver is named, as the client's config does not tell it by itself.
    let builder = match (&destination.endpoint, destination.addressing) {
        (Some(endpoint), Addressing::BucketInHost) => {
            builder.endpoint_resolver(BucketInHost(endpoint.to_string()))
        }
        _ => {
            builder.set_endpoint_url(endpoint);
            builder.endpoint_resolver(DefaultResolver::new())
        }
    };
    (builder, address)
}

/// AWS without TLS, which the SDK's rules do not have.
fn plain_aws(region: &str) -> String {
    let suffix = if region.starts_with("cn-") { ".cn" } else { "" };
    format!("http://s3.{region}.amazonaws.com{suffix}")
}

/// Sends every request to one host that already names the bucket.
#[derive(Debug)]
struct BucketInHost(String);

impl ResolveEndpoint for BucketInHost {
    fn resolve_endpoint<'a>(&'a self, _: &'a Params) -> EndpointFuture<'a> {
        EndpointFuture::ready(Ok(Endpoint::builder().url(self.0.clone()).build()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use aws_sdk_s3::presigning::PresigningConfig;
    use std::time::Duration;

    #[tokio::test]
    async fn the_url_of_the_bucket_is_that_of_its_requests() {
        for options in [
            "endpoint: http://localhost:9000",
            "endpoint: localhost:9000\n  encryption: on",
            "endpoint: https://store.example\n  addressing_style: virtual",
            "endpoint: https://bucket.store.example\n  remove_duplicate_bucket: 'true'",
            "endpoint: https://[::1]:9000\n  addressing_style: path",
            "region: us-east-1",
            "region: eu-central-1\n  addressing_style: path",
            "region: cn-north-1\n  encryption: off",
        ] {
            let text = format!(
                "executablepath: /plugin\noptions:\n  bucket: bucket\n  folder: folder\n  \
                 aws_access_key_id: id\n  aws_secret_access_key: secret\n  {options}\n"
            );
            let settings = plugin_config::parse(&text).unwrap();
            let store = SdkStore::new(&settings.destination).await;
            let request = store.client.head_object().bucket("bucket").key("key");
            let hour = PresigningConfig::expires_in(Duration::from_secs(3600)).unwrap();
            let request = request.presigned(hour).await.unwrap();
            let (request, url): (Uri, _) = (request.uri().parse().unwrap(), store.url().await);
            let origin = |url: &Uri| (url.scheme().cloned(), url.authority().cloned());
            assert_eq!(
                url.as_ref().map(origin),
                Some(origin(&request)),
                "{options}"
            );
        }
    }
}
