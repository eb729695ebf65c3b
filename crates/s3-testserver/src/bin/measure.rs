//! `measure`: runs a command, once or many times at once, and writes what the kernel says it cost.
//!
//! A program of its own because it is small: Linux counts the memory of the process that starts a
//! program into that program's peak, so the starter's own size is the least that can be measured.

use std::fs::File;
use std::io::{self, Read, Write};
use std::process::{Command, ExitCode, Stdio};
use std::sync::Mutex;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::{Duration, Instant};

use anyhow::{Context, Result, ensure};
use clap::Parser;
use wait4::Wait4;

/// Runs COMMAND and writes its cost to OUT as JSON; an n in braces is the number of the run
#[derive(Parser)]
struct Cli {
    /// How often the command is run
    #[arg(long, default_value_t = 1)]
    times: u32,
    /// How many run side by side
    #[arg(long, default_value_t = 1)]
    jobs: u32,
    /// The file that each run reads on stdin; none where not given
    #[arg(long)]
    stdin: Option<String>,
    /// The file that is written
    out: String,
    /// What is run
    #[arg(last = true, required = true)]
    command: Vec<String>,
}

/// What the runs cost together.
#[derive(Default)]
struct Cost {
    /// User and system time.
    cpu: Duration,
    /// The largest resident size of one process, in bytes.
    peak: u64,
    /// From the start of the first run to its first byte on stdout.
    first_byte: Option<Duration>,
    /// Bytes on stdout.
    bytes: u64,
}

fn main() -> ExitCode {
    match measure(&Cli::parse()) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            writeln!(io::stderr(), "measure: {error:#}").ok();
            ExitCode::FAILURE
        }
    }
}

fn measure(cli: &Cli) -> Result<()> {
    let next = AtomicU32::new(0);
    let total = Mutex::new(Cost::default());
    let start = Instant::now();
    std::thread::scope(|scope| {
        let jobs: Vec<_> = (0..cli.jobs)
            .map(|_| scope.spawn(|| work(cli, &next, &total)))
            .collect();
        jobs.into_iter().try_for_each(|job| {
            job.join()
                .unwrap_or_else(|_| Err(anyhow::anyhow!("a thread failed")))
        })
    })?;
    let wall = start.elapsed();
    let cost = total.into_inner().context("a thread failed")?;
    let first_byte = cost
        .first_byte
        .map_or_else(|| "null".to_owned(), |time| time.as_secs_f64().to_string());
    let json = format!(
        "{{\"wall\":{},\"cpu\":{},\"peak\":{},\"first_byte\":{first_byte},\"bytes\":{}}}\n",
        wall.as_secs_f64(),
        cost.cpu.as_secs_f64(),
        cost.peak,
        cost.bytes,
    );
    std::fs::write(&cli.out, json).with_context(|| format!("cannot write {}", cli.out))
}

fn work(cli: &Cli, next: &AtomicU32, total: &Mutex<Cost>) -> Result<()> {
    loop {
        let number = next.fetch_add(1, Ordering::Relaxed);
        if number >= cli.times {
            return Ok(());
        }
        let cost = run(cli, number)?;
        let mut total = total
            .lock()
            .map_err(|_| anyhow::anyhow!("a thread failed"))?;
        total.cpu += cost.cpu;
        total.peak = total.peak.max(cost.peak);
        total.bytes += cost.bytes;
        if number == 0 {
            total.first_byte = cost.first_byte;
        }
    }
}

fn run(cli: &Cli, number: u32) -> Result<Cost> {
    let arguments: Vec<String> = cli
        .command
        .iter()
        .map(|argument| argument.replace("{n}", &number.to_string()))
        .collect();
    let (program, arguments) = arguments.split_first().context("no command")?;
    let stdin = match &cli.stdin {
        Some(file) => File::open(file)
            .with_context(|| format!("cannot read {file}"))?
            .into(),
        None => Stdio::null(),
    };
    let mut buffer = vec![0; 256 * 1024];
    let start = Instant::now();
    let mut child = Command::new(program)
        .args(arguments)
        .stdin(stdin)
        .stdout(Stdio::piped())
        .spawn()
        .with_context(|| format!("cannot start {program}"))?;
    let mut cost = Cost::default();
    let mut stdout = child.stdout.take().context("no stdout")?;
    loop {
        let count = stdout.read(&mut buffer).context("cannot read stdout")?;
        if count == 0 {
            break;
        }
        cost.first_byte.get_or_insert_with(|| start.elapsed());
        cost.bytes += count as u64;
    }
    let used = child.wait4().context("cannot wait")?;
    ensure!(used.status.success(), "{program} failed: {}", used.status);
    cost.cpu = used.rusage.utime + used.rusage.stime;
    cost.peak = used.rusage.maxrss;
    Ok(cost)
}
