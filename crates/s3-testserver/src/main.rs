//! `s3-testserver`: S3 servers to test against, each in a process of its own.
//!
//! Prints one line, `ready URL`, when it answers, and ends when its stdin closes or a signal comes.

use std::io::{self, Write};
use std::path::PathBuf;
use std::process::ExitCode;

use anyhow::{Context, Result};
use clap::{Args, Parser, Subcommand};

use s3_testserver::Credentials;
use s3_testserver::lifetime;
use s3_testserver::listen::Listener;
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
    /// No server: makes an authority and a server certificate for 127.0.0.1, and ends
    Certificates {
        /// Where ca.pem, public.crt and private.key are written
        dir: PathBuf,
    },
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
            ready(&listener)?;
            tokio::select! {
                result = listener.serve(service) => result.context("cannot accept connections"),
                result = lifetime::ended() => result.context("cannot wait for the end"),
            }
        }
        Server::Certificates { dir } => Authority::generate()?
            .write_all(&dir)
            .with_context(|| format!("cannot write to {}", dir.display())),
    }
}

/// Tells the parent where to connect; from here on every connection is answered.
fn ready(listener: &Listener) -> Result<()> {
    let mut stdout = io::stdout().lock();
    writeln!(stdout, "ready {}", listener.url()?)?;
    stdout.flush()?;
    Ok(())
}
