//! A place where the bench is run on a plugin.

use std::fs;
use std::path::{Path, PathBuf};

use assert_cmd::Command;
use serde_json::Value;
use tempfile::TempDir;

/// A directory with the config files of two destinations and the stores they name.
pub(crate) struct Site {
    dir: TempDir,
}

impl Site {
    /// A site for `plugin`, in memory where the system has a place for that: the bench makes and deletes
    /// thousands of small files.
    pub(crate) fn new(plugin: &Path) -> Self {
        let memory = Path::new("/dev/shm");
        let dir = tempfile::tempdir_in(memory)
            .or_else(|_| tempfile::tempdir())
            .unwrap();
        let site = Self { dir };
        let plugin = plugin.display();
        let (store, remote) = (site.path("store"), site.path("remote"));
        let (store, remote) = (store.display(), remote.display());
        let head =
            format!("executablepath: {plugin}\noptions:\n  secret_key: \"hush-hush-hush\"\n");
        let first = format!(
            "{head}  directory: {store}\n  remote_directory: {remote}\n  replication: on\n"
        );
        fs::write(site.config(), first).unwrap();
        fs::write(site.secondary(), format!("{head}  directory: {remote}\n")).unwrap();
        fs::create_dir(site.path("tmp")).unwrap();
        site
    }

    /// A path in the site's directory.
    pub(crate) fn path(&self, name: &str) -> PathBuf {
        self.dir.path().join(name)
    }

    /// The config of the first destination.
    pub(crate) fn config(&self) -> PathBuf {
        self.path("first.yaml")
    }

    /// The config of the second destination.
    pub(crate) fn secondary(&self) -> PathBuf {
        self.path("second.yaml")
    }

    /// Every object in either store, copies included; files at its top are the filesystem plugin's own.
    pub(crate) fn stored(&self) -> Vec<PathBuf> {
        let mut found = Vec::new();
        let stores = [self.path("store"), self.path("remote")];
        let mut left = stores.to_vec();
        while let Some(next) = left.pop() {
            for entry in fs::read_dir(&next).into_iter().flatten() {
                let path = entry.unwrap().path();
                if path.is_dir() {
                    left.push(path);
                } else if !stores.contains(&next) {
                    found.push(path);
                }
            }
        }
        found
    }

    /// The shell command that damages objects of the first store.
    pub(crate) fn damage(&self) -> String {
        let script = self.path("damage.sh");
        let store = self.path("store");
        let text = format!(
            "f=\"{}/$1\"\ncase $2 in\n\
             flip) printf X | dd of=\"$f\" bs=1 seek=100 conv=notrunc 2>/dev/null ;;\n\
             truncate) truncate -s 100 \"$f\" ;;\n\
             remove) rm \"$f\" ;;\nesac\n",
            store.display()
        );
        fs::write(&script, text).unwrap();
        format!("sh {}", script.display())
    }

    /// The shell command that makes the first store unusable.
    pub(crate) fn destroy(&self) -> String {
        let store = self.path("store").display().to_string();
        format!("rm -rf {store} && touch {store}")
    }

    /// The bench on `plugin` with the first config, a small cluster, and a report to read.
    pub(crate) fn bench(&self, plugin: &Path) -> Command {
        let mut command = bench();
        command
            .env("TMPDIR", self.path("tmp"))
            .env("NO_COLOR", "1")
            .arg(plugin)
            .arg(self.config())
            .arg("--json")
            .arg(self.path("report.json"))
            .args(["--hosts", "1", "--segments", "2", "--jobs", "2"]);
        command
    }

    /// The report that the bench wrote.
    pub(crate) fn report(&self) -> Value {
        serde_json::from_slice(&fs::read(self.path("report.json")).unwrap()).unwrap()
    }

    /// The names of the cases in the report whose outcome is `outcome`.
    pub(crate) fn cases(&self, outcome: &str) -> Vec<String> {
        names(&self.report(), outcome)
    }
}

/// The names of the cases of `report` whose outcome is `outcome`.
pub(crate) fn names(report: &Value, outcome: &str) -> Vec<String> {
    let cases = report["cases"].as_array().unwrap();
    let chosen = cases.iter().filter(|case| case["outcome"] == outcome);
    chosen
        .map(|case| case["name"].as_str().unwrap().to_owned())
        .collect()
}

/// The bench.
pub(crate) fn bench() -> Command {
    Command::new(env!("CARGO_BIN_EXE_gpbackup_plugin_test"))
}

/// The filesystem plugin, which is right in every way where no fault is named.
pub(crate) fn good_plugin() -> PathBuf {
    PathBuf::from(env!("CARGO_BIN_EXE_broken_plugin"))
}
