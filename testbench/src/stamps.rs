//! Claiming timestamps that nobody uses, so that the bench is safe on a bucket in use.

use std::path::Path;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Mutex, PoisonError};

use crate::bench::Bench;
use crate::timestamp::Timestamp;
use crate::trouble::{Trouble, Verdict};

/// How many candidates are looked at side by side: a store may take seconds to say that nothing is there.
const BATCH: usize = 8;

/// The data directory of which the hooks are told.
const SET_UP: &str = "claimed/gpseg0";

/// The timestamps of a run.
#[derive(Debug, Default)]
pub(crate) struct Stamps {
    shared: Mutex<Option<Timestamp>>,
    unused: Mutex<Vec<Timestamp>>,
    claimed: Mutex<Vec<Timestamp>>,
    /// The plugin let a call of ours run into its deadline: it is asked no more than the cases ask.
    hung: AtomicBool,
    /// The plugin brings back what was never stored: no timestamp can be known to be unused.
    invents: AtomicBool,
}

impl Bench {
    /// The timestamp that all cases share that neither delete nor list: their file names differ.
    pub(crate) fn shared_timestamp(&self) -> Verdict<Timestamp> {
        let mut shared = self
            .stamps
            .shared
            .lock()
            .unwrap_or_else(PoisonError::into_inner);
        if let Some(timestamp) = *shared {
            return Ok(timestamp);
        }
        let timestamp = self.own_timestamp()?;
        Ok(*shared.insert(timestamp))
    }

    /// A timestamp of one case's own, for which setup has run.
    pub(crate) fn own_timestamp(&self) -> Verdict<Timestamp> {
        let timestamp = self.untouched_timestamp()?;
        self.set_up(timestamp)?;
        Ok(timestamp)
    }

    /// Two timestamps of one case's own, the second one second after the first, for which setup has run.
    pub(crate) fn own_siblings(&self) -> Verdict<(Timestamp, Timestamp)> {
        let (first, second) = self.untouched_siblings()?;
        self.set_up(first)?;
        self.set_up(second)?;
        Ok((first, second))
    }

    /// A timestamp of a case that calls the hooks itself.
    pub(crate) fn untouched_timestamp(&self) -> Verdict<Timestamp> {
        let timestamp = self.next_unused()?;
        self.claim(timestamp);
        Ok(timestamp)
    }

    /// Two timestamps, one second apart, of a case that calls the hooks itself.
    pub(crate) fn untouched_siblings(&self) -> Verdict<(Timestamp, Timestamp)> {
        let first = self.untouched_timestamp()?;
        self.claim(first.next());
        Ok((first, first.next()))
    }

    /// Every timestamp claimed so far.
    pub(crate) fn claimed_timestamps(&self) -> Vec<Timestamp> {
        self.stamps
            .claimed
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .clone()
    }

    fn next_unused(&self) -> Verdict<Timestamp> {
        let mut unused = self
            .stamps
            .unused
            .lock()
            .unwrap_or_else(PoisonError::into_inner);
        if unused.is_empty() && !self.stamps.invents.load(Ordering::Relaxed) {
            *unused = self.look_for_unused()?;
            self.stamps
                .invents
                .store(unused.is_empty(), Ordering::Relaxed);
        }
        // That random ones were all in use is no explanation: there are a million million of them.
        unused.pop().ok_or_else(|| {
            Trouble::plugin(
                "restore_file brings back files that were never stored, with exit 0: \
                 no timestamp can be known to be unused",
            )
        })
    }

    /// Those of some random timestamps that have no backup, nor has the next one.
    fn look_for_unused(&self) -> Verdict<Vec<Timestamp>> {
        let candidates: Vec<Timestamp> = (0..BATCH).map(|_| Timestamp::random()).collect();
        let second = self.settings.secondary.as_ref();
        let configs: Vec<_> = std::iter::once(&self.settings.config)
            .chain(second)
            .collect();
        // All at once: some stores are asked again for a while before they count as having nothing.
        let found = std::thread::scope(|scope| {
            let looks: Vec<_> = candidates
                .iter()
                .flat_map(|timestamp| [*timestamp, timestamp.next()])
                .flat_map(|timestamp| configs.iter().map(move |config| (timestamp, *config)))
                .map(|(timestamp, config)| scope.spawn(move || self.is_used(timestamp, config)))
                .collect();
            looks
                .into_iter()
                .map(|look| look.join())
                .collect::<Vec<_>>()
        });
        let mut unused = Vec::new();
        for (timestamp, used) in candidates.iter().zip(found.chunks(2 * configs.len())) {
            let mut free = true;
            for used in used {
                match used {
                    Ok(Ok(used)) => free &= !used,
                    Ok(Err(Trouble::Interrupted)) => return Err(Trouble::Interrupted),
                    _ => return Err(Trouble::bench("cannot ask whether a timestamp is used")),
                }
            }
            if free {
                unused.push(*timestamp);
            }
        }
        Ok(unused)
    }

    /// Whether there is a backup of `timestamp` at the destination of `config`: every backup of gpbackup has
    /// this file, and it is not empty.
    fn is_used(&self, timestamp: Timestamp, config: &Path) -> Verdict<bool> {
        if self.stamps.hung.load(Ordering::Relaxed) {
            return Ok(false);
        }
        let place = match config == self.settings.config {
            true => "first",
            false => "second",
        };
        let dir = timestamp.dir(&self.work.join("unused").join(place).join("gpseg-1"));
        std::fs::create_dir_all(&dir)?;
        let path = dir.join(format!("gpbackup_{timestamp}_config.yaml"));
        let call = self.call("restore_file", &self.aside).arg(config);
        let answer = call.arg(&path).run()?;
        self.note_hang(&answer);
        Ok(answer.ok() && std::fs::metadata(&path).is_ok_and(|found| found.len() > 0))
    }

    fn claim(&self, timestamp: Timestamp) {
        self.stamps
            .claimed
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .push(timestamp);
    }

    fn set_up(&self, timestamp: Timestamp) -> Verdict {
        for hook in ["setup_plugin_for_backup", "setup_plugin_for_restore"] {
            self.hook_for(hook, timestamp, &self.settings.config)?;
        }
        Ok(())
    }

    /// Calls the cleanup hooks, where the bench called those for setup.
    pub(crate) fn take_down(&self, timestamp: Timestamp, config: &Path) -> Verdict {
        if timestamp.dir(&self.work.join(SET_UP)).exists() {
            for hook in ["cleanup_plugin_for_backup", "cleanup_plugin_for_restore"] {
                self.hook_for(hook, timestamp, config)?;
            }
        }
        Ok(())
    }

    fn hook_for(&self, hook: &str, timestamp: Timestamp, config: &Path) -> Verdict {
        if !self.stamps.hung.load(Ordering::Relaxed) {
            let dir = timestamp.dir(&self.work.join(SET_UP));
            std::fs::create_dir_all(&dir)?;
            if !self.hook_everywhere(hook, config, &dir)? {
                self.stamps.hung.store(true, Ordering::Relaxed);
            }
        }
        Ok(())
    }

    fn note_hang(&self, answer: &crate::finished::Finished) {
        if answer.ended == crate::finished::Ended::Overdue {
            self.stamps.hung.store(true, Ordering::Relaxed);
        }
    }
}
