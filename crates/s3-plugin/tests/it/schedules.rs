//! Random faults against the commands that move, list, delete or verify data, through the binary and a
//! socket: the outcome is right to the byte, or exit code 1 with a message and, on stdout, a strict prefix of
//! the truth.

use std::fs;
use std::path::{Path, PathBuf};

use s3_testserver::memory::{Checksums, Config, Kind, MemoryServer};

use crate::bytes::bytes;
use crate::host::{Host, PREFIX, TIMESTAMP, alone, names};
use crate::schedule::{Command, Schedule, damages, play};
use crate::store::{BUCKET, Store};

const NAME: &str = "gpbackup_0_20261122055910_16385.gz";

/// The objects of the directory commands, and a sibling that none of them may touch.
const DIRECTORY: &str = "logs/2026";
const SIBLING: &str = "logs/20261122/a";

#[test]
fn every_schedule_ends_right_or_is_told() {
    let _alone = alone();
    play(|schedule| {
        let scene = Scene::new(&schedule);
        match &schedule.command {
            Command::BackupData(length) => scene.backup_data(*length),
            Command::RestoreData(length) => scene.restore_data(*length),
            Command::RestoreSubset(length, ranges) => scene.restore_subset(*length, ranges),
            Command::BackupFile(length) => scene.backup_file(*length),
            Command::RestoreFile(length) => scene.restore_file(*length),
            Command::BackupDirectory => scene.backup_directory(),
            Command::RestoreDirectory => scene.restore_directory(),
            Command::ListDirectory => scene.list_directory(),
            Command::DeleteDirectory => scene.delete("delete_directory", DIRECTORY, DIRECTORY),
            Command::DeleteBackup => scene.delete("delete_backup", TIMESTAMP, PREFIX),
            Command::Verify => scene.verify(),
        }
        scene.check_uploads();
    });
}

/// One schedule's host and store.
struct Scene<'a> {
    schedule: &'a Schedule,
    host: Host,
    store: Store,
    config: PathBuf,
}

impl<'a> Scene<'a> {
    fn new(schedule: &'a Schedule) -> Self {
        let host = Host::new();
        let store = Store::with(Config {
            checksums: schedule.checksums,
            page_size: 3,
            ..Config::default()
        });
        let config = host.config(store.url(), &[("restore_multipart_chunksize", "60KB")]);
        Self {
            schedule,
            host,
            store,
            config,
        }
    }

    /// Runs a command while the script is played: whether it succeeded, and what is on stdout.
    fn run(&self, command: &str, arguments: &[&Path], stdin: &[u8]) -> (bool, Vec<u8>) {
        self.store.play(self.schedule.script.clone());
        let mut plugin = self.host.hurried(command, &self.config);
        let output = plugin.args(arguments).write_stdin(stdin).output().unwrap();
        let told = String::from_utf8(output.stderr).unwrap();
        match output.status.code() {
            Some(0) => assert_eq!(told, ""),
            Some(1) => {
                let line = told.strip_prefix("gpbackup_s3_plugin: ").unwrap();
                assert!(line.len() > 10 && line.ends_with('\n'), "{told}");
                assert_eq!(line.lines().count(), 1, "{told}");
            }
            code => panic!("exit code {code:?}, stderr: {told}"),
        }
        (output.status.success(), output.stdout)
    }

    fn key(&self) -> String {
        format!("{PREFIX}/{NAME}")
    }

    fn insert(&self, key: &str, bytes: &[u8]) {
        match self.schedule.checksums {
            Checksums::Kept => self.store.insert_proven(BUCKET, key, bytes.to_vec()),
            Checksums::Ignored | Checksums::Refused => self.store.insert(key, bytes),
        }
    }

    fn stored(&self, key: &str) -> Option<Vec<u8>> {
        let server: &MemoryServer = &self.store;
        server.object(BUCKET, key).map(Vec::from)
    }

    /// Stores another object of the same size where the schedule has an older one.
    fn insert_older(&self, truth: &[u8]) -> Option<Vec<u8>> {
        self.schedule.older.then(|| {
            let older: Vec<u8> = truth.iter().map(|byte| !byte).collect();
            self.insert(&self.key(), &older);
            older
        })
    }

    fn check_stored(&self, succeeded: bool, truth: &[u8], before: Option<Vec<u8>>) {
        let stored = self.stored(&self.key());
        // A request whose answer was lost may have been done, but then it is right.
        assert!(stored.as_deref() == Some(truth) || (!succeeded && stored == before));
    }

    fn backup_data(&self, length: usize) {
        let (stream, path) = (bytes(60, length), self.host.backup_path(NAME));
        let before = self.insert_older(&stream);
        let (succeeded, _) = self.run("backup_data", &[&path], &stream);
        self.check_stored(succeeded, &stream, before);
    }

    fn backup_file(&self, length: usize) {
        let (content, path) = (bytes(61, length), self.host.backup_path(NAME));
        fs::write(&path, &content).unwrap();
        let before = self.insert_older(&content);
        let (succeeded, _) = self.run("backup_file", &[&path], b"");
        self.check_stored(succeeded, &content, before);
        assert!(fs::read(&path).unwrap() == content);
    }

    fn check_output(&self, succeeded: bool, truth: &[u8], output: &[u8]) {
        if succeeded {
            assert!(output == truth);
            return;
        }
        assert!(output.len() < truth.len() || truth.is_empty());
        let rules = &self.schedule.script.rules;
        // What is damaged is found out at the end, when the first bytes have left.
        let damaged = rules.iter().any(|rule| damages(&rule.fault));
        assert!(damaged || truth.starts_with(output));
    }

