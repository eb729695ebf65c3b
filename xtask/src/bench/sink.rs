//! The server of a benchmark, and its counters.

use std::path::{Path, PathBuf};

use anyhow::{Context, Result};
use serde::Deserialize;
use tokio::process::{Child, Command};
use ureq::Agent;

use super::Scheme;
use crate::bucket::agent;
use crate::embedded::spawn;

/// Where systems keep their authorities: Debian, Red Hat, SUSE.
const SYSTEM_BUNDLES: [&str; 3] = [
    "/etc/ssl/certs/ca-certificates.crt",
    "/etc/pki/tls/certs/ca-bundle.crt",
    "/etc/ssl/ca-bundle.pem",
];

/// What the server is to be.
pub(crate) struct Wanted<'a> {
    pub(crate) program: &'a Path,
    pub(crate) dir: &'a Path,
    pub(crate) scheme: Scheme,
    pub(crate) latency: u64,
    pub(crate) bandwidth: Option<u64>,
}

/// A running sink.
pub(crate) struct Sink {
    _process: Child,
    pub(crate) endpoint: String,
    /// The system's authorities and the run's, in one file, as a site's bundle would be.
    pub(crate) bundle: Option<PathBuf>,
    agent: Agent,
}

/// What a run asked of the server.
#[derive(Deserialize)]
pub(crate) struct Counters {
    requests: std::collections::BTreeMap<String, u64>,
    pub(crate) bytes_in: u64,
    pub(crate) bytes_out: u64,
}

impl Counters {
    pub(crate) fn requests(&self) -> u64 {
        self.requests.values().sum()
    }
}

impl Sink {
    pub(crate) async fn start(wanted: &Wanted<'_>) -> Result<Self> {
        let mut server = Command::new(wanted.program);
        server
            .arg("sink")
            .args(["--latency", &wanted.latency.to_string()]);
        if let Some(bandwidth) = wanted.bandwidth {
            server.args(["--bandwidth", &bandwidth.to_string()]);
        }
        let ca = wanted.dir.join("ca.pem");
        if wanted.scheme == Scheme::Https {
            server.arg("--https-ca").arg(&ca);
        }
        let (process, endpoint) = spawn(server).await?;
        let own = (wanted.scheme == Scheme::Https).then_some(ca.as_path());
        Ok(Self {
            _process: process,
            endpoint,
            bundle: own.map(|ca| bundle(ca, wanted.dir)).transpose()?,
            agent: agent(own)?,
        })
    }

    pub(crate) fn reset(&self) -> Result<()> {
        self.agent.delete(self.counters_url()).call()?;
        Ok(())
    }

    pub(crate) fn counters(&self) -> Result<Counters> {
        let text = self
            .agent
            .get(self.counters_url())
            .call()?
            .body_mut()
            .read_to_string()?;
        serde_json::from_str(&text).context("cannot understand the sink's counters")
    }

    fn counters_url(&self) -> String {
        format!("{}/-/counters", self.endpoint)
    }
}

/// Writes the system's authorities and the run's to one file.
fn bundle(ca: &Path, dir: &Path) -> Result<PathBuf> {
    let system = SYSTEM_BUNDLES
        .iter()
        .find_map(|file| std::fs::read(file).ok());
    let mut all = system.unwrap_or_default();
    all.extend(std::fs::read(ca).context("the sink wrote no certificate")?);
    let file = dir.join("bundle.pem");
    std::fs::write(&file, all).with_context(|| format!("cannot write {}", file.display()))?;
    Ok(file)
}
