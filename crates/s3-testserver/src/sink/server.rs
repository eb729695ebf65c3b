//! The sink as a server: one short answer per S3 verb.

use std::io;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use bytes::Bytes;
use http::{Method, Request, Response, StatusCode};
use hyper::body::Incoming;
use hyper::service::service_fn;
use tokio::task::{JoinHandle, JoinSet};
use tokio::time::sleep;

use super::flow::{Flow, Source, drop_body};
use super::objects::{Objects, size_in};
use super::pace::Pace;
use super::pattern::Pattern;
use crate::listen::{Listener, converse};
use crate::memory::Counters;
use crate::memory::Kind;
use crate::memory::call::Call;
use crate::memory::checksum::{Type, sent};
use crate::memory::error::{Code, Refusal};
use crate::memory::objects::parse_range;
use crate::memory::reply::Reply;
use crate::memory::xml::{self, Completed, Created, DeleteResult};
use crate::tls::Authority;

/// Every ETag; nobody replaces what is not kept.
const ETAG: &str = "\"0123456789abcdef0123456789abcdef\"";

/// An empty listing.
const NO_OBJECTS: &str = "<ListBucketResult><KeyCount>0</KeyCount>\
                          <IsTruncated>false</IsTruncated></ListBucketResult>";

/// How the sink is to be.
#[derive(Clone, Default)]
pub struct SinkConfig {
    /// The port on 127.0.0.1; 0 takes any free one.
    pub port: u16,
    /// Serves https where given.
    pub https: Option<Authority>,
    /// How long every request waits before anything of it is read or answered.
    pub latency: Duration,
    /// Bytes per second of one connection, both ways together; unlimited where not given.
    pub bandwidth: Option<u64>,
}

/// A running sink; it ends, with all its connections, when this value is dropped.
pub struct Sink {
    shared: Arc<Shared>,
    url: String,
    task: JoinHandle<()>,
}

impl Drop for Sink {
    fn drop(&mut self) {
        self.task.abort();
    }
}

struct Shared {
    config: SinkConfig,
    pattern: Arc<Pattern>,
    objects: Mutex<Objects>,
    counters: Mutex<Counters>,
    bytes_out: Arc<AtomicU64>,
}

impl Sink {
    /// Listens on 127.0.0.1 and answers from now on.
    ///
    /// # Errors
    /// When the port is taken.
    pub async fn start(config: SinkConfig) -> io::Result<Self> {
        let listener = Listener::bind(config.port, config.https.clone()).await?;
        let url = listener.url()?;
        let shared = Arc::new(Shared {
            config,
            pattern: Arc::new(Pattern::new()),
            objects: Mutex::default(),
            counters: Mutex::default(),
            bytes_out: Arc::default(),
        });
        let task = tokio::spawn(accept(shared.clone(), listener));
        Ok(Self { shared, url, task })
    }

    /// The endpoint, such as `http://127.0.0.1:41235`.
    #[must_use]
    pub fn url(&self) -> &str {
        &self.url
    }

    /// What the sink saw up to now.
    #[must_use]
    pub fn counters(&self) -> Counters {
        self.shared.snapshot()
    }
}

async fn accept(shared: Arc<Shared>, listener: Listener) {
    let mut connections = JoinSet::new();
    // The socket fails only where the process is at its end.
    while let Ok(stream) = listener.accept().await {
        shared.counters().connections += 1;
        let pace = shared
            .config
            .bandwidth
            .map(|limit| Arc::new(Pace::new(limit)));
        let authority = shared.config.https.clone();
        let shared = shared.clone();
        let service = service_fn(move |request| answer(shared.clone(), pace.clone(), request));
        connections.spawn(converse(stream, authority, service));
        while connections.try_join_next().is_some() {}
    }
}

async fn answer(
    shared: Arc<Shared>,
    pace: Option<Arc<Pace>>,
    request: Request<Incoming>,
) -> Result<Response<Flow>, hyper::Error> {
    let (parts, body) = request.into_parts();
    if parts.uri.path() == "/-/counters" {
        return Ok(shared.control(&parts.method));
    }
    let call = Call::parse(&parts);
    *shared.counters().requests.entry(call.kind).or_default() += 1;
    if !shared.config.latency.is_zero() {
        sleep(shared.config.latency).await;
    }
    let length = drop_body(body, pace.as_deref()).await?;
    shared.counters().bytes_in += length;
    let answered = shared
        .carry_out(&call, length)
        .unwrap_or_else(|refusal| Answer::small(Reply::refusal(&refusal)));
    let status = answered.reply.status.as_u16();
    *shared.counters().answers.entry(status).or_default() += 1;
    Ok(shared.deliver(answered, pace))
}

/// An answer's header, and the range of the pattern that is its body.
struct Answer {
    reply: Reply,
    download: Option<(u64, u64)>,
}

impl Answer {
    fn small(reply: Reply) -> Self {
        Self {
            reply,
            download: None,
        }
    }
}

