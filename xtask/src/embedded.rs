//! The embedded backend: `s3s-fs` in a process of its own on a free loopback port.

use std::path::{Path, PathBuf};
use std::process::Stdio;

use anyhow::{Context, Result, bail};
use tokio::io::{AsyncBufReadExt, BufReader};
use tokio::process::{Child, Command};

use crate::place::{Place, new_keys};

/// A running server, which ends when this value is dropped.
pub(crate) struct Embedded {
    process: Child,
    pub(crate) place: Place,
    /// The directory of the bucket's objects.
    pub(crate) objects: PathBuf,
}

/// What the server is to be.
pub(crate) struct Wanted<'a> {
    /// The server program.
    pub(crate) program: &'a Path,
    /// A directory of its own; it holds the objects and, with https, the authority's certificate.
    pub(crate) dir: &'a Path,
    pub(crate) bucket: &'a str,
    pub(crate) https: bool,
}

impl Embedded {
    /// Starts the server and waits until it answers.
    pub(crate) async fn start(wanted: Wanted<'_>) -> Result<Self> {
        let objects = wanted.dir.join("objects");
        std::fs::create_dir_all(&objects)
            .with_context(|| format!("cannot make {}", objects.display()))?;
        let ca_file = wanted.https.then(|| wanted.dir.join("ca.pem"));
        let (access_key, secret_key) = new_keys();

        let mut server = Command::new(wanted.program);
        server.args(["fs", "--bucket", wanted.bucket]).arg(&objects);
        if let Some(file) = &ca_file {
            server.arg("--https-ca").arg(file);
        }
        server
            .env("AWS_ACCESS_KEY_ID", &access_key)
            .env("AWS_SECRET_ACCESS_KEY", &secret_key);
        let (process, endpoint) = spawn(server).await?;
        let place = Place {
            endpoint,
            region: "us-east-1".to_owned(),
            access_key,
            secret_key,
            bucket: wanted.bucket.to_owned(),
            ca_file,
        };
        Ok(Self {
            process,
            place,
            objects: objects.join(wanted.bucket),
        })
    }

    /// The shell command that kills the server.
    pub(crate) fn kill_command(&self) -> Option<String> {
        self.process.id().map(|id| format!("kill -KILL {id}"))
    }

    /// Ends the server and waits until it is gone.
    pub(crate) async fn stop(mut self) -> Result<()> {
        drop(self.process.stdin.take());
        self.process.wait().await.context("cannot end the server")?;
        Ok(())
    }
}

/// Starts a server and gives what its `ready` line tells, of `s3-testserver` the URL.
///
/// Its own process group keeps the terminal's Ctrl-C away from it: it has to live until the bench
/// has cleaned up. It ends with its stdin, so it never outlives this process.
pub(crate) async fn spawn(mut server: Command) -> Result<(Child, String)> {
    let mut process = server
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .process_group(0)
        .kill_on_drop(true)
        .spawn()
        .context("cannot start the server")?;
    let stdout = process.stdout.take().context("the server has no stdout")?;
    let mut line = String::new();
    BufReader::new(stdout)
        .read_line(&mut line)
        .await
        .context("cannot read from the server")?;
    match line.trim_end().strip_prefix("ready ") {
        Some(told) => Ok((process, told.to_owned())),
        None => bail!("the server did not start"),
    }
}
