//! `cargo xtask bench`: what moving a stream costs, ours against others, on a server that costs nothing.

mod chart;
mod figures;
mod report;
mod run;
mod sink;
mod targets;
mod tool;
mod work;

use std::path::{Path, PathBuf};
use std::process::ExitCode;

use anyhow::{Context, Result, bail};

use crate::cargo::{self, MEASURE, PLUGIN, Profile, Programs, TESTSERVER};
use crate::interrupt::Interrupt;

use report::Report;
use run::Stage;
use tool::{Against, Tool};
use work::Work;

/// Arguments of `cargo xtask bench`.
#[derive(clap::Args)]
pub(crate) struct Args {
    /// Another plugin to compare with: NAME=EXECUTABLE[,OPTION=VALUE…], the options go into its config
    #[arg(long, value_name = "NAME=EXECUTABLE")]
    against: Vec<Against>,
    /// MiB of the large stream
    #[arg(long, value_name = "MIB", default_value_t = 1024)]
    size: u64,
    /// How often each tool does each work
    #[arg(long, default_value_t = 5)]
    runs: u32,
    /// Do only the work whose name contains this; may be repeated
    #[arg(long, value_name = "WORD")]
    only: Vec<String>,
    /// http, https, or both
    #[arg(long, value_enum, default_values_t = [Scheme::Http, Scheme::Https])]
    scheme: Vec<Scheme>,
    /// Milliseconds that every request waits
    #[arg(long, value_name = "MS", default_value_t = 0)]
    latency: u64,
    /// Bytes per second of one connection
    #[arg(long, value_name = "BYTES")]
    bandwidth: Option<u64>,
    /// Write all figures to this file
    #[arg(long, value_name = "FILE")]
    json: Option<PathBuf>,
    /// Draw CPU and wall time to this file
    #[arg(long, value_name = "FILE")]
    svg: Option<PathBuf>,
}

/// How the bytes travel.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, clap::ValueEnum, serde::Serialize)]
#[serde(rename_all = "lowercase")]
pub(crate) enum Scheme {
    Http,
    Https,
}

impl Scheme {
    fn name(self) -> &'static str {
        match self {
            Self::Http => "http",
            Self::Https => "https",
        }
    }
}

/// Builds as shipped, runs everything by turns, and reports.
pub(crate) async fn run(args: Args) -> Result<ExitCode> {
    let plugin = cargo::build(&[PLUGIN], Profile::Release)?;
    let tools = cargo::build(&[TESTSERVER, MEASURE], Profile::Tools)?;
    let mut interrupt = Interrupt::catch()?;
    let dir = tempfile::Builder::new()
        .prefix("gpbackup-plugin-bench-")
        .tempdir()
        .context("cannot make a temporary directory")?;
    let plugin = plugin.path(PLUGIN)?;
    let report = tokio::select! {
        report = play(&args, plugin, &tools, dir.path()) => report?,
        signal = interrupt.next() => bail!("ended by {signal}"),
    };
    println!("{report}");
    if let Some(file) = &args.json {
        report.write_json(file)?;
    }
    if let Some(file) = &args.svg {
        chart::draw(&report, file)?;
    }
    Ok(ExitCode::SUCCESS)
}

/// Every work by every tool over every scheme.
async fn play(args: &Args, plugin: &Path, tools: &Programs, dir: &Path) -> Result<Report> {
    let mut contestants = vec![Tool::ours(plugin)];
    contestants.extend(args.against.iter().map(Tool::against));
    contestants.extend([Tool::Curl, Tool::Sha256]);
    let wanted =
        |work: &Work| args.only.is_empty() || args.only.iter().any(|word| work.name.contains(word));
    let works: Vec<Work> = Work::all(args.size * 1024 * 1024)
        .into_iter()
        .filter(wanted)
        .collect();
    if works.is_empty() {
        bail!("no work's name contains any of {:?}", args.only);
    }
    let mut report = Report::new(plugin)?;
    for scheme in &args.scheme {
        let server = sink::Wanted {
            program: tools.path(TESTSERVER)?,
            dir,
            scheme: *scheme,
            latency: args.latency,
            bandwidth: args.bandwidth,
        };
        let stage = Stage::prepare(server, tools.path(MEASURE)?, &contestants).await?;
        for played in stage.play(&works, &contestants, args.runs).await? {
            report.add(played);
        }
    }
    Ok(report)
}
