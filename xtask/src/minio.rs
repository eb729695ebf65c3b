//! The MinIO backend: a container on a free port, with credentials made for the run.

use std::path::Path;
use std::process::Child;
use std::time::Duration;

use anyhow::{Context, Result, anyhow};
use testcontainers::core::{CopyDataSource, IntoContainerPort};
use testcontainers::runners::AsyncRunner;
use testcontainers::{ContainerAsync, GenericImage, ImageExt};

use crate::bucket::{OwnBucket, wait_until_healthy};
use crate::docker::{self, Image};
use crate::place::{Place, new_keys};

/// One of the last images that MinIO published; those on Docker Hub are gone since September 2026.
pub(crate) const DEFAULT_IMAGE: &str = "quay.io/minio/minio:RELEASE.2025-09-07T16-13-09Z";

/// The port that MinIO listens on within its container.
const PORT: u16 = 9000;

/// How long the server may take to be healthy; it is under a second on an idle machine.
const START: Duration = Duration::from_secs(60);

/// A running container, removed by `stop`, by a drop, or by the reaper when this process is killed.
pub(crate) struct Minio {
    container: ContainerAsync<GenericImage>,
    reaper: Child,
    /// The container's name.
    pub(crate) name: String,
    pub(crate) place: Place,
}

/// What the server is to be.
pub(crate) struct Wanted<'a> {
    pub(crate) image: &'a Image,
    pub(crate) bucket: &'a str,
    /// A directory with `ca.pem`, `public.crt` and `private.key`, for https.
    pub(crate) certificates: Option<&'a Path>,
}

impl Minio {
    /// Starts the container, waits until it is healthy, and makes the bucket.
    pub(crate) async fn start(wanted: Wanted<'_>) -> Result<Self> {
        let name = format!("gpbackup-plugin-test-{:016x}", fastrand::u64(..));
        let (access_key, secret_key) = new_keys();
        let mut request = GenericImage::new(&wanted.image.name, &wanted.image.tag)
            .with_exposed_port(PORT.tcp())
            .with_container_name(&name)
            .with_env_var("MINIO_ROOT_USER", &access_key)
            .with_env_var("MINIO_ROOT_PASSWORD", &secret_key)
            .with_cmd(["server", "--certs-dir", "/certs", "/data"]);
        if let Some(dir) = wanted.certificates {
            for file in ["public.crt", "private.key"] {
                request = request.with_copy_to(
                    format!("/certs/{file}"),
                    CopyDataSource::from(dir.join(file)),
                );
            }
        }
        let reaper = docker::spawn_reaper(&name)?;
        let container = request
            .start()
            .await
            .map_err(|error| anyhow!("cannot start a container of {}: {error}", wanted.image))?;
        let port = container.get_host_port_ipv4(PORT.tcp()).await?;
        let scheme = if wanted.certificates.is_some() {
            "https"
        } else {
            "http"
        };
        let place = Place {
            endpoint: format!("{scheme}://127.0.0.1:{port}"),
            region: "us-east-1".to_owned(),
            access_key,
            secret_key,
            bucket: wanted.bucket.to_owned(),
            ca_file: wanted.certificates.map(|dir| dir.join("ca.pem")),
        };
        prepare(place.clone()).await?;
        Ok(Self {
            container,
            reaper,
            name,
            place,
        })
    }

    /// Removes the container.
    pub(crate) async fn stop(mut self) -> Result<()> {
        self.container
            .rm()
            .await
            .context("cannot remove the container")?;
        drop(self.reaper.stdin.take());
        self.reaper.wait().context("cannot wait for the reaper")?;
        Ok(())
    }
}

/// Waits until the server is healthy and makes the bucket.
async fn prepare(place: Place) -> Result<()> {
    tokio::task::spawn_blocking(move || {
        let health = format!("{}/minio/health/ready", place.endpoint);
        wait_until_healthy(&health, place.ca_file.as_deref(), START)?;
        OwnBucket::at(&place)?.create_when_ready(START)
    })
    .await?
}
