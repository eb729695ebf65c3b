//! `cargo xtask serve`: the embedded server with a ready config, to try the plugin by hand.

use std::path::Path;
use std::process::ExitCode;

use anyhow::{Context, Result};

use crate::cargo::{self, PLUGIN, Profile, TESTSERVER};
use crate::embedded::{Embedded, Wanted};
use crate::interrupt::Interrupt;

/// Arguments of `cargo xtask serve`.
#[derive(clap::Args)]
pub(crate) struct Args {
    /// Serve https by an authority made for the run
    #[arg(long)]
    https: bool,
}

/// Serves until Ctrl-C; what was stored goes with it.
pub(crate) async fn run(args: Args) -> Result<ExitCode> {
    let programs = cargo::build(&[PLUGIN, TESTSERVER], Profile::Dev)?;
    let mut interrupt = Interrupt::catch()?;
    let dir = tempfile::Builder::new()
        .prefix("gpbackup-plugin-serve-")
        .tempdir()
        .context("cannot make a temporary directory")?;
    let server = Embedded::start(Wanted {
        program: programs.path(TESTSERVER)?,
        dir: dir.path(),
        bucket: "backups",
        https: args.https,
    })
    .await?;
    let plugin = programs.path(PLUGIN)?;
    let config = dir.path().join("s3_config.yaml");
    server.place.write_config(&config, plugin)?;
    println!("{}", instructions(&server.place.endpoint, plugin, &config));

    let signal = interrupt.next().await;
    server.stop().await?;
    println!("ended by {signal}; the server and its objects are gone");
    Ok(ExitCode::SUCCESS)
}

/// Lines to paste. The path has the form that gpbackup gives: its last four parts name the object.
fn instructions(endpoint: &str, plugin: &Path, config: &Path) -> String {
    format!(
        "serving {endpoint} until Ctrl-C; in another terminal:

PLUGIN={plugin}
CONFIG={config}
DATA=/tmp/gpseg0/backups/20260101/20260101000000/gpbackup_0_20260101000000_1234

head -c 100M /dev/urandom > /tmp/before
$PLUGIN backup_data $CONFIG $DATA < /tmp/before
$PLUGIN restore_data $CONFIG $DATA > /tmp/after
cmp /tmp/before /tmp/after && echo identical
$PLUGIN list_directory $CONFIG
$PLUGIN delete_backup $CONFIG 20260101000000
",
        plugin = plugin.display(),
        config = config.display(),
    )
}
