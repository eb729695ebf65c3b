//! One call of the plugin: its arguments, its surroundings, and what it is fed.

use std::ffi::{OsStr, OsString};
use std::io;
use std::os::fd::AsFd;
use std::os::unix::process::CommandExt as _;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::Duration;

use nix::fcntl::{FcntlArg, fcntl};

use crate::cost::Ledger;
use crate::finished::Finished;
use crate::running::Running;
use crate::transcript::Transcript;
use crate::trouble::{Trouble, Verdict};

/// A call before it is made.
pub(crate) struct Call<'a> {
    program: PathBuf,
    before: Vec<OsString>,
    args: Vec<OsString>,
    env: Vec<(OsString, Option<OsString>)>,
    cwd: Option<PathBuf>,
    stdin: Vec<u8>,
    small_pipes: bool,
    deadline: Duration,
    transcript: &'a Transcript,
    ledger: &'a Ledger,
}

impl<'a> Call<'a> {
    /// A call of `program` that is killed after `deadline`, told to `transcript` and accounted in `ledger`.
    pub(crate) fn new(
        program: &Path,
        deadline: Duration,
        transcript: &'a Transcript,
        ledger: &'a Ledger,
    ) -> Self {
        Self {
            program: program.to_owned(),
            before: Vec::new(),
            args: Vec::new(),
            env: Vec::new(),
            cwd: None,
            stdin: Vec::new(),
            small_pipes: false,
            deadline,
            transcript,
            ledger,
        }
    }

    /// Adds one argument, passed on byte for byte.
    pub(crate) fn arg(mut self, arg: impl AsRef<OsStr>) -> Self {
        self.args.push(arg.as_ref().to_owned());
        self
    }

    /// Adds several arguments.
    pub(crate) fn args<T: AsRef<OsStr>>(self, args: impl IntoIterator<Item = T>) -> Self {
        args.into_iter().fold(self, Self::arg)
    }

    /// What is written to the plugin's stdin before it is closed.
    pub(crate) fn stdin(mut self, bytes: impl Into<Vec<u8>>) -> Self {
        self.stdin = bytes.into();
        self
    }

    /// Sets an environment variable.
    pub(crate) fn env(mut self, name: &str, value: impl AsRef<OsStr>) -> Self {
        self.env
            .push((name.into(), Some(value.as_ref().to_owned())));
        self
    }

    /// Takes an environment variable away.
    pub(crate) fn without_env(mut self, name: &str) -> Self {
        self.env.push((name.into(), None));
        self
    }

    /// Runs the plugin in `dir`.
    pub(crate) fn cwd(mut self, dir: &Path) -> Self {
        self.cwd = Some(dir.to_owned());
        self
    }

    /// Has a shell run `script` first, in which `"$0" "$@"` is the plugin with its arguments.
    pub(crate) fn through_shell(mut self, script: &str) -> Self {
        self.before = vec!["/bin/sh".into(), "-c".into(), script.into()];
        self
    }

    /// Kills the plugin after `limit`, where that is before the deadline.
    pub(crate) fn deadline_at_most(mut self, limit: Duration) -> Self {
        self.deadline = self.deadline.min(limit);
        self
    }

    /// Gives the plugin pipes of one page, so that it has to wait for a reader or a writer after 4 KB.
    pub(crate) fn small_pipes(mut self) -> Self {
        self.small_pipes = true;
        self
    }

    /// Puts the recording shim `shim` between the bench and the plugin.
    pub(crate) fn through(mut self, shim: &Path) -> Self {
        self.before = vec![shim.into()];
        self
    }

    /// Makes the call and waits for its end.
    ///
    /// # Errors
    /// [`Trouble::Bench`] where the plugin cannot be started, [`Trouble::Interrupted`]. How the call ended,
    /// the deadline included, is part of [`Finished`].
    pub(crate) fn run(mut self) -> Verdict<Finished> {
        let stdin = std::mem::take(&mut self.stdin);
        let mut running = self.start()?;
        running.feed(stdin);
        running.finish()
    }

    /// Starts the call and leaves its stdin and stdout to the case.
    pub(crate) fn start(self) -> Verdict<Running<'a>> {
        let argv = self.argv();
        let (stdin, feeding) = io::pipe()?;
        let (draining, stdout) = io::pipe()?;
        if self.small_pipes {
            shrink(&feeding)?;
            shrink(&draining)?;
        }
        let mut command = Command::new(&argv[0]);
        command
            .args(&argv[1..])
            .stdin(stdin)
            .stdout(stdout)
            .stderr(Stdio::piped())
            .process_group(0);
        for (name, value) in &self.env {
            match value {
                Some(value) => command.env(name, value),
                None => command.env_remove(name),
            };
        }
        if let Some(dir) = &self.cwd {
            command.current_dir(dir);
        }
        let child = spawn(&mut command)
            .map_err(|error| Trouble::bench(format!("cannot start {:?}: {error}", argv[0])))?;
        let mut told = vec![self.program.into_os_string()];
        told.extend(self.args);
        Ok(Running::new(
            child,
            (feeding, draining),
            told,
            self.deadline,
            self.transcript,
            self.ledger,
        ))
    }

    fn argv(&self) -> Vec<OsString> {
        let mut argv = self.before.clone();
        argv.push(self.program.clone().into_os_string());
        argv.extend(self.args.iter().cloned());
        argv
    }
}

fn shrink(pipe: impl AsFd) -> io::Result<()> {
    const PAGE: i32 = 4096;
    fcntl(pipe, FcntlArg::F_SETPIPE_SZ(PAGE))?;
    Ok(())
}

/// A script that somebody has just written may still be open for writing in a process forked meanwhile.
fn spawn(command: &mut Command) -> io::Result<std::process::Child> {
    const TRIES: u32 = 20;
    for _ in 0..TRIES {
        match command.spawn() {
            Err(error) if error.kind() == io::ErrorKind::ExecutableFileBusy => {
                std::thread::sleep(Duration::from_millis(10));
            }
            result => return result,
        }
    }
    command.spawn()
}
