//! `cargo xtask stores`: the whole matrix on one store after another, and the table of `STORES.md`.

mod probe;
mod script;
mod table;

use std::path::{Path, PathBuf};
use std::process::ExitCode;

use anyhow::{Context, Result, bail};
use tokio::process::Command;

use crate::backend::{make_certificates, place_at};
use crate::bucket::OwnBucket;
use crate::cargo::{self, BENCH, PLUGIN, Profile, Programs, TESTSERVER};
use crate::damage;
use crate::embedded::{self, Embedded};
use crate::interrupt::Interrupt;
use crate::place::Place;
use crate::summary::Summary;
use crate::test::play;

use script::Script;
use table::Row;

/// The store that is part of this workspace; the others have a script in `ci/stores`.
const EMBEDDED: &str = "s3s-fs";

/// Arguments of `cargo xtask stores`.
#[derive(clap::Args)]
pub(crate) struct Args {
    /// The stores, by the names of ci/stores, and s3s-fs; all that are installed where none is named
    names: Vec<String>,
    /// Play on a server that runs already (keys from AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY, the
    /// region from AWS_REGION or AWS_DEFAULT_REGION, an authority's file from AWS_CA_BUNDLE)
    #[arg(long, value_name = "NAME=URL")]
    at: Vec<At>,
    /// Play over this scheme alone
    #[arg(long, value_name = "http|https", value_parser = ["http", "https"])]
    scheme: Option<String>,
    /// Write what was found into STORES.md; rows of other stores stay
    #[arg(long)]
    write: bool,
    /// Everything from here on goes to the bench as it is
    #[arg(last = true)]
    bench: Vec<String>,
}

/// A server that somebody else runs.
#[derive(Clone)]
struct At {
    name: String,
    url: String,
}

impl std::str::FromStr for At {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let at = text.split_once('=').filter(|(_, url)| {
            let hosts = ["http://", "https://"];
            hosts.iter().any(|scheme| url.starts_with(scheme))
        });
        let (name, url) = at.ok_or("accepted is NAME=URL, the URL with http:// or https://")?;
        Ok(Self {
            name: name.to_owned(),
            url: url.trim_end_matches('/').to_owned(),
        })
    }
}

/// One run of the matrix: a store, and how it is spoken to.
struct Subject {
    name: String,
    scheme: String,
    source: Source,
}

/// Where the server comes from.
enum Source {
    Embedded,
    Script(Script),
    Url(String),
}

/// A server that runs, and what ends it.
struct Server {
    place: Place,
    version: String,
    end: End,
}

enum End {
    Embedded(Embedded),
    Script(script::Running),
    Bucket(OwnBucket),
}

/// Plays every subject in turn; a store that fails a must, or does not start, fails the run at its end.
pub(crate) async fn run(args: Args) -> Result<ExitCode> {
    let subjects = subjects(&args)?;
    let mut interrupt = Interrupt::catch()?;
    let programs = cargo::build(&[PLUGIN, BENCH, TESTSERVER], Profile::Dev)?;
    let mut rows = Vec::new();
    let mut broken = Vec::new();
    for subject in &subjects {
        let (name, scheme) = (&subject.name, &subject.scheme);
        println!("== {name} over {scheme}");
        match play_on(subject, &programs, &args.bench, &mut interrupt).await {
            Ok(row) => {
                if !row.is_sound() {
                    broken.push(format!("{name} over {scheme}"));
                }
                rows.push(row);
            }
            Err(error) if interrupt.has_come() => return Err(error),
            Err(error) => {
                println!("{name} over {scheme}: {error:#}");
                broken.push(format!("{name} over {scheme}"));
            }
        }
    }
    println!("\n{}", table::markdown(&rows));
    if args.write {
        table::write(&cargo::workspace().join("STORES.md"), rows)?;
    }
    if broken.is_empty() {
        println!("stores: {} runs, all as expected", subjects.len());
        return Ok(ExitCode::SUCCESS);
    }
    println!("stores: not as expected: {}", broken.join(", "));
    Ok(ExitCode::FAILURE)
}

/// What is played: of the named stores, or of all that are there, every scheme that they serve.
fn subjects(args: &Args) -> Result<Vec<Subject>> {
    let mut subjects = Vec::new();
    let all = args.names.is_empty() && args.at.is_empty();
    let named = |name: &str| args.names.iter().any(|other| other == name);
    let scripts = script::all()?;
    for name in &args.names {
        if name != EMBEDDED && !scripts.iter().any(|script| script.name() == name) {
            bail!("there is no store {name:?}; ci/stores has a script for each");
        }
    }
    for script in scripts {
        let installed = script.is_installed()?;
        if named(script.name()) && !installed {
            bail!("run 'ci/stores/{} install' first", script.name());
        }
        if (all && installed) || named(script.name()) {
            for scheme in script.schemes()? {
                let (name, source) = (script.name().to_owned(), Source::Script(script.clone()));
                subjects.push(Subject {
                    name,
                    scheme,
                    source,
                });
            }
        }
    }
    if all || named(EMBEDDED) {
        subjects.extend(["http", "https"].map(|scheme| Subject {
            name: EMBEDDED.to_owned(),
            scheme: scheme.to_owned(),
            source: Source::Embedded,
        }));
    }
    subjects.extend(args.at.iter().map(|at| Subject {
        name: at.name.clone(),
        scheme: at.url.split(':').next().unwrap_or_default().to_owned(),
        source: Source::Url(at.url.clone()),
    }));
    subjects.retain(|subject| {
        args.scheme
            .as_ref()
            .is_none_or(|scheme| *scheme == subject.scheme)
    });
    if subjects.is_empty() {
        bail!("no store to play on");
    }
    Ok(subjects)
}

