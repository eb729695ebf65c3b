//! A call of the plugin under way: the case feeds it, reads it and signals it, a watchdog bounds it.

use std::ffi::OsString;
use std::io::{self, PipeReader, PipeWriter, Read as _, Write as _};
use std::process::Child;
use std::sync::mpsc::{self, Receiver, RecvTimeoutError, Sender};
use std::thread;
use std::time::{Duration, Instant};

use nix::fcntl::{FcntlArg, fcntl};
use nix::sys::signal::{Signal, killpg};
use nix::sys::wait::{Id, WaitPidFlag, waitid};
use nix::unistd::Pid;
use wait4::Wait4 as _;

use crate::cost::{Cost, Ledger};
use crate::finished::{Ended, Finished};
use crate::interrupt;
use crate::transcript::Transcript;
use crate::trouble::{Trouble, Verdict};

/// How long the pipes of a plugin that has ended may be held open by something that it left behind.
const STRAGGLERS: Duration = Duration::from_secs(2);

/// A call under way. Whatever a case does with it, it is killed with its process group at its deadline.
pub(crate) struct Running<'a> {
    child: Child,
    argv: Vec<OsString>,
    stdin: Option<PipeWriter>,
    stdout: Option<PipeReader>,
    stderr: Receiver<Vec<u8>>,
    fed: Fed,
    read: Vec<u8>,
    watchdog: Watchdog,
    started: Instant,
    transcript: &'a Transcript,
    ledger: &'a Ledger,
}

/// How the plugin gets its stdin.
enum Fed {
    ByCase(u64),
    ByThread(thread::JoinHandle<u64>),
}

impl<'a> Running<'a> {
    pub(crate) fn new(
        mut child: Child,
        (stdin, stdout): (PipeWriter, PipeReader),
        argv: Vec<OsString>,
        deadline: Duration,
        transcript: &'a Transcript,
        ledger: &'a Ledger,
    ) -> Self {
        let stderr = drain(child.stderr.take());
        let watchdog = Watchdog::new(group(&child), deadline);
        Self {
            child,
            argv,
            stdin: Some(stdin),
            stdout: Some(stdout),
            stderr,
            fed: Fed::ByCase(0),
            read: Vec::new(),
            watchdog,
            started: Instant::now(),
            transcript,
            ledger,
        }
    }

    /// Writes `bytes` to stdin in the background and closes it.
    pub(crate) fn feed(&mut self, bytes: Vec<u8>) {
        self.feed_with(move |stdin| stdin.write_all(&bytes).map(|()| bytes.len() as u64));
    }

    /// Has `feeder` write to stdin in the background, after which it is closed. A plugin that does not
    /// read to the end is judged by what it makes of it, so that errors of writing are no concern here.
    pub(crate) fn feed_with(
        &mut self,
        feeder: impl FnOnce(&mut PipeWriter) -> io::Result<u64> + Send + 'static,
    ) {
        if let Some(mut stdin) = self.stdin.take() {
            self.fed = Fed::ByThread(thread::spawn(move || feeder(&mut stdin).unwrap_or(0)));
        }
    }

    /// Writes to stdin and waits until the plugin, or the pipe, has taken it all.
    pub(crate) fn write(&mut self, bytes: &[u8]) -> io::Result<()> {
        let Some(stdin) = &mut self.stdin else {
            return Err(io::ErrorKind::BrokenPipe.into());
        };
        stdin.write_all(bytes)?;
        if let Fed::ByCase(count) = &mut self.fed {
            *count += bytes.len() as u64;
        }
        Ok(())
    }

    /// Reads up to `len` bytes of stdout, fewer at its end.
    pub(crate) fn read(&mut self, len: usize) -> io::Result<&[u8]> {
        if let Some(stdout) = &mut self.stdout {
            stdout
                .by_ref()
                .take(len as u64)
                .read_to_end(&mut self.read)?;
        }
        Ok(&self.read)
    }

    /// Closes the reader's end of stdout.
    pub(crate) fn close_stdout(&mut self) {
        self.stdout = None;
    }

    /// Sends `signal` to the plugin's process group, as the database and a terminal do.
    pub(crate) fn signal(&self, signal: Signal) -> Verdict {
        killpg(group(&self.child), signal)
            .map_err(|error| Trouble::bench(format!("cannot send {signal}: {error}")))
    }

    /// Waits until the plugin has ended, with its stdin as it is, for at most `limit`.
    pub(crate) fn ends_within(&self, limit: Duration) -> bool {
        let end = Instant::now() + limit;
        while Instant::now() < end {
            if has_ended(&self.child, WaitPidFlag::WNOHANG) {
                return true;
            }
            thread::sleep(Duration::from_millis(5));
        }
        has_ended(&self.child, WaitPidFlag::WNOHANG)
    }

