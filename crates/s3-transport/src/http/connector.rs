//! Gives hyper its connections: the one that was opened before a request wanted it, or a new one.

use std::future::{Future, poll_fn};
use std::pin::Pin;
use std::sync::{Arc, Mutex, OnceLock, PoisonError};
use std::task::{Context, Poll};
use std::time::Duration;

use http::{HeaderValue, Uri};
use hyper::rt::{Read, ReadBuf};
use plugin_config::Destination;
use tokio::sync::oneshot;
use tokio::task::{JoinSet, yield_now};
use tokio::time::sleep;
use tower_service::Service;

use super::connection::Connection;
use super::dial::{DialError, Dialer};

/// How long a connection waits for its first request: 4 s. Proxies and servers close one that has asked
/// nothing, from 5 s on (what HAProxy's `timeout http-request` and `ReadHeaderTimeout` of Go's servers
/// are often set to), and a request that crosses with the close would fail.
const WAIT: Duration = Duration::from_secs(4);

type Dialed = Result<Connection, DialError>;

/// Opens connections for one destination, the first of them ahead of its request where it is told to.
#[derive(Debug, Clone)]
pub(crate) struct Connector {
    dialer: Dialer,
    /// Set by whichever comes first, [`prepare`](Self::prepare) or a request.
    early: Arc<OnceLock<Mutex<Option<Early>>>>,
}

impl Connector {
    /// With the destination's proxy and trusted authorities.
    pub(crate) fn new(destination: &Destination) -> Self {
        Self {
            dialer: Dialer::new(destination),
            early: Arc::default(),
        }
    }

    /// What a proxy that forwards plain HTTP wants in each request; a tunnel asks once, by itself.
    pub(super) fn forwarding_authorization(&self, target: &Uri) -> Option<HeaderValue> {
        self.dialer.forwarding_authorization(target)
    }

    /// Begins to open a connection to the host of `target`, for the first request there. Does nothing
    /// when connections have been asked for before, as some of these may be idle.
    ///
    /// Where it fails, or is closed before the request comes, the request opens another one.
    pub(crate) fn prepare(&self, target: Uri) {
        let open = || Mutex::new(Some(Early::open(self.dialer.clone(), target)));
        self.early.get_or_init(open);
    }

    fn early(&self, target: &Uri) -> Option<Early> {
        let early = self.early.get_or_init(Mutex::default);
        let mut early = early.lock().unwrap_or_else(PoisonError::into_inner);
        early.take_if(|early| early.is_to(target))
    }
}

impl Service<Uri> for Connector {
    type Response = Connection;
    type Error = DialError;
    type Future = Pin<Box<dyn Future<Output = Dialed> + Send>>;

    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<Result<(), DialError>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, target: Uri) -> Self::Future {
        let (early, dialer) = (self.early(&target), self.dialer.clone());
        Box::pin(async move {
            let dialed = match early {
                Some(early) => early.dialed().await,
                None => None,
            };
            match dialed {
                Some(dialed) => dialed,
                None => dialer.dial(target).await,
            }
        })
    }
}

/// A connection that is opened, or waits, before a request wants it.
#[derive(Debug)]
struct Early {
    target: Uri,
    wanted: oneshot::Sender<()>,
    /// The one task that opens and keeps it, which ends when this is dropped.
    keeping: JoinSet<Option<Dialed>>,
}

impl Early {
    fn open(dialer: Dialer, target: Uri) -> Self {
        let (wanted, want) = oneshot::channel();
        let mut keeping = JoinSet::new();
        keeping.spawn(keep(dialer.dial(target.clone()), want));
        Self {
            target,
            wanted,
            keeping,
        }
    }

    fn is_to(&self, target: &Uri) -> bool {
        let origin = |uri: &Uri| (uri.scheme().cloned(), uri.authority().cloned());
        origin(&self.target) == origin(target)
    }

    /// What came of it, which may still have to be waited for; `None` where it has failed, was closed
    /// or got too old before now.
    async fn dialed(mut self) -> Option<Dialed> {
        // Where nobody listens any more, the task has ended.
        self.wanted.send(()).ok();
        self.keeping.join_next().await?.ok()?
    }
}

/// Opens a connection and keeps it until it is wanted.
async fn keep(
    dialing: impl Future<Output = Dialed>,
    mut want: oneshot::Receiver<()>,
) -> Option<Dialed> {
    match dialing.await {
        Ok(mut connection) => tokio::select! {
            biased;
            () = stirs(&mut connection) => None,
            () = sleep(WAIT) => None,
            Some(()) = wanted(want) => Some(Ok(connection)),
        },
        // A request that has waited for it need not wait for another failure.
        Err(error) => want.try_recv().is_ok().then_some(Err(error)),
    }
}