    fn restore_data(&self, length: usize) {
        let stream = bytes(62, length);
        self.insert(&self.key(), &stream);
        let path = self.host.backup_path(NAME);
        let (succeeded, output) = self.run("restore_data", &[&path], b"");
        self.check_output(succeeded, &stream, &output);
    }

    fn restore_subset(&self, length: usize, ranges: &[(usize, usize)]) {
        let stream = bytes(63, length);
        self.insert(&self.key(), &stream);
        let pairs = ranges.iter().map(|(start, end)| format!(" {start} {end}"));
        let text = format!("{}{}", ranges.len(), pairs.collect::<String>());
        let offsets = self.host.file("offsets", &text);
        let wanted = ranges.iter().flat_map(|(start, end)| &stream[*start..*end]);
        let wanted: Vec<u8> = wanted.copied().collect();
        let path = self.host.backup_path(NAME);
        let (succeeded, output) = self.run("restore_data_subset", &[&path, &offsets], b"");
        self.check_output(succeeded, &wanted, &output);
    }

    fn restore_file(&self, length: usize) {
        let (content, path) = (bytes(64, length), self.host.backup_path(NAME));
        self.insert(&self.key(), &content);
        let before = self.schedule.older.then(|| b"from before".to_vec());
        if let Some(before) = &before {
            fs::write(&path, before).unwrap();
        }
        let (succeeded, _) = self.run("restore_file", &[&path], b"");
        let found = fs::read(&path).ok();
        assert!(found == if succeeded { Some(content) } else { before });
        assert!(names(path.parent().unwrap()).len() <= 1, "more was left");
    }

    /// Names, below a directory, and contents of its files.
    fn files() -> Vec<(String, Vec<u8>)> {
        (0..10)
            .map(|number| (format!("{number}"), bytes(number, number as usize * 9000)))
            .collect()
    }

    fn insert_files(&self, prefix: &str) {
        for (name, content) in Self::files() {
            self.insert(&format!("{prefix}/{name}"), &content);
        }
        self.insert(SIBLING, b"sibling");
    }

    fn backup_directory(&self) {
        let directory = self.host.path("work").join(DIRECTORY);
        fs::create_dir_all(&directory).unwrap();
        for (name, content) in Self::files() {
            fs::write(directory.join(name), content).unwrap();
        }
        let (succeeded, _) = self.run("backup_directory", &[Path::new(DIRECTORY)], b"");
        for (name, content) in Self::files() {
            let stored = self.stored(&format!("{DIRECTORY}/{name}"));
            assert!(stored == Some(content) || (!succeeded && stored.is_none()));
        }
    }

    fn restore_directory(&self) {
        self.insert_files(DIRECTORY);
        let (succeeded, _) = self.run("restore_directory", &[Path::new(DIRECTORY)], b"");
        let directory = self.host.path("work").join(DIRECTORY);
        for (name, content) in Self::files() {
            let found = fs::read(directory.join(name)).ok();
            assert!(found == Some(content) || (!succeeded && found.is_none()));
        }
        assert!(!directory.exists() || names(&directory).len() <= Self::files().len());
    }

    fn list_directory(&self) {
        self.insert_files(DIRECTORY);
        let (succeeded, output) = self.run("list_directory", &[Path::new(DIRECTORY)], b"");
        let line =
            |(name, content): (String, Vec<u8>)| format!("{DIRECTORY}/{name} {}\n", content.len());
        let expected: String = Self::files().into_iter().map(line).collect();
        let expected = if succeeded { &expected } else { "" };
        assert_eq!(String::from_utf8(output).unwrap(), expected);
    }

    fn delete(&self, command: &str, argument: &str, prefix: &str) {
        self.insert_files(prefix);
        let (succeeded, _) = self.run(command, &[Path::new(argument)], b"");
        let left = self.store.keys();
        assert!(left.contains(&SIBLING.to_owned()));
        assert!(!succeeded || left.len() == 1, "{left:?} is left");
    }

    fn verify(&self) {
        self.insert_files(PREFIX);
        self.insert(&format!("{PREFIX}/gpbackup_{TIMESTAMP}_report"), b"report");
        let (succeeded, output) = self.run("verify", &[Path::new(TIMESTAMP)], b"");
        if succeeded {
            let table = String::from_utf8(output).unwrap();
            let proof = match self.schedule.checksums {
                Checksums::Kept => "ok ",
                Checksums::Ignored | Checksums::Refused => "unproven ",
            };
            assert_eq!(table.lines().count(), 11, "{table}");
            assert!(table.lines().all(|line| line.starts_with(proof)), "{table}");
        }
    }

    /// No upload is open whose id the plugin had learned and whose abort the store took; of one whose
    /// abort it did not take, the log tells.
    fn check_uploads(&self) {
        let (log, seen) = (self.host.log(), self.store.seen());
        for open in self.store.open_uploads() {
            let id = &open.upload_id;
            if log.contains(&format!("upload {id} of ")) {
                let tried = |kind| {
                    seen.iter()
                        .any(|seen| seen.kind == kind && seen.upload.as_ref() == Some(id))
                };
                assert!(tried(Kind::Abort), "{id} was left open");
                let told = "is still open; clean_uploads aborts it";
                assert!(log.contains(told), "nothing tells of {id}");
            }
        }
    }
}
