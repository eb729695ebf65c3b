//! The server as a test sees it: start, script, counters, a look into the store.

use std::collections::BTreeMap;
use std::io;
use std::net::SocketAddr;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, Weak};
use std::time::Duration;

use bytes::Bytes;
use http::header::{HeaderMap, HeaderName, HeaderValue};
use hyper::service::service_fn;
use jiff::Timestamp;
use serde::Serialize;
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::{mpsc, oneshot};
use tokio::task::{JoinHandle, JoinSet};
use tokio::time::sleep;

use super::checksum::{Algorithm, Checksum};
use super::config::Config;
use super::conversation;
use super::counters::{Counters, Notes, Seen};
use super::link::{Doomed, Link, Port};
use super::script::{Player, Script};
use super::service::Service;
use super::store::{Object, Upload};
use crate::listen::converse;

/// An upload that was neither completed nor aborted.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct OpenUpload {
    /// Its bucket.
    pub bucket: String,
    /// The key that it would become visible under.
    pub key: String,
    /// Its id.
    pub upload_id: String,
    /// The numbers of the parts that arrived.
    pub parts: Vec<u32>,
}

/// How an object is kept, besides its bytes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Kept {
    /// The sizes of the parts it was stored in; one for an object that a single PUT made.
    pub parts: Vec<usize>,
    /// The headers that came with it and are given back with it, as `name: value`.
    pub headers: Vec<String>,
}

/// A running server; it ends, with all its connections, when this value is dropped.
pub struct MemoryServer {
    shared: Arc<Shared>,
    address: SocketAddr,
    url: String,
    task: JoinHandle<()>,
}

/// An order to close the port for a while.
pub(crate) struct Closing {
    pause: Duration,
    closed: oneshot::Sender<()>,
}

impl Closing {
    /// The order, and what tells that it was carried out.
    pub(crate) fn new(pause: Duration) -> (Self, oneshot::Receiver<()>) {
        let (closed, wait) = oneshot::channel();
        (Self { pause, closed }, wait)
    }
}

/// What all connections share.
pub(crate) struct Shared {
    pub(crate) service: Service,
    pub(crate) player: Player,
    pub(crate) bytes_out: Arc<AtomicU64>,
    pub(crate) closing: mpsc::UnboundedSender<Closing>,
    notes: Mutex<Notes>,
    links: Mutex<Vec<Weak<Link>>>,
}

impl MemoryServer {
    /// Listens on 127.0.0.1 and answers from now on.
    ///
    /// # Errors
    /// When the port is taken.
    pub async fn start(config: Config) -> io::Result<Self> {
        let (port, listener) = Port::open(config.port)?;
        let address = port.address();
        let scheme = if config.https.is_some() {
            "https"
        } else {
            "http"
        };
        let (closing, orders) = mpsc::unbounded_channel();
        let player = Player::default();
        player.load(config.script.clone());
        let shared = Arc::new(Shared {
            service: Service::new(config),
            player,
            bytes_out: Arc::default(),
            closing,
            notes: Mutex::default(),
            links: Mutex::default(),
        });
        let task = tokio::spawn(keep_open(shared.clone(), port, listener, orders));
        Ok(Self {
            shared,
            address,
            url: format!("{scheme}://{address}"),
            task,
        })
    }

    /// The endpoint, such as `http://127.0.0.1:41235`.
    #[must_use]
    pub fn url(&self) -> &str {
        &self.url
    }

    /// The endpoint's address.
    #[must_use]
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// Plays this script from its start, in place of the one before.
    pub fn play(&self, script: Script) {
        self.shared.player.load(script);
    }

    /// What the server saw up to now.
    #[must_use]
    pub fn counters(&self) -> Counters {
        self.shared.counters()
    }

    /// Every request up to now, in the order in which their headers arrived.
    #[must_use]
    pub fn seen(&self) -> Vec<Seen> {
        self.shared.notes().seen.clone()
    }

