//! Building the workspace's programs.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use anyhow::{Context, Result, bail};

/// The programs of one build, by name.
pub(crate) struct Programs(BTreeMap<String, PathBuf>);

impl Programs {
    /// Where the program was built.
    pub(crate) fn path(&self, program: Program) -> Result<&Path> {
        self.0
            .get(program.bin)
            .map(PathBuf::as_path)
            .with_context(|| format!("the build made no program {:?}", program.bin))
    }
}

/// A program and the package that has it.
#[derive(Clone, Copy)]
pub(crate) struct Program {
    package: &'static str,
    pub(crate) bin: &'static str,
}

/// The plugin.
pub(crate) const PLUGIN: Program = Program {
    package: "s3-plugin",
    bin: "gpbackup_s3_plugin",
};

/// What certifies it.
pub(crate) const BENCH: Program = Program {
    package: "gpbackup-plugin-test",
    bin: "gpbackup_plugin_test",
};

/// The servers to test against.
pub(crate) const TESTSERVER: Program = Program {
    package: "s3-testserver",
    bin: "s3-testserver",
};

/// What tells the cost of a command.
pub(crate) const MEASURE: Program = Program {
    package: "s3-testserver",
    bin: "measure",
};

/// How the programs are compiled.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Profile {
    /// Quick to build.
    Dev,
    /// Quick to run, not as long to build as what is shipped.
    Tools,
    /// As shipped.
    Release,
}

/// Builds the programs and tells where each one is.
pub(crate) fn build(wanted: &[Program], profile: Profile) -> Result<Programs> {
    let mut cargo = Command::new(std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into()));
    cargo
        .current_dir(workspace())
        .args([
            "build",
            "--quiet",
            "--message-format",
            "json-render-diagnostics",
        ])
        .stdin(Stdio::null())
        .stderr(Stdio::inherit());
    for program in wanted {
        cargo.args(["--package", program.package, "--bin", program.bin]);
    }
    match profile {
        Profile::Dev => {}
        Profile::Tools => drop(cargo.args(["--profile", "tools"])),
        Profile::Release => drop(cargo.arg("--release")),
    }
    let output = cargo.output().context("cannot run cargo")?;
    if !output.status.success() {
        bail!("cargo build failed ({})", output.status);
    }
    programs(&output.stdout)
}

/// The checkout that this program was built from.
pub(crate) fn workspace() -> &'static Path {
    let xtask = Path::new(env!("CARGO_MANIFEST_DIR"));
    xtask.parent().unwrap_or(xtask)
}

/// Cargo's messages, one JSON value a line; those of reason `compiler-artifact` name the executables.
fn programs(messages: &[u8]) -> Result<Programs> {
    let mut programs = BTreeMap::new();
    for line in messages
        .split(|byte| *byte == b'\n')
        .filter(|line| !line.is_empty())
    {
        let message: serde_json::Value =
            serde_json::from_slice(line).context("cannot read cargo's messages")?;
        if let (Some(name), Some(path)) = (
            message["target"]["name"].as_str(),
            message["executable"].as_str(),
        ) {
            programs.insert(name.to_owned(), PathBuf::from(path));
        }
    }
    Ok(Programs(programs))
}
