//! The HTTP client under the SDK: hyper, with one connector that knows proxies and TLS.
//!
//! The SDK's own clients are left out because a stream needs what they hide: buffers of a known
//! size, errors that tell a refused connection from a refused certificate, and a trust store that
//! is read only where TLS is used.

mod authorities;
mod connection;
mod connector;
mod dial;
mod filled;
mod trust;

use std::time::Duration;

use aws_smithy_runtime_api::client::http::{
    HttpConnector, HttpConnectorFuture, SharedHttpClient, SharedHttpConnector, http_client_fn,
};
use aws_smithy_runtime_api::client::orchestrator::HttpRequest;
use aws_smithy_runtime_api::client::result::ConnectorError;
use aws_smithy_types::body::SdkBody;
use http::header::{CONTENT_LENGTH, HeaderValue, PROXY_AUTHORIZATION};
use http::{Method, Request};
use hyper_util::client::legacy::Client;
use hyper_util::rt::TokioExecutor;

pub(crate) use connector::Connector;
pub(crate) use dial::{DialError, Reason};

/// The most that hyper reads from a connection at once: 256 KiB.
///
/// It reads less where less arrives, so that what waits in memory is no larger than what has arrived.
const READ_BUFFER: usize = 256 << 10;

/// After how long an unused connection is not used again: a store's address may have moved to another
/// machine meanwhile, and the request that finds out loses a stall's time.
const IDLE: Duration = Duration::from_secs(20);

/// The client for the destination of `connector`.
pub(crate) fn client(connector: &Connector) -> SharedHttpClient {
    let connector = connector.clone();
    let client = Client::builder(TokioExecutor::new())
        .http1_max_buf_size(READ_BUFFER)
        .pool_idle_timeout(IDLE)
        .build(connector.clone());
    http_client_fn(move |settings, _| {
        // Set by the SDK's credential providers alone, whose services answer at once or are not there.
        let timeouts = [settings.connect_timeout(), settings.read_timeout()];
        let timeout = timeouts
            .into_iter()
            .flatten()
            .reduce(|sum, next| sum + next);
        let (client, connector) = (client.clone(), connector.clone());
        SharedHttpConnector::new(Hyper {
            client,
            connector,
            timeout,
        })
    })
}

#[derive(Debug)]
struct Hyper {
    client: Client<Connector, SdkBody>,
    connector: Connector,
    /// For the whole of a request, up to its answer.
    timeout: Option<Duration>,
}

impl HttpConnector for Hyper {
    fn call(&self, request: HttpRequest) -> HttpConnectorFuture {
        let mut request = match request.try_into_http1x() {
            Ok(request) => request,
            Err(error) => {
                return HttpConnectorFuture::ready(Err(ConnectorError::user(error.into())));
            }
        };
        tell_length(&mut request);
        if let Some(authorization) = self.connector.forwarding_authorization(request.uri()) {
            request
                .headers_mut()
                .insert(PROXY_AUTHORIZATION, authorization);
        }
        let response = self.client.request(request);
        let timeout = self.timeout;
        HttpConnectorFuture::new(async move {
            let response = match timeout {
                None => response.await,
                Some(timeout) => tokio::time::timeout(timeout, response)
                    .await
                    .map_err(|elapsed| ConnectorError::timeout(elapsed.into()))?,
            };
            let response = response.map_err(|error| ConnectorError::io(error.into()))?;
            let response = response.map(SdkBody::from_body_1_x);
            response
                .try_into()
                .map_err(|error| ConnectorError::other(Box::new(error), None))
        })
    }
}

/// Says of a PUT without content that it has none (RFC 9110, 8.6). Hyper does not, and Ceph RGW 16 answers
/// UploadPartCopy with 411 then.
fn tell_length(request: &mut Request<SdkBody>) {
    if request.method() == Method::PUT && request.body().content_length() == Some(0) {
        let zero = HeaderValue::from_static("0");
        request.headers_mut().insert(CONTENT_LENGTH, zero);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_put_tells_that_it_has_no_content() {
        let check = |method: Method, body: &'static str, expected: Option<&str>| {
            let mut request = Request::new(SdkBody::from(body));
            *request.method_mut() = method;
            tell_length(&mut request);
            let length = request.headers().get(CONTENT_LENGTH);
            assert_eq!(length.map(|length| length.to_str().unwrap()), expected);
        };
        check(Method::PUT, "", Some("0"));
        check(Method::PUT, "content", None);
        check(Method::GET, "", None);
    }
}
