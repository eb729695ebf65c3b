//! Which servers the bench runs against, why those, and how they start and stop.

use std::fmt;
use std::path::Path;
use std::str::FromStr;
use std::time::Duration;

use anyhow::{Context, Result};
use tokio::process::Command;

use crate::bucket::OwnBucket;
use crate::cargo::{Programs, TESTSERVER};
use crate::damage;
use crate::docker::{self, Found, Image};
use crate::embedded::{self, Embedded};
use crate::minio::{self, Minio};
use crate::place::Place;

/// How long `auto` waits for an image; after that the embedded server is the better use of the time.
const PULL_AUTO: Duration = Duration::from_secs(60);

/// How long a pull may take where MinIO was asked for by name.
const PULL_MINIO: Duration = Duration::from_secs(600);

/// What was asked for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Wanted {
    /// MinIO where it can be had, else embedded.
    Auto,
    Embedded,
    Minio,
    /// A server that runs already, by the URL of its endpoint.
    Url(String),
}

impl FromStr for Wanted {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        match text {
            "auto" => Ok(Self::Auto),
            "embedded" => Ok(Self::Embedded),
            "minio" => Ok(Self::Minio),
            url if url.starts_with("http://") || url.starts_with("https://") => {
                Ok(Self::Url(url.trim_end_matches('/').to_owned()))
            }
            _ => Err(
                "accepted are auto, embedded, minio and a URL that starts with http:// or https://"
                    .to_owned(),
            ),
        }
    }
}

/// What is used, and why.
pub(crate) struct Choice {
    kind: Kind,
    why: String,
}

enum Kind {
    Embedded,
    Minio(Image),
    Url(String),
}

impl fmt::Display for Choice {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.kind {
            Kind::Embedded => write!(f, "backend: embedded (s3s-fs), {}", self.why),
            Kind::Minio(image) => write!(f, "backend: minio ({image}), {}", self.why),
            Kind::Url(url) => write!(f, "backend: {url}, {}", self.why),
        }
    }
}

/// Decides which backend is used, pulling MinIO's image where that is needed.
pub(crate) async fn choose(wanted: Wanted, image: Image) -> Result<Choice> {
    let asked = |name: &str| format!("as --backend {name} asks");
    match wanted {
        Wanted::Embedded => Ok(Choice {
            kind: Kind::Embedded,
            why: asked("embedded"),
        }),
        Wanted::Url(url) => Ok(Choice {
            kind: Kind::Url(url),
            why: asked("URL"),
        }),
        Wanted::Minio => {
            provide(&image, PULL_MINIO)
                .await
                .with_context(|| how_to_get(&image))?;
            Ok(Choice {
                kind: Kind::Minio(image),
                why: asked("minio"),
            })
        }
        Wanted::Auto => Ok(match provide(&image, PULL_AUTO).await {
            Ok(Found::Local) => Choice {
                kind: Kind::Minio(image),
                why: "as Docker answers and has the image".to_owned(),
            },
            Ok(Found::Pulled) => Choice {
                kind: Kind::Minio(image),
                why: "as Docker answers and pulled the image".to_owned(),
            },
            Err(error) => Choice {
                kind: Kind::Embedded,
                why: format!("as MinIO cannot be had: {error:#}"),
            },
        }),
    }
}

async fn provide(image: &Image, limit: Duration) -> Result<Found> {
    let docker = docker::connect().await?;
    docker::provide(&docker, image, limit).await
}

fn how_to_get(image: &Image) -> String {
    format!(
        "--backend minio needs Docker and the image {image}. \
         Docker: install it (Debian: apt-get install docker.io), start dockerd, \
         and point DOCKER_HOST at it where it is not local. \
         The image: docker pull {image}, or ci/minio-image, which builds one from MinIO's source \
         where no registry can be reached, and then --image with the name that it prints"
    )
}

/// Everything that the servers need to start.
pub(crate) struct Setup<'a> {
    pub(crate) choice: &'a Choice,
    pub(crate) programs: &'a Programs,
    /// A directory of the run.
    pub(crate) dir: &'a Path,
    pub(crate) https: bool,
}

/// The servers of one run, in the order in which they were started.
#[derive(Default)]
pub(crate) struct Servers(Vec<Server>);

enum Server {
    Embedded(Embedded),
    Minio(Box<Minio>),
    /// A bucket on a server that somebody else runs.
    Bucket(OwnBucket),
}