    /// Sets the counters to zero and forgets the requests.
    pub fn forget(&self) {
        self.shared.forget();
    }

    /// Resets all connections and refuses new ones for `pause`; comes back when the port is closed.
    pub async fn restart(&self, pause: Duration) {
        let (closing, closed) = Closing::new(pause);
        if self.shared.closing.send(closing).is_ok() {
            closed.await.ok();
        }
        self.shared.reset_all();
    }

    /// The keys of a bucket's objects, in order; none where there is no such bucket.
    #[must_use]
    pub fn keys(&self, bucket: &str) -> Vec<String> {
        let store = self.shared.service.store();
        let bucket = store.bucket(bucket);
        bucket.map_or_else(
            |_| Vec::new(),
            |bucket| bucket.objects.keys().cloned().collect(),
        )
    }

    /// An object's bytes.
    #[must_use]
    pub fn object(&self, bucket: &str, key: &str) -> Option<Bytes> {
        let store = self.shared.service.store();
        let object = store.bucket(bucket).ok()?.object(key).ok()?;
        Some(object.bytes())
    }

    /// How an object is kept.
    #[must_use]
    pub fn kept(&self, bucket: &str, key: &str) -> Option<Kept> {
        let store = self.shared.service.store();
        let object = store.bucket(bucket).ok()?.object(key).ok()?;
        let header = |(name, value): (&HeaderName, &HeaderValue)| {
            format!("{name}: {}", String::from_utf8_lossy(value.as_bytes()))
        };
        Some(Kept {
            parts: object.chunks.iter().map(Bytes::len).collect(),
            headers: object.metadata.iter().map(header).collect(),
        })
    }

    /// Stores an object without a checksum, as an old plugin would have.
    pub fn insert(&self, bucket: &str, key: &str, bytes: impl Into<Bytes>) {
        let object = Object::new(bytes.into(), None, HeaderMap::new());
        if let Ok(bucket) = self.shared.service.store().bucket_mut(bucket) {
            bucket.objects.insert(key.to_owned(), object);
        }
    }

    /// Stores an object without a checksum as the multipart upload of an old plugin would have, in
    /// parts of `part` bytes.
    pub fn insert_in_parts(&self, bucket: &str, key: &str, bytes: impl Into<Bytes>, part: usize) {
        let bytes = bytes.into();
        let chunks = bytes.chunks(part).map(|chunk| bytes.slice_ref(chunk));
        let object = Object::of_parts(chunks.collect());
        if let Ok(bucket) = self.shared.service.store().bucket_mut(bucket) {
            bucket.objects.insert(key.to_owned(), object);
        }
    }

    /// Stores an object with the CRC64NVME of all its bytes.
    pub fn insert_proven(&self, bucket: &str, key: &str, bytes: impl Into<Bytes>) {
        let bytes = bytes.into();
        let checksum = Checksum::of(Algorithm::Crc64Nvme, &bytes);
        let object = Object::new(bytes, Some(checksum), HeaderMap::new());
        if let Ok(bucket) = self.shared.service.store().bucket_mut(bucket) {
            bucket.objects.insert(key.to_owned(), object);
        }
    }

    /// Changes an object's bytes behind the store's back: ETag and checksum stay as they were.
    /// Gives whether there is such an object.
    pub fn damage(&self, bucket: &str, key: &str, change: impl FnOnce(&mut Vec<u8>)) -> bool {
        let mut store = self.shared.service.store();
        let Ok(bucket) = store.bucket_mut(bucket) else {
            return false;
        };
        let Some(object) = bucket.objects.get_mut(key) else {
            return false;
        };
        let mut bytes = object.bytes().to_vec();
        change(&mut bytes);
        object.size = bytes.len() as u64;
        object.chunks = vec![bytes.into()];
        true
    }

