//! How the server is to be.

use super::script::Script;
use crate::Credentials;
use crate::tls::Authority;

/// What the store does with checksums.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, clap::ValueEnum)]
pub enum Checksums {
    /// Echoes them at Create, verifies them everywhere, keeps them with the object: AWS, MinIO.
    #[default]
    Kept,
    /// Knows nothing of them and does not say so: s3s-fs, Ceph RGW 16.
    Ignored,
    /// Answers 501 to every request that speaks of them: s3proxy 2.
    Refused,
}

/// How the server is to be.
#[derive(Clone)]
pub struct Config {
    /// The port on 127.0.0.1; 0, the default, takes any free one.
    pub port: u16,
    /// Serves https where given.
    pub https: Option<Authority>,
    /// The pair of keys that signs; by default `test` and `secret`.
    pub credentials: Credentials,
    /// The region that requests have to be signed for; by default `us-east-1`.
    pub region: String,
    /// The buckets that are there from the start; by default one named `bucket`.
    pub buckets: Vec<String>,
    /// What the store does with checksums.
    pub checksums: Checksums,
    /// Whether there is DeleteObjects; else it is answered with 501.
    pub batch_delete: bool,
    /// Whether the bucket locks its objects: it keeps every version, so that a deletion only leaves a marker,
    /// and stores nothing that comes without a digest.
    pub locked: bool,
    /// The most entries of a listing's page, from 1 to the default of 1000.
    pub page_size: usize,
    /// The fewest bytes of a part that is not the last one; by default 5 MiB, as everywhere.
    pub least_part: u64,
    /// What goes wrong; by default nothing.
    pub script: Script,
}

impl Default for Config {
    fn default() -> Self {
        Self {
            port: 0,
            https: None,
            credentials: Credentials::new("test", "secret"),
            region: "us-east-1".to_owned(),
            buckets: vec!["bucket".to_owned()],
            checksums: Checksums::default(),
            batch_delete: true,
            locked: false,
            page_size: 1000,
            least_part: 5 * 1024 * 1024, // 5 MiB
            script: Script::default(),
        }
    }
}
