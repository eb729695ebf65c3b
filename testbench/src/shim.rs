//! The recording shim: a process between the bench and the plugin that writes down what it was called with
//! and when the plugin ended, so that what the plugin's processes saw is known and not assumed.

use std::ffi::OsString;
use std::fs::{File, OpenOptions};
use std::io::{self, Write as _};
use std::os::unix::process::ExitStatusExt as _;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::Arc;
use std::sync::atomic::AtomicBool;

use signal_hook::consts::{SIGINT, SIGTERM};

/// The log to write to. Where it is set, the bench's executable is the shim, and its arguments are the
/// plugin and the plugin's arguments.
pub(crate) const LOG: &str = "PLUGIN_BENCH_SHIM_LOG";
/// A file whose lock the shim waits for before it calls the plugin, so that several begin side by side.
pub(crate) const GATE: &str = "PLUGIN_BENCH_SHIM_GATE";
/// Set where the shim is to fail in the plugin's place.
pub(crate) const FAIL: &str = "PLUGIN_BENCH_SHIM_FAIL";

/// One line of the log. Lines are appended whole, so their order is that of what happened.
#[derive(Clone, Debug, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
#[serde(rename_all = "lowercase", tag = "seen")]
pub(crate) enum Line {
    /// The plugin is about to be called.
    Start {
        /// The shim's process.
        pid: u32,
        /// The command and its arguments.
        argv: Vec<String>,
    },
    /// It has ended.
    End {
        /// The shim's process.
        pid: u32,
    },
}

/// The process in the plugin's place.
pub struct Shim {
    log: PathBuf,
    gate: Option<PathBuf>,
    fail: bool,
    argv: Vec<OsString>,
}

impl Shim {
    /// The shim that this process is, if it was started as one.
    pub fn from_env() -> Option<Self> {
        let var = |name: &str| std::env::var_os(name);
        Some(Self {
            log: var(LOG)?.into(),
            gate: var(GATE).map(PathBuf::from),
            fail: var(FAIL).is_some(),
            argv: std::env::args_os().skip(1).collect(),
        })
    }

    /// Calls the plugin and returns its exit code, or 128 and the number of the signal that ended it.
    pub fn run(&self) -> u8 {
        self.record().unwrap_or_else(|error| {
            // A closed stderr leaves nobody to tell.
            let _ = writeln!(io::stderr(), "the recording shim: {error}");
            125
        })
    }

    fn record(&self) -> io::Result<u8> {
        let (program, args) = self.argv.split_first().ok_or(io::ErrorKind::InvalidInput)?;
        let pid = std::process::id();
        let argv = args
            .iter()
            .map(|arg| arg.to_string_lossy().into_owned())
            .collect();
        self.write(&Line::Start { pid, argv })?;
        if let Some(gate) = &self.gate {
            File::open(gate)?.lock_shared()?;
        }
        let code = if self.fail {
            writeln!(io::stderr(), "failed in the plugin's place")?;
            1
        } else {
            // The plugin is in the same process group: signals reach it, and the shim lives to see its end.
            for signal in [SIGINT, SIGTERM] {
                signal_hook::flag::register(signal, Arc::<AtomicBool>::default())?;
            }
            let mut command = Command::new(program);
            for name in [LOG, GATE, FAIL] {
                command.env_remove(name);
            }
            let status = command.args(args).status()?;
            let code = status.code().or(status.signal().map(|signal| 128 + signal));
            code.and_then(|code| u8::try_from(code).ok()).unwrap_or(125)
        };
        self.write(&Line::End { pid })?;
        Ok(code)
    }

    fn write(&self, line: &Line) -> io::Result<()> {
        let text = format!("{}\n", serde_json::to_string(line)?);
        OpenOptions::new()
            .append(true)
            .create(true)
            .open(&self.log)?
            .write_all(text.as_bytes())
    }
}

/// How many calls were begun so far.
pub(crate) fn started(log: &Path) -> io::Result<usize> {
    match std::fs::read_to_string(log) {
        Ok(text) => Ok(text
            .lines()
            .filter(|line| line.starts_with("{\"seen\":\"start\""))
            .count()),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(0),
        Err(error) => Err(error),
    }
}

/// The lines that were written so far.
pub(crate) fn read(log: &Path) -> io::Result<Vec<Line>> {
    match std::fs::read_to_string(log) {
        Ok(text) => text
            .lines()
            .map(|line| serde_json::from_str(line).map_err(io::Error::from))
            .collect(),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(Vec::new()),
        Err(error) => Err(error),
    }
}
