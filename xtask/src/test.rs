//! `cargo xtask test`: the plugin, certified by the bench on a real S3 server.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{ExitCode, ExitStatus};
use std::time::Duration;

use anyhow::{Context, Result, bail};
use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;
use tokio::process::{Child, Command};
use tokio::time::timeout;

use crate::backend::{Servers, Setup, Wanted, choose};
use crate::cargo::{self, BENCH, PLUGIN, Profile, TESTSERVER};
use crate::docker::Image;
use crate::interrupt::Interrupt;
use crate::minio::DEFAULT_IMAGE;
use crate::summary::Summary;

/// How long the bench may clean up after a signal before it is killed.
const GRACE: Duration = Duration::from_secs(20);

/// Arguments of `cargo xtask test`.
#[derive(clap::Args)]
pub(crate) struct Args {
    /// auto (MinIO where Docker has it, else embedded), embedded, minio, or the URL of a server that
    /// runs (keys from AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY, the region from AWS_REGION or
    /// AWS_DEFAULT_REGION, an authority's file from AWS_CA_BUNDLE)
    #[arg(long, default_value = "auto", value_name = "auto|embedded|minio|URL")]
    backend: Wanted,
    /// Run only the cases that match
    #[arg(long, value_name = "F")]
    filter: Vec<String>,
    /// Serve https by an authority made for the run; a URL says it itself
    #[arg(long)]
    https: bool,
    /// MinIO's image, NAME:TAG
    #[arg(long, env = "GPBACKUP_TEST_MINIO_IMAGE", default_value = DEFAULT_IMAGE)]
    image: Image,
    /// Keep the bench's JSON report in this file
    #[arg(long, value_name = "FILE")]
    json: Option<PathBuf>,
    /// Everything from the first unknown option on goes to the bench as it is
    #[arg(trailing_var_arg = true, allow_hyphen_values = true)]
    bench: Vec<String>,
}

/// Builds, starts, runs, stops; the first and the last line say which backend ran and why.
pub(crate) async fn run(args: Args) -> Result<ExitCode> {
    let mut interrupt = Interrupt::catch()?;
    let choice = tokio::select! {
        choice = choose(args.backend.clone(), args.image.clone()) => choice?,
        signal = interrupt.next() => bail!("ended by {signal}"),
    };
    println!("{choice}");
    let programs = cargo::build(&[PLUGIN, BENCH, TESTSERVER], Profile::Dev)?;
    let dir = tempfile::Builder::new()
        .prefix("gpbackup-plugin-test-")
        .tempdir()
        .context("cannot make a temporary directory")?;
    let setup = Setup {
        choice: &choice,
        programs: &programs,
        dir: dir.path(),
        https: args.https,
    };

    let mut servers = Servers::default();
    let outcome = certify(&args, &setup, &mut servers, &mut interrupt).await;
    let stopped = servers.stop().await;
    let code = outcome?;
    stopped.context("cannot stop what was started")?;
    println!("{choice}");
    Ok(code)
}

/// Starts both destinations, runs the bench on them, and judges its report.
async fn certify(
    args: &Args,
    setup: &Setup<'_>,
    servers: &mut Servers,
    interrupt: &mut Interrupt,
) -> Result<ExitCode> {
    let plugin = setup.programs.path(PLUGIN)?;
    let mut places = Vec::new();
    for name in ["primary", "secondary"] {
        tokio::select! {
            place = servers.start(setup, name) => places.push(place?),
            signal = interrupt.next() => bail!("ended by {signal}"),
        }
    }
    let [first, second] = &places[..] else {
        bail!("there are not two destinations");
    };
    let [primary, secondary] =
        ["primary", "secondary"].map(|name| setup.dir.join(format!("{name}.yaml")));
    // What the second config restores is what the plugin wrote there by itself.
    first.write_config_with(&primary, plugin, &second.as_remote())?;
    second.write_config(&secondary, plugin)?;

    let report = report_of(args).unwrap_or_else(|| setup.dir.join("report.json"));
    // One of an earlier run must not be taken for this one's.
    if report.is_file() {
        fs::remove_file(&report).with_context(|| format!("cannot replace {report:?}"))?;
    }
    let mut bench = Command::new(setup.programs.path(BENCH)?);
    bench.arg(plugin).arg(&primary).arg(&secondary);
    bench.arg("--json").arg(&report);
    if let Some(command) = servers.damage_command()? {
        bench.arg("--damage").arg(command);
    }
    if let Some(command) = servers.destroy_command()? {
        bench.arg("--destroy-primary").arg(command);
    }
    for filter in &args.filter {
        bench.arg("--filter").arg(filter);
    }
    bench.args(&args.bench);
    let status = play(bench, interrupt).await?;
    judge(status, &report)
}

