//! What Docker is asked for besides running a container: whether it answers, an image, a removal.

use std::io::Read;
use std::process::{Child, Command, ExitCode, Stdio};
use std::time::Duration;

use anyhow::{Context, Result, anyhow};
use testcontainers::bollard::Docker;
use testcontainers::bollard::errors::Error;
use testcontainers::bollard::query_parameters::{
    CreateImageOptionsBuilder, RemoveContainerOptionsBuilder,
};
use testcontainers::core::client::docker_client_instance;
use tokio::time::timeout;

/// How long Docker may take to say that it is there.
const PING: Duration = Duration::from_secs(5);

/// A container image.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Image {
    pub(crate) name: String,
    pub(crate) tag: String,
}

impl std::str::FromStr for Image {
    type Err = std::convert::Infallible;

    /// `NAME:TAG`, where the tag is `latest` when left out; a colon in front of a slash is a port.
    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let (name, tag) = match text.rsplit_once(':') {
            Some((name, tag)) if !tag.contains('/') => (name, tag),
            _ => (text, "latest"),
        };
        Ok(Self {
            name: name.to_owned(),
            tag: tag.to_owned(),
        })
    }
}

impl std::fmt::Display for Image {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{}:{}", self.name, self.tag)
    }
}

/// Connects to Docker and makes sure that it answers.
pub(crate) async fn connect() -> Result<Docker> {
    let docker = docker_client_instance()
        .await
        .map_err(|error| anyhow!("Docker does not answer: {error}"))?;
    match timeout(PING, docker.ping()).await {
        Ok(Ok(_)) => Ok(docker),
        Ok(Err(error)) => Err(anyhow!("Docker does not answer: {error}")),
        Err(_) => Err(anyhow!(
            "Docker does not answer within {} s",
            PING.as_secs()
        )),
    }
}

/// Where an image came from.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Found {
    Local,
    Pulled,
}

/// Makes sure that the image is there, pulling it within `limit` when it is not.
pub(crate) async fn provide(docker: &Docker, image: &Image, limit: Duration) -> Result<Found> {
    match docker.inspect_image(&image.to_string()).await {
        Ok(_) => return Ok(Found::Local),
        Err(Error::DockerResponseServerError {
            status_code: 404, ..
        }) => {}
        Err(error) => return Err(error).context(format!("cannot look for the image {image}")),
    }
    match timeout(limit, pull(docker, image)).await {
        Ok(Ok(())) => Ok(Found::Pulled),
        Ok(Err(error)) => Err(error).context(format!("cannot pull the image {image}")),
        Err(_) => Err(anyhow!(
            "the image {image} is not here and was not pulled within {} s",
            limit.as_secs()
        )),
    }
}

async fn pull(docker: &Docker, image: &Image) -> Result<(), Error> {
    let options = CreateImageOptionsBuilder::new()
        .from_image(&image.name)
        .tag(&image.tag)
        .build();
    let mut progress = std::pin::pin!(docker.create_image(Some(options), None, None));
    while let Some(step) = next(&mut progress).await {
        step?;
    }
    Ok(())
}

/// The next item of a stream.
async fn next<S: futures_core::Stream>(stream: &mut std::pin::Pin<&mut S>) -> Option<S::Item> {
    std::future::poll_fn(|context| stream.as_mut().poll_next(context)).await
}

/// Arguments of the hidden commands `reap` and `kill`.
#[derive(clap::Args)]
pub(crate) struct ContainerArgs {
    /// The container's name
    container: String,
}

/// Removes the container as soon as stdin closes, that is, when the process that started this one ends.
pub(crate) async fn reap(args: ContainerArgs) -> Result<ExitCode> {
    tokio::task::spawn_blocking(|| std::io::stdin().read_to_end(&mut Vec::new()))
        .await?
        .context("cannot wait on stdin")?;
    remove(&args.container).await?;
    Ok(ExitCode::SUCCESS)
}

/// Kills the container, which stays there, dead.
pub(crate) async fn kill(args: ContainerArgs) -> Result<ExitCode> {
    let docker = connect().await?;
    let killed = docker.kill_container(&args.container, None).await;
    killed.with_context(|| format!("cannot kill the container {}", args.container))?;
    Ok(ExitCode::SUCCESS)
}

/// Starts a process that removes the container when this process ends, in whatever way.
pub(crate) fn spawn_reaper(container: &str) -> Result<Child> {
    use std::os::unix::process::CommandExt;
    let program = std::env::current_exe().context("cannot find this program")?;
    Command::new(program)
        .args(["reap", container])
        .stdin(Stdio::piped())
        // Ctrl-C in the terminal must not end it before its work is done.
        .process_group(0)
        .spawn()
        .context("cannot start the process that removes the container")
}

/// Removes a container, running or not, with its volumes; one that is not there is fine.
pub(crate) async fn remove(container: &str) -> Result<()> {
    let docker = connect().await?;
    let options = RemoveContainerOptionsBuilder::new()
        .force(true)
        .v(true)
        .build();
    match docker.remove_container(container, Some(options)).await {
        Ok(())
        | Err(Error::DockerResponseServerError {
            // Gone, or being removed already.
            status_code: 404 | 409,
            ..
        }) => Ok(()),
        Err(error) => Err(error).context(format!("cannot remove the container {container}")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(text: &str, name: &str, tag: &str) {
        let Ok(image) = text.parse::<Image>();
        assert_eq!((image.name.as_str(), image.tag.as_str()), (name, tag));
    }

    #[test]
    fn an_image_is_a_name_and_a_tag() {
        check("minio:local", "minio", "local");
        check("a.example/minio/minio", "a.example/minio/minio", "latest");
        check("localhost:5000/minio", "localhost:5000/minio", "latest");
        check("localhost:5000/minio:1", "localhost:5000/minio", "1");
    }
}