impl Shared {
    fn carry_out(&self, call: &Call, length: u64) -> Result<Answer, Refusal> {
        let reply = match call.kind {
            Kind::Get => return self.get(call),
            Kind::Head => self.head(call)?,
            Kind::Put => {
                self.objects().put(call, length)?;
                echo(call)?
            }
            Kind::Part => {
                self.objects().part(call, length)?;
                echo(call)?
            }
            Kind::Create => self.create(call)?,
            Kind::Complete => self.complete(call)?,
            Kind::Abort => {
                self.objects().abort(call)?;
                Reply::empty(StatusCode::NO_CONTENT)
            }
            Kind::Delete => Reply::empty(StatusCode::NO_CONTENT),
            Kind::DeleteBatch => Reply::xml(StatusCode::OK, nothing_deleted()?),
            Kind::List => Reply::xml(StatusCode::OK, Bytes::from_static(NO_OBJECTS.as_bytes())),
            Kind::Bucket => Reply::empty(StatusCode::OK),
            _ => return Err(Code::NotImplemented.into()),
        };
        Ok(Answer::small(reply))
    }

    fn get(&self, call: &Call) -> Result<Answer, Refusal> {
        let size = self.size(call)?;
        let mut reply = Reply::empty(StatusCode::OK);
        reply.set("etag", ETAG);
        let range = match call.header("range") {
            Some(range) => {
                let (start, end) = parse_range(range, size)?;
                reply.status = StatusCode::PARTIAL_CONTENT;
                reply.set(
                    "content-range",
                    &format!("bytes {start}-{}/{size}", end - 1),
                );
                (start, end)
            }
            None => {
                self.set_checksum(call, &mut reply, size);
                (0, size)
            }
        };
        Ok(Answer {
            reply,
            download: Some(range),
        })
    }

    fn head(&self, call: &Call) -> Result<Reply, Refusal> {
        let mut reply = Reply::empty(StatusCode::OK);
        reply.set("etag", ETAG);
        let uploaded = self.objects().find(call);
        if let Some(uploaded) = uploaded {
            reply.set("content-length", &uploaded.size.to_string());
            if let Some((header, value)) = uploaded.checksum {
                reply.set(header, &value);
                reply.set("x-amz-checksum-type", Type::FullObject.name());
            }
        } else {
            let size = size_in(&call.key)?;
            reply.set("content-length", &size.to_string());
            self.set_checksum(call, &mut reply, size);
        }
        Ok(reply)
    }

    fn size(&self, call: &Call) -> Result<u64, Refusal> {
        let uploaded = self.objects().find(call);
        uploaded.map_or_else(|| size_in(&call.key), |object| Ok(object.size))
    }

    /// The checksum of the bytes that a download gets.
    fn set_checksum(&self, call: &Call, reply: &mut Reply, size: u64) {
        if call.header("x-amz-checksum-mode") == Some("ENABLED") {
            reply.set_checksum(self.pattern.checksum(size), Type::FullObject, 1);
        }
    }

    fn create(&self, call: &Call) -> Result<Reply, Refusal> {
        let created = Created {
            bucket: call.bucket.clone(),
            key: call.key.clone(),
            upload_id: self.objects().create(),
        };
        let document = xml::write("InitiateMultipartUploadResult", created)?;
        let mut reply = Reply::xml(StatusCode::OK, document);
        for name in ["x-amz-checksum-algorithm", "x-amz-checksum-type"] {
            if let Some(value) = call.header(name) {
                reply.set(name, value);
            }
        }
        Ok(reply)
    }

    fn complete(&self, call: &Call) -> Result<Reply, Refusal> {
        self.objects().complete(call)?;
        let completed = Completed {
            location: format!("/{}/{}", call.bucket, call.key),
            bucket: call.bucket.clone(),
            key: call.key.clone(),
            etag: ETAG.to_owned(),
            checksum: xml::Checksums::default(),
        };
        let document = xml::write("CompleteMultipartUploadResult", completed)?;
        Ok(Reply::xml(StatusCode::OK, document))
    }

    fn deliver(&self, answer: Answer, pace: Option<Arc<Pace>>) -> Response<Flow> {
        let Answer { reply, download } = answer;
        let (source, length) = match download {
            Some((start, end)) => {
                let pattern = self.pattern.clone();
                (Source::Pattern { pattern, at: start }, end - start)
            }
            None => {
                let body: Bytes = reply.body.concat().into();
                let length = body.len() as u64;
                (Source::Bytes(body), length)
            }
        };
        let mut response = Response::new(Flow::new(source, length, pace, self.bytes_out.clone()));
        *response.status_mut() = reply.status;
        *response.headers_mut() = reply.headers;
        response
    }

    fn control(&self, method: &Method) -> Response<Flow> {
        let mut reply = Reply::empty(StatusCode::OK);
        if *method == Method::DELETE {
            *self.counters() = Counters::default();
            self.bytes_out.store(0, Ordering::Relaxed);
        } else if let Ok(json) = serde_json::to_vec(&self.snapshot()) {
            reply.body.push(json.into());
        }
        self.deliver(Answer::small(reply), None)
    }

    fn snapshot(&self) -> Counters {
        Counters {
            bytes_out: self.bytes_out.load(Ordering::Relaxed),
            ..self.counters().clone()
        }
    }

    fn counters(&self) -> MutexGuard<'_, Counters> {
        self.counters.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn objects(&self) -> MutexGuard<'_, Objects> {
        self.objects.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// The answer to an upload: its checksum once more.
fn echo(call: &Call) -> Result<Reply, Refusal> {
    let mut reply = Reply::empty(StatusCode::OK);
    reply.set("etag", ETAG);
    if let Some((algorithm, value)) = sent(&call.headers)? {
        reply.set(algorithm.header(), &value);
    }
    Ok(reply)
}

fn nothing_deleted() -> Result<Bytes, Refusal> {
    let result = DeleteResult {
        deleted: Vec::new(),
        error: Vec::new(),
    };
    xml::write("DeleteResult", result)
}
