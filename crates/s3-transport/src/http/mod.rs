//! The HTTP client under the SDK: hyper, with one connector that knows proxies and TLS.
//!
//! The SDK's own clients are left out because a stream needs what they hide: buffers of a known
//! size, errors that tell a refused connection from a refused certificate, and a trust store that
//! is read only where TLS is used.

mod connection;
mod dial;
mod trust;

use aws_smithy_runtime_api::client::http::{
    HttpConnector, HttpConnectorFuture, SharedHttpClient, SharedHttpConnector, http_client_fn,
};
use aws_smithy_runtime_api::client::orchestrator::HttpRequest;
use aws_smithy_runtime_api::client::result::ConnectorError;
use aws_smithy_types::body::SdkBody;
use hyper_util::client::legacy::Client;
use hyper_util::rt::TokioExecutor;
use plugin_config::Destination;

pub(crate) use dial::{DialError, Reason};

use dial::Dialer;

/// How much hyper reads from a connection at once: 256 KiB.
///
/// A fixed size, as its default grows to 400 KiB only after a slow start on every connection.
const READ_BUFFER: usize = 256 << 10;

/// The client for one destination: its proxy, its trusted authorities.
pub(crate) fn client(destination: &Destination) -> SharedHttpClient {
    let dialer = Dialer::new(destination);
    let client = Client::builder(TokioExecutor::new())
        .http1_read_buf_exact_size(READ_BUFFER)
        .pool_idle_timeout(None)
        .build(dialer.clone());
    let connector = SharedHttpConnector::new(Hyper { client, dialer });
    http_client_fn(move |_, _| connector.clone())
}

#[derive(Debug)]
struct Hyper {
    client: Client<Dialer, SdkBody>,
    dialer: Dialer,
}

impl HttpConnector for Hyper {
    fn call(&self, request: HttpRequest) -> HttpConnectorFuture {
        let mut request = match request.try_into_http1x() {
            Ok(request) => request,
            Err(error) => {
                return HttpConnectorFuture::ready(Err(ConnectorError::user(error.into())));
            }
        };
        if let Some(authorization) = self.dialer.forwarding_authorization(request.uri()) {
            request
                .headers_mut()
                .insert(http::header::PROXY_AUTHORIZATION, authorization);
        }
        let response = self.client.request(request);
        HttpConnectorFuture::new(async move {
            let response = response
                .await
                .map_err(|error| ConnectorError::io(error.into()))?;
            let response = response.map(SdkBody::from_body_1_x);
            response
                .try_into()
                .map_err(|error| ConnectorError::other(Box::new(error), None))
        })
    }
}
