//! The scripts of `ci/stores`, each of which installs and starts one store.

use std::net::TcpListener;
use std::path::{Path, PathBuf};
use std::process;
use std::time::Duration;

use anyhow::{Context, Result, bail};
use tokio::process::{Child, Command};

use crate::bucket::OwnBucket;
use crate::cargo::workspace;
use crate::embedded::spawn;
use crate::place::{Place, new_keys};

/// How long a store that listens may take to have a bucket made.
const START: Duration = Duration::from_secs(60);

/// A script; `ci/stores/common` tells its commands.
#[derive(Clone)]
pub(super) struct Script {
    name: String,
    path: PathBuf,
}

/// Every script, by name.
pub(super) fn all() -> Result<Vec<Script>> {
    let folder = workspace().join("ci/stores");
    let entries =
        std::fs::read_dir(&folder).with_context(|| format!("cannot read {}", folder.display()))?;
    let mut scripts = Vec::new();
    for entry in entries {
        let path = entry?.path();
        match path.file_name().and_then(|name| name.to_str()) {
            Some(name) if name != "common" && !name.contains('.') => scripts.push(Script {
                name: name.to_owned(),
                path,
            }),
            _ => {}
        }
    }
    scripts.sort_by(|a, b| a.name.cmp(&b.name));
    Ok(scripts)
}

impl Script {
    pub(super) fn name(&self) -> &str {
        &self.name
    }

    pub(super) fn is_installed(&self) -> Result<bool> {
        let status = process::Command::new(&self.path)
            .arg("installed")
            .status()
            .with_context(|| format!("cannot run {}", self.path.display()))?;
        Ok(status.success())
    }

    /// `http`, `https` or both.
    pub(super) fn schemes(&self) -> Result<Vec<String>> {
        let output = process::Command::new(&self.path)
            .arg("schemes")
            .output()
            .with_context(|| format!("cannot run {}", self.path.display()))?;
        let text = String::from_utf8_lossy(&output.stdout);
        Ok(text.split_whitespace().map(str::to_owned).collect())
    }

    /// Starts the store in `dir`, which has the certificates for https, and makes the bucket.
    pub(super) async fn start(
        &self,
        dir: &Path,
        https: bool,
        bucket: String,
    ) -> Result<(Running, String)> {
        let (access_key, secret_key) = new_keys();
        let mut server = Command::new(&self.path);
        server
            .arg("start")
            .arg(dir)
            .arg(free_port()?.to_string())
            .arg(if https { "https" } else { "http" })
            .env("AWS_ACCESS_KEY_ID", access_key)
            .env("AWS_SECRET_ACCESS_KEY", secret_key);
        let (process, told) = spawn(server).await?;
        let words: Vec<_> = told.split_whitespace().collect();
        let [endpoint, region, access_key, secret_key, version] = words[..] else {
            bail!("{} said {told:?} when it was ready", self.path.display());
        };
        let place = Place {
            endpoint: endpoint.to_owned(),
            region: region.to_owned(),
            access_key: access_key.to_owned(),
            secret_key: secret_key.to_owned(),
            bucket,
            ca_file: https.then(|| dir.join("ca.pem")),
        };
        let made = place.clone();
        tokio::task::spawn_blocking(move || OwnBucket::at(&made)?.create_when_ready(START))
            .await??;
        Ok((Running { process, place }, version.to_owned()))
    }
}

/// A store that runs; its script ends it when this value is dropped.
pub(super) struct Running {
    process: Child,
    pub(super) place: Place,
}

impl Running {
    /// Ends the store and waits until it is gone.
    pub(super) async fn stop(mut self) -> Result<()> {
        drop(self.process.stdin.take());
        self.process.wait().await.context("cannot end the store")?;
        Ok(())
    }
}

/// A port that was free just now; the stores cannot be told to take any.
fn free_port() -> Result<u16> {
    let listener = TcpListener::bind(("127.0.0.1", 0)).context("no port is free")?;
    Ok(listener.local_addr()?.port())
}

/// The version of a dependency, as `Cargo.lock` has it.
pub(super) fn locked_version(package: &str) -> Result<String> {
    let lock = std::fs::read_to_string(workspace().join("Cargo.lock"))?;
    let name = format!("name = \"{package}\"");
    let mut lines = lock.lines().skip_while(|line| **line != name).skip(1);
    let version = lines
        .next()
        .and_then(|line| line.strip_prefix("version = \"")?.strip_suffix('"'));
    version
        .map(str::to_owned)
        .with_context(|| format!("Cargo.lock has no {package}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_lock_file_tells_versions() {
        assert!(locked_version("s3s-fs").unwrap().starts_with("0."));
        assert!(locked_version("no-such-crate").is_err());
    }
}
