//! The store that a test runs against, in the test's own process.

use std::ops::Deref;
use std::time::{Duration, Instant};

use s3_testserver::Credentials;
use s3_testserver::fs;
use s3_testserver::listen::Listener;
use s3_testserver::memory::{Config, Kind, MemoryServer, Rule, Script};
use s3_testserver::tls::Authority;
use tempfile::TempDir;
use tokio::runtime::{Builder, Runtime};

use crate::host::Host;

/// The bucket of every store here.
pub(crate) const BUCKET: &str = "bucket";

/// The pair of keys that every store here accepts.
pub(crate) const KEY_ID: &str = "AKTEST";
pub(crate) const SECRET: &str = "wJalrXUtnFEMI/K7MDENG+bPxRfi";

/// What no test waits longer for.
pub(crate) const DEADLINE: Duration = Duration::from_secs(30);

/// A store in memory with an empty bucket.
pub(crate) struct Store {
    server: MemoryServer,
    // Dropped after the server, whose tasks it runs.
    _runtime: Runtime,
}

impl Store {
    pub(crate) fn start() -> Self {
        Self::with(Config::default())
    }

    /// One of another kind, with the usual credentials.
    pub(crate) fn with(config: Config) -> Self {
        let config = Config {
            credentials: credentials(),
            ..config
        };
        let runtime = runtime();
        let server = runtime.block_on(MemoryServer::start(config)).unwrap();
        Self {
            server,
            _runtime: runtime,
        }
    }

    /// One with TLS, and the path of its authority's certificate on `host`.
    pub(crate) fn with_tls(host: &Host) -> (Self, String) {
        Self::with_authority(host, Authority::generate().unwrap())
    }

    /// The same with another certificate to show.
    pub(crate) fn with_authority(host: &Host, authority: Authority) -> (Self, String) {
        let ca = host.file("ca.pem", authority.ca_pem());
        let config = Config {
            https: Some(authority),
            ..Config::default()
        };
        (Self::with(config), ca.display().to_string())
    }

    /// The keys in the bucket, in order.
    pub(crate) fn keys(&self) -> Vec<String> {
        self.server.keys(BUCKET)
    }

    /// The object's bytes; panics where there is none.
    pub(crate) fn object(&self, key: &str) -> Vec<u8> {
        self.object_in(BUCKET, key)
    }

    /// The same in another bucket.
    pub(crate) fn object_in(&self, bucket: &str, key: &str) -> Vec<u8> {
        self.server.object(bucket, key).unwrap().to_vec()
    }

    pub(crate) fn insert(&self, key: &str, content: &[u8]) {
        self.server.insert(BUCKET, key, content.to_vec());
    }

    /// Turns one bit of the object in the middle of it, which its checksum does not follow.
    pub(crate) fn damage(&self, key: &str) {
        let flip = |bytes: &mut Vec<u8>| {
            let middle = bytes.len() / 2;
            bytes[middle] ^= 1;
        };
        assert!(self.server.damage(BUCKET, key, flip), "no object {key}");
    }

    /// Plays these rules from now on.
    pub(crate) fn fail(&self, rules: impl IntoIterator<Item = Rule>) {
        self.server.play(Script::new(rules));
    }

    pub(crate) fn requests(&self, kind: Kind) -> u64 {
        self.server.counters().of(kind)
    }

    /// Waits until `ready` says so of this store.
    pub(crate) fn wait_until(&self, what: &str, ready: impl Fn(&Self) -> bool) {
        let start = Instant::now();
        while !ready(self) {
            assert!(start.elapsed() < DEADLINE, "{what} did not come about");
            std::thread::yield_now();
        }
    }
}

impl Deref for Store {
    type Target = MemoryServer;

    fn deref(&self) -> &MemoryServer {
        &self.server
    }
}

/// `s3s-fs`, a store of another make, which keeps no checksums of multipart objects.
pub(crate) struct FileStore {
    url: String,
    root: TempDir,
    // Ends the server when dropped.
    _runtime: Runtime,
}

impl FileStore {
    pub(crate) fn start() -> Self {
        let (runtime, root) = (runtime(), tempfile::tempdir().unwrap());
        let service = fs::service(root.path(), &credentials(), &[BUCKET.to_owned()]).unwrap();
        let listener = runtime.block_on(Listener::bind(0, None)).unwrap();
        let url = listener.url().unwrap();
        runtime.spawn(listener.serve(service));
        Self {
            url,
            root,
            _runtime: runtime,
        }
    }

    pub(crate) fn url(&self) -> &str {
        &self.url
    }

    /// The size of the object.
    pub(crate) fn size(&self, key: &str) -> u64 {
        let file = self.root.path().join(BUCKET).join(key);
        file.metadata().unwrap().len()
    }
}

fn credentials() -> Credentials {
    Credentials::new(KEY_ID, SECRET)
}

fn runtime() -> Runtime {
    Builder::new_multi_thread()
        .worker_threads(1)
        .enable_all()
        .build()
        .unwrap()
}
