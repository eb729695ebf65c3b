//! `s3s-fs`: a server that keeps each object as a file in a directory.
//!
//! What it does not do, read in its source (0.14.1): no ListMultipartUploads, ListParts without
//! ETags, part checksums and If-Match ignored, no checksum of multipart objects, parts only 1..n.

use std::io;
use std::path::Path;

use s3s::auth::SimpleAuth;
use s3s::service::{S3Service, S3ServiceBuilder};
use s3s_fs::FileSystem;

use crate::credentials::Credentials;

/// Why the server cannot start.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// A bucket's directory cannot be made.
    #[error("cannot make the bucket {bucket:?}")]
    Bucket {
        /// The bucket as it was asked for.
        bucket: String,
        /// What the file system says.
        source: io::Error,
    },
    /// The root directory cannot be used.
    #[error("cannot use the directory {root:?}: {message}")]
    Root {
        /// The directory as it was given.
        root: String,
        /// What `s3s-fs` says.
        message: String,
    },
}

/// A service over the directory `root`, with the named buckets made in it.
///
/// # Errors
/// When the directory cannot be used or a bucket's directory cannot be made in it.
pub fn service(
    root: &Path,
    credentials: &Credentials,
    buckets: &[String],
) -> Result<S3Service, Error> {
    for bucket in buckets {
        std::fs::create_dir_all(root.join(bucket)).map_err(|source| Error::Bucket {
            bucket: bucket.clone(),
            source,
        })?;
    }
    let store = FileSystem::new(root).map_err(|error| Error::Root {
        root: root.display().to_string(),
        message: format!("{error:?}"),
    })?;
    let mut builder = S3ServiceBuilder::new(store);
    builder.set_auth(SimpleAuth::from_single(
        credentials.access_key.clone(),
        credentials.secret_key.clone(),
    ));
    Ok(builder.build())
}
