//! One request from its header to the answer's last byte, with what goes wrong on the way.

use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

use http::{Method, Request, Response, StatusCode};
use hyper::body::Incoming;
use tokio::time::sleep;

use super::call::Call;
use super::control;
use super::delivery::{Delivery, broken, receive};
use super::fault::Fault;
use super::link::Link;
use super::reply::{Reply, cut};
use super::{Closing, Shared};

/// Answers a request, or breaks the connection.
///
/// # Errors
/// When the client goes away while it sends.
pub(crate) async fn answer(
    shared: Arc<Shared>,
    link: Arc<Link>,
    request: Request<Incoming>,
) -> Result<Response<Delivery>, hyper::Error> {
    let (parts, body) = request.into_parts();
    if control::is_for(&parts) {
        let body = receive(body, None, &link).await?;
        let reply = control::answer(&shared, &parts, &body);
        return Ok(deliver(&shared, link, reply, None, &parts.method));
    }

    let call = Call::parse(&parts);
    let fault = shared.player.next(call.kind);
    let under_way = UnderWay::begin(&shared, &call, fault.as_ref());
    before_body(&shared, &link, fault.as_ref()).await;
    let body = receive(body, fault.as_ref(), &link).await?;
    shared.notes().counters.bytes_in += body.len() as u64;

    let reply = shared.service.answer(&call, &body, fault.as_ref());
    match &fault {
        Some(Fault::LoseAnswer) => broken(&link).await,
        Some(Fault::SlowFirstByte { pause }) => sleep(*pause).await,
        _ => {}
    }
    under_way.answered(reply.status);
    Ok(deliver(&shared, link, reply, fault.as_ref(), &parts.method))
}

/// What goes wrong before the request's body is read.
async fn before_body(shared: &Shared, link: &Link, fault: Option<&Fault>) {
    match fault {
        Some(Fault::ResetBefore) => broken(link).await,
        Some(Fault::Refuse { pause }) => {
            close(shared, *pause).await;
            broken(link).await;
        }
        Some(Fault::Restart { pause }) => {
            close(shared, *pause).await;
            shared.reset_all();
            broken(link).await;
        }
        _ => {}
    }
}

/// Closes the port, and comes back when it is closed.
async fn close(shared: &Shared, pause: Duration) {
    let (closing, closed) = Closing::new(pause);
    // Only a server that ends takes no more orders, and then there is nobody to refuse.
    if shared.closing.send(closing).is_ok() {
        closed.await.ok();
    }
}

fn deliver(
    shared: &Shared,
    link: Arc<Link>,
    reply: Reply,
    fault: Option<&Fault>,
    method: &Method,
) -> Response<Delivery> {
    let chunks = match *method {
        Method::HEAD => Vec::new(),
        _ => reply.body,
    };
    let cut = fault.and_then(cut);
    let delivery = Delivery::new(chunks, cut, link, shared.bytes_out.clone());
    let mut response = Response::new(delivery);
    *response.status_mut() = reply.status;
    *response.headers_mut() = reply.headers;
    response
}

/// A request between its header and its answer.
struct UnderWay<'a> {
    shared: &'a Shared,
    number: usize,
}

impl<'a> UnderWay<'a> {
    fn begin(shared: &'a Shared, call: &Call, fault: Option<&Fault>) -> Self {
        let number = shared.notes().arrived(call, fault);
        Self { shared, number }
    }

    fn answered(&self, status: StatusCode) {
        self.shared.notes().answered(self.number, status.as_u16());
    }
}

impl Drop for UnderWay<'_> {
    fn drop(&mut self) {
        let mut notes = self.shared.notes();
        notes.at_once = notes.at_once.saturating_sub(1);
        notes.counters.bytes_out = self.shared.bytes_out.load(Ordering::Relaxed);
    }
}
