//! Plays recorded runs against the plugin: the recorded order and arguments, calls side by side where they
//! overlapped, the recorded text of the options.
//!
//! Three things differ from the recording. Paths are moved into the case's directory. Timestamps are the
//! bench's own, so that a bucket in use is safe. The recording knows no sizes, so the data is invented from
//! a seed, long enough for the ranges that a later restore asks for.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};

use crate::call::Call;
use crate::finished::{Finished, file_holds};
use crate::payload;
use crate::running::Running;
use crate::scene::{Scene, remove_local};
use crate::timestamp::Timestamp;
use crate::trace::{self, Recorded};
use crate::trouble::{Trouble, Verdict};

/// The length of a stream of which nothing is known.
const USUAL: usize = 120;

/// A series of runs that belong together, such as a backup and its restores.
pub(crate) struct Replay<'a> {
    scene: &'a Scene<'a>,
    /// The bench's timestamp for each recorded one.
    stamps: BTreeMap<String, Timestamp>,
    /// How long the streams have to be, by recorded path, where a later run tells.
    sizes: BTreeMap<String, usize>,
    /// What was stored, by recorded path.
    stored: BTreeMap<String, Vec<u8>>,
}

impl<'a> Replay<'a> {
    /// Plays the recordings `numbers` one after the other.
    pub(crate) fn play(scene: &'a Scene<'a>, numbers: &[u32]) -> Verdict {
        let mut runs = Vec::new();
        for number in numbers {
            runs.push((number, trace::recording(*number).map_err(Trouble::bench)?));
        }
        let sizes = sizes(runs.iter().flat_map(|(_, calls)| calls));
        let mut replay = Self {
            scene,
            stamps: BTreeMap::new(),
            sizes,
            stored: BTreeMap::new(),
        };
        fs::create_dir_all(scene.dir.join("tmp"))?;
        for (number, calls) in runs {
            for wave in trace::waves(&calls) {
                replay.wave(&wave).map_err(|trouble| match trouble {
                    Trouble::Plugin(message) => {
                        Trouble::Plugin(format!("recording {number}: {message}"))
                    }
                    other => other,
                })?;
            }
        }
        Ok(())
    }

    /// Makes the calls of `wave` side by side and judges each.
    fn wave(&mut self, wave: &[Recorded]) -> Verdict {
        let mut running: Vec<Running<'a>> = Vec::new();
        for recorded in wave {
            let args = self.arguments(recorded)?;
            self.prepare(recorded, &args)?;
            let stdin = match recorded.argv[0].as_str() {
                "backup_data" => self
                    .stored
                    .get(&recorded.argv[2])
                    .cloned()
                    .unwrap_or_default(),
                _ => Vec::new(),
            };
            let mut call = self.call(recorded).args(&args).start()?;
            call.feed(stdin);
            running.push(call);
        }
        let ended: Vec<Verdict<Finished>> = running.into_iter().map(Running::finish).collect();
        for (recorded, finished) in wave.iter().zip(ended) {
            self.judge(recorded, finished?)?;
        }
        Ok(())
    }

