//! The official SDK as a client that neither retries nor checks anything by itself.

use std::fmt::Debug;

use aws_credential_types::Credentials;
use aws_sdk_s3::Client;
use aws_sdk_s3::config::retry::RetryConfig;
use aws_sdk_s3::config::{
    BehaviorVersion, Region, RequestChecksumCalculation, ResponseChecksumValidation,
};
use aws_sdk_s3::error::{ProvideErrorMetadata, SdkError};
use aws_smithy_http_client::Builder;
use s3_testserver::memory::{Config, MemoryServer, Script};

/// A server and a client with its keys.
pub(crate) struct Pair {
    pub(crate) server: MemoryServer,
    pub(crate) client: Client,
}

/// The bucket that every server has.
pub(crate) const BUCKET: &str = "bucket";

/// A server as `config` has it, with parts as small as one byte.
pub(crate) async fn pair(config: Config) -> Pair {
    let config = Config {
        least_part: 1,
        ..config
    };
    let server = MemoryServer::start(config).await.unwrap();
    let client = client(&server, "test", "secret", "us-east-1");
    Pair { server, client }
}

/// A server on which this goes wrong.
pub(crate) async fn faulty(script: Script) -> Pair {
    pair(Config {
        script,
        ..Config::default()
    })
    .await
}

pub(crate) fn client(server: &MemoryServer, key: &str, secret: &str, region: &str) -> Client {
    client_at(server.url(), key, secret, region)
}

pub(crate) fn client_at(url: &str, key: &str, secret: &str, region: &str) -> Client {
    let config = aws_sdk_s3::Config::builder()
        .behavior_version(BehaviorVersion::latest())
        .http_client(Builder::new().build_http())
        .endpoint_url(url)
        .region(Region::new(region.to_owned()))
        .credentials_provider(Credentials::new(key, secret, None, None, "test"))
        .force_path_style(true)
        .retry_config(RetryConfig::disabled())
        .request_checksum_calculation(RequestChecksumCalculation::WhenRequired)
        .response_checksum_validation(ResponseChecksumValidation::WhenRequired)
        .build();
    Client::from_conf(config)
}

/// The code of the error that the store answered with.
pub(crate) fn code<T: Debug, E, R>(result: Result<T, SdkError<E, R>>) -> String
where
    E: ProvideErrorMetadata + Debug,
    R: Debug,
{
    let error = result.unwrap_err();
    error
        .as_service_error()
        .and_then(|error| error.code())
        .map_or_else(|| format!("no code: {error:?}"), str::to_owned)
}

impl Pair {
    pub(crate) async fn put(&self, key: &str, bytes: &[u8]) {
        let put = self.client.put_object().bucket(BUCKET).key(key);
        put.body(bytes.to_vec().into()).send().await.unwrap();
    }
}