/// Waits until the connection is wanted, and then until the runtime has looked at its socket once more.
async fn wanted(want: oneshot::Receiver<()>) -> Option<()> {
    want.await.ok()?;
    yield_now().await;
    Some(())
}

/// Waits until the other side closes the connection, or says unasked that it will (408).
async fn stirs(connection: &mut Connection) {
    let mut byte = [0];
    let mut buffer = ReadBuf::new(&mut byte);
    let read = poll_fn(|context| Pin::new(&mut *connection).poll_read(context, buffer.unfilled()));
    // An error is an end too.
    read.await.ok();
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::net::SocketAddr;
    use tokio::io::{AsyncReadExt, AsyncWriteExt};
    use tokio::net::{TcpListener, TcpStream};
    use tokio::time::{Instant, pause};

    /// A server, and a connector that begins to connect to it: as its proxy, whatever the environment names.
    async fn prepared() -> (TcpListener, Connector, Uri) {
        let server = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let text = format!(
            "executablepath: /plugin\noptions:\n  bucket: bucket\n  folder: folder\n  \
             endpoint: http://store.example\n  http_proxy: http://{}\n",
            server.local_addr().unwrap()
        );
        let settings = plugin_config::parse(&text).unwrap();
        let connector = Connector::new(&settings.destination);
        let url = Uri::from_static("http://store.example/bucket");
        connector.prepare(url.clone());
        (server, connector, url)
    }

    /// The address of this end of the connection that a request to `url` is given.
    async fn requested(connector: &Connector, url: &Uri) -> SocketAddr {
        match connector.clone().call(url.clone()).await.unwrap() {
            Connection::Plain { stream, .. } => stream.inner().local_addr().unwrap(),
            Connection::Tls(_) => panic!("no TLS was asked for"),
        }
    }

    /// Waits until the other side has closed the connection.
    async fn closed(mut stream: TcpStream) {
        // It resets the connection where it has not read everything.
        assert_eq!(stream.read(&mut [0]).await.unwrap_or(0), 0);
    }

    #[tokio::test]
    async fn the_first_request_finds_it_open_and_the_second_opens_another() {
        let (server, connector, url) = prepared().await;
        let (_early, first) = server.accept().await.unwrap();
        assert_eq!(requested(&connector, &url).await, first);
        let second = requested(&connector, &url).await;
        assert_eq!(server.accept().await.unwrap().1, second);
    }

    #[tokio::test]
    async fn a_request_to_another_host_leaves_it() {
        let (server, connector, url) = prepared().await;
        let (_early, first) = server.accept().await.unwrap();
        for other in ["http://other.example/", "http://store.example:81/"] {
            assert_ne!(requested(&connector, &Uri::from_static(other)).await, first);
        }
        assert_eq!(requested(&connector, &url).await, first);
    }

    #[tokio::test]
    async fn one_that_has_waited_too_long_is_not_used() {
        let (server, connector, url) = prepared().await;
        let (early, first) = server.accept().await.unwrap();
        pause();
        let start = Instant::now();
        closed(early).await;
        assert!(start.elapsed() >= WAIT, "{:?}", start.elapsed());
        assert_ne!(requested(&connector, &url).await, first);
    }

    #[tokio::test]
    async fn one_that_the_other_side_gives_up_is_not_used() {
        for told in ["", "HTTP/1.1 408 Request Timeout\r\n\r\n"] {
            let (server, connector, url) = prepared().await;
            let (mut early, first) = server.accept().await.unwrap();
            early.write_all(told.as_bytes()).await.unwrap();
            early.shutdown().await.unwrap();
            closed(early).await;
            assert_ne!(requested(&connector, &url).await, first);
        }
    }

    #[tokio::test]
    async fn a_failure_is_told_to_the_request_that_has_waited_for_it_alone() {
        let failed = || async { Err(DialError::timed_out("an answer")) };
        let (_wanted, want) = oneshot::channel();
        assert!(keep(failed(), want).await.is_none());
        let (wanted, want) = oneshot::channel();
        wanted.send(()).unwrap();
        assert!(
            keep(failed(), want)
                .await
                .is_some_and(|dialed| dialed.is_err())
        );
    }

    #[tokio::test]
    async fn it_ends_with_its_connector() {
        let (server, connector, _) = prepared().await;
        let (early, _) = server.accept().await.unwrap();
        drop(connector);
        closed(early).await;
    }

    #[tokio::test]
    async fn nothing_is_prepared_after_a_request() {
        let (server, connector, url) = prepared().await;
        requested(&connector, &url).await;
        server.accept().await.unwrap();
        connector.prepare(url.clone());
        assert!(connector.early(&url).is_none());
    }
}