impl Servers {
    /// Starts a server for the destination `name`, with a bucket of its own.
    ///
    /// Two destinations are two servers, so that one can be stopped; a URL gives two buckets.
    pub(crate) async fn start(&mut self, setup: &Setup<'_>, name: &str) -> Result<Place> {
        let dir = setup.dir.join(name);
        std::fs::create_dir_all(&dir).with_context(|| format!("cannot make {}", dir.display()))?;
        let bucket = format!("gpbackup-plugin-test-{:016x}-{name}", fastrand::u64(..));
        let program = setup.programs.path(TESTSERVER)?;
        match &setup.choice.kind {
            Kind::Embedded => {
                let server = Embedded::start(embedded::Wanted {
                    program,
                    dir: &dir,
                    bucket: &bucket,
                    https: setup.https,
                })
                .await?;
                let place = server.place.clone();
                self.0.push(Server::Embedded(server));
                Ok(place)
            }
            Kind::Minio(image) => {
                if setup.https {
                    make_certificates(program, &dir).await?;
                }
                let server = Minio::start(minio::Wanted {
                    image,
                    bucket: &bucket,
                    certificates: setup.https.then_some(dir.as_path()),
                })
                .await?;
                let place = server.place.clone();
                self.0.push(Server::Minio(Box::new(server)));
                Ok(place)
            }
            Kind::Url(url) => {
                let place = place_at(url, bucket)?;
                let bucket = OwnBucket::at(&place)?;
                let made = tokio::task::spawn_blocking(move || bucket.create().map(|()| bucket));
                self.0.push(Server::Bucket(made.await??));
                Ok(place)
            }
        }
    }

    /// The shell command that damages an object of the first destination, where it can be reached.
    pub(crate) fn damage_command(&self) -> Result<Option<String>> {
        match self.0.first() {
            Some(Server::Embedded(server)) => damage::command(&server.objects).map(Some),
            _ => Ok(None),
        }
    }

    /// The shell command that does away with the first destination, where it is a server of this run.
    pub(crate) fn destroy_command(&self) -> Result<Option<String>> {
        match self.0.first() {
            Some(Server::Embedded(server)) => Ok(server.kill_command()),
            Some(Server::Minio(server)) => {
                let program = std::env::current_exe().context("cannot find this program")?;
                let command = format!("{} kill {}", damage::quote(&program), server.name);
                Ok(Some(command))
            }
            Some(Server::Bucket(_)) | None => Ok(None),
        }
    }

    /// Stops the servers and deletes the buckets; goes on after a failure and returns the first one.
    pub(crate) async fn stop(self) -> Result<()> {
        let mut result = Ok(());
        for server in self.0 {
            let stopped = match server {
                Server::Embedded(server) => server.stop().await,
                Server::Minio(server) => server.stop().await,
                Server::Bucket(bucket) => {
                    tokio::task::spawn_blocking(move || bucket.remove()).await?
                }
            };
            result = result.and(stopped);
        }
        result
    }
}

/// A place on a server that somebody else runs, with the keys and the region of the environment.
pub(crate) fn place_at(endpoint: &str, bucket: String) -> Result<Place> {
    let key = |name: &str| {
        std::env::var(name)
            .with_context(|| format!("a URL as backend takes {name} from the environment"))
    };
    let region = std::env::var("AWS_REGION").or_else(|_| std::env::var("AWS_DEFAULT_REGION"));
    Ok(Place {
        endpoint: endpoint.to_owned(),
        region: region.unwrap_or_else(|_| "us-east-1".to_owned()),
        access_key: key("AWS_ACCESS_KEY_ID")?,
        secret_key: key("AWS_SECRET_ACCESS_KEY")?,
        bucket,
        ca_file: std::env::var_os("AWS_CA_BUNDLE").map(Into::into),
    })
}

/// Has an authority and a server certificate made in `dir`.
pub(crate) async fn make_certificates(testserver: &Path, dir: &Path) -> Result<()> {
    let made = Command::new(testserver)
        .arg("certificates")
        .arg(dir)
        .status()
        .await
        .context("cannot start s3-testserver")?;
    anyhow::ensure!(made.success(), "s3-testserver made no certificates: {made}");
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_backend_is_a_word_or_a_url() {
        assert_eq!("auto".parse(), Ok(Wanted::Auto));
        assert_eq!(
            "https://s3.example/".parse(),
            Ok(Wanted::Url("https://s3.example".to_owned()))
        );
        assert!("s3.example".parse::<Wanted>().is_err());
    }
}
