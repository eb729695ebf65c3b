//! The example plugin, with a config file and a directory of its own.

use std::fs;
use std::path::PathBuf;

use assert_cmd::Command;
use tempfile::TempDir;

pub(crate) struct Plugin {
    pub(crate) home: TempDir,
}

impl Plugin {
    pub(crate) fn new() -> Self {
        let home = TempDir::new().unwrap();
        let store = home.path().join("store");
        fs::create_dir(&store).unwrap();
        // As gpbackup rewrites it, with options that the plugin does not know.
        let config = format!(
            "executablepath: $GPHOME/bin/x\noptions:\n  directory: {}\n  pgport: \"6000\"\n  backup_plugin_version: \"\"\n",
            store.display()
        );
        fs::write(home.path().join("config.yaml"), config).unwrap();
        Self { home }
    }

    /// The program, with this plugin's config behind the command's name.
    pub(crate) fn call(&self, command: &str) -> Command {
        let mut call = program();
        call.arg(command).arg(self.path("config.yaml"));
        call
    }

    pub(crate) fn path(&self, name: &str) -> PathBuf {
        self.home.path().join(name)
    }

    /// A path as gpbackup gives it, below a data directory.
    pub(crate) fn backup_path(&self, file: &str) -> PathBuf {
        self.path("gpseg0/backups/20260101/20260101010101")
            .join(file)
    }
}

/// The example, which Cargo builds beside this test: `examples/filesystem_plugin`.
pub(crate) fn program() -> Command {
    let test = std::env::current_exe().unwrap();
    let program = test
        .ancestors()
        .nth(2)
        .unwrap()
        .join("examples/filesystem_plugin");
    assert!(
        program.exists(),
        "{} is not built: run the tests without --test",
        program.display()
    );
    Command::new(program)
}
