//! `s3-testserver`: S3 servers to test against, each in a process of its own.
//!
//! Prints one line, `ready URL`, when it answers, and ends when its stdin closes or a signal comes.

use std::io::{self, Write};
use std::path::PathBuf;
use std::process::ExitCode;
use std::time::Duration;

use anyhow::{Context, Result};
use clap::{Args, Parser, Subcommand};

use s3_testserver::Credentials;
use s3_testserver::lifetime;
use s3_testserver::listen::Listener;
use s3_testserver::memory::{Checksums, Config, MemoryServer, Script};
use s3_testserver::sink::{Sink, SinkConfig};
use s3_testserver::tls::Authority;

/// S3 servers to test against, on loopback; each ends when its stdin closes
#[derive(Parser)]
struct Cli {
    #[command(subcommand)]
    server: Server,
}

#[derive(Subcommand)]
enum Server {
    /// Objects as files in a directory (s3s-fs)
    Fs {
        #[command(flatten)]
        listen: Listen,
        #[command(flatten)]
        keys: Keys,
        /// Make this bucket first; may be repeated
        #[arg(long = "bucket", value_name = "NAME")]
        buckets: Vec<String>,
        /// The directory that holds the buckets
        root: PathBuf,
    },
    /// Objects in memory, correct, and failing as a script says; see the docs of `memory`
    Memory(Memory),
    /// Drops uploads and serves downloads of any size, to measure clients by; see the docs of `sink`
    Sink(SinkOptions),
    /// No server: makes an authority and a server certificate for 127.0.0.1, and ends
    Certificates {
        /// Where ca.pem, public.crt and private.key are written
        dir: PathBuf,
    },
}

#[derive(Args)]
struct Memory {
    #[command(flatten)]
    listen: Listen,
    #[command(flatten)]
    keys: Keys,
    /// A bucket that is there from the start; may be repeated
    #[arg(long = "bucket", value_name = "NAME")]
    buckets: Vec<String>,
    /// What goes wrong, as JSON; PUT /-/script replaces it
    #[arg(long, value_name = "FILE")]
    script: Option<PathBuf>,
    /// The most entries of a listing's page
    #[arg(long, default_value_t = 1000)]
    page_size: usize,
    /// The fewest bytes of a part that is not the last
    #[arg(long, default_value_t = 5 * 1024 * 1024)]
    least_part: u64,
    /// What the store does with checksums
    #[arg(long, value_enum, default_value_t)]
    checksums: Checksums,
    /// Answer batch deletes with 501
    #[arg(long)]
    no_batch_delete: bool,
}

impl Memory {
    fn config(self) -> Result<Config> {
        Ok(Config {
            port: self.listen.port,
            https: self.listen.https_ca.map(authority_in).transpose()?,
            credentials: self.keys.credentials(),
            buckets: self.buckets,
            checksums: self.checksums,
            batch_delete: !self.no_batch_delete,
            page_size: self.page_size,
            least_part: self.least_part,
            script: self.script.map(script_in).transpose()?.unwrap_or_default(),
            ..Config::default()
        })
    }
}

fn script_in(file: PathBuf) -> Result<Script> {
    let text = std::fs::read(&file).with_context(|| format!("cannot read {}", file.display()))?;
    serde_json::from_slice(&text)
        .with_context(|| format!("{} holds no script of faults", file.display()))
}

#[derive(Args)]
struct SinkOptions {
    #[command(flatten)]
    listen: Listen,
    /// Milliseconds that every request waits
    #[arg(long, value_name = "MS", default_value_t = 0)]
    latency: u64,
    /// Bytes per second of one connection
    #[arg(long, value_name = "BYTES")]
    bandwidth: Option<u64>,
}

impl SinkOptions {
    fn config(self) -> Result<SinkConfig> {
        Ok(SinkConfig {
            port: self.listen.port,
            https: self.listen.https_ca.map(authority_in).transpose()?,
            latency: Duration::from_millis(self.latency),
            bandwidth: self.bandwidth,
        })
    }
}

#[derive(Args)]
struct Listen {
    /// The port on 127.0.0.1; 0 takes any free one
    #[arg(long, default_value_t = 0)]
    port: u16,
    /// Serve https, and write the certificate of the authority made for this run to FILE
    #[arg(long, value_name = "FILE")]
    https_ca: Option<PathBuf>,
}

#[derive(Args)]
struct Keys {
    /// The access key that is accepted
    #[arg(long, env = "AWS_ACCESS_KEY_ID")]
    access_key: String,
    /// Its secret; the environment keeps it out of the process list
    #[arg(long, env = "AWS_SECRET_ACCESS_KEY", hide_env_values = true)]
    secret_key: String,
}

impl Keys {
    fn credentials(self) -> Credentials {
        Credentials::new(self.access_key, self.secret_key)
    }
}

impl Listen {
    async fn bind(self) -> Result<Listener> {
        let authority = self.https_ca.map(authority_in).transpose()?;
        Listener::bind(self.port, authority)
            .await
            .with_context(|| format!("cannot listen on 127.0.0.1:{}", self.port))
    }
}

fn authority_in(file: PathBuf) -> Result<Authority> {
    let authority = Authority::generate()?;
    authority
        .write_ca(&file)
        .with_context(|| format!("cannot write {}", file.display()))?;
    Ok(authority)
}

#[tokio::main]
async fn main() -> ExitCode {
    match run(Cli::parse().server).await {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            writeln!(io::stderr(), "s3-testserver: {error:#}").ok();
            ExitCode::FAILURE
        }
    }
}

async fn run(server: Server) -> Result<()> {
    match server {
        Server::Fs {
            listen,
            keys,
            buckets,
            root,
        } => {
            let service = s3_testserver::fs::service(&root, &keys.credentials(), &buckets)?;
            let listener = listen.bind().await?;
            ready(&listener.url()?)?;
            tokio::select! {
                result = listener.serve(service) => result.context("cannot accept connections"),
                result = lifetime::ended() => result.context("cannot wait for the end"),
            }
        }
        Server::Memory(options) => {
            let server = MemoryServer::start(options.config()?)
                .await
                .context("cannot listen on 127.0.0.1")?;
            ready(server.url())?;
            lifetime::ended().await.context("cannot wait for the end")
        }
        Server::Sink(options) => {
            let sink = Sink::start(options.config()?)
                .await
                .context("cannot listen on 127.0.0.1")?;
            ready(sink.url())?;
            lifetime::ended().await.context("cannot wait for the end")
        }
        Server::Certificates { dir } => Authority::generate()?
            .write_all(&dir)
            .with_context(|| format!("cannot write to {}", dir.display())),
    }
}

/// Tells the parent where to connect; from here on every connection is answered.
fn ready(url: &str) -> Result<()> {
    let mut stdout = io::stdout().lock();
    writeln!(stdout, "ready {url}")?;
    stdout.flush()?;
    Ok(())
}
