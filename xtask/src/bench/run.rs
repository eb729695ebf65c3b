//! Running the tools by turns on one server.

use std::fs::File;
use std::io::Write;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result, ensure};
use serde::Serialize;
use tokio::process::Command;

use super::Scheme;
use super::figures::Figures;
use super::sink::{Sink, Wanted};
use super::tool::{CURL, CURL_AND_SHA256, OURS, SHA256, Tool};
use super::work::{Scene, Verb, Work};
use crate::place::{Place, new_keys};

/// A server, the configs of all tools, and the files that they read.
pub(crate) struct Stage {
    sink: Sink,
    scheme: Scheme,
    dir: PathBuf,
    measure: PathBuf,
}

/// All runs of one work, by tool.
#[derive(Serialize)]
pub(crate) struct Played {
    pub(crate) work: &'static str,
    pub(crate) scheme: Scheme,
    /// Bytes that each run moved.
    pub(crate) bytes: u64,
    pub(crate) tools: Vec<Runs>,
}

/// The runs of one tool.
#[derive(Serialize)]
pub(crate) struct Runs {
    pub(crate) tool: String,
    pub(crate) runs: Vec<Figures>,
}

/// One work, those that still do it, and what it took them.
struct Contest<'a> {
    work: &'a Work,
    tools: Vec<&'a Tool>,
    played: Vec<Runs>,
}

impl Stage {
    pub(crate) async fn prepare(
        server: Wanted<'_>,
        measure: &Path,
        tools: &[Tool],
    ) -> Result<Self> {
        let dir = server.dir.join(server.scheme.name());
        std::fs::create_dir_all(&dir)?;
        let server = Wanted {
            dir: &dir,
            ..server
        };
        let sink = Sink::start(&server).await?;
        let (access_key, secret_key) = new_keys();
        let place = Place {
            endpoint: sink.endpoint.clone(),
            region: "us-east-1".to_owned(),
            access_key,
            secret_key,
            bucket: "bench".to_owned(),
            ca_file: None,
        };
        for tool in tools {
            if let Tool::Plugin {
                name,
                executable,
                options,
            } = tool
            {
                place.write_config_with(&config(&dir, name), executable, options)?;
            }
        }
        Ok(Self {
            scheme: server.scheme,
            measure: measure.to_owned(),
            sink,
            dir,
        })
    }

    /// Each tool in turn does each work, `rounds` times; the first round only warms up.
    ///
    /// No work is done again before all others were: a slow spell of the machine falls on all of them, and
    /// what is compared across works was measured side by side.
    pub(crate) async fn play(
        &self,
        works: &[Work],
        tools: &[Tool],
        rounds: u32,
    ) -> Result<Vec<Played>> {
        let mut contests = Vec::new();
        for work in works {
            self.lay_out(work)?;
            contests.push(Contest {
                work,
                tools: tools.iter().collect(),
                played: Vec::new(),
            });
        }
        for round in 0..=rounds {
            for contest in &mut contests {
                self.play_round(contest, round == 0).await?;
            }
            eprintln!("{} {round}/{rounds}", self.scheme.name());
        }
        let played = contests.into_iter().map(|contest| {
            let mut tools = contest.played;
            tools.extend(sum(&tools, CURL_AND_SHA256, [CURL, SHA256]));
            Played {
                work: contest.work.name,
                scheme: self.scheme,
                bytes: contest.work.moved(),
                tools,
            }
        });
        Ok(played.collect())
    }

    async fn play_round(&self, contest: &mut Contest<'_>, warms_up: bool) -> Result<()> {
        let Contest {
            work,
            tools,
            played,
        } = contest;
        for tool in tools.clone() {
            let figures = match self.run(work, tool).await {
                Ok(Some(figures)) => figures,
                Ok(None) => continue,
                // Another plugin may lack a command that is optional.
                Err(error) if warms_up && tool.name() != OURS => {
                    eprintln!("left out: {error:#}");
                    tools.retain(|other| *other != tool);
                    continue;
                }
                Err(error) => return Err(error),
            };
            match played.iter_mut().find(|runs| runs.tool == tool.name()) {
                Some(runs) => runs.runs.push(figures),
                None => played.push(Runs {
                    tool: tool.name().to_owned(),
                    runs: Vec::new(),
                }),
            }
        }
        Ok(())
    }