/// Starts the store, plays the bench and the probe on it, and ends it whatever came of that.
async fn play_on(
    subject: &Subject,
    programs: &Programs,
    bench: &[String],
    interrupt: &mut Interrupt,
) -> Result<Row> {
    let dir = tempfile::Builder::new()
        .prefix("gpbackup-plugin-stores-")
        .tempdir()
        .context("cannot make a temporary directory")?;
    let server = tokio::select! {
        server = start(subject, programs, dir.path()) => server?,
        signal = interrupt.next() => bail!("ended by {signal}"),
    };
    let played = certify(subject, &server, programs, bench, dir.path(), interrupt).await;
    let ended = server.end().await;
    let row = played?;
    ended?;
    Ok(row)
}

async fn start(subject: &Subject, programs: &Programs, dir: &Path) -> Result<Server> {
    let bucket = format!("gpbackup-plugin-test-{:016x}", fastrand::u64(..));
    let program = programs.path(TESTSERVER)?;
    let https = subject.scheme == "https";
    match &subject.source {
        Source::Embedded => {
            let wanted = embedded::Wanted {
                program,
                dir,
                bucket: &bucket,
                https,
            };
            let server = Embedded::start(wanted).await?;
            Ok(Server {
                place: server.place.clone(),
                version: script::locked_version(EMBEDDED)?,
                end: End::Embedded(server),
            })
        }
        Source::Script(script) => {
            if https {
                make_certificates(program, dir).await?;
            }
            let (running, version) = script.start(dir, https, bucket).await?;
            Ok(Server {
                place: running.place.clone(),
                version,
                end: End::Script(running),
            })
        }
        Source::Url(url) => {
            let place = place_at(url, bucket)?;
            let bucket = OwnBucket::at(&place)?;
            let made = tokio::task::spawn_blocking(move || bucket.create().map(|()| bucket));
            Ok(Server {
                place,
                version: "unknown".to_owned(),
                end: End::Bucket(made.await??),
            })
        }
    }
}

impl Server {
    async fn end(self) -> Result<()> {
        match self.end {
            End::Embedded(server) => server.stop().await,
            End::Script(running) => running.stop().await,
            End::Bucket(bucket) => tokio::task::spawn_blocking(move || bucket.remove()).await?,
        }
    }
}

/// The bench with its report, then the probe.
async fn certify(
    subject: &Subject,
    server: &Server,
    programs: &Programs,
    further: &[String],
    dir: &Path,
    interrupt: &mut Interrupt,
) -> Result<Row> {
    let plugin = programs.path(PLUGIN)?;
    let (config, report) = (dir.join("s3.yaml"), dir.join("report.json"));
    server.place.write_config(&config, plugin)?;
    let mut bench = Command::new(programs.path(BENCH)?);
    bench.arg(plugin).arg(&config).arg("--json").arg(&report);
    if let End::Embedded(server) = &server.end {
        bench.arg("--damage").arg(damage::command(&server.objects)?);
    }
    if let Some(file) = expected_failures(&subject.name) {
        bench.arg("--expect-failures").arg(file);
    }
    // The plugin's log belongs to this run.
    bench.args(further).env("HOME", dir);
    let told = dir.join("bench.log");
    bench.stdout(std::fs::File::create(&told)?);
    play(bench, interrupt).await?;
    tell(&told)?;
    let summary = Summary::read(&report)?;
    summary.ensure_proof()?;
    let found = tokio::select! {
        found = probe::run(plugin, &server.place, dir) => found?,
        signal = interrupt.next() => bail!("ended by {signal}"),
    };
    Ok(Row::new(
        &subject.name,
        &server.version,
        &subject.scheme,
        &summary,
        &found,
    ))
}

/// Prints of the bench's report what failed, and its last line.
fn tell(report: &Path) -> Result<()> {
    let text = std::fs::read_to_string(report)?;
    let failed = |line: &&str| line.starts_with("fail ") || line.starts_with("error ");
    for line in text.lines().filter(failed).chain(text.lines().last()) {
        println!("{line}");
    }
    Ok(())
}

/// The cases that the store itself makes fail, where there are any.
fn expected_failures(name: &str) -> Option<PathBuf> {
    let file = cargo::workspace().join(format!("ci/stores/{name}.failures"));
    file.exists().then_some(file)
}
