//! What is done: each work as data, and its command line for each tool.

use super::tool::Tool;

/// Bytes of a small file.
const FILE: u64 = 1024; // 1 KiB

/// Bytes of a small table.
const TABLE: u64 = 64 * 1024; // 64 KiB

/// Tables, and how many gpbackup moves side by side: as many as its `--jobs`.
const TABLES: u32 = 500;
const JOBS: u32 = 2;

/// Processes of the run that has many at once.
const CROWD: u32 = 16;

/// The ranges of the filtered restore: so many tables of 1 MiB, spread evenly over the stream.
const SUBSET: u64 = 32;
const SUBSET_RANGE: u64 = 1024 * 1024; // 1 MiB

/// The backup's directory and the timestamp, as gpbackup lays them out.
const BACKUP: &str = "backups/20260101/20260101000000";

/// One piece of work.
#[derive(Clone, Debug)]
pub(crate) struct Work {
    pub(crate) name: &'static str,
    pub(crate) verb: Verb,
    /// Bytes of each run's stream or file.
    pub(crate) bytes: u64,
    /// How many runs there are in all, and at once.
    pub(crate) times: u32,
    pub(crate) jobs: u32,
}

/// What a run does.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Verb {
    BackupData,
    RestoreData,
    BackupFile,
    RestoreFile,
    RestoreSubset,
}

impl Verb {
    fn command(self) -> &'static str {
        match self {
            Self::BackupData => "backup_data",
            Self::RestoreData => "restore_data",
            Self::BackupFile => "backup_file",
            Self::RestoreFile => "restore_file",
            Self::RestoreSubset => "restore_data_subset",
        }
    }
}

impl Work {
    /// All works, the large streams of `bytes`.
    pub(crate) fn all(bytes: u64) -> Vec<Self> {
        let once = |name, verb, bytes| Self {
            name,
            verb,
            bytes,
            times: 1,
            jobs: 1,
        };
        vec![
            once("backup_data", Verb::BackupData, bytes),
            once("restore_data", Verb::RestoreData, bytes),
            once("restore_small", Verb::RestoreData, FILE),
            once("backup_file", Verb::BackupFile, FILE),
            once("restore_file", Verb::RestoreFile, FILE),
            Self {
                times: TABLES,
                jobs: JOBS,
                ..once("tables", Verb::BackupData, TABLE)
            },
            Self {
                times: CROWD,
                jobs: CROWD,
                ..once("crowd", Verb::BackupData, bytes / u64::from(CROWD))
            },
            once("subset", Verb::RestoreSubset, bytes),
        ]
    }

    /// Bytes that are moved in all.
    pub(crate) fn moved(&self) -> u64 {
        let bytes = match self.verb {
            Verb::RestoreSubset => SUBSET * SUBSET_RANGE,
            _ => self.bytes,
        };
        bytes * u64::from(self.times)
    }

    /// Whether each run reads its stream on stdin.
    pub(crate) fn reads_stdin(&self) -> bool {
        self.verb == Verb::BackupData
    }

    /// The last part of an object's key: it ends in the object's size, by which the sink serves it.
    fn object(&self) -> String {
        format!("gpbackup_{{n}}_20260101000000_{}", self.bytes)
    }

    /// The path that a plugin is given, below `dir`.
    pub(crate) fn path(&self, dir: &str) -> String {
        format!("{dir}/gpseg0/{BACKUP}/{}", self.object())
    }

    /// The offsets file of a filtered restore.
    pub(crate) fn offsets(&self) -> String {
        let step = self.bytes / SUBSET;
        let ranges: Vec<String> = (0..SUBSET)
            .map(|number| number * step)
            .map(|start| format!("{start} {}", start + SUBSET_RANGE.min(step)))
            .collect();
        format!("{SUBSET} {}", ranges.join(" "))
    }

    /// The command line; none where the tool cannot do this.
    pub(crate) fn command(&self, tool: &Tool, scene: &Scene<'_>) -> Option<Vec<String>> {
        let path = self.path(scene.dir);
        match tool {
            Tool::Plugin { executable, .. } => {
                let program = executable.to_string_lossy().into_owned();
                let verb = self.verb.command().to_owned();
                let mut command = vec![program, verb, scene.config.to_owned(), path];
                if self.verb == Verb::RestoreSubset {
                    command.push(scene.offsets.to_owned());
                }
                Some(command)
            }
            Tool::Curl => self.curl(&path, scene),
            Tool::Sha256 if self.name == "backup_data" && scene.ca.is_none() => {
                let command = ["openssl", "dgst", "-sha256", scene.stdin];
                Some(command.map(str::to_owned).into())
            }
            Tool::Sha256 => None,
        }
    }

    fn curl(&self, path: &str, scene: &Scene<'_>) -> Option<Vec<String>> {
        let url = format!("{}/bench/{BACKUP}/{}", scene.endpoint, self.object());
        let mut command: Vec<String> = ["curl", "--silent", "--show-error", "--fail"]
            .map(str::to_owned)
            .into();
        if let Some(ca) = scene.ca {
            command.extend(["--cacert".to_owned(), ca.to_owned()]);
        }
        match self.verb {
            Verb::BackupData => {
                command.extend(["--upload-file".to_owned(), scene.stdin.to_owned()])
            }
            Verb::BackupFile => command.extend(["--upload-file".to_owned(), path.to_owned()]),
            Verb::RestoreFile => command.extend(["--output".to_owned(), path.to_owned()]),
            Verb::RestoreData => {}
            Verb::RestoreSubset => return None,
        }
        command.push(url);
        Some(command)
    }
}

/// Where the work is done.
pub(crate) struct Scene<'a> {
    pub(crate) dir: &'a str,
    pub(crate) endpoint: &'a str,
    pub(crate) config: &'a str,
    /// The authorities that every tool is to trust, for https.
    pub(crate) ca: Option<&'a str>,
    /// The file of the stream.
    pub(crate) stdin: &'a str,
    pub(crate) offsets: &'a str,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_offsets_name_as_many_ranges_as_they_say() {
        let work = Work::all(1 << 30).pop().unwrap();
        let offsets = work.offsets();
        let numbers: Vec<u64> = offsets
            .split(' ')
            .map(|text| text.parse().unwrap())
            .collect();
        assert_eq!(numbers.len() as u64, 1 + 2 * numbers[0]);
        let moved: u64 = numbers[1..]
            .chunks(2)
            .map(|range| range[1] - range[0])
            .sum();
        assert_eq!(moved, work.moved());
        assert!(numbers[1..].is_sorted());
    }
}