    /// Opens an upload as a client would have that long ago, and gives its id; none where there is no
    /// such bucket.
    pub fn open_upload(&self, bucket: &str, key: &str, ago: Duration) -> Option<String> {
        let upload = Upload {
            key: key.to_owned(),
            checksum: None,
            parts: BTreeMap::new(),
            started: Timestamp::now() - ago,
            metadata: HeaderMap::new(),
        };
        self.shared.service.store().create(bucket, upload).ok()
    }

    /// The uploads that were neither completed nor aborted.
    #[must_use]
    pub fn open_uploads(&self) -> Vec<OpenUpload> {
        self.shared.open_uploads()
    }
}

impl Drop for MemoryServer {
    fn drop(&mut self) {
        self.task.abort();
    }
}

impl Shared {
    pub(crate) fn notes(&self) -> MutexGuard<'_, Notes> {
        self.notes.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(crate) fn counters(&self) -> Counters {
        Counters {
            bytes_out: self.bytes_out.load(Ordering::Relaxed),
            ..self.notes().counters.clone()
        }
    }

    pub(crate) fn forget(&self) {
        let mut notes = self.notes();
        notes.counters = Counters::default();
        notes.seen.clear();
        self.bytes_out.store(0, Ordering::Relaxed);
    }

    pub(crate) fn reset_all(&self) {
        for link in self.links().drain(..).filter_map(|link| link.upgrade()) {
            link.reset();
        }
    }

    pub(crate) fn open_uploads(&self) -> Vec<OpenUpload> {
        let store = self.service.store();
        let mut open = Vec::new();
        for name in store.bucket_names() {
            let uploads = store
                .bucket(name)
                .into_iter()
                .flat_map(|bucket| &bucket.uploads);
            open.extend(uploads.map(|(id, upload)| OpenUpload {
                bucket: name.clone(),
                key: upload.key.clone(),
                upload_id: id.clone(),
                parts: upload.parts.keys().copied().collect(),
            }));
        }
        open
    }

    fn links(&self) -> MutexGuard<'_, Vec<Weak<Link>>> {
        self.links.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Accepts connections, but for the times in which the port is ordered to be closed.
async fn keep_open(
    shared: Arc<Shared>,
    port: Port,
    mut listener: TcpListener,
    mut orders: mpsc::UnboundedReceiver<Closing>,
) {
    // Dropped with this task, it ends all connections.
    let mut connections = JoinSet::new();
    loop {
        tokio::select! {
            accepted = listener.accept() => {
                if let Ok((stream, _)) = accepted {
                    connect(&shared, &mut connections, stream);
                }
            }
            Some(_) = connections.join_next() => {}
            Some(order) = orders.recv() => {
                drop(listener);
                order.closed.send(()).ok();
                sleep(order.pause).await;
                listener = match port.reopen() {
                    Ok(listener) => listener,
                    // The port is ours; without file descriptors the server is at its end.
                    Err(_) => return,
                };
            }
        }
    }
}

fn connect(shared: &Arc<Shared>, connections: &mut JoinSet<()>, stream: TcpStream) {
    // A client that is gone already has nothing to be told.
    let (Ok(()), Ok(link)) = (stream.set_nodelay(true), Link::of(&stream)) else {
        return;
    };
    let link = Arc::new(link);
    shared.notes().counters.connections += 1;
    let mut links = shared.links();
    links.retain(|link| link.strong_count() > 0);
    links.push(Arc::downgrade(&link));
    connections.spawn(serve(shared.clone(), link, stream));
}

async fn serve(shared: Arc<Shared>, link: Arc<Link>, stream: TcpStream) {
    let authority = shared.service.config.https.clone();
    let service = {
        let link = link.clone();
        service_fn(move |request| conversation::answer(shared.clone(), link.clone(), request))
    };
    tokio::select! {
        () = converse(Doomed::new(stream, link.clone()), authority, service) => {}
        () = link.broken() => {}
    }
}