/// Where the report is to be kept: what goes to the bench as it is may name the place too, and counts there.
fn report_of(args: &Args) -> Option<PathBuf> {
    let mut report = args.json.clone();
    let mut further = args.bench.iter();
    while let Some(arg) = further.next() {
        if arg == "--json" {
            report = further.next().map(PathBuf::from);
        } else if let Some(path) = arg.strip_prefix("--json=") {
            report = Some(path.into());
        }
    }
    report
}

/// Runs the bench to its end; a signal is passed on, so that it can delete what it uploaded.
pub(crate) async fn play(mut bench: Command, interrupt: &mut Interrupt) -> Result<ExitStatus> {
    // In a group of its own, Ctrl-C reaches it once and by this process only.
    let mut bench = bench
        .process_group(0)
        .kill_on_drop(true)
        .spawn()
        .context("cannot start the bench")?;
    tokio::select! {
        status = bench.wait() => status.context("cannot wait for the bench"),
        signal = interrupt.next() => {
            terminate(&mut bench).await?;
            bail!("ended by {signal}")
        }
    }
}

async fn terminate(bench: &mut Child) -> Result<()> {
    if let Some(pid) = bench.id() {
        kill(Pid::from_raw(pid.try_into()?), Signal::SIGTERM).context("cannot end the bench")?;
    }
    if timeout(GRACE, bench.wait()).await.is_err() {
        bench.kill().await.context("cannot kill the bench")?;
    }
    Ok(())
}

/// The bench's exit code, unless its report shows that the run proves less than that code says.
fn judge(status: ExitStatus, report: &Path) -> Result<ExitCode> {
    let code = status
        .code()
        .and_then(|code| u8::try_from(code).ok())
        .with_context(|| format!("the bench did not end by itself: {status}"))?;
    if code == 0 {
        Summary::read(report)?.ensure_proof()?;
    }
    Ok(ExitCode::from(code))
}

#[cfg(test)]
mod tests {
    use std::os::unix::process::ExitStatusExt as _;

    use clap::Parser;

    use super::*;

    #[derive(Parser)]
    struct Cli {
        #[command(flatten)]
        args: Args,
    }

    #[test]
    fn the_report_is_found_wherever_it_is_named() {
        let check = |args: &[&str], expected: Option<&str>| {
            let cli = Cli::try_parse_from([&["test"], args].concat()).unwrap();
            assert_eq!(
                report_of(&cli.args),
                expected.map(PathBuf::from),
                "{args:?}"
            );
        };
        check(&[], None);
        check(&["--json", "a"], Some("a"));
        check(&["--level", "full", "--json", "b"], Some("b"));
        check(&["--json", "a", "--level", "full", "--json=b"], Some("b"));
    }

    #[test]
    fn success_without_a_report_proves_nothing() {
        let missing = Path::new("/no/such/report.json");
        let error = judge(ExitStatus::from_raw(0), missing).unwrap_err();
        assert!(error.to_string().contains("cannot read the bench's report"));
        assert!(judge(ExitStatus::from_raw(2 << 8), missing).is_ok());
    }
}
