//! A real gpbackup and a real database: a private database that is always dropped, backups that are always
//! deleted, and the cluster's `.encrypt` file kept safe.

use std::cell::RefCell;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::thread;
use std::time::Duration;

use crate::bench::Bench;
use crate::call::Call;
use crate::config::ConfigText;
use crate::cost::Ledger;
use crate::finished::Finished;
use crate::interrupt;
use crate::scene::Scene;
use crate::transcript::Transcript;
use crate::trouble::{Trouble, Verdict, ensure};

/// After how long a call of gpbackup or psql is given up, where the plugin's deadline is not longer.
const PATIENCE: Duration = Duration::from_secs(3600);

/// The key that the published script writes for the plugin that wants one.
const KEY: &str = "66706c6c6e677a6965796f68343365303133336f6c73366b316868326764";

/// What is missing for a run on a real database. gpbackup runs the plugin that the config names, and a verdict
/// on another one would be worth nothing.
pub(crate) fn missing(bench: &Bench) -> Option<String> {
    for program in ["gpbackup", "gprestore", "psql", "createdb", "dropdb"] {
        if !on_path(program) {
            return Some(format!("{program} is not on PATH"));
        }
    }
    let settings = &bench.settings;
    for config in std::iter::once(&settings.config).chain(&settings.secondary) {
        let named = match ConfigText::read(config) {
            Ok(config) => config.executable(),
            Err(error) => return Some(error.to_string()),
        };
        if !is_same_file(Path::new(&named), &settings.plugin) {
            return Some(format!(
                "gpbackup would run another plugin: the executablepath of {} is {named:?}",
                config.display()
            ));
        }
    }
    let answer = Command::new("psql")
        .args(["-X", "-d", "postgres", "-tAc", "SELECT 1"])
        .stdin(Stdio::null())
        .output();
    match answer {
        Ok(output) if output.status.success() => None,
        _ => Some("no database answers to psql -X -d postgres".into()),
    }
}

fn is_same_file(one: &Path, other: &Path) -> bool {
    let file = |path: &Path| fs::canonicalize(path).ok();
    file(one).is_some_and(|one| file(other) == Some(one))
}

fn on_path(program: &str) -> bool {
    let path = std::env::var_os("PATH").unwrap_or_default();
    std::env::split_paths(&path).any(|dir| dir.join(program).is_file())
}

/// A private database, dropped with its backups when this goes out of scope, also after a failure and on an
/// interrupt. What cannot be removed is named in the report's notes.
pub(crate) struct Database<'a> {
    name: String,
    ledger: Ledger,
    scene: &'a Scene<'a>,
    /// The backups that gpbackup began, by their timestamps.
    backups: RefCell<Vec<String>>,
    _encrypt: EncryptFile<'a>,
}

impl<'a> Database<'a> {
    /// Makes the database, in place of one that a killed run of the same process number left.
    pub(crate) fn create(scene: &'a Scene<'a>) -> Verdict<Self> {
        let database = Self {
            name: format!("plugin_bench_{}", std::process::id()),
            ledger: Ledger::default(),
            scene,
            backups: RefCell::default(),
            _encrypt: EncryptFile::put(scene.bench)?,
        };
        database.drop_if_there()?;
        works(database.program("createdb").arg(&database.name).run()?)?;
        Ok(database)
    }

    fn program(&self, name: &str) -> Call<'_> {
        let deadline = self.scene.bench.settings.deadline.max(PATIENCE);
        let transcript: &Transcript = &self.scene.transcript;
        Call::new(Path::new(name), deadline, transcript, &self.ledger)
    }

    fn drop_if_there(&self) -> Verdict {
        let sql = format!("DROP DATABASE IF EXISTS {}", self.name);
        works(
            self.program("psql")
                .args(["-X", "-d", "postgres", "-qc"])
                .arg(sql)
                .run()?,
        )?;
        Ok(())
    }

    /// Drops it, so that a restore can make it again.
    pub(crate) fn drop(&self) -> Verdict {
        works(self.program("dropdb").arg(&self.name).run()?)?;
        Ok(())
    }

    /// Runs statements.
    pub(crate) fn execute(&self, sql: &str) -> Verdict {
        works(
            self.program("psql")
                .args(["-X", "-d", &self.name, "-qc", sql])
                .run()?,
        )?;
        Ok(())
    }

    /// Asks for a table that gprestore should have brought back, and returns its words with single spaces in
    /// between. The database answered before: what fails now is the restore.
    pub(crate) fn query_restored(&self, sql: &str) -> Verdict<String> {
        let answer = self
            .program("psql")
            .args(["-X", "-d", &self.name, "-tc", sql])
            .run()?;
        ensure(answer.ok(), || {
            format!(
                "gprestore ended with exit 0, but then {sql:?} failed: {}",
                String::from_utf8_lossy(&answer.stderr).trim()
            )
        })?;
        let text = String::from_utf8_lossy(&answer.stdout).into_owned();
        Ok(text.split_whitespace().collect::<Vec<_>>().join(" "))
    }

    /// Runs gpbackup and returns the timestamp of the backup.
    pub(crate) fn gpbackup(&self, config: &Path, flags: &str) -> Verdict<String> {
        let call = self
            .program("gpbackup")
            .arg("--dbname")
            .arg(&self.name)
            .arg("--plugin-config");
        let mut running = call.arg(config).args(flags.split_whitespace()).start()?;
        running.feed(Vec::new());
        let finished = running.end()?;
        let stamp = timestamp(&finished);
        // A backup that failed or was interrupted has stored something already.
        self.backups.borrow_mut().extend(stamp.clone());
        if interrupt::requested() {
            return Err(Trouble::Interrupted);
        }
        let finished = finished.succeeds()?;
        stamp.ok_or_else(|| {
            Trouble::Plugin(format!("gpbackup told no timestamp: {}", finished.ended))
        })
    }

    /// Runs gprestore, which makes the database anew.
    pub(crate) fn gprestore(&self, config: &Path, stamp: &str, flags: &str) -> Verdict<Finished> {
        let call = self
            .program("gprestore")
            .args(["--timestamp", stamp, "--plugin-config"])
            .arg(config);
        call.arg("--create-db")
            .args(flags.split_whitespace())
            .run()?
            .succeeds()
    }
}

