//! A restore in the middle of its stream that nobody reads on: what cases on early ends begin with.

use std::path::PathBuf;
use std::time::Duration;

use crate::call::Call;
use crate::payload;
use crate::running::Running;
use crate::scene::Scene;
use crate::trouble::{Verdict, ensure};

/// Bytes of a stream that the bench's pipe does not hold.
const SHORT: usize = 12_000;

/// The largest pipe that a plugin gets without privileges, unless the system was told otherwise.
const LARGEST_PIPE: usize = 1 << 20; // 1 MiB

/// How long a plugin may take after its first bytes to end, or to enlarge its pipe.
const MOMENT: Duration = Duration::from_millis(150);

/// A stream for plugins that enlarge the pipe on their stdout, stored once for all cases.
#[derive(Clone, Debug)]
pub(crate) struct LongStream {
    path: PathBuf,
    bytes: Vec<u8>,
}

/// A call of `restore_data` whose first bytes were read, and whose pipe cannot take all the others.
pub(crate) struct Unread<'a> {
    pub(crate) running: Running<'a>,
    /// The whole stream.
    pub(crate) bytes: Vec<u8>,
}

impl Scene<'_> {
    /// Starts a restore and leaves it in the middle of its stream; `adapt` changes the call.
    ///
    /// A plugin may enlarge its pipe so far that the whole stream fits and it ends in good faith. That is
    /// asked to be a right restore, and the call is made again with a stream of twice that pipe. Nothing is
    /// returned where there is no middle: the pipe is larger than [`LARGEST_PIPE`].
    pub(crate) fn restore_unread<'s>(
        &'s self,
        adapt: impl Fn(Call<'s>) -> Call<'s>,
    ) -> Verdict<Option<Unread<'s>>> {
        const FIRST: usize = 10;
        let mut path = self.path("data")?;
        let mut bytes = payload::random(&self.slug, SHORT);
        self.backup_data(&path, &bytes)?;
        loop {
            let call = adapt(self.call("restore_data").arg(&path));
            let mut running = call.small_pipes().start()?;
            let first = running.read(FIRST)?.len();
            ensure(first == FIRST, || {
                format!("restore_data wrote {first} bytes of the first {FIRST}")
            })?;
            let ended = running.ends_within(MOMENT);
            let pipe = running.stdout_pipe()?;
            if !ended && pipe < bytes.len() {
                return Ok(Some(Unread { running, bytes }));
            }
            running.finish()?.succeeds()?.with_stdout(&bytes)?;
            if pipe < bytes.len() || pipe > LARGEST_PIPE {
                return Ok(None);
            }
            LongStream { path, bytes } = self.long_stream(2 * pipe)?;
        }
    }

    /// A stored stream of at least `len` bytes, in the timestamp that cases share.
    fn long_stream(&self, len: usize) -> Verdict<LongStream> {
        let mut stored = self.bench.long_stream();
        if let Some(long) = stored.as_ref().filter(|long| long.bytes.len() >= len) {
            return Ok(long.clone());
        }
        let timestamp = self.bench.shared_timestamp()?;
        let dir = timestamp.dir(&self.bench.work.join("long-stream/gpseg0"));
        std::fs::create_dir_all(&dir)?;
        let long = LongStream {
            path: dir.join(format!("gpbackup_0_{timestamp}_long_{len}")),
            bytes: payload::random("long", len),
        };
        self.backup_data(&long.path, &long.bytes)?;
        Ok(stored.insert(long).clone())
    }
}