    /// The bytes that the pipe on stdout holds at most: a plugin may give itself a larger one than the bench
    /// did. 0 when it is closed.
    pub(crate) fn stdout_pipe(&self) -> io::Result<usize> {
        match &self.stdout {
            Some(stdout) => {
                let size = fcntl(stdout, FcntlArg::F_GETPIPE_SZ)?;
                Ok(usize::try_from(size).unwrap_or_default())
            }
            None => Ok(0),
        }
    }

    /// Kills the plugin's process group at once.
    pub(crate) fn kill(&self) -> Verdict {
        self.signal(Signal::SIGKILL)
    }

    /// Closes stdin, reads stdout to its end, and waits for the plugin's.
    pub(crate) fn finish(self) -> Verdict<Finished> {
        let finished = self.end()?;
        if interrupt::requested() {
            return Err(Trouble::Interrupted);
        }
        Ok(finished)
    }

    /// The same, and tells what a call had said that an interrupt ended.
    pub(crate) fn end(mut self) -> Verdict<Finished> {
        self.stdin = None;
        let stdout = drain(self.stdout.take());
        has_ended(&self.child, WaitPidFlag::empty());
        let rest = collect(&stdout);
        let stderr = collect(&self.stderr);
        let wall = self.started.elapsed();
        // Not reaped yet, so the group still is the plugin's: what it left behind ends here.
        let _ = killpg(group(&self.child), Signal::SIGKILL);
        let overdue = self.watchdog.stop();
        let used = self.child.wait4()?;
        self.read.extend(rest.unwrap_or_default());
        let finished = Finished {
            argv: self.argv,
            stdin_len: match self.fed {
                Fed::ByCase(count) => count,
                Fed::ByThread(thread) => thread.join().unwrap_or(0),
            },
            ended: if overdue {
                Ended::Overdue
            } else {
                Ended::from(used.status)
            },
            stdout: self.read,
            stderr: stderr.unwrap_or_default(),
            wall,
        };
        self.ledger.add_upload(finished.uploaded());
        self.ledger.add(
            finished.command(),
            Cost::of_one(
                wall,
                used.rusage.utime + used.rusage.stime,
                used.rusage.maxrss,
            ),
        );
        self.transcript.add(&finished);
        Ok(finished)
    }
}

fn group(child: &Child) -> Pid {
    Pid::from_raw(child.id().cast_signed())
}

/// Whether the plugin has ended; it stays unreaped, so that its process group keeps its number.
fn has_ended(child: &Child, flag: WaitPidFlag) -> bool {
    let flags = WaitPidFlag::WEXITED | WaitPidFlag::WNOWAIT | flag;
    loop {
        match waitid(Id::Pid(group(child)), flags) {
            Err(nix::errno::Errno::EINTR) => {}
            Ok(nix::sys::wait::WaitStatus::StillAlive) => return false,
            _ => return true,
        }
    }
}

/// Reads `pipe` to its end in the background.
fn drain(pipe: Option<impl io::Read + Send + 'static>) -> Receiver<Vec<u8>> {
    let (sender, receiver) = mpsc::channel();
    thread::spawn(move || {
        let mut bytes = Vec::new();
        if let Some(mut pipe) = pipe {
            // What came before an error is what there is to judge.
            let _ = pipe.read_to_end(&mut bytes);
        }
        let _ = sender.send(bytes);
    });
    receiver
}

fn collect(drained: &Receiver<Vec<u8>>) -> Option<Vec<u8>> {
    drained.recv_timeout(STRAGGLERS).ok()
}

/// Kills a process group at a deadline, or as soon as the bench is interrupted.
struct Watchdog {
    stop: Sender<()>,
    thread: thread::JoinHandle<bool>,
}

impl Watchdog {
    fn new(group: Pid, deadline: Duration) -> Self {
        let (stop, stopped) = mpsc::channel();
        let thread = thread::spawn(move || watch(group, Instant::now() + deadline, &stopped));
        Self { stop, thread }
    }

    /// Ends the watch and tells whether the deadline had passed.
    fn stop(self) -> bool {
        let _ = self.stop.send(());
        self.thread.join().unwrap_or(false)
    }
}

fn watch(group: Pid, end: Instant, stopped: &Receiver<()>) -> bool {
    const TICK: Duration = Duration::from_millis(100);
    loop {
        let left = end.saturating_duration_since(Instant::now());
        match stopped.recv_timeout(left.min(TICK)) {
            Err(RecvTimeoutError::Timeout) => {}
            Ok(()) => return false,
            Err(RecvTimeoutError::Disconnected) => {
                // The case gave the call up without waiting for it.
                let _ = killpg(group, Signal::SIGKILL);
                return false;
            }
        }
        let overdue = Instant::now() >= end;
        if overdue || interrupt::requested() {
            let _ = killpg(group, Signal::SIGKILL);
            let _ = stopped.recv();
            return overdue;
        }
    }
}
