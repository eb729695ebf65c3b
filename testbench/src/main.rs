//! The command line of the bench: what it means, what is printed, and the exit code.

use std::io::{IsTerminal as _, Write as _};
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::time::Duration;

use anyhow::Context as _;
use clap::Parser as _;
use plugin_bench::{ClusterSize, FileReport, Form, Human, Level, Report, Reporter, Settings, Shim};

/// Certifies a gpbackup plugin.
///
/// Exit codes: 0 passed; 1 the plugin failed a must (with --strict: a should); 2 the bench or its arguments;
/// 4 nothing ran.
#[derive(clap::Parser)]
#[command(name = "gpbackup_plugin_test", version, args_override_self = true)]
struct Args {
    /// The plugin's executable.
    #[arg(required_unless_present = "list")]
    plugin: Option<PathBuf>,
    /// Its config file, as an absolute path.
    #[arg(required_unless_present = "list")]
    config: Option<PathBuf>,
    /// A config file that points at the second destination.
    secondary: Option<PathBuf>,
    /// Print the cases, one a line, and end.
    #[arg(long)]
    list: bool,
    /// Play only these: a group, a case, or a pattern with *; may be given several times.
    #[arg(long, value_name = "PATTERN")]
    filter: Vec<String>,
    /// How much is uploaded: core less than 1 MB in all (and a stream of up to 2 MiB more where the plugin
    /// enlarges its pipe), full more.
    #[arg(long, value_enum, default_value = "core")]
    level: Level,
    /// A failed should makes the verdict fail too.
    #[arg(long)]
    strict: bool,
    /// The plugin has this optional command; do not ask it. May be given several times.
    #[arg(long, value_name = "COMMAND")]
    with: Vec<String>,
    /// Seconds after which a call of the plugin is killed and its case fails.
    #[arg(long, value_name = "SECONDS", default_value = "60", value_parser = seconds)]
    deadline: Duration,
    /// Leave what was uploaded, and the bench's own directory.
    #[arg(long)]
    keep: bool,
    /// Segment hosts of the simulated cluster.
    #[arg(long, value_name = "H", default_value = "2", value_parser = at_least_one)]
    hosts: usize,
    /// Segments on each of its hosts.
    #[arg(long, value_name = "S", default_value = "2", value_parser = at_least_one)]
    segments: usize,
    /// Tables backed up at once on each of its segments.
    #[arg(long, value_name = "J", default_value = "2", value_parser = at_least_one)]
    jobs: usize,
    /// A shell command that damages a stored object; it is given the last four path components and
    /// flip, truncate or remove.
    #[arg(long, value_name = "COMMAND")]
    damage: Option<String>,
    /// A shell command that does away with the first destination, run before the last cases.
    #[arg(long, value_name = "COMMAND")]
    destroy_primary: Option<String>,
    /// Play the long runs of group scale too, with this many MB of table data.
    #[arg(long, value_name = "MB")]
    scale: Option<u64>,
    /// A file of cases that are known to fail, one name a line, # begins a comment.
    #[arg(long, value_name = "FILE")]
    expect_failures: Option<PathBuf>,
    /// Write the report as JSON.
    #[arg(long, value_name = "FILE")]
    json: Option<PathBuf>,
    /// Write the report as JUnit XML.
    #[arg(long, value_name = "FILE")]
    junit: Option<PathBuf>,
    /// Write the report as one HTML page.
    #[arg(long, value_name = "FILE")]
    html: Option<PathBuf>,
}

fn main() -> ExitCode {
    if let Some(shim) = Shim::from_env() {
        return ExitCode::from(shim.run());
    }
    match run(Args::parse()) {
        Ok(code) => ExitCode::from(code),
        Err(error) => {
            // A closed stderr leaves nobody to tell.
            let _ = writeln!(std::io::stderr(), "gpbackup_plugin_test: {error:#}");
            ExitCode::from(2)
        }
    }
}

fn run(args: Args) -> anyhow::Result<u8> {
    if args.list {
        std::io::stdout().write_all(plugin_bench::list(&args.filter)?.as_bytes())?;
        return Ok(0);
    }
    let terminal = std::io::stdout().is_terminal() && std::env::var_os("NO_COLOR").is_none();
    let mut reporters: Vec<Box<dyn Reporter>> =
        vec![Box::new(Human::new(std::io::stdout(), terminal))];
    for (form, path) in [
        (Form::Json, &args.json),
        (Form::Junit, &args.junit),
        (Form::Html, &args.html),
    ] {
        if let Some(path) = path {
            let file = FileReport::open(form, path.clone()).context("cannot write a report")?;
            reporters.push(Box::new(file));
        }
    }
    let settings = settings(args)?;
    plugin_bench::catch_signals().context("cannot catch signals")?;
    let Report { exit_code, .. } = plugin_bench::run(settings, &mut reporters)?;
    Ok(exit_code)
}

fn settings(args: Args) -> anyhow::Result<Settings> {
    let plugin = args.plugin.context("give the plugin's path")?;
    Ok(Settings {
        plugin: std::path::absolute(&plugin).with_context(|| format!("the plugin {plugin:?}"))?,
        config: args.config.context("give the config's path")?,
        secondary: args.secondary,
        filters: args.filter,
        level: args.level,
        with: args.with,
        deadline: args.deadline,
        keep: args.keep,
        strict: args.strict,
        scale: args.scale,
        damage: args.damage,
        destroy_primary: args.destroy_primary,
        cluster: ClusterSize {
            hosts: args.hosts,
            segments: args.segments,
            jobs: args.jobs,
        },
        expected_failures: args
            .expect_failures
            .as_deref()
            .map(expected)
            .transpose()?
            .unwrap_or_default(),
    })
}

/// The names in a list of expected failures.
fn expected(path: &Path) -> anyhow::Result<Vec<String>> {
    let text = std::fs::read_to_string(path)
        .with_context(|| format!("cannot read the list of expected failures {path:?}"))?;
    let names = text
        .lines()
        .map(|line| line.split('#').next().unwrap_or_default().trim());
    Ok(names
        .filter(|name| !name.is_empty())
        .map(str::to_owned)
        .collect())
}

fn seconds(text: &str) -> Result<Duration, String> {
    match text.parse::<f64>() {
        Ok(seconds) if (0.1..=86_400.0).contains(&seconds) => Ok(Duration::from_secs_f64(seconds)),
        _ => Err("give seconds between 0.1 and 86400, such as 60".into()),
    }
}

fn at_least_one(text: &str) -> Result<usize, String> {
    match text.parse() {
        Ok(count @ 1..=64) => Ok(count),
        _ => Err("give a number between 1 and 64".into()),
    }
}
