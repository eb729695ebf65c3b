//! The store behind aws-sdk-s3: configuration of the client, and one attempt at each verb.

mod answers;
mod classify;
mod copies;
mod verbs;
mod whole;

use std::fmt;
use std::sync::atomic::AtomicBool;

use aws_config::SdkConfig;
use aws_credential_types::Credentials as Keys;
use aws_sdk_s3::Client;
use aws_sdk_s3::config::endpoint::{Endpoint, EndpointFuture, Params, ResolveEndpoint};
use aws_sdk_s3::config::retry::RetryConfig;
use aws_sdk_s3::config::timeout::TimeoutConfig;
use aws_sdk_s3::config::{
    BehaviorVersion, Builder, Region, RequestChecksumCalculation, ResponseChecksumValidation,
    SharedCredentialsProvider, StalledStreamProtectionConfig,
};
use plugin_config::{Addressing, Credentials, Destination};

use crate::http;

/// One bucket, reached by the SDK.
///
/// The SDK's own retries, timeouts, stall detection and checksums are off: the transport does
/// these, as it alone knows what a stream needs.
pub struct SdkStore {
    client: Client,
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
        let http_client = http::client(destination);
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
                let builder = Builder::new().behavior_version(BehaviorVersion::latest());
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
        let builder = address(builder, destination);
        let client = Client::from_conf(builder.build());
        Self {
            client,
            bucket: destination.bucket.clone(),
            storage_class: destination.storage_class.clone(),
            keeps_versions: AtomicBool::new(false),
        }
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
fn address(builder: Builder, destination: &Destination) -> Builder {
    let builder = builder.force_path_style(destination.addressing == Addressing::Path);
    match (&destination.endpoint, destination.addressing) {
        (Some(endpoint), Addressing::BucketInHost) => {
            builder.endpoint_resolver(BucketInHost(endpoint.to_string()))
        }
        (Some(endpoint), _) => builder.endpoint_url(endpoint.to_string()),
        // As the Go plugin: the dual-stack names serve IPv4 and IPv6.
        (None, _) if destination.tls => builder.use_dual_stack(true),
        (None, _) => builder.endpoint_url(plain_aws(&destination.region)),
    }
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