impl Database<'_> {
    /// Deletes a backup by the plugin.
    pub(crate) fn delete(&self, stamp: &str) -> Verdict {
        let call = self.scene.call("delete_backup").arg(stamp);
        call.run()?.succeeds()?;
        self.backups.borrow_mut().retain(|backup| backup != stamp);
        Ok(())
    }

    /// Drops the database. Sessions of a gpbackup that was killed may hold it for a moment.
    fn drop_patiently(&self) -> Verdict {
        const TRIES: u32 = 5;
        for _ in 1..TRIES {
            match self.drop_if_there() {
                Err(Trouble::Bench(_)) => thread::sleep(Duration::from_secs(1)),
                other => return other,
            }
        }
        self.drop_if_there()
    }
}

impl Drop for Database<'_> {
    fn drop(&mut self) {
        let _held_back = interrupt::hold_back();
        let bench = self.scene.bench;
        if let Err(trouble) = self.drop_patiently() {
            let note = format!("database {} may be left: {trouble}", self.name);
            bench.leftovers().push(note);
        }
        for stamp in self.backups.take() {
            if bench.settings.keep {
                bench
                    .leftovers()
                    .push(format!("kept gpbackup's backup {stamp}"));
            } else if let Err(trouble) = self.delete(&stamp) {
                let note = format!("gpbackup's backup {stamp} may be left: {trouble}");
                bench.leftovers().push(note);
            }
        }
    }
}

/// What the database's own programs do wrong is no fault of the plugin's.
fn works(finished: Finished) -> Verdict<Finished> {
    if finished.ok() {
        return Ok(finished);
    }
    let program = finished.argv[0].to_string_lossy().into_owned();
    let said = String::from_utf8_lossy(&finished.stderr).into_owned();
    Err(Trouble::bench(format!(
        "{program}: {}: {}",
        finished.ended,
        said.trim()
    )))
}

/// The 14 digits behind `Backup Timestamp` in what gpbackup printed.
fn timestamp(finished: &Finished) -> Option<String> {
    let said = [finished.stdout.as_slice(), b"\n", &finished.stderr].concat();
    let said = String::from_utf8_lossy(&said).into_owned();
    let line = said
        .lines()
        .find(|line| line.contains("Backup Timestamp "))?;
    let (_, after) = line.split_once("Backup Timestamp ")?;
    let digits: String = after
        .chars()
        .filter(char::is_ascii_digit)
        .take(14)
        .collect();
    (digits.len() == 14).then_some(digits)
}

/// The cluster's `.encrypt` file, in whose place the published key stands until this goes out of scope.
struct EncryptFile<'a> {
    bench: &'a Bench,
    path: Option<PathBuf>,
    before: Option<PathBuf>,
}

impl<'a> EncryptFile<'a> {
    fn put(bench: &'a Bench) -> Verdict<Self> {
        let dir = ["COORDINATOR_DATA_DIRECTORY", "MASTER_DATA_DIRECTORY"]
            .iter()
            .find_map(std::env::var_os);
        let Some(dir) = dir.map(PathBuf::from).filter(|dir| dir.is_dir()) else {
            return Ok(Self {
                bench,
                path: None,
                before: None,
            });
        };
        let path = dir.join(".encrypt");
        let saved = dir.join(".encrypt.plugin_bench");
        // What an earlier run that was killed put aside is the real one.
        if !saved.exists() && path.exists() {
            fs::rename(&path, &saved)?;
        }
        let this = Self {
            bench,
            before: saved.exists().then_some(saved),
            path: Some(path.clone()),
        };
        let name = bench
            .settings
            .plugin
            .file_name()
            .unwrap_or_default()
            .to_string_lossy();
        fs::write(path, format!("{name}: {KEY}\n"))?;
        Ok(this)
    }
}

impl Drop for EncryptFile<'_> {
    fn drop(&mut self) {
        let Some(path) = &self.path else { return };
        let put_back = match &self.before {
            Some(before) => fs::rename(before, path),
            None => fs::remove_file(path),
        };
        if let Err(error) = put_back {
            // What was put aside stays where the next run finds it.
            let note = match &self.before {
                Some(before) => {
                    format!("{path:?} is not what it was, which is {before:?}: {error}")
                }
                None => format!("{path:?} may be left: {error}"),
            };
            self.bench.leftovers().push(note);
        }
    }
}