    /// The database server's processes run with umask 0077 in the segment's data directory.
    fn call(&self, recorded: &Recorded) -> Call<'a> {
        let call = self
            .scene
            .bench
            .call(&recorded.argv[0], &self.scene.transcript);
        if recorded.argv[0].ends_with("_data") {
            call.through_shell("umask 0077; exec \"$0\" \"$@\"")
                .cwd(&self.scene.dir)
        } else {
            call
        }
    }

    /// The arguments after the command, with paths moved and timestamps replaced.
    fn arguments(&mut self, recorded: &Recorded) -> Verdict<Vec<PathBuf>> {
        let mut args = Vec::new();
        for (place, arg) in recorded.argv.iter().enumerate().skip(1) {
            args.push(match (place, arg.strip_prefix('/')) {
                (1, Some(_)) => self.config(arg)?,
                (_, Some(_)) => self.moved(arg)?,
                (_, None) => PathBuf::from(arg),
            });
        }
        Ok(args)
    }

    /// The place of the config copy that was recorded as `/tmp/<timestamp>_<name>`.
    fn config(&mut self, path: &str) -> Verdict<PathBuf> {
        let stamp: String = path.chars().filter(char::is_ascii_digit).take(14).collect();
        let name = self
            .scene
            .config()
            .file_name()
            .unwrap_or_default()
            .to_string_lossy()
            .into_owned();
        // A restore's own timestamp names no backup, and needs not be claimed.
        let stamp = self.stamps.get(&stamp).map_or(stamp, ToString::to_string);
        Ok(self.scene.dir.join("tmp").join(format!("{stamp}_{name}")))
    }

    /// The place of a recorded path below a data directory, or of an offsets file.
    fn moved(&mut self, path: &str) -> Verdict<PathBuf> {
        let Some((data, rest)) = path.split_once("/backups/") else {
            return Ok(self
                .scene
                .dir
                .join("tmp")
                .join(path.rsplit('/').next().unwrap_or(path)));
        };
        let segment = data.rsplit('/').next().unwrap_or(data);
        let mut parts = rest.split('/').skip(1);
        let recorded = parts.next().unwrap_or_default().to_owned();
        let timestamp = match self.stamps.get(&recorded) {
            Some(known) => *known,
            None => {
                let claimed = self.scene.bench.untouched_timestamp()?;
                *self.stamps.entry(recorded.clone()).or_insert(claimed)
            }
        };
        let dir = timestamp.dir(&self.scene.dir.join(segment));
        let file = parts
            .next()
            .map(|file| file.replace(&recorded, &timestamp.to_string()));
        Ok(file.map_or(dir.clone(), |file| dir.join(file)))
    }

    /// Writes the config copy, the offsets file, and the local files that a call reads.
    fn prepare(&mut self, recorded: &Recorded, args: &[PathBuf]) -> Verdict {
        let options = &recorded.options_as_written;
        if let Some(config) = args
            .first()
            .filter(|path| !options.is_empty() || !path.exists())
        {
            let copy = options
                .iter()
                .fold(self.scene.bench.config.clone(), |copy, (name, text)| {
                    copy.with_option(name, text)
                });
            replace(config, copy.as_str())?;
        }
        if let (Some(offsets), Some(path)) = (&recorded.offsets_file, args.get(2)) {
            fs::write(path, offsets)?;
        }
        let (command, Some(path)) = (recorded.argv[0].as_str(), args.get(1)) else {
            return Ok(());
        };
        match command {
            "backup_data" | "backup_file" => {
                let name = &recorded.argv[2];
                let bytes = payload::random(name, self.sizes.get(name).copied().unwrap_or(USUAL));
                if command == "backup_file" {
                    fs::create_dir_all(path.parent().unwrap_or(path))?;
                    fs::write(path, &bytes)?;
                }
                self.stored.insert(name.clone(), bytes);
            }
            "restore_file" => {
                // gprestore makes the directory before every restore_file.
                fs::create_dir_all(path.parent().unwrap_or(path))?;
                remove_local(path)?;
            }
            _ => {}
        }
        Ok(())
    }

    fn judge(&mut self, recorded: &Recorded, finished: Finished) -> Verdict {
        let finished = finished.succeeds()?;
        let stored = |place: usize| {
            let name = recorded
                .argv
                .get(place)
                .map(String::as_str)
                .unwrap_or_default();
            self.stored
                .get(name)
                .ok_or_else(|| Trouble::bench(format!("no recording stored {name}")))
        };
        match recorded.argv[0].as_str() {
            "restore_data" => finished.with_stdout(stored(2)?).map(|_| ()),
            "restore_data_subset" => {
                let offsets = recorded.offsets_file.as_deref().unwrap_or_default();
                let bytes = stored(2)?;
                let expected: Vec<u8> = ranges(offsets)
                    .flat_map(|(start, end)| bytes[start..end].to_vec())
                    .collect();
                finished.with_stdout(&expected).map(|_| ())
            }
            "restore_file" => {
                let bytes = stored(2)?.clone();
                let path = self.moved(&recorded.argv[2])?;
                file_holds(&path, &bytes)
            }
            _ => Ok(()),
        }
    }
}

/// Replaces the file at `path` at once: another call may be reading it.
fn replace(path: &Path, text: &str) -> Verdict {
    let new = path.with_extension("new");
    fs::write(&new, text)?;
    Ok(fs::rename(new, path)?)
}

/// The shortest lengths of the streams of which `calls` ask for ranges, by path.
fn sizes<'a>(calls: impl Iterator<Item = &'a Recorded>) -> BTreeMap<String, usize> {
    let mut sizes = BTreeMap::new();
    for call in calls {
        if let Some(offsets) = &call.offsets_file {
            let end = ranges(offsets)
                .map(|(_, end)| end)
                .max()
                .unwrap_or_default();
            let size = sizes.entry(call.argv[2].clone()).or_insert(end);
            *size = end.max(*size);
        }
    }
    sizes
}

/// The ranges of a recorded offsets file.
fn ranges(text: &str) -> impl Iterator<Item = (usize, usize)> {
    let numbers: Vec<usize> = text
        .split_whitespace()
        .skip(1)
        .filter_map(|text| text.parse().ok())
        .collect();
    let pairs: Vec<(usize, usize)> = numbers
        .chunks_exact(2)
        .map(|pair| (pair[0], pair[1]))
        .collect();
    pairs.into_iter()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ranges_are_read_as_the_contract_writes_them() {
        let read: Vec<_> = ranges("2 2204744 2854597 3502071 3510857").collect();
        assert_eq!(read, [(2_204_744, 2_854_597), (3_502_071, 3_510_857)]);
    }

    #[test]
    fn streams_are_long_enough_for_the_ranges_of_the_restore() {
        let calls = trace::recording(16).unwrap();
        let sizes = sizes(calls.iter());
        assert_eq!(sizes.len(), 3);
        assert!(sizes.values().all(|size| *size > 3_000_000));
    }
}