    /// What the work gives to its tools on stdin.
    fn stream(&self, work: &Work) -> PathBuf {
        self.dir.join(format!("{}.stream", work.name))
    }

    /// Writes the files that the work reads: random bytes, as compression leaves them.
    fn lay_out(&self, work: &Work) -> Result<()> {
        let path = PathBuf::from(work.path(&self.dir.to_string_lossy()).replace("{n}", "0"));
        let folder = path.parent().context("a path without a folder")?;
        std::fs::create_dir_all(folder)?;
        match work.verb {
            Verb::BackupData => write_random(&self.stream(work), work.bytes)?,
            Verb::BackupFile => write_random(&path, work.bytes)?,
            Verb::RestoreSubset => std::fs::write(self.dir.join("offsets"), work.offsets())?,
            Verb::RestoreData | Verb::RestoreFile => {}
        }
        Ok(())
    }

    async fn run(&self, work: &Work, tool: &Tool) -> Result<Option<Figures>> {
        let text = |path: PathBuf| path.to_string_lossy().into_owned();
        let (dir, stream) = (text(self.dir.clone()), text(self.stream(work)));
        let (config, offsets) = (
            text(config(&self.dir, tool.name())),
            text(self.dir.join("offsets")),
        );
        let ca = self.sink.bundle.clone().map(text);
        let scene = Scene {
            dir: &dir,
            endpoint: &self.sink.endpoint,
            config: &config,
            ca: ca.as_deref(),
            stdin: &stream,
            offsets: &offsets,
        };
        let Some(command) = work.command(tool, &scene) else {
            return Ok(None);
        };
        let out = self.dir.join("cost.json");
        let mut measure = Command::new(&self.measure);
        measure
            .args(["--times", &work.times.to_string()])
            .args(["--jobs", &work.jobs.to_string()]);
        if work.reads_stdin() {
            measure.args(["--stdin", &stream]);
        }
        measure
            .arg(&out)
            .arg("--")
            .args(command)
            .env("HOME", &dir)
            .kill_on_drop(true);
        if let Some(ca) = &ca {
            // What OpenSSL and Go read, and what the SDKs of AWS prefer.
            measure.env("SSL_CERT_FILE", ca).env("AWS_CA_BUNDLE", ca);
        }
        self.sink.reset()?;
        let status = measure.status().await.context("cannot start measure")?;
        ensure!(status.success(), "{} failed at {}", tool.name(), work.name);
        let counters = self.sink.counters()?;
        ensure!(
            *tool == Tool::Sha256 || counters.bytes_in.max(counters.bytes_out) >= work.moved(),
            "{} moved fewer bytes than {} has",
            tool.name(),
            work.name
        );
        let mut figures: Figures = serde_json::from_slice(&std::fs::read(&out)?)?;
        figures.requests = counters.requests();
        Ok(Some(figures))
    }
}

/// What two tools cost together, run by run; none where one of them did not run.
fn sum(played: &[Runs], name: &str, tools: [&str; 2]) -> Option<Runs> {
    let find = |name: &str| played.iter().find(|runs| runs.tool == name);
    let (one, other) = (find(tools[0])?, find(tools[1])?);
    let runs = one.runs.iter().zip(&other.runs);
    Some(Runs {
        tool: name.to_owned(),
        runs: runs.map(|(one, other)| one.and(other)).collect(),
    })
}

fn config(dir: &Path, tool: &str) -> PathBuf {
    dir.join(format!("{tool}.yaml"))
}

fn write_random(path: &Path, bytes: u64) -> Result<()> {
    let mut random = fastrand::Rng::with_seed(bytes);
    let mut block = vec![0; 1024 * 1024];
    let mut file =
        File::create(path).with_context(|| format!("cannot write {}", path.display()))?;
    let mut left = bytes;
    while left > 0 {
        random.fill(&mut block);
        let count = left.min(block.len() as u64);
        file.write_all(&block[..count as usize])?;
        left -= count;
    }
    Ok(())
}
